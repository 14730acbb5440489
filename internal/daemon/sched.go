package daemon

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/config"
)

// realTime is the priority of the router process under SCHED_RR when the
// configuration does not say: above ordinary work, below what a machine's
// owner would pin above everything.
const realTime = 30

// schedule is how the kernel runs this process.
type schedule struct {
	born  unix.CPUSet            // the processors it was started on
	words atomic.Pointer[string] // for people, what came of the priority that was asked for

	mu  sync.Mutex
	now config.ProcessSettings
}

// newSchedule is that of a process which just started.
func newSchedule() *schedule {
	s := &schedule{}
	s.say("ordinary priority")
	_ = unix.SchedGetaffinity(0, &s.born) // it cannot fail for oneself
	return s
}

// take makes the settings those of the process, as far as they are others than
// before. What is refused is told and the rest done.
func (s *schedule) take(p config.ProcessSettings) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.now
	s.now = p
	if p.RealTime != was.RealTime || p.Nice != was.Nice {
		err = s.prioritise()
	}
	if !slices.Equal(p.CPUs, was.CPUs) {
		err = errors.Join(err, s.place())
	}
	if p.NoSwap != was.NoSwap {
		err = errors.Join(err, lock(p.NoSwap))
	}
	if p.RealTimeLimit != was.RealTimeLimit {
		err = errors.Join(err, limit(p.RealTimeLimit))
	}
	if p.Name != "" {
		_ = os.WriteFile("/proc/self/comm", []byte(p.Name), 0) // cosmetic
	}
	return err
}

func (s *schedule) prioritise() (err error) {
	if s.now.RealTime > 0 {
		s.say(takeRealTime(s.now.RealTime))
		return nil
	}
	s.say(fmt.Sprintf("nice %d", s.now.Nice))
	return takeNice(s.now.Nice)
}

func (s *schedule) say(words string) { s.words.Store(&words) }

// raise takes the next higher real-time priority, up to most. The next take begins
// again with what is configured.
func (s *schedule) raise(most int) (raised bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.RealTime >= most {
		return false
	}
	s.now.RealTime++
	_ = s.prioritise() // real time that is refused is told in words
	return true
}

// place keeps every thread on the processors that are wanted; without any, on
// those that the process was started on.
func (s *schedule) place() error {
	set := s.born
	if len(s.now.CPUs) > 0 {
		set.Zero()
		for _, n := range s.now.CPUs {
			set.Set(n)
		}
	}
	err := everyThread(func(tid int) (changed bool, err error) {
		var before, after unix.CPUSet
		err = errors.Join(unix.SchedGetaffinity(tid, &before), unix.SchedSetaffinity(tid, &set), unix.SchedGetaffinity(tid, &after))
		return before != after, err
	})
	if err != nil {
		return fmt.Errorf("run on the processors %v: %w", s.now.CPUs, err)
	}
	return nil
}

// elsewhere does something in a thread that runs where the process was born: what
// it starts begins there too.
func (s *schedule) elsewhere(do func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var here unix.CPUSet
	if err := unix.SchedGetaffinity(0, &here); err != nil {
		return do()
	}
	_ = unix.SchedSetaffinity(0, &s.born) // else it begins here
	defer func() { _ = unix.SchedSetaffinity(0, &here) }()
	return do()
}

// lock keeps the memory of the process from being swapped out, page by page as
// it is used: the runtime reserves much more than it needs.
func lock(wanted bool) (err error) {
	if wanted {
		err = unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT)
	} else {
		err = unix.Munlockall()
	}
	if err != nil {
		return fmt.Errorf("lock the memory: %w; give CAP_IPC_LOCK", err)
	}
	return nil
}

// limit is RLIMIT_RTTIME, 0 for none: at half of it the kernel warns, which is ignored.
func limit(most time.Duration) error {
	l := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if most > 0 {
		l.Max = uint64(most / time.Microsecond)
		l.Cur = l.Max / 2
	}
	if err := unix.Setrlimit(unix.RLIMIT_RTTIME, &l); err != nil {
		return fmt.Errorf("set RLIMIT_RTTIME to %v: %w; raising it again needs CAP_SYS_RESOURCE", most, err)
	}
	return nil
}

// takeRealTime moves every thread of this process to SCHED_RR and says in
// words what came of it. Where that is not permitted it takes the best niceness.
// Threads that the runtime makes later inherit from those that exist.
func takeRealTime(priority int) string {
	attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: uint32(priority)}
	err := everyThread(policy(attr))
	if err == nil {
		return fmt.Sprintf("SCHED_RR %d", priority)
	}
	for nice := -20; nice < 0; nice++ {
		attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: int32(nice)}
		if everyThread(policy(attr)) == nil {
			return fmt.Sprintf("nice %d; real time refused: %v; give CAP_SYS_NICE, or a cgroup with a real-time budget", nice, err)
		}
	}
	return fmt.Sprintf("ordinary priority; real time refused: %v; give CAP_SYS_NICE", err)
}

// takeNice moves every thread to ordinary scheduling at a niceness.
func takeNice(nice int) error {
	return everyThread(policy(&unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: int32(nice)}))
}

// everyThread sets something thread by thread, until none is left that a thread
// not yet reached has started in between.
func everyThread(set func(tid int) (changed bool, err error)) error {
	for {
		changed, err := eachThread(set)
		if err != nil || !changed {
			return err
		}
	}
}

func eachThread(set func(tid int) (changed bool, err error)) (any bool, err error) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return false, fmt.Errorf("list threads: %w", err)
	}
	for _, t := range tasks {
		tid, _ := strconv.Atoi(t.Name())
		changed, err := set(tid)
		switch {
		case errors.Is(err, unix.ESRCH): // it has ended
		case err != nil:
			return false, fmt.Errorf("thread %d: %w", tid, err)
		}
		any = any || changed && err == nil
	}
	return any, nil
}

// policy sets how a thread is scheduled.
func policy(attr *unix.SchedAttr) func(tid int) (changed bool, err error) {
	return func(tid int) (bool, error) {
		now, err := unix.SchedGetAttr(tid, 0)
		if err != nil || now.Policy == attr.Policy && now.Priority == attr.Priority && now.Nice == attr.Nice {
			return false, err
		}
		return true, unix.SchedSetAttr(tid, attr, 0)
	}
}
