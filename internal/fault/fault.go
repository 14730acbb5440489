// Package fault has the words for what can be done to a network of nodes, the
// same in every command that plays faults.
package fault

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Verb is what a fault does.
type Verb string

// The verbs. A killed node is a machine without power: its processes die by
// SIGKILL, its links lose their carrier, and at its start it knows nothing of
// the addresses it had. A crashed one lost only its daemon, also by SIGKILL: the
// kernel keeps the addresses and goes on answering for them.
const (
	Kill      Verb = "kill"
	Crash     Verb = "crash"
	Stop      Verb = "stop"
	Start     Verb = "start"
	Pause     Verb = "pause"
	LinkDown  Verb = "link-down"
	LinkUp    Verb = "link-up"
	DropVRRP  Verb = "drop-vrrp"
	AllowVRRP Verb = "allow-vrrp"
	Partition Verb = "partition"
	Heal      Verb = "heal"
	Fail      Verb = "fail"
	Recover   Verb = "recover"
	Reload    Verb = "reload"
)

// Fault is one thing done to the network, as typed: `pause ka67 300ms`.
type Fault struct {
	Verb Verb
	Node string
	Arg  string        // a link, a tracker or a file
	For  time.Duration // Pause
	// Sides are the groups that a partition separates.
	Sides [][]string
}

// form is how a verb is written.
type form struct {
	verb Verb
	args []string
}

func forms() []form {
	return []form{
		{Kill, []string{"NODE"}}, {Crash, []string{"NODE"}}, {Stop, []string{"NODE"}}, {Start, []string{"NODE"}},
		{Pause, []string{"NODE", "DURATION"}},
		{LinkDown, []string{"NODE", "LINK"}}, {LinkUp, []string{"NODE", "LINK"}},
		{DropVRRP, []string{"NODE"}}, {AllowVRRP, []string{"NODE"}},
		{Partition, []string{"NODE... | NODE..."}}, {Heal, nil},
		{Fail, []string{"NODE", "TRACKER"}}, {Recover, []string{"NODE", "TRACKER"}},
		{Reload, []string{"NODE", "FILE"}},
	}
}

// Forms lists how each fault is written, one per line.
func Forms() string {
	var b strings.Builder
	for _, f := range forms() {
		b.WriteString(strings.TrimSpace(string(f.verb)+" "+strings.Join(f.args, " ")) + "\n")
	}
	return b.String()
}

// Parse reads a fault as it is typed.
func Parse(text string) (Fault, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return Fault{}, fmt.Errorf("an empty fault; one of:\n%s", Forms())
	}
	i := slices.IndexFunc(forms(), func(f form) bool { return string(f.verb) == words[0] })
	if i < 0 {
		return Fault{}, fmt.Errorf("unknown fault %q; one of:\n%s", words[0], Forms())
	}
	f := forms()[i]
	if f.verb == Partition {
		return parsePartition(words[1:])
	}
	if len(words)-1 != len(f.args) {
		return Fault{}, fmt.Errorf("fault %q: want %s %s", text, f.verb, strings.Join(f.args, " "))
	}
	return f.fill(words[1:])
}

func (f form) fill(words []string) (Fault, error) {
	fault := Fault{Verb: f.verb}
	if len(words) > 0 {
		fault.Node = words[0]
	}
	if len(words) > 1 {
		fault.Arg = words[1]
	}
	if f.verb != Pause {
		return fault, nil
	}
	d, err := time.ParseDuration(fault.Arg)
	if err != nil || d <= 0 {
		return Fault{}, fmt.Errorf("pause %s: %q is no duration such as 300ms or 2s", fault.Node, fault.Arg)
	}
	fault.Arg, fault.For = "", d
	return fault, nil
}

// parsePartition reads groups of names between bars.
func parsePartition(words []string) (Fault, error) {
	f := Fault{Verb: Partition}
	for _, side := range strings.Split(strings.Join(words, " "), "|") {
		names := strings.Fields(side)
		if len(names) == 0 {
			return Fault{}, fmt.Errorf("partition %s: want NODE... | NODE...", strings.Join(words, " "))
		}
		f.Sides = append(f.Sides, names)
	}
	if len(f.Sides) < 2 {
		return Fault{}, fmt.Errorf("partition %s: want NODE... | NODE...", strings.Join(words, " "))
	}
	return f, nil
}

// String prints the fault as it is typed.
func (f Fault) String() string {
	words := []string{string(f.Verb), f.Node, f.Arg}
	if f.For != 0 {
		words = append(words, f.For.String())
	}
	var sides []string
	for _, s := range f.Sides {
		sides = append(sides, strings.Join(s, " "))
	}
	words = append(words, strings.Join(sides, " | "))
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// Step is a fault and when it happens: so long after the start.
type Step struct {
	At    time.Duration
	Fault Fault
}

// JoinAt turns `--at 5s 'kill ka67'` into `--at=5s kill ka67`, one word, so that
// an ordinary reader of options understands it.
func JoinAt(args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		if args[i] == "--at" && i+2 < len(args) && !strings.Contains(args[i+1], " ") {
			out = append(out, "--at="+args[i+1]+" "+args[i+2])
			i += 2
			continue
		}
		out = append(out, args[i])
	}
	return out
}

// ParseStep reads what stands behind --at: a time such as 5s, and a fault.
func ParseStep(text string) (Step, error) {
	when, what, _ := strings.Cut(strings.TrimSpace(text), " ")
	at, err := time.ParseDuration(when)
	if err != nil || at < 0 {
		return Step{}, fmt.Errorf("--at %q: want a time such as 5s and then a fault", text)
	}
	f, err := Parse(what)
	return Step{at, f}, err
}
