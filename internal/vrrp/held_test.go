package vrrp_test

import (
	"slices"
	"testing"
	"time"

	"holdfast/internal/vrrp"
)

// A master whose adverts are lost and that is known to live is not replaced: two
// machines would have one address.

// alive tells what a tracker knows of the master of c.
func (r *rig) alive(c vrrp.Config, alive bool) {
	r.s.Weigh(r.now, r.id(c), vrrp.Standing{Held: alive}, &r.out)
}

const heldBack = "(X) Not taking over from a silent master: a check finds it alive"

func TestHeld_ASilentMasterThatLivesIsNotReplaced(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.alive(c, true)
	r.to(30 * time.Second)
	r.role(c, vrrp.Backup)
	r.take(heldBack) // once
}

func TestHeld_WhenItStopsLivingItIsReplacedAfterTheSkew(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.alive(c, true)
	r.to(30 * time.Second)
	r.alive(c, false)
	r.deadline(c, 30*time.Second+us(609375))
	r.to(31 * time.Second)
	r.role(c, vrrp.Master)
}

func TestHeld_WhatEndsBeforeTheDownTimerChangesNothing(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	before := time.Duration(r.view(c).Deadline)
	r.alive(c, true)
	r.to(2 * time.Second)
	r.alive(c, false)
	r.deadline(c, before)
}

func TestHeld_AMasterThatIsHeardAgainIsFollowed(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.alive(c, true)
	r.to(10 * time.Second)
	r.hear(c, "192.0.2.9", 150)
	r.deadline(c, 10*time.Second+us(3609375))
	r.alive(c, false)
	r.deadline(c, 10*time.Second+us(3609375))
	r.drain()
	r.alive(c, true)
	r.to(20 * time.Second) // a silence of its own is told anew
	r.take(heldBack)
}

func TestHeld_AMasterThatHandsOverIsReplaced(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.alive(c, true)
	r.hear(c, "192.0.2.9", 0)
	r.to(2 * time.Second)
	r.role(c, vrrp.Master)
}

func TestHeld_AMasterOfLowerPriorityIsPreempted(t *testing.T) {
	c := config("X", 1, 100)
	r := backup(t, c, "192.0.2.9", 150)
	r.alive(c, true)
	for range 4 {
		r.hear(c, "192.0.2.9", 90)
		r.to(time.Duration(r.now) + time.Second)
	}
	r.role(c, vrrp.Master)
}

func TestHeld_AMasterStaysMaster(t *testing.T) {
	c := config("X", 1, 100)
	r := master(t, c)
	r.alive(c, true)
	r.to(time.Duration(r.now) + 10*time.Second)
	r.role(c, vrrp.Master)
}

func TestHeld_OneMemberHoldsItsGroupBack(t *testing.T) {
	a, b, setup := twins()
	r := newRigWith(t, setup)
	r.alive(a, true)
	r.to(20 * time.Second)
	r.role(a, vrrp.Backup)
	r.role(b, vrrp.Backup)
	if lines := r.drain(); !slices.Contains(lines, "(A) Not taking over from a silent master: a check finds it alive") {
		t.Errorf("it says %q", lines)
	}
	r.alive(a, false)
	r.to(25 * time.Second)
	r.role(a, vrrp.Master)
	r.role(b, vrrp.Master)
}
