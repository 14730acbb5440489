package tracker

import (
	"path"
	"slices"
	"strings"
)

// Match says how the arguments of a process are compared with those wanted.
type Match uint8

// The ways: not at all; the same, none included; those wanted come first; the
// same, and the last one wanted may be the beginning of an argument.
const (
	MatchNone Match = iota
	MatchAll
	MatchFirst
	MatchBeginning
)

// String is the way as a file has it.
func (m Match) String() string {
	return [...]string{"none", "param_match", "param_match partial", "param_match initial"}[m]
}

// Program tells which processes one vrrp_track_process counts.
type Program struct {
	Path string
	// FullCommand compares Path with the first word of the command line; else its
	// last element is compared with the name of the process.
	FullCommand bool
	Params      []string
	Match       Match
}

// Equal reports whether p and o count the same processes.
func (p *Program) Equal(o *Program) bool {
	return p.Path == o.Path && p.FullCommand == o.FullCommand && p.Match == o.Match && slices.Equal(p.Params, o.Params)
}

// Identity is what a process is known by.
type Identity struct {
	Name string   // up to 15 bytes
	Args []string // the command line; none for a thread of the kernel
}

// nameLimit is how much of a name the kernel keeps (TASK_COMM_LEN without its end).
const nameLimit = 15

// Counts reports whether a process is one of the program.
func (p *Program) Counts(who *Identity) bool {
	if !p.FullCommand {
		name := path.Base(p.Path)
		return name[:min(len(name), nameLimit)] == who.Name
	}
	return len(who.Args) > 0 && who.Args[0] == p.Path && p.accepts(who.Args[1:])
}

func (p *Program) accepts(args []string) bool {
	n := len(p.Params)
	switch p.Match {
	case MatchAll:
		return slices.Equal(args, p.Params)
	case MatchFirst:
		return len(args) >= n && slices.Equal(args[:n], p.Params)
	case MatchBeginning:
		return len(args) == n && (n == 0 || slices.Equal(args[:n-1], p.Params[:n-1]) && strings.HasPrefix(args[n-1], p.Params[n-1]))
	}
	return true
}

// Census knows which processes belong to which programs, from what is told of
// births, deaths and new identities. It keeps only those that belong to one.
type Census struct {
	programs []Program
	members  map[int][]int // process, programs
	counts   []int
}

// NewCensus returns a Census of no processes.
func NewCensus(programs []Program) *Census {
	return &Census{programs: programs, members: map[int][]int{}, counts: make([]int, len(programs))}
}

// NeedsArgs reports whether the command lines of processes matter.
func (c *Census) NeedsArgs() bool {
	return slices.ContainsFunc(c.programs, func(p Program) bool { return p.FullCommand })
}

// Count is how many processes the program with this index has.
func (c *Census) Count(program int) int { return c.counts[program] }

// Clear forgets all processes: they are about to be looked at anew.
func (c *Census) Clear() {
	clear(c.members)
	clear(c.counts)
}

// Born says that a process was forked: it is what its parent is until it
// becomes something else.
func (c *Census) Born(pid, parent int) { c.enrol(pid, c.members[parent]) }

// Became says what a process is now: newly found, another program or renamed.
func (c *Census) Became(pid int, who *Identity) {
	var of []int
	for i := range c.programs {
		if c.programs[i].Counts(who) {
			of = append(of, i)
		}
	}
	c.enrol(pid, of)
}

// Gone says that a process ended.
func (c *Census) Gone(pid int) { c.enrol(pid, nil) }

func (c *Census) enrol(pid int, of []int) {
	for _, i := range c.members[pid] {
		c.counts[i]--
	}
	for _, i := range of {
		c.counts[i]++
	}
	if len(of) == 0 {
		delete(c.members, pid)
		return
	}
	c.members[pid] = of
}
