package vrrp_test

import (
	"testing"

	"holdfast/internal/vrrp"
)

func (r *rig) deafen(c vrrp.Config, deaf bool) { r.s.Deafen(r.now, r.id(c), deaf, &r.out) }

func TestABackupWaitsForAsLongAsItWasDeaf(t *testing.T) {
	c := config("X", 1, 100)
	r := newRig(t, c)
	r.deafen(c, true)
	r.to(us(1000000))
	r.deafen(c, false)
	r.deafen(c, false)
	r.deadline(c, us(1000000+3609375))
}

func TestADeafBackupDoesNotTakeSilenceForADeadMaster(t *testing.T) {
	c := config("X", 1, 100)
	r := newRig(t, c)
	r.deafen(c, true)
	r.to(us(60000000))
	r.role(c, vrrp.Backup)
	r.deafen(c, false)
	r.deadline(c, us(60000000+3609375))
	r.to(us(60000000 + 3609375))
	r.role(c, vrrp.Master)
}

// What was heard before counts: the master has handed over, or is to be preempted.
func TestADeafBackupFollowsWhatItHas(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.hear(c, "192.0.2.9", 0)
	r.deafen(c, true)
	r.to(us(2000000))
	r.role(c, vrrp.Master)
	r.deafen(c, false)
	r.role(c, vrrp.Master)
}

func TestAMasterAdvertisesWhileItIsDeaf(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	due := r.view(c).Deadline
	r.deafen(c, true)
	r.deafen(c, false)
	if got := r.view(c).Deadline; got != due {
		t.Errorf("the next advert is due at %v, was at %v", got, due)
	}
}
