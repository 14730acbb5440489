package lab

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/fault"
)

func TestAtTakesATimeAndAFault(t *testing.T) {
	o, err := parse([]string{"--at", "5s", "kill b", "x=a.conf", "--program", "/bin/true", "--at=1s stop a", "b.conf"})
	if err != nil {
		t.Fatal(err)
	}
	want := []fault.Step{{At: time.Second, Fault: fault.Fault{Verb: fault.Stop, Node: "a"}}, {At: 5 * time.Second, Fault: fault.Fault{Verb: fault.Kill, Node: "b"}}}
	if diff := cmp.Diff(want, o.steps); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"x=a.conf", "b.conf"}, o.files); diff != "" {
		t.Error(diff)
	}
}

func TestKeepalivedGetsItsOwnArguments(t *testing.T) {
	for args, want := range map[string]string{
		"--program=/opt/keepalived": "-n -l -D -f X",
		"--program=/bin/true":       "run -f X",
		"--args=-c FILE --verbose":  "-c X --verbose",
	} {
		r := raw{program: "/bin/true"}
		if v, ok := strings.CutPrefix(args, "--program=/opt/"); ok {
			r.program = t.TempDir() + "/" + v
			writeProgram(t, r.program)
		}
		r.args, _ = strings.CutPrefix(args, "--args=")
		if strings.HasPrefix(args, "--program") {
			r.args = ""
		}
		var o options
		if err := o.choose(&r); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(o.program.argv("X")[1:], " "); got != want {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
}
