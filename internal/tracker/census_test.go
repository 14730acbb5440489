package tracker

import (
	"fmt"
	"strings"
	"testing"
)

func TestProgramCountsByNameOrCommandLine(t *testing.T) {
	for _, c := range []struct {
		name    string
		program Program
		process string // name, then the command line
		want    bool
	}{
		{"the name", Program{Path: "sshd"}, "sshd /usr/sbin/sshd -D", true},
		{"another name", Program{Path: "sshd"}, "ssh ssh", false},
		{"a name of more than 15 bytes is cut like the kernel's", Program{Path: "a-very-long-program-name"}, "a-very-long-pro x", true},
		{"a path counts by its last element", Program{Path: "/usr/sbin/sshd"}, "sshd x", true},
		{"a thread of the kernel by its name", Program{Path: "kthreadd"}, "kthreadd", true},
		{"full_command compares the first word", Program{Path: "/usr/sbin/sshd", FullCommand: true}, "sshd /usr/sbin/sshd -D", true},
		{"full_command does not look at the name", Program{Path: "sshd", FullCommand: true}, "sshd /usr/sbin/sshd", false},
		{"full_command counts no thread of the kernel", Program{Path: "kthreadd", FullCommand: true}, "kthreadd", false},
		{"all parameters", Program{"p", true, []string{"-a", "-b"}, MatchAll}, "p p -a -b", true},
		{"one parameter too many", Program{"p", true, []string{"-a"}, MatchAll}, "p p -a -b", false},
		{"one parameter missing", Program{"p", true, []string{"-a", "-b"}, MatchAll}, "p p -a", false},
		{"param_match without parameters allows none", Program{"p", true, nil, MatchAll}, "p p -a", false},
		{"partial: those given come first", Program{"p", true, []string{"-a"}, MatchFirst}, "p p -a -b", true},
		{"partial: in another order", Program{"p", true, []string{"-b"}, MatchFirst}, "p p -a -b", false},
		{"initial: the last may be a beginning", Program{"p", true, []string{"-a", "/etc"}, MatchBeginning}, "p p -a /etc/x.conf", true},
		{"initial: the others may not", Program{"p", true, []string{"-", "/etc"}, MatchBeginning}, "p p -a /etc", false},
		{"initial: one more", Program{"p", true, []string{"-a"}, MatchBeginning}, "p p -a -b", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			words := strings.Fields(c.process)
			if got := c.program.Counts(&Identity{words[0], words[1:]}); got != c.want {
				t.Errorf("%v counts %q: %v, want %v", c.program, c.process, got, c.want)
			}
		})
	}
}

func TestCensusFollowsForksAndExecs(t *testing.T) {
	c := NewCensus([]Program{{Path: "web"}, {Path: "db"}})
	counts := func() string { return fmt.Sprint(c.Count(0), c.Count(1)) }
	for _, step := range []struct {
		what string
		do   func()
		want string
	}{
		{"a process found", func() { c.Became(10, &Identity{Name: "web"}) }, "1 0"},
		{"the same found again", func() { c.Became(10, &Identity{Name: "web"}) }, "1 0"},
		{"a child is what its parent is", func() { c.Born(11, 10) }, "2 0"},
		{"a child of somebody else is nothing", func() { c.Born(12, 1) }, "2 0"},
		{"the child becomes another program", func() { c.Became(11, &Identity{Name: "db"}) }, "1 1"},
		{"and then none", func() { c.Became(11, &Identity{Name: "sh"}) }, "1 0"},
		{"somebody unknown ends", func() { c.Gone(99) }, "1 0"},
		{"the parent ends", func() { c.Gone(10) }, "0 0"},
	} {
		step.do()
		if got := counts(); got != step.want {
			t.Errorf("%s: %s, want %s", step.what, got, step.want)
		}
	}
	if len(c.members) != 0 {
		t.Errorf("who does not count is kept: %v", c.members)
	}
}

func TestCensusStartsAnewAfterAnOverrun(t *testing.T) {
	c := NewCensus([]Program{{Path: "web"}})
	c.Became(10, &Identity{Name: "web"})
	c.Clear()
	c.Became(20, &Identity{Name: "web"})
	c.Became(21, &Identity{Name: "web"})
	if c.Count(0) != 2 {
		t.Errorf("%d processes, want 2", c.Count(0))
	}
}
