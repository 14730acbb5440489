package daemon

import (
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/internal/lan"
	"holdfast/internal/router"
	"holdfast/test/need"
)

func TestReceiveBuffersAreAsLargeAsThePortDemands(t *testing.T) {
	need.Root(t, "raw sockets")
	tests := []struct {
		name         string
		demand, want int
	}{
		{"nothing", 0, receiveBuffer},
		{"less", 100_000, 100_000},
		{"more", 4 << 20, 4 << 20},
	}
	for _, test := range tests {
		r, err := (&receivers{ring: lan.NewRing()}).open(&router.Port{Ear: router.Ear{Link: "lo"}, Buffer: test.demand}, 1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := unix.GetsockoptInt(r.FD(), unix.SOL_SOCKET, unix.SO_RCVBUF)
		if err != nil || got != 2*test.want { // the kernel doubles it
			t.Errorf("%s: the buffer is %d (%v), want twice %d", test.name, got, err, test.want)
		}
		_ = r.Close()
	}
}
