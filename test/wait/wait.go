// Package wait is for tests of what comes true on other processors and in other processes.
package wait

import (
	"testing"
	"time"
)

// For waits until something holds, and ends the test if it does not within a limit; why is
// asked then. It looks often at first, and less often later: looking may start programs.
func For(t testing.TB, limit time.Duration, what string, holds func() bool, why ...func() string) {
	t.Helper()
	end := time.Now().Add(limit)
	for pause := time.Millisecond; ; pause = min(2*pause, 32*time.Millisecond) {
		over := time.Now().After(end) // asked before the condition: this test may be what slept
		if holds() {
			return
		}
		if over {
			t.Fatalf("after %v still not: %s%s", limit, what, reasons(why))
		}
		time.Sleep(pause)
	}
}

func reasons(why []func() string) (text string) {
	for _, say := range why {
		text += "\n" + say()
	}
	return text
}
