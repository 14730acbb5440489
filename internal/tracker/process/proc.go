package process

import (
	"bytes"
	"os"
	"strconv"
	"strings"

	"holdfast/internal/tracker"
)

// event is something that happened to a process.
type event struct {
	kind        kind
	pid, parent int
}

type kind uint8

const (
	born kind = iota
	became
	gone
)

// tell passes an event on to a census.
func (e event) tell(c *tracker.Census) {
	switch e.kind {
	case born:
		c.Born(e.pid, e.parent)
	case gone:
		c.Gone(e.pid)
	case became:
		look(c, e.pid)
	}
}

// scan tells a census of all processes there are.
func scan(c *tracker.Census) {
	dir, err := os.Open("/proc")
	if err != nil {
		return
	}
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1) // those read so far count
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			look(c, pid)
		}
	}
}

// look tells a census what one process is; one that ended is gone, be it waited
// for by its parent or not.
func look(c *tracker.Census, pid int) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	name, alive := parseStat(stat)
	if err != nil || !alive {
		c.Gone(pid)
		return
	}
	who := tracker.Identity{Name: name}
	if c.NeedsArgs() {
		line, _ := os.ReadFile(dir + "/cmdline")
		who.Args = parseArgs(line)
	}
	c.Became(pid, &who)
}

// parseStat takes the name, which may hold anything, and the state out of
// `PID (NAME) STATE ...`.
func parseStat(stat []byte) (name string, alive bool) {
	begin, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if begin < 0 || end < begin || len(stat) < end+3 {
		return "", false
	}
	state := stat[end+2]
	return string(stat[begin+1 : end]), state != 'Z' && state != 'X'
}

// parseArgs splits a command line, whose words end with a zero byte each.
func parseArgs(line []byte) []string {
	if len(line) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
}
