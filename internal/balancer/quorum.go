package balancer

// review gains or loses the quorum of a virtual server. initial: it has just come
// to be.
func (b *Balancer) review(v *virtual, initial bool, out *Effects) {
	apologised := v.Apologises()
	threshold, sum := v.Threshold(), v.Sum()
	changed := v.Review()
	out.Stands = out.Stands || changed
	switch {
	case changed && v.Up:
		out.log("Gained quorum %d+%d=%d <= %d for VS %s", v.Quorum, v.Hysteresis, threshold, sum, v.name)
		if apologised && !initial {
			out.sorry(v, v.sorryVerb("Removing", "Disabling"), "from", "Adding alive servers to the pool for VS %s")
		}
	case changed:
		out.log("Lost quorum %d-%d=%d > %d for VS %s", v.Quorum, v.Hysteresis, threshold, sum, v.name)
		if v.Apologises() {
			out.sorry(v, v.sorryVerb("Adding", "Enabling"), "to", "Removing alive servers from the pool for VS %s")
		}
	case initial && v.Apologises():
		out.log("Starting with quorum down %d-%d=%d > %d for VS %s", v.Quorum, v.Hysteresis, threshold, sum, v.name)
		out.sorry(v, v.sorryVerb("Adding", "Enabling"), "to", "Removing alive servers from the pool for VS %s")
	default:
		return
	}
	out.turn(v, Turn{Up: v.Up})
	out.tellVirtual(v, v.Up, quorumWords(v, initial, threshold, sum))
}

// sorryVerb chooses a word by whether the sorry server stays in the table.
func (v *virtual) sorryVerb(leaves, stays string) string {
	if v.Sorry.Inhibit {
		return stays
	}
	return leaves
}

// sorryLeaves says that a sorry server that is in service goes.
func (v *virtual) sorryLeaves(out *Effects) {
	if v.Apologises() {
		out.log("Removing sorry server %s from VS %s", v.sorryName(), v.name)
	}
}
