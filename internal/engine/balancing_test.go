package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/balancer"
	"holdfast/internal/checker"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/ipvs"
	"holdfast/internal/notify"
	"holdfast/internal/relay"
)

// director is a Balancing over a table in memory.
type director struct {
	*testing.T
	*Balancing
	mu       sync.Mutex
	kernel   ipvs.Fake
	timeouts ipvs.Timeouts
	daemons  []ipvs.Daemon
	missing  error           // there is no IPVS
	slow     []time.Duration // what the next looks take
	reads    int
	rests    int
	said     []string
	checks   []balancer.Check
	kept     ipvs.Legacy
}

func newDirector(t *testing.T) *director {
	d := &director{T: t, kernel: ipvs.Fake{Table: ipvs.Table{}}, timeouts: ipvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300}}
	d.Balancing = NewBalancing(d.open, func(l relay.Line) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.said = append(d.said, l.Text)
	})
	d.Tell, d.Rest = func([]notify.Delivery) {}, func() { d.rests++ }
	d.Check = func(c []balancer.Check) { d.checks = c }
	d.Inherit(ipvs.Legacy{}, func(l ipvs.Legacy) { d.kept = l })
	return d
}

func (d *director) open(context.Context) (IPVS, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return fakeIPVS{d}, d.missing
}

// meanwhile changes something behind the back of the Balancing.
func (d *director) meanwhile(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

// fakeIPVS is the kernel of a director.
type fakeIPVS struct{ *director }

func (k fakeIPVS) Observe(func(ipvs.Key) bool) (ipvs.Table, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.director.reads++
	t := ipvs.Table{}
	for key, p := range k.kernel.Table {
		t[key] = p
	}
	return t, nil
}

func (k fakeIPVS) Each(mine func(ipvs.Key) bool, take func(ipvs.Key, ipvs.Pool)) error {
	found, err := k.Observe(mine)
	time.Sleep(k.delay())
	for key, p := range found {
		take(key, p)
	}
	return err
}

// delay is how long the next look takes.
func (k fakeIPVS) delay() (d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.slow) > 0 {
		d, k.director.slow = k.slow[0], k.slow[1:]
	}
	return d
}

func (k fakeIPVS) Do(ops []ipvs.Op) []error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kernel.Do(ops)
}

func (k fakeIPVS) Flush() error                      { clear(k.kernel.Table); return nil }
func (k fakeIPVS) Timeouts() (ipvs.Timeouts, error)  { return k.timeouts, nil }
func (k fakeIPVS) SetTimeouts(t ipvs.Timeouts) error { k.timeouts = t; return nil }
func (k fakeIPVS) Daemons() ([]ipvs.Daemon, error)   { return k.daemons, nil }
func (k fakeIPVS) Statistics() ([]ipvs.Usage, error) { return nil, nil }
func (k fakeIPVS) Close() error                      { return nil }
func (k fakeIPVS) StartDaemon(d ipvs.Daemon) error {
	if d.Interface == "nowhere" {
		return errors.New("no such device")
	}
	k.director.daemons = append(k.director.daemons, d)
	return nil
}

func (k fakeIPVS) StopDaemon(r ipvs.Role) error {
	kept := k.director.daemons[:0]
	for _, d := range k.director.daemons {
		if d.Role != r {
			kept = append(kept, d)
		}
	}
	k.director.daemons = kept
	return nil
}

// ordered is what a file with a virtual server wants; more stands in it.
func ordered(t *testing.T, more string) BalanceOrder {
	t.Helper()
	tree, _ := conf.Parse(conf.MemoryFiles{"f": "virtual_server 10.0.0.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n" + more + "\nreal_server 10.1.0.1 80 {\nTCP_CHECK {\n}\n}\n}\n"}, "f", conf.Options{})
	c, _ := config.Build(tree, config.Options{HostName: "node"})
	return BalanceOrder{Config: balancer.Part(c)}
}

