package balancer

import (
	"slices"

	"holdfast/internal/config"
	"holdfast/internal/ipvs"
)

// remains is what an earlier run left of the first service of a virtual server; the
// others of a group are alike.
func (b *Balancer) remains(v *virtual) (k ipvs.Key, p ipvs.Pool, left bool) {
	for k = range v.keys() {
		p, left = b.left[k]
		break
	}
	return k, p, left
}

// adopt takes a real server to live, or not, as an earlier run had it in the table, and
// reports whether that was told. While a sorry server stood in, who lived is not to be seen.
func (b *Balancer) adopt(r *real) (told bool) {
	k, p, left := b.remains(r.of)
	if !left {
		return false
	}
	d, held := p.Servers[r.Reached(k)]
	up := held && (d.Weight > 0 || r.Weight == 0)
	for _, c := range r.checks {
		c.up, c.ran = up, b.told
	}
	if i := slices.IndexFunc(r.checks, (*check).weighs); up && b.told && i >= 0 {
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
	k, p, left := b.remains(v)
	if !left || !b.told {
		return
	}
	v.fresh, v.Up = false, true // what hysteresis is for: as long as the sum allows
	sum := v.Sum()
	v.Up = sum > 0 && int64(sum) >= v.Threshold() && !v.sorryServed(k, p)
}

// sorryServed reports whether the sorry server took the connections.
func (v *virtual) sorryServed(k ipvs.Key, p ipvs.Pool) bool {
	return v.Sorry != nil && p.Servers[v.Sorry.Reached(k)].Weight > 0 &&
		!slices.ContainsFunc(v.reals, func(r *real) bool { return r.Reached(k) == v.Sorry.Reached(k) })
}
