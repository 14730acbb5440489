package ipvs_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/ipvs"
)

// bench is a reconciler at work on a kernel.
type bench struct {
	*ipvs.Reconciler
	kernel ipvs.Fake
	broken map[string]error // by operation, in words
}

func newBench(have ipvs.Table) *bench {
	return &bench{Reconciler: ipvs.NewReconciler(), kernel: ipvs.Fake{Table: have}, broken: map[string]error{}}
}

// carry does ops and what follows from them, and tells how many there were.
func (b *bench) carry(ops []ipvs.Op) (done int, news []ipvs.Failure) {
	for len(ops) > 0 {
		errs := b.kernel.Do(ops)
		for i, op := range ops {
			if err := b.broken[op.String()]; err != nil {
				errs[i] = err
			}
		}
		done += len(ops)
		next, failures := b.Done(ops, errs)
		ops, news = next, append(news, failures...)
	}
	return done, news
}

// observe is what follows from a look at a table.
func (b *bench) observe(found ipvs.Table) []ipvs.Op {
	l := b.Look()
	for k, p := range found {
		l.Found(k, p)
	}
	return slices.Collect(l.Steps())
}

func (b *bench) look() (int, []ipvs.Failure) { return b.carry(b.observe(b.kernel.Table)) }

func (b *bench) holds(t *testing.T, want ipvs.Table) {
	t.Helper()
	if diff := cmp.Diff(normal(want), normal(b.kernel.Table), equal); diff != "" {
		t.Errorf("the kernel holds (-want +got):\n%s", diff)
	}
}

func TestAStartAdoptsWhatIsThereAndLeavesOthersAlone(t *testing.T) {
	foreign, old := ipvs.Key{Mark: 1}, ipvs.Key{Mark: 2}
	b := newBench(ipvs.Table{web(): pool(1, 2), foreign: pool(1), old: pool(1)})
	b.Inherit(web(), old)
	if ops := b.Want(ipvs.Table{web(): pool(1, 2)}); ops != nil {
		t.Errorf("before the first look there are steps: %v", ops)
	}
	if n, _ := b.look(); n != 1 || b.Repairs() != 0 {
		t.Errorf("%d steps and %d repairs, not one step, to remove what an earlier run left", n, b.Repairs())
	}
	b.holds(t, ipvs.Table{web(): pool(1, 2), foreign: pool(1)})
}

func TestDriftIsRepairedAndCounted(t *testing.T) {
	b := newBench(ipvs.Table{})
	b.Want(ipvs.Table{web(): pool(1, 2)})
	b.look()
	b.kernel.Table[web()] = pool(1, 3, 4)
	b.look()
	b.holds(t, ipvs.Table{web(): pool(1, 2)})
	delete(b.kernel.Table, web())
	b.look()
	b.holds(t, ipvs.Table{web(): pool(1, 2)})
	if b.Repairs() != 2+3 {
		t.Errorf("%d repairs, not 5: a weight and a destination, then a service with two", b.Repairs())
	}
	if n, _ := b.look(); n != 0 {
		t.Errorf("%d steps though nothing changed", n)
	}
}

func TestAReloadChangesAWeightByOneStep(t *testing.T) {
	b := newBench(ipvs.Table{})
	b.Want(ipvs.Table{web(): pool(1, 2), {Mark: 1}: pool(1)})
	b.look()
	if n, _ := b.carry(b.Want(ipvs.Table{web(): pool(1, 9), {Mark: 1}: pool(1)})); n != 1 {
		t.Errorf("%d steps for one weight", n)
	}
	p := pool(7, 9)
	if n, _ := b.carry(b.WantPool(web(), &p)); n != 1 {
		t.Errorf("%d steps for one weight of one service", n)
	}
	b.holds(t, ipvs.Table{web(): p, {Mark: 1}: pool(1)})
}

func TestAStopRemovesWholeServices(t *testing.T) {
	b := newBench(ipvs.Table{{Mark: 9}: pool(1)})
	b.Want(ipvs.Table{web(): pool(1, 2)})
	b.look()
	if n, _ := b.carry(b.Want(ipvs.Table{})); n != 1 {
		t.Errorf("%d steps to remove one service", n)
	}
	b.holds(t, ipvs.Table{{Mark: 9}: pool(1)})
	if ours := b.Ours(); len(ours) != 0 {
		t.Errorf("still ours: %v", ours)
	}
}

func TestARefusedServiceIsNewsOnceAndTriedAgain(t *testing.T) {
	b := newBench(ipvs.Table{})
	op := "add service [192.0.2.1]:tcp:80 with scheduler rr"
	b.broken[op] = errors.New("no such scheduler")
	b.kernel.Table = ipvs.Table{}
	b.Want(ipvs.Table{web(): pool(1, 2)})
	ops := b.observe(ipvs.Table{})
	errs := make([]error, len(ops))
	for i := range ops {
		errs[i] = fmt.Errorf("%s: %w", ops[i], ipvs.ErrMissing)
	}
	errs[0] = b.broken[op]
	next, news := b.Done(ops, errs)
	if len(news) != 1 || len(next) != 0 {
		t.Errorf("%d failures are news and %d steps follow; not one, and none", len(news), len(next))
	}
	if _, news := b.Done(ops, errs); len(news) != 0 {
		t.Errorf("the same failure is news again: %v", news)
	}
	delete(b.broken, op)
	b.look()
	b.holds(t, ipvs.Table{web(): pool(1, 2)})
	if b.Repairs() != 0 {
		t.Errorf("%d repairs, though nobody broke anything", b.Repairs())
	}
}

func TestWhoWasFasterIsNoFailure(t *testing.T) {
	b := newBench(ipvs.Table{})
	b.Want(ipvs.Table{web(): pool(1, 2)})
	ops := b.observe(ipvs.Table{})
	b.kernel.Table = ipvs.Table{web(): pool(5)}
	if _, news := b.carry(ops); news != nil {
		t.Errorf("failures: %v", news)
	}
	b.holds(t, ipvs.Table{web(): pool(1, 2)})
	delete(b.kernel.Table, web())
	if _, news := b.carry(b.Want(ipvs.Table{})); news != nil {
		t.Errorf("failures: %v", news)
	}
}

func TestManyFailuresOfOneCauseAreOnePieceOfNews(t *testing.T) {
	b, want := newBench(ipvs.Table{}), ipvs.Table{}
	for mark := range uint32(1000) {
		want[ipvs.Key{Mark: mark + 1}] = pool(1)
	}
	b.Want(want)
	ops := b.observe(ipvs.Table{})
	errs, denied := make([]error, len(ops)), errors.New("operation not permitted")
	for i := range ops {
		errs[i] = fmt.Errorf("%s: %w", ops[i], denied)
	}
	_, news := b.Done(ops, errs)
	if len(news) != 1 || news[0].More != 999 {
		t.Errorf("news: %v", news)
	}
}
