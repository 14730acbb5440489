package run_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/checker"
	"holdfast/internal/checker/http"
	"holdfast/internal/checker/run"
	"holdfast/internal/checker/smtp"
	"holdfast/internal/checker/tcp"
)

// reports collects what a runner says.
type reports struct {
	all  chan checker.Report
	mu   sync.Mutex
	told []string
}

func collect() *reports { return &reports{all: make(chan checker.Report, 1000)} }

func (r *reports) log(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, line)
}

func (r *reports) next(t *testing.T) checker.Report {
	t.Helper()
	select {
	case one := <-r.all:
		return one
	case <-time.After(10 * time.Second):
		t.Fatal("no report in time")
	}
	return checker.Report{}
}

func every(loop time.Duration, id checker.ID, p checker.Probe, target checker.Target) *checker.Job {
	return &checker.Job{ID: id, Rules: checker.Rules{DelayLoop: loop, DownLoop: loop, Warmup: loop, DelayBeforeRetry: loop},
		Words: checker.Words{Server: "RS", Service: "VS"}, Steps: []checker.Probe{p}, Target: target, Timeout: 2 * time.Second}
}

// probe is one that is a function.
type probe func(context.Context) checker.Result

func (p probe) Probe(ctx context.Context, _ checker.Target) checker.Result { return p(ctx) }

func TestAServerThatStopsAndComesBackIsSeen(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().(*net.TCPAddr).AddrPort()
	seen := collect()
	r := run.New(10, func(one checker.Report) { seen.all <- one }, seen.log)
	defer r.Close()
	r.Apply([]*checker.Job{every(20*time.Millisecond, 7, tcp.Connect{}, checker.Target{Addr: at.Addr(), Port: at.Port()})})
	if got := seen.next(t); !got.Up || !got.First || got.Check != 7 {
		t.Errorf("at first %+v", got)
	}
	_ = l.Close()
	if got := seen.next(t); got.Up || got.First || got.Reason != "connect to "+at.String()+": connection refused" {
		t.Errorf("of a server that stopped %+v", got)
	}
	again, err := net.Listen("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := seen.next(t); !got.Up {
		t.Errorf("of one that came back %+v", got)
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if n := len(seen.told); n != 3 {
		t.Errorf("%d lines are told: %q", n, seen.told)
	}
}

func TestAProbeEndsWithItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := collect()
		r := run.New(10, func(one checker.Report) { seen.all <- one }, seen.log)
		defer r.Close()
		start := time.Now()
		r.Apply([]*checker.Job{every(10*time.Second, 1, probe(func(ctx context.Context) checker.Result {
			<-ctx.Done()
			return checker.Fail("no answer in time")
		}), checker.Target{})})
		got := <-seen.all
		if got.Took != 2*time.Second || time.Since(start) > 13*time.Second {
			t.Errorf("%+v after %v", got, time.Since(start))
		}
	})
}

func TestNoMoreThanTheLimitAreUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, checks = 3, 60 // two seconds each: two at a time in the mean
		var mu sync.Mutex
		var now, most, made int
		count := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			now += by
			most = max(most, now)
			made++
		}
		r := run.New(limit, func(checker.Report) {}, func(string) {})
		defer r.Close()
		var jobs []*checker.Job
		for id := range checker.ID(checks) {
			jobs = append(jobs, every(time.Minute, id, probe(func(ctx context.Context) checker.Result {
				count(1)
				defer count(-1)
				<-ctx.Done()
				return checker.Pass()
			}), checker.Target{}))
		}
		r.Apply(jobs)
		time.Sleep(2 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if most != limit || made < 2*checks {
			t.Errorf("%d at most were under way, %d made", most, made/2)
		}
	})
}

func TestChecksAreMadeAtAFixedRateWhileTheyTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run.New(10, func(checker.Report) {}, func(string) {})
		defer r.Close()
		r.Apply([]*checker.Job{every(time.Second, 1, probe(func(context.Context) checker.Result {
			time.Sleep(900 * time.Millisecond)
			return checker.Pass()
		}), checker.Target{})})
		time.Sleep(102 * time.Second)
		if made, latest := r.Pace(); made < 100 || made > 101 || latest > time.Millisecond {
			t.Errorf("%d made in 100 s, the latest %v late", made, latest)
		}
	})
}

func TestCloseWaitsForWhatIsUnderWay(t *testing.T) {
	before := runtime.NumGoroutine()
	r := run.New(10, func(checker.Report) {}, func(string) {})
	job := every(time.Millisecond, 1, tcp.Connect{}, checker.Target{Addr: netip.MustParseAddr("127.0.0.1"), Port: 1})
	r.Apply([]*checker.Job{job})
	r.Close()
	r.Close()
	if now := runtime.NumGoroutine(); now > before {
		t.Errorf("%d goroutines, %d before", now, before)
	}
}

