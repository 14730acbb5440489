package subject

import (
	"context"
	"os"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/test/need"
)

func TestLogJoinsPiecesOfLines(t *testing.T) {
	l := newLog()
	for _, piece := range []string{"(V) Enter", "ing MASTER STATE\n(V) Ent", "ering BACKUP STATE\nrest"} {
		l.Write([]byte(piece))
	}
	got := l.Lines(time.Time{}, regexp.MustCompile("Entering"))
	if len(got) != 2 || got[0].Text != "(V) Entering MASTER STATE" || got[1].Text != "(V) Entering BACKUP STATE" {
		t.Errorf("lines: %+v", got)
	}
}

func TestLogWaitsForALineAfterAnInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		l.Write([]byte("Reload complete\n"))
		time.Sleep(time.Second)
		since := time.Now()
		go func() {
			time.Sleep(2 * time.Second)
			l.Write([]byte("noise\nReload complete\n"))
		}()
		line, err := l.Wait(t.Context(), since, regexp.MustCompile("Reload complete"))
		if err != nil || line.At.Sub(since) != 2*time.Second {
			t.Errorf("found %+v, %v", line, err)
		}
	})
}

func TestWhatIsBuiltSaysWhatItIs(t *testing.T) {
	need.Time(t)
	p, err := Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if want := "holdfast version " + revision(t.Context()); p.Version != want {
		t.Errorf("version %q, want %q", p.Version, want)
	}
}

func TestLogGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := newLog().Wait(ctx, time.Time{}, regexp.MustCompile("x")); err == nil {
		t.Error("found a line in an empty log")
	}
}

// spent is the processor time of this process by another account.
func spent() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestCPUTimeAndMemoryOfThisProcess(t *testing.T) {
	before, err := cpuTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for until := spent() + 20*time.Millisecond; spent() < until; {
	}
	after, _ := cpuTime(os.Getpid())
	if spent := after - before; spent < 15*time.Millisecond || spent > time.Second {
		t.Errorf("a loop of 20ms cost %v", spent)
	}
	rss, pss, err := memory(os.Getpid())
	if err != nil || rss < 1000 || pss < 500 || pss > rss {
		t.Errorf("resident %d KiB, proportional %d KiB, %v", rss, pss, err)
	}
}

func TestTicksAreThoseOfAProcessAndItsChildren(t *testing.T) {
	got, err := ticksOf("7 (a) b c) S 1 7 7 0 -1 4194560 1 2 3 4 10 20 300 4000 20 0 1 0 99 0 0")
	if err != nil || got != 4330 {
		t.Errorf("%d, %v", got, err)
	}
	if _, err := ticksOf("7 (a) S 1"); err == nil {
		t.Error("a line that is cut off is taken")
	}
}
