package balancer

import (
	"slices"

	"holdfast/internal/config"
	"holdfast/internal/ipvs"
)

// remains is what an earlier run left of the first service of a virtual server; the
// others of a group are alike.
type remains struct {
	key  ipvs.Key
	pool ipvs.Pool
}

func (b *Balancer) remains(v *virtual) *remains {
	if len(b.left) == 0 {
		return nil
	}
	for k := range v.keys() {
		if p, left := b.left[k]; left {
			return &remains{k, p}
		}
		break
	}
	return nil
}

// adopt takes a real server to live, or not, as an earlier run had it in the table, and
// reports whether that was told. While a sorry server stood in, who lived is not to be seen.
func (b *Balancer) adopt(r *real) (told bool) {
	left := r.of.left
	if left == nil {
		return false
	}
	d, held := left.pool.Find(r.Reached(left.key))
	up := held && (d.Weight > 0 || r.Weight == 0 || r.Drained)
	for _, c := range r.checks {
		c.up, c.ran = up, b.told
	}
	if i := slices.IndexFunc(r.checks, (*check).weighs); up && b.told && i >= 0 && !r.Drained {
		r.checks[i].weight = int64(d.Weight) - int64(r.Weight)
	}
	return b.told
}

// weighs reports whether a check adds to the weight of its server.
func (c *check) weighs() bool {
	return c.config.Kind == config.CheckMisc && c.config.Misc.Dynamic || c.config.Kind == config.CheckFile && c.config.File.Weight != 0
}

// resume takes a quorum to be there, or not, as an earlier run had it: it is news only when
// that changes.
func (b *Balancer) resume(v *virtual) {
	if v.left == nil || !b.told {
		return
	}
	v.fresh, v.Up = false, true // what hysteresis is for: as long as the sum allows
	sum := v.Sum()
	v.Up = sum > 0 && int64(sum) >= v.Threshold() && !v.apologised()
}

// apologised reports whether the sorry server took the connections.
func (v *virtual) apologised() bool {
	if v.Sorry == nil {
		return false
	}
	at := v.Sorry.Reached(v.left.key)
	d, _ := v.left.pool.Find(at)
	return d.Weight > 0 && !slices.ContainsFunc(v.reals, func(r *real) bool { return r.Reached(v.left.key) == at })
}
