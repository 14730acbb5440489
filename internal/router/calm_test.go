package router_test

import (
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/router"
	"holdfast/internal/tracker"
)

// delayed is a bench with an instance whose link has delays.
func delayed(t *testing.T, down, up time.Duration, change ...func(*config.Instance)) *bench {
	b := newBench(t, nil)
	i := instance("A", 51, "10.0.0.100")
	for _, c := range change {
		c(&i)
	}
	b.step(router.Prepare(router.Part(&config.Config{
		Instances: []config.Instance{i}, LinkDelays: []config.LinkDelay{{Link: "eth0", Down: down, Up: up}},
	})))
	return b
}

func (b *bench) carrier(on bool) {
	b.step(router.Seen{Change: host.Change{Link: &host.Link{Name: "eth0", Index: 2, Up: true, Carrier: on, MTU: 1500}}})
}

func (b *bench) pass(d time.Duration) {
	for end := b.now.Add(d); b.now < end; b.now = b.now.Add(time.Millisecond) {
		if b.r.Deadline() <= b.now {
			b.step(router.Expired{})
		}
	}
}

func TestALossOfTheLinkCountsWhenItLasts(t *testing.T) {
	b := delayed(t, 500*time.Millisecond, 0)
	b.carrier(false)
	b.pass(400 * time.Millisecond)
	b.role("BACKUP")
	b.carrier(true)
	b.pass(time.Second)
	b.role("BACKUP")
	b.carrier(false)
	b.pass(400 * time.Millisecond)
	b.role("BACKUP")
	b.pass(101 * time.Millisecond)
	b.role("FAULT")
	b.carrier(true)
	b.role("BACKUP")
}

func TestTheReturnOfTheLinkCountsWhenItLasts(t *testing.T) {
	b := delayed(t, 0, 500*time.Millisecond)
	b.carrier(false)
	b.role("FAULT")
	b.carrier(true)
	b.pass(400 * time.Millisecond)
	b.role("FAULT")
	b.pass(101 * time.Millisecond)
	b.role("BACKUP")
}

func TestADeletedLinkIsLostAtOnce(t *testing.T) {
	b := delayed(t, time.Second, 0)
	b.step(router.Seen{Change: host.Change{Gone: true, Link: &host.Link{Name: "eth0", Index: 2}}})
	b.role("FAULT")
}

// Section 3: delays are cut to (down_timer_adverts-1) intervals and zeroed if
// down_timer_adverts is 1.
func TestDelaysAreCutBelowThePatienceOfBackups(t *testing.T) {
	b := delayed(t, 255*time.Second, 0)
	b.carrier(false)
	b.pass(1990 * time.Millisecond)
	if role := b.r.Status(b.now).Instances[0].Role; role == "FAULT" {
		t.Error("it was lost too early")
	}
	b.pass(10 * time.Millisecond)
	b.role("FAULT")

	b = delayed(t, 255*time.Second, 0, func(i *config.Instance) { i.VRRP.DownAdverts = 1 })
	b.carrier(false)
	b.role("FAULT")
}

func TestAReloadKeepsWhatIsWaitedFor(t *testing.T) {
	b := delayed(t, 500*time.Millisecond, 0)
	b.carrier(false)
	b.pass(300 * time.Millisecond)
	b.step(router.Prepare(router.Part(&config.Config{
		Instances: []config.Instance{instance("A", 51, "10.0.0.100")}, LinkDelays: []config.LinkDelay{{Link: "eth0", Down: 500 * time.Millisecond}},
	})))
	b.pass(150 * time.Millisecond)
	b.role("BACKUP")
	b.pass(60 * time.Millisecond)
	b.role("FAULT")
	b.reload(instance("A", 51, "10.0.0.100"))
	b.carrier(true)
	b.role("BACKUP")
}

// Reference, section 8, interfaces: linkbeat. What a link that is asked says of itself
// counts, and not what the kernel reports of its carrier.
func TestALinkThatIsAskedIsBelieved(t *testing.T) {
	b := newBench(t, nil)
	says := func(s tracker.State) {
		b.step(router.Sampled{Sample: tracker.Sample{Kind: tracker.Linkbeat, Tracker: "eth0", State: s}})
	}
	reload := func(polled ...config.Linkbeat) {
		b.step(router.Prepare(router.Part(&config.Config{Instances: []config.Instance{instance("A", 51, "10.0.0.100")}, Linkbeats: polled})))
	}
	says(tracker.Bad) // the first look, before the configuration is there
	reload(config.Linkbeat{Link: "eth0"})
	b.role("FAULT")
	says(tracker.Good)
	b.role("BACKUP")
	b.carrier(false)
	b.role("BACKUP")
	says(tracker.Unknown) // it cannot be asked: the kernel counts
	b.role("FAULT")
	b.carrier(true)
	says(tracker.Bad)
	b.role("FAULT")
	reload()
	b.role("BACKUP")
	says(tracker.Bad) // nobody asked
	b.role("BACKUP")
}
