package vrrp_test

import (
	"testing"
	"time"
)

// The time with two masters counts from advert to advert of the other one; who takes over at
// once does not count.
func TestTheTimeWithTwoMastersIsCounted(t *testing.T) {
	c := config("VI_1", 1, 100)
	r := master(t, c)
	for range 5 {
		r.hear(c, "192.0.2.9", 50)
		r.to(time.Duration(r.now) + time.Second)
	}
	r.to(time.Duration(r.now) + time.Minute)
	r.hear(c, "192.0.2.9", 50)
	if got := r.view(c).Stats.Contested; got != 4000 {
		t.Errorf("%d ms are counted, want 4000", got)
	}
	one := master(t, c)
	one.hear(c, "192.0.2.9", 150)
	if got := one.view(c).Stats.Contested; got != 0 {
		t.Errorf("%d ms are counted of one who takes over", got)
	}
}
