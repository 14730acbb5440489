package mmsg_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/mmsg"
	"holdfast/internal/mono"
)

func TestReceiveTimes(t *testing.T) {
	const ahead = 1_000_000 * time.Hour
	second := func(s float64) mono.Instant { return mono.Instant(s * float64(time.Second)) }
	cases := []struct {
		name               string
		stamp              time.Duration // of the wall clock, less what it is ahead
		drained, now, want mono.Instant
	}{
		{"plain", 5 * time.Second, second(4), second(6), second(5)},
		{"after the loop woke up", 7 * time.Second, second(4), second(6), second(6)},
		{"the wall clock was set back meanwhile", 3605 * time.Second, second(4), second(6), second(6)},
		{"the wall clock was set forward meanwhile", -3595 * time.Second, second(4), second(6), second(4)},
	}
	for _, c := range cases {
		k := mmsg.Clock{Drained: c.drained}
		if got := k.Instant(ahead+c.stamp, ahead, c.now); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestTheClocksAreReadTogether(t *testing.T) {
	var c mmsg.Clock
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		t.Fatal(err)
	}
	ahead := c.SinceEpoch()
	if d := time.Now().Add(-ahead).UnixNano() - ts.Nano(); d < -int64(time.Millisecond) || d > int64(100*time.Millisecond) {
		t.Errorf("the clocks differ by %v", time.Duration(d))
	}
}

// sample is the control data of an IPv6 advert as the kernel delivers it.
func sample() []byte {
	b := make([]byte, 0, mmsg.ControlSize)
	stamp := make([]byte, 16)
	binary.NativeEndian.PutUint64(stamp, 1_700_000_000)
	b = mmsg.AppendControl(b, unix.SOL_SOCKET, unix.SCM_TIMESTAMPNS, stamp)
	b = mmsg.AppendControl(b, unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, []byte{255, 0, 0, 0})
	return mmsg.AppendControl(b, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, make([]byte, 20))
}

func TestControlsAreRead(t *testing.T) {
	got := ""
	for c := range mmsg.Controls(sample()) {
		got += fmt.Sprintf("%d/%d:%d ", c.Level, c.Kind, len(c.Data))
	}
	if want := fmt.Sprintf("1/%d:16 41/%d:4 41/%d:20 ", unix.SCM_TIMESTAMPNS, unix.IPV6_HOPLIMIT, unix.IPV6_PKTINFO); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzControls(f *testing.F) {
	f.Add(sample())
	f.Add(sample()[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		for c := range mmsg.Controls(b) {
			n += len(c.Data) + unix.CmsgLen(0)
			mmsg.Timespec(c.Data)
		}
		if n > len(b) {
			t.Errorf("%d bytes found in %d", n, len(b))
		}
	})
}