// run plays a director in virtual time.
func run(t *testing.T, play func(d *director)) {
	t.Helper()
	runAs(t, func(*director) {}, play)
}

// runAs is run for a director that is prepared before it begins.
func runAs(t *testing.T, prepare, play func(d *director)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := newDirector(t)
		prepare(d)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); d.Balancing.Run(ctx) }()
		play(d)
		cancel()
		<-ended
	})
}

// after lets time pass, and checks the table and what was said since.
func (d *director) after(pass time.Duration, table string, said ...string) {
	d.Helper()
	time.Sleep(pass)
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if diff := cmp.Diff(table, d.kernel.Table.Rules()); diff != "" {
		d.Errorf("table (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(strings.Join(said, "\n"), strings.Join(d.said, "\n")); diff != "" {
		d.Errorf("said (-want +got):\n%s", diff)
	}
	d.said = nil
}

const (
	serviceRule = "-A -t 10.0.0.1:80 -s rr\n"
	serverRule  = "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n"
	activating  = "Activating healthchecker for service [10.1.0.1]:tcp:80 for VS [10.0.0.1]:tcp:80"
	gained      = "Gained quorum 1+0=1 <= 1 for VS [10.0.0.1]:tcp:80"
)

func TestWhatChecksFindOutReachesTheTable(t *testing.T) {
	run(t, func(d *director) {
		d.Order(ordered(t, ""))
		d.after(0, serviceRule+serverRule, activating, gained)
		if len(d.kept.Services) != 1 {
			t.Errorf("it is not written down that the service is ours: %+v", d.kept)
		}
		d.Step(balancer.Checked{Report: checker.Report{Check: d.checks[0].ID}})
		d.after(0, serviceRule, "Removing service [10.1.0.1]:tcp:80 from VS [10.0.0.1]:tcp:80", "Lost quorum 1-0=1 > 0 for VS [10.0.0.1]:tcp:80")
		d.Stop(d.Context(), false)
		d.after(0, "", "Shutting down service [10.1.0.1]:tcp:80 from VS [10.0.0.1]:tcp:80")
		if !d.kept.Empty() {
			t.Errorf("after the stop something is still written down: %+v", d.kept)
		}
	})
}

func TestAKernelWithoutIPVSIsSaidOnceAndTriedAgain(t *testing.T) {
	run(t, func(d *director) {
		d.missing = errors.New("this kernel has no IPVS")
		d.Order(ordered(t, ""))
		d.after(5*time.Minute, "", "IPVS: real servers are checked, and nothing is balanced: this kernel has no IPVS", activating, gained)
		d.meanwhile(func() { d.missing = nil })
		d.after(time.Minute, serviceRule+serverRule)
	})
}

func TestDriftIsRepairedAndSaid(t *testing.T) {
	run(t, func(d *director) {
		d.Order(ordered(t, ""))
		d.after(0, serviceRule+serverRule, activating, gained)
		d.meanwhile(func() { clear(d.kernel.Table) })
		d.after(3*time.Second, serviceRule+serverRule, "IPVS: somebody else changed what is ours: put back (2 so far)")
	})
}

func TestWhatAnEarlierRunLeftIsReadOnce(t *testing.T) {
	run(t, func(d *director) {
		o := ordered(t, "")
		left := ipvs.Key{Protocol: ipvs.TCP, At: netip.MustParseAddrPort("10.0.0.1:80")}
		d.kernel.Table[left] = ipvs.Pool{Service: ipvs.Service{Scheduler: "wlc"}}
		d.Inherit(ipvs.Legacy{Services: []ipvs.Key{left}}, func(l ipvs.Legacy) { d.kept = l })
		d.Order(o)
		d.after(time.Second, serviceRule, activating)
		if d.reads != 1 || d.rests != 1 {
			t.Errorf("it is read %d times, with a rest after %d", d.reads, d.rests)
		}
	})
}

func TestALookThatTakesLongOnceDoesNotPutOffTheNext(t *testing.T) {
	for _, c := range []struct {
		name        string
		slow        []time.Duration
		holds, said string
	}{
		{"once", []time.Duration{time.Second}, serviceRule + serverRule, "IPVS: somebody else changed what is ours: put back (2 so far)"},
		{"each time", []time.Duration{time.Second, time.Second, time.Second, time.Second}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(d *director) {
				d.Order(ordered(t, ""))
				d.after(0, serviceRule+serverRule, activating, gained)
				d.meanwhile(func() { d.slow = c.slow })
				d.after(7*time.Second, serviceRule+serverRule)
				d.meanwhile(func() { clear(d.kernel.Table) })
				d.after(5*time.Second, c.holds, c.said)
			})
		})
	}
}

