package vrrp_test

import (
	"testing"
	"time"

	"holdfast/internal/vrrp"
)

func (r *rig) handOver(c vrrp.Config) { r.s.HandOver(r.now, r.id(c), &r.out) }

func TestHandOver_AMasterGoesWhenItsSuccessorIsHeard(t *testing.T) {
	c := config("VI_1", 1, 100)
	r := master(t, c)
	r.handOver(c)
	r.take("send 0 to 224.0.0.18", "(VI_1) sent 0 priority")
	r.role(c, vrrp.Master)
	at := time.Duration(r.now)
	r.to(at + 600*time.Millisecond)
	r.hear(c, "192.0.2.9", 90)
	r.take()
	r.to(at + 649*time.Millisecond)
	r.role(c, vrrp.Master) // until the successor's announcements have arrived
	r.to(at + 650*time.Millisecond)
	r.take("(VI_1) Entering BACKUP STATE (handed over to 192.0.2.9)")
	if v := r.view(c); !v.Lent || v.Master.String() != "192.0.2.9" || v.Stats.ReleaseMaster != 1 {
		t.Errorf("it is %+v", v)
	}
}

func TestHandOver_NobodyTakesOver(t *testing.T) {
	c := config("VI_1", 1, 100)
	r := master(t, c)
	at := time.Duration(r.now)
	r.handOver(c)
	r.out.Reset()
	r.to(at + 3*time.Second)
	r.role(c, vrrp.Master)
	if got := r.drain(); got[0] != "send 100 to 224.0.0.18" || got[len(got)-1] != "(VI_1) Not handing over: nobody takes over; staying MASTER" {
		t.Errorf("it does %q", got)
	}
	if r.view(c).Lent {
		t.Error("it has handed over")
	}
}

func TestHandOver_TheSuccessorIsNotPreemptedUntilItIsGone(t *testing.T) {
	c := config("VI_1", 1, 100)
	r := master(t, c)
	r.handOver(c)
	successor := func() {
		r.hear(c, "192.0.2.9", 90)
		r.to(time.Duration(r.now) + time.Second)
	}
	for range 10 {
		successor()
	}
	r.role(c, vrrp.Backup)
	r.to(time.Duration(r.now) + 4*time.Second) // it is gone
	r.role(c, vrrp.Master)
	r.hear(c, "192.0.2.9", 90)
	r.role(c, vrrp.Master)
	if r.view(c).Lent {
		t.Error("it stands back from who comes now")
	}
}

func TestHandOver_TakeBackPreemptsAsConfigured(t *testing.T) {
	c := config("VI_1", 1, 100)
	r := master(t, c)
	r.handOver(c)
	r.hear(c, "192.0.2.9", 90)
	r.to(time.Duration(r.now) + time.Second)
	r.role(c, vrrp.Backup)
	r.s.TakeBack(r.now, r.id(c), &r.out)
	for range 4 {
		r.hear(c, "192.0.2.9", 90)
		r.to(time.Duration(r.now) + time.Second)
	}
	r.role(c, vrrp.Master)
}

func TestHandOver_OthersThanAMasterAreLeftAlone(t *testing.T) {
	c := config("VI_1", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.handOver(c)
	r.take()
	if r.view(c).Lent {
		t.Error("a BACKUP has handed over")
	}
}

func TestHandOver_AStopMeanwhileEndsIt(t *testing.T) {
	c := config("VI_1", 1, 100)
	r := master(t, c)
	r.handOver(c)
	r.s.Stop(r.now, &r.out)
	r.hear(c, "192.0.2.9", 90)
	r.to(time.Duration(r.now) + 5*time.Second)
	r.role(c, vrrp.Stopped)
	if !r.s.Stopped() {
		t.Error("it has not stopped")
	}
}

func TestMaintenance_StandsBackForEverybodyAndTakesOverIfNobodyElseIsThere(t *testing.T) {
	c := config("VI_1", 1, 100)
	r := master(t, c)
	r.s.Maintain(r.now, true, &r.out)
	r.hear(c, "192.0.2.9", 2)
	r.to(time.Duration(r.now) + time.Second)
	r.role(c, vrrp.Backup)
	if got := r.view(c).Priority; got != 1 {
		t.Errorf("the priority is %d", got)
	}
	r.apply() // a reload changes nothing about that
	r.to(time.Duration(r.now) + 5*time.Second)
	r.role(c, vrrp.Master)
	r.hear(c, "192.0.2.9", 2)
	r.role(c, vrrp.Backup)
	r.s.Maintain(r.now, false, &r.out)
	if v := r.view(c); v.Priority != 100 || v.Lent || v.Modest {
		t.Errorf("afterwards it is %+v", v)
	}
	for range 4 {
		r.hear(c, "192.0.2.9", 2)
		r.to(time.Duration(r.now) + time.Second)
	}
	r.role(c, vrrp.Master)
}
