package cli

import "syscall"

// The signals that keepalived counts from the ends of the real-time range of the C
// library: SIGRTMIN+2 and SIGRTMAX-1.
const (
	SignalJSON  = syscall.Signal(36)
	SignalClear = syscall.Signal(63)
)

// Signals are what the daemon can be asked for, by keepalived's words.
func Signals() map[string]syscall.Signal {
	return map[string]syscall.Signal{
		"STOP": syscall.SIGTERM, "RELOAD": syscall.SIGHUP, "DATA": syscall.SIGUSR1, "STATS": syscall.SIGUSR2,
		"STATS_CLEAR": SignalClear, "JSON": SignalJSON,
	}
}
