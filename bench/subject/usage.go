package subject

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Usage is what a program costs, all its processes together.
type Usage struct {
	CPU time.Duration // user and system time since their start
	RSS int           // resident memory in KiB, pages shared by processes counted in each
	PSS int           // resident memory in KiB, each such page counted once
}

// Usage reads what the program has cost so far.
func (d *Daemon) Usage() (Usage, error) {
	var total Usage
	for _, pid := range d.Pids() {
		cpu, err := cpuTime(pid)
		if err != nil {
			return total, err
		}
		rss, pss, err := memory(pid)
		if err != nil {
			return total, err
		}
		total = Usage{total.CPU + cpu, total.RSS + rss, total.PSS + pss}
	}
	return total, nil
}

// CPU is the processor time of all processes so far, without the look at the
// memory, which the kernel charges to whoever asks but takes milliseconds.
func (d *Daemon) CPU() (time.Duration, error) {
	var total time.Duration
	for _, pid := range d.Pids() {
		cpu, err := cpuTime(pid)
		if err != nil {
			return 0, err
		}
		total += cpu
	}
	return total, nil
}

// Effort is the processor time of all processes so far and of those that they
// have started and waited for, to a hundredth of a second for each. One that ends
// while this looks is found with its parent, the next time at the latest.
func (d *Daemon) Effort() (time.Duration, error) {
	var ticks int
	for _, pid := range d.Pids() {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			continue
		}
		n, err := ticksOf(string(stat))
		if err != nil {
			return 0, fmt.Errorf("read the processor time of process %d: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / userHz, nil
}

// userHz is in which parts of a second the kernel tells such times.
const userHz = 100

// ticksOf adds up utime, stime, cutime and cstime of /proc/PID/stat. The name
// before them may hold anything.
func ticksOf(stat string) (total int, err error) {
	words := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(words) < 15 {
		return 0, fmt.Errorf("%q has too few fields", stat)
	}
	for _, word := range words[11:15] {
		n, err := strconv.Atoi(word)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// cpuTime reads the clock that counts the processor time of a process, all its
// threads included, in nanoseconds; /proc/PID/stat shows the same in hundredths
// of a second. The number of the clock is made as the macro MAKE_PROCESS_CPUCLOCK
// of linux/posix-timers.h does, with CPUCLOCK_SCHED.
func cpuTime(pid int) (time.Duration, error) {
	const schedulerClock = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedulerClock), &ts); err != nil {
		return 0, fmt.Errorf("read the processor time of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

func memory(pid int) (rss, pss int, err error) {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return 0, 0, fmt.Errorf("read the memory of process %d: %w", pid, err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ":")
		kib, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(value, "kB")))
		switch key {
		case "Rss":
			rss = kib
		case "Pss":
			pss = kib
		}
	}
	return rss, pss, nil
}
