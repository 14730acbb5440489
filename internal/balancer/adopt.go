package balancer

import "holdfast/internal/ipvs"

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
// reports whether that was told. The table has the last word, which is changed ahead of all else;
// but while a sorry server stands in, it does not show who lives.
func (b *Balancer) adopt(r *real) (told bool) {
	v := r.of
	if v.left == nil {
		return false
	}
	if b.known == nil {
		r.take(r.held())
		return false
	}
	r.remember(b.known)
	if held := r.held(); held != (r.failed() == 0) && (v.Sorry == nil || !b.known.lost[v.unique()]) {
		r.take(held)
	}
	return true
}

// held reports whether it was in the table, as one that lives.
func (r *real) held() bool {
	d, found := r.of.left.pool.Find(r.Reached(r.of.left.key))
	return found && (!r.Inhibit || d.Weight > 0 || r.Effective() == 0)
}

// take takes it that all checks find the same.
func (r *real) take(up bool) {
	for _, c := range r.checks {
		c.up = up
	}
}

// resume takes a quorum to be there, or not, as another worker had it: it is news only when
// that changes.
func (b *Balancer) resume(v *virtual) {
	if v.left != nil && b.known != nil {
		v.fresh, v.Up = false, !b.known.lost[v.unique()]
	}
}
