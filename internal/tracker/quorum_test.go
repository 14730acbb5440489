package tracker

import (
	"testing"
	"time"

	"holdfast/internal/mono"
)

func at(d time.Duration) mono.Instant { return mono.Instant(d) }

func TestQuorumCountsBetweenItsBounds(t *testing.T) {
	for _, c := range []struct {
		name        string
		least, most int
		n           int
		want        State
	}{
		{"one of one", 1, NoMaximum, 1, Good},
		{"none of one", 1, NoMaximum, 0, Bad},
		{"many without maximum", 1, NoMaximum, 1000, Good},
		{"as many as allowed", 2, 3, 3, Good},
		{"one too many", 2, 3, 4, Bad},
		{"one too few", 2, 3, 1, Bad},
		{"quorum_max 0 is good while none runs", 0, 0, 0, Good},
		{"quorum_max 0 is bad when one runs", 0, 0, 1, Bad},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := Quorum{Least: c.least, Most: c.most, GainDelay: time.Hour, LossDelay: time.Hour}
			if !q.Count(0, c.n) || q.State() != c.want {
				t.Errorf("%d processes: %v, want %v at once", c.n, q.State(), c.want)
			}
		})
	}
}

func TestQuorumWithoutDelaysChangesAtOnce(t *testing.T) {
	q := Quorum{Least: 1, Most: NoMaximum}
	q.Count(0, 1)
	if !q.Count(at(time.Second), 0) || q.State() != Bad || q.Deadline() != mono.Never {
		t.Errorf("lost: %v, deadline %v", q.State(), q.Deadline())
	}
	if !q.Count(at(time.Second), 1) || q.State() != Good {
		t.Errorf("gained: %v", q.State())
	}
}

func TestQuorumLossMustLastForTerminateDelay(t *testing.T) {
	q := Quorum{Least: 1, Most: NoMaximum, LossDelay: 2 * time.Second}
	q.Count(0, 1)
	if q.Count(at(time.Second), 0) || q.Deadline() != at(3*time.Second) {
		t.Errorf("state %v, deadline %v, want good until 3 s", q.State(), q.Deadline())
	}
	if q.Due(at(2999*time.Millisecond)) || !q.Due(at(3*time.Second)) || q.State() != Bad {
		t.Errorf("at 3 s %v, want bad", q.State())
	}
}

func TestQuorumGainMustLastForForkDelay(t *testing.T) {
	q := Quorum{Least: 1, Most: NoMaximum, GainDelay: time.Second}
	q.Count(0, 0)
	q.Count(at(time.Second), 1)
	q.Count(at(1500*time.Millisecond), 2) // the same change goes on
	if q.Deadline() != at(2*time.Second) || !q.Due(at(2*time.Second)) || q.State() != Good {
		t.Errorf("state %v, deadline %v, want good at 2 s", q.State(), q.Deadline())
	}
}

func TestQuorumThatComesBackInTimeWasNeverLost(t *testing.T) {
	q := Quorum{Least: 1, Most: NoMaximum, LossDelay: time.Second}
	q.Count(0, 1)
	q.Count(at(time.Second), 0)
	q.Count(at(1500*time.Millisecond), 1)
	if q.Deadline() != mono.Never || q.Due(at(time.Minute)) || q.State() != Good {
		t.Errorf("state %v, deadline %v", q.State(), q.Deadline())
	}
}

func TestQuorumCarriedOverAReloadAppliesItsDelays(t *testing.T) {
	q := Quorum{Least: 2, Most: NoMaximum, LossDelay: time.Second}
	q.Carry(Good)
	if q.Count(0, 1) || q.State() != Good || q.Deadline() != at(time.Second) {
		t.Errorf("state %v, deadline %v", q.State(), q.Deadline())
	}
}
