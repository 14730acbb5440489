package daemon

import (
	"fmt"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// announce tells the service manager, if there is one that wants to know.
func announce(state string) { _, _ = daemon.SdNotify(false, state) }

// reloading is the message that opens a reload; systemd orders it by the
// monotonic clock (sd_notify(3)).
func reloading() string {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", ts.Nano()/1000)
}
