package config

import (
	"fmt"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/tracker"
)

// scriptDraft is a vrrp_script while it is read.
type scriptDraft struct {
	Script
	b *builder
	definition
	timeout maybe[time.Duration]
	command maybe[struct{}]
	user    func()
}

// scriptTimes is the range of interval and timeout.
func scriptTimes() form {
	return duration(times(time.Millisecond, 4294967*time.Second, time.Millisecond).noZero(time.Second))
}

func scriptTable() *block[scriptDraft] {
	type row = keyword[scriptDraft]
	return table("vrrp_script",
		row{word: "script", form: loose(command()), note: "required",
			meaning: "The command, run without a shell; < and a path tests whether the file can be opened.",
			set: func(s *scriptDraft, v value) {
				s.Command, s.command = *v.command, given(struct{}{}, v.at)
			}},
		row{word: "interval", form: scriptTimes(), def: "1",
			meaning: "Time from one start of the command to the next; a start is skipped while it still runs.",
			set:     func(s *scriptDraft, v value) { s.Interval = v.d }},
		row{word: "timeout", form: scriptTimes(), note: "interval",
			meaning: "Run time after which the command is ended and counts as failed.",
			set:     func(s *scriptDraft, v value) { s.timeout = given(v.d, v.at) }},
		row{word: "weight", form: weight(between(-weightLimit, weightLimit)), note: "0",
			meaning: "Added to the priority while good when positive, taken away while bad when negative; 0: bad means FAULT.",
			set:     func(s *scriptDraft, v value) { s.setWeight(v) }},
		row{word: "rise", form: integer(between(1, 1<<31-1).else_(1)), def: "1",
			meaning: "Successes in a row that make it good.",
			set:     func(s *scriptDraft, v value) { s.Rise = v.n }},
		row{word: "fall", form: integer(between(1, 1<<31-1).else_(1)), def: "1",
			meaning: "Failures in a row that make it bad.",
			set:     func(s *scriptDraft, v value) { s.Fall = v.n }},
		row{word: "user", form: account(), note: "script_user",
			meaning: "Who runs the command.",
			set: func(s *scriptDraft, v value) {
				user, group, all := s.b.user(v)
				s.user = func() { s.Command.User, s.Command.Group, s.Command.Supplementary = user, group, all }
			}},
		row{word: "init_fail", form: flag(), note: "off",
			meaning: "Meant to count as failed until the first result; being tracked takes the effect away.",
			set: func(s *scriptDraft, v value) {
				s.InitFail = true
				s.b.advise(v.at, "init_fail has no effect on a script that is tracked", "delete it")
			}},
	)
}

// weightLimit is the largest weight of what is good or bad.
const weightLimit = 253

// weight keeps a weight of plus or minus 254, which once was legal, in range.
func (b *builder) weight(n int, at conf.Span) int {
	kept := min(max(n, -weightLimit), weightLimit)
	if kept != n {
		b.complain(at, fmt.Sprintf("weight %d becomes %d", n, kept), "the range is -253..253")
	}
	return kept
}

func (b *builder) readScript(v value) {
	name, ok := b.trackerName(v)
	if !ok {
		return
	}
	d := &scriptDraft{b: b}
	d.Name, d.node = name, v.node
	b.enter(v.node)
	defer b.leave()
	b.voc.script.defaults(b, d)
	b.voc.script.read(b, v.node.Body, d)
	if !d.command.given {
		b.complain(v.node.Span(), fmt.Sprintf("vrrp_script %s has no script and is left out", name), "write script \"COMMAND\"")
		return
	}
	if d.user != nil {
		d.user()
	}
	d.Timeout = d.timeout.or(d.Interval)
	d.Weight, d.Reverse = d.weight, d.reverse
	d.index = len(b.cfg.Scripts)
	b.cfg.Scripts = append(b.cfg.Scripts, d.Script)
	b.define(tracker.Script, name, &d.definition)
}