func TestSessionsAndFilesReachWhoFollowsThem(t *testing.T) {
	seen := collect()
	r := run.New(10, func(one checker.Report) { seen.all <- one }, seen.log)
	defer r.Close()
	follow := func(id checker.ID, kind checker.Kind) *checker.Job {
		return &checker.Job{ID: id, Words: checker.Words{Kind: kind}, Subject: checker.Subject{Kind: kind, Name: "x", Weight: 2}}
	}
	r.Apply([]*checker.Job{follow(1, checker.BFD), follow(2, checker.File)})
	r.Session("x", true)
	r.File("x", 21)
	if got := seen.next(t); got.Check != 1 || !got.Up {
		t.Errorf("of the session %+v", got)
	}
	if got := seen.next(t); got.Check != 2 || got.Weight != 42 {
		t.Errorf("of the file %+v", got)
	}
}

// silent is a server that takes connections and says nothing.
func silent(t *testing.T) checker.Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	at := l.Addr().(*net.TCPAddr).AddrPort()
	return checker.Target{Addr: at.Addr(), Port: at.Port()}
}

// begun waits until a number of checks were begun.
func begun(t *testing.T, r *run.Runner, want uint64) {
	t.Helper()
	for range 2000 {
		if made, _ := r.Pace(); made >= want {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%d checks were not begun in time", want)
}

func TestSilentServersTakeNoGoroutine(t *testing.T) {
	const checks = 300
	target, seen, before := silent(t), collect(), runtime.NumGoroutine()
	r := run.New(checks, func(one checker.Report) { seen.all <- one }, seen.log)
	defer r.Close()
	var jobs []*checker.Job
	for id := range checker.ID(checks) {
		jobs = append(jobs, every(time.Minute, id, &http.Get{Path: "/"}, target))
		jobs[id].Warmup, jobs[id].Timeout = 10*time.Millisecond, time.Second
	}
	r.Apply(jobs)
	begun(t, r, checks)
	if now := runtime.NumGoroutine(); now > before+2 {
		t.Errorf("%d goroutines for %d checks under way, %d before", now, checks, before)
	}
	for range checks {
		if got := seen.next(t); got.Up || !strings.Contains(got.Reason, "no answer in time") || got.Took < time.Second || got.Took > 4*time.Second {
			t.Errorf("%+v", got)
		}
	}
}

func TestAStepEndsWithItsPatience(t *testing.T) {
	target, seen := silent(t), collect()
	target.Patience = 50 * time.Millisecond
	r := run.New(10, func(one checker.Report) { seen.all <- one }, seen.log)
	defer r.Close()
	job := every(time.Millisecond, 1, &smtp.Greet{Name: "me"}, target)
	job.Timeout = time.Minute
	r.Apply([]*checker.Job{job})
	if got := seen.next(t); got.Up || got.Took < target.Patience || got.Took > 5*time.Second {
		t.Errorf("%+v", got)
	}
}

func TestCloseEndsWhatIsAwaited(t *testing.T) {
	target, before := silent(t), openFiles(t)
	r := run.New(100, func(checker.Report) {}, func(string) {})
	var jobs []*checker.Job
	for id := range checker.ID(50) {
		jobs = append(jobs, every(time.Millisecond, id, &http.Get{Path: "/"}, target))
		jobs[id].Timeout = time.Hour
	}
	r.Apply(jobs)
	begun(t, r, 50)
	r.Close()
	if now := openFiles(t); now > before {
		t.Errorf("%d files are open, %d before", now, before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestChecksThatWaitForRoomAreToldOnce(t *testing.T) {
	target, seen := silent(t), collect()
	r := run.New(2, func(checker.Report) {}, seen.log)
	var jobs []*checker.Job
	for id := range checker.ID(9) {
		jobs = append(jobs, every(time.Millisecond, id, &http.Get{Path: "/"}, target))
		jobs[id].Timeout = 20 * time.Millisecond
	}
	r.Apply(jobs)
	begun(t, r, 9)
	r.Close()
	const want = "2 health checks are under way, and there are files for no more: others are late; raise the limit of open files (LimitNOFILE of the service)"
	if n := strings.Count(strings.Join(seen.told, "\n"), want); n != 1 {
		t.Errorf("it is told %d times: %q", n, seen.told)
	}
}

// What is under way leaves room for others, whatever the limit is.
func TestChecksLeaveFilesToOthers(t *testing.T) {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	room := run.Room()
	if room > 64<<10 || room < 64 || files.Cur > 1024 && uint64(room) >= files.Cur && room != 64<<10 {
		t.Errorf("of %d files %d are for checks", files.Cur, room)
	}
}
