package ipvs

import (
	"errors"
	"fmt"
	"iter"
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
// Look sets right. The kernel reports no changes, so one is to be made every few
// seconds.
//
// The kernel's table has no room for a mark. Ours are the services that were
// wanted once and those that Inherit names, with all their destinations; no
// other service is touched.
//
// At a start, Want comes before the first Look, which adopts what equals
// the wish and changes only the rest. Operations are carried out in the order
// given and reported by Done before anything else is asked.
type Reconciler struct {
	wanted  Table
	ours    map[Key]uint64 // wanted, or perhaps still in the kernel: the look at which it was found
	looks   uint64
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
	return &Reconciler{wanted: Table{}, ours: map[Key]uint64{}, failed: map[subject]string{}}
}

// Inherit names services that an earlier run made: those that are not wanted are removed.
func (r *Reconciler) Inherit(keys ...Key) {
	for _, k := range keys {
		r.own(k)
	}
}

// Mine reports whether a service may be in the kernel because of us.
func (r *Reconciler) Mine(k Key) bool {
	_, ours := r.ours[k]
	return ours
}

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
		r.own(k)
	}
	return r.plan(old, t)
}

// own notes that a service is ours from now on.
func (r *Reconciler) own(k Key) { r.ours[k] = 0 }

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
	r.wanted[k] = *p
	r.own(k)
	return r.plan(old, Table{k: *p})
}

func (r *Reconciler) plan(have, want Table) []Op {
	if !r.seen {
		return nil
	}
	return Plan(have, want)
}

// Look is one look at what the kernel holds, service by service: a large table is not
// to be in memory twice.
type Look struct {
	r            *Reconciler
	ops, useless []Op
}

// Look begins one.
func (r *Reconciler) Look() *Look {
	r.looks++
	return &Look{r: r}
}

// Found takes in a service, which is not needed any more afterwards.
func (l *Look) Found(k Key, p Pool) {
	if _, ours := l.r.ours[k]; !ours {
		return
	}
	l.r.ours[k] = l.r.looks
	if want, wanted := l.r.wanted[k]; wanted {
		l.ops = appendPool(l.ops, k, p, want, true)
	} else {
		l.useless = append(l.useless, Op{Verb: DelService, Key: k})
	}
}

// Steps ends it: whatever is ours was found, or is not there. They are to be carried out
// while they are asked for, in the order of Plan.
func (l *Look) Steps() iter.Seq[Op] {
	missing := l.r.missing()
	return func(yield func(Op) bool) {
		defer func() { l.r.seen = true }()
		give := func(ops []Op) bool {
			for _, op := range ops {
				if l.r.count(op); !yield(op) {
					return false
				}
			}
			return true
		}
		more := give(l.ops)
		var pool []Op
		for i := 0; more && i < len(missing); i++ {
			pool = appendPool(pool[:0], missing[i], Pool{}, l.r.wanted[missing[i]], false)
			more = give(pool)
		}
		_ = more && give(l.useless)
	}
}

// missing are the services that are wanted and were not found. What is not wanted
// either is forgotten.
func (r *Reconciler) missing() (keys []Key) {
	for k, seen := range r.ours {
		_, wanted := r.wanted[k]
		switch {
		case seen == r.looks:
		case wanted:
			keys = append(keys, k)
		default:
			r.forget(k)
		}
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}

// count counts what is neither part of the start nor a second attempt.
func (r *Reconciler) count(op Op) {
	_, again := r.failed[op.subject()]
	_, whole := r.failed[subject{key: op.Key}]
	if r.seen && !again && !whole {
		r.repairs++
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
// along is not news, and what failed is tried again after the next Look.
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
	verb := op.Verb
	switch {
	case err == nil:
		return nil, true
	case errors.Is(err, ErrExists) && op.Verb == AddService:
		verb = SetService
	case errors.Is(err, ErrExists) && op.Verb == AddServer:
		verb = SetServer
	case errors.Is(err, ErrMissing) && op.Verb == SetServer:
		verb = AddServer
	case errors.Is(err, ErrMissing) && (op.Verb == DelService || op.Verb == DelServer):
		return nil, true
	default:
		return nil, false
	}
	other := op // not op itself, which would be allocated for each that succeeds
	other.Verb = verb
	return &other, false
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