func TestTimeoutsOfTheKernelReturn(t *testing.T) {
	run(t, func(d *director) {
		o := ordered(t, "")
		o.Timeouts = ipvs.Timeouts{UDP: 7}
		d.Order(o)
		d.after(0, serviceRule+serverRule, activating, gained)
		if want := (ipvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 7}); d.timeouts != want {
			t.Errorf("%+v, not %+v", d.timeouts, want)
		}
		d.Order(ordered(t, ""))
		d.after(0, serviceRule+serverRule, activating)
		if want := (ipvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300}); d.timeouts != want {
			t.Errorf("%+v, not %+v", d.timeouts, want)
		}
	})
}

func TestADaemonThatCannotStartIsSaidOnceAndTriedAgain(t *testing.T) {
	run(t, func(d *director) {
		o := ordered(t, "")
		o.Daemons = []ipvs.Daemon{{Role: ipvs.Master, Interface: "nowhere", ID: 5}}
		d.Order(o)
		d.after(time.Minute, serviceRule+serverRule, "IPVS: lvs_sync_daemon: no such device", activating, gained)
		d.Synchronise([]ipvs.Daemon{{Role: ipvs.Master, Interface: "eth0", ID: 5}})
		d.after(0, serviceRule+serverRule)
		if got := fmt.Sprint(d.daemons); !strings.Contains(got, "eth0") {
			t.Errorf("daemons %s", got)
		}
	})
}

func TestWithoutVirtualServersIPVSIsNotOpened(t *testing.T) {
	run(t, func(d *director) {
		d.missing = errors.New("it was asked for")
		d.Order(BalanceOrder{Config: &balancer.Config{}})
		d.after(time.Hour, "")
		d.meanwhile(func() { d.missing = nil })
		d.Order(ordered(t, ""))
		d.after(0, serviceRule+serverRule, activating, gained)
	})
}

func TestHowServersStandIsStoredForAnotherWorker(t *testing.T) {
	for _, c := range []struct {
		name  string
		takes time.Duration
		at    []time.Duration // when it is stored
	}{
		{"at once", 0, []time.Duration{0, 0, time.Second}},
		{"in a fiftieth of the time", 100 * time.Millisecond, []time.Duration{0, 5 * time.Second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var at []time.Duration
			var last balancer.Standing
			stored := func(d *director) {
				begun := time.Now()
				d.Stand = func(s balancer.Standing) {
					at, last = append(at, time.Since(begun)), s
					time.Sleep(c.takes)
				}
			}
			runAs(t, stored, func(d *director) {
				d.Order(ordered(t, ""))
				synctest.Wait()
				d.Step(balancer.Checked{Report: checker.Report{Check: 1}})
				time.Sleep(time.Second)
				d.Step(balancer.Checked{Report: checker.Report{Check: 1}})
				d.Step(balancer.Checked{Report: checker.Report{Check: 1, Up: true, Weight: 3}})
				time.Sleep(time.Minute)
				synctest.Wait()
				if diff := cmp.Diff(c.at, at); diff != "" || len(last.Findings) != 1 || last.Findings[0].Weight != 3 {
					t.Errorf("it is stored at %v, at last %+v", at, last)
				}
			})
		})
	}
}
