package balancer

import "holdfast/internal/ipvs"

// remains is what an earlier run left of the first service of a virtual server; the
// others of a group are alike.
type remains struct {
	key  ipvs.Key
	pool ipvs.Pool
	// stood is how another worker knew it; nil: there was none, and nothing was told.
	stood *stood
}

func (b *Balancer) remains(v *virtual) *remains {
	if len(b.left) == 0 {
		return nil
	}
	for k := range v.keys() {
		if p, left := b.left[k]; left {
			return &remains{k, p, b.stood(v)}
		}
		break
	}
	return nil
}

// stood is how another worker knew a virtual server; nil: there was none.
func (b *Balancer) stood(v *virtual) *stood {
	if b.known == nil {
		return nil
	}
	s := b.known[v.unique()]
	return &s
}

// adopt takes a real server to live, or not, as an earlier run had it in the table, and
// reports whether that was told. The table has the last word, which is changed ahead of all else;
// but while a sorry server stands in, it does not show who lives.
func (r *real) adopt() (told bool) {
	v := r.of
	if v.left == nil {
		return false
	}
	if v.left.stood == nil {
		r.take(r.held())
		return false
	}
	r.remember(v.left.stood)
	if held := r.held(); held != (r.failed() == 0) && (v.Sorry == nil || !v.left.stood.lost) {
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
func (v *virtual) resume() {
	if v.left != nil && v.left.stood != nil {
		v.fresh, v.Up = false, !v.left.stood.lost
	}
}
