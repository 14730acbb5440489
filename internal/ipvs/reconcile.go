package ipvs

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// What the hand says of the errors that need no repair, or one of their own.
var (
	ErrExists  = errors.New("exists already")
	ErrMissing = errors.New("does not exist")
)

// Reconciler knows what is wanted of the kernel's table and names the steps to
// it. It is level-based: what failed, and what somebody else changed, the next
// Observe sets right. The kernel reports no changes, so Observe is to be called
// every few seconds.
//
// The kernel's table has no room for a mark. Ours are the services that were
// wanted once and those that Inherit names, with all their destinations; no
// other service is touched.
//
// At a start, Want comes before Observe: the first Observe adopts what equals
// the wish and changes only the rest. Operations are carried out in the order
// given and reported by Done before anything else is asked.
type Reconciler struct {
	wanted  Table
	ours    map[Key]bool // wanted, or perhaps still in the kernel
	seen    bool
	failed  map[subject]string
	repairs uint64
}

// subject is what an operation is about.
type subject struct {
	key    Key
	server netip.AddrPort // zero: the service as such
}

// NewReconciler returns one that wants nothing and has seen nothing.
func NewReconciler() *Reconciler {
	return &Reconciler{wanted: Table{}, ours: map[Key]bool{}, failed: map[subject]string{}}
}

// Inherit names services that an earlier run made: those that are not wanted are removed.
func (r *Reconciler) Inherit(keys ...Key) {
	for _, k := range keys {
		r.ours[k] = true
	}
}

// Mine reports whether a service may be in the kernel because of us.
func (r *Reconciler) Mine(k Key) bool { return r.ours[k] }

// Ours lists the services that may be in the kernel because of us, for a later
// run to inherit.
func (r *Reconciler) Ours() []Key { return slices.SortedFunc(maps.Keys(r.ours), compareKeys) }

// Repairs counts the operations that undid what somebody else did.
func (r *Reconciler) Repairs() uint64 { return r.repairs }

// Want replaces all that is wanted, and takes the table over.
func (r *Reconciler) Want(t Table) []Op {
	old := r.wanted
	r.wanted = t
	for k := range t {
		r.ours[k] = true
	}
	return r.plan(old, t)
}

// WantPool replaces one service; it costs what that service holds. nil drops it.
func (r *Reconciler) WantPool(k Key, p *Pool) []Op {
	old := Table{}
	if had, found := r.wanted[k]; found {
		old[k] = had
	}
	if p == nil {
		delete(r.wanted, k)
		return r.plan(old, Table{})
	}
	r.wanted[k], r.ours[k] = *p, true
	return r.plan(old, Table{k: *p})
}

func (r *Reconciler) plan(have, want Table) []Op {
	if !r.seen {
		return nil
	}
	return Plan(have, want)
}

// Observe takes in what the kernel holds.
func (r *Reconciler) Observe(found Table) []Op {
	have := Table{}
	for k := range r.ours {
		p, there := found[k]
		_, wanted := r.wanted[k]
		switch {
		case there:
			have[k] = p
		case !wanted:
			r.forget(k)
		}
	}
	ops := Plan(have, r.wanted)
	r.count(ops)
	r.seen = true
	return ops
}

// count counts what is neither part of the start nor a second attempt.
func (r *Reconciler) count(ops []Op) {
	for _, op := range ops {
		_, again := r.failed[op.subject()]
		_, whole := r.failed[subject{key: op.Key}]
		if r.seen && !again && !whole {
			r.repairs++
		}
	}
}

func (r *Reconciler) forget(k Key) {
	delete(r.ours, k)
	maps.DeleteFunc(r.failed, func(s subject, _ string) bool { return s.key == k })
}

func (o Op) subject() subject {
	if o.ofService() {
		return subject{key: o.Key}
	}
	return subject{o.Key, o.Server}
}

// Failure is an operation that the kernel refused.
type Failure struct {
	Op
	Err  error
	More int // of the same kind failed for the same cause
}

// Report is the failure in words.
func (f Failure) Report() error {
	if f.More == 0 {
		return f.Err
	}
	return fmt.Errorf("%w; and %d more failed alike", f.Err, f.More)
}

// like reports whether another failure is no news beside this one: without a
// permission, thousands fail alike.
func (f Failure) like(op Op, err error) bool {
	return f.Verb == op.Verb && f.Scheduler == op.Scheduler && cause(f.Err).Error() == cause(err).Error()
}

// cause is the innermost error.
func cause(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}

// Done takes in what became of ops, and answers with the failures that are news
// and with what is to be done at once instead. What a missing service took
// along is not news, and what failed is tried again after the next Observe.
func (r *Reconciler) Done(ops []Op, errs []error) (next []Op, news []Failure) {
	var lost map[Key]bool
	for i, op := range ops {
		err := errs[i]
		if lost[op.Key] {
			continue
		}
		other, settled := instead(op, err)
		switch {
		case other != nil:
			next = append(next, *other)
		case settled:
			r.settled(op)
		default:
			news = r.refused(op, err, news)
		}
		if !settled && other == nil && op.Verb == AddService {
			lost = with(lost, op.Key)
		}
	}
	return next, news
}

func with(set map[Key]bool, k Key) map[Key]bool {
	if set == nil {
		set = map[Key]bool{}
	}
	set[k] = true
	return set
}

// instead tells an error that a different operation answers from one that says
// no more than that somebody was faster.
func instead(op Op, err error) (*Op, bool) {
	switch {
	case err == nil:
		return nil, true
	case errors.Is(err, ErrExists) && op.Verb == AddService:
		op.Verb = SetService
	case errors.Is(err, ErrExists) && op.Verb == AddServer:
		op.Verb = SetServer
	case errors.Is(err, ErrMissing) && op.Verb == SetServer:
		op.Verb = AddServer
	case errors.Is(err, ErrMissing) && (op.Verb == DelService || op.Verb == DelServer):
		return nil, true
	default:
		return nil, false
	}
	return &op, false
}

func (r *Reconciler) settled(op Op) {
	if len(r.failed) > 0 {
		delete(r.failed, op.subject())
	}
	if _, wanted := r.wanted[op.Key]; op.Verb == DelService && !wanted {
		r.forget(op.Key)
	}
}

func (r *Reconciler) refused(op Op, err error, news []Failure) []Failure {
	s, text := op.subject(), err.Error()
	if r.failed[s] == text {
		return news
	}
	r.failed[s] = text
	if i := slices.IndexFunc(news, func(f Failure) bool { return f.like(op, err) }); i >= 0 {
		news[i].More++
		return news
	}
	return append(news, Failure{Op: op, Err: err})
}
