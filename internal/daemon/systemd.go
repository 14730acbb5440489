package daemon

import (
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"holdfast/internal/router"
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

// watchdog is how often the service manager wants to hear of this process; 0: it does
// not. Scripts need not see what it was told by.
func watchdog() time.Duration {
	every, err := daemon.SdWatchdogEnabled(true)
	if err != nil {
		return 0 // nothing that is a time: nobody waits
	}
	return every
}

// vouch tells the service manager, three times as often as it has to hear, that the loop
// turns: each time it has answered. One that does not is started again.
func (p *routerProcess) vouch(every time.Duration) {
	turned := make(chan struct{}, 1)
	for range time.Tick(every / 3) {
		p.machine.Inbox.Put(router.Ask{Look: func(*router.Router) { turned <- struct{}{} }})
		<-turned
		announce("WATCHDOG=1")
	}
}
