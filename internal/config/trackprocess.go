package config

import (
	"fmt"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/tracker"
)

// Process is one vrrp_track_process: how many processes of a program must run.
type Process struct {
	Name string
	// Program is the name of the program as the kernel shows it, or, with
	// FullCommand, its path as the command line has it.
	Program     string
	FullCommand bool
	// Params are compared with the arguments of a process as Match says.
	Params []string
	Match  tracker.Match
	// Quorum is the fewest processes with which all is well, 0..65535, and
	// QuorumMax the most, 0..65535 or NoMaximum.
	Quorum, QuorumMax int
	// TerminateDelay is how long the quorum must be lost, ForkDelay how long it
	// must be there, before that counts; up to an hour.
	TerminateDelay, ForkDelay time.Duration
	// Weight is what the priority changes by where a track gives no weight; Reverse
	// negates it.
	Weight  int
	Reverse bool
}

// processDraft is a vrrp_track_process while it is read.
type processDraft struct {
	Process
	b *builder
	definition
	command []conf.Token
	match   maybe[tracker.Match]
	quorum  maybe[int]
}

func processTable() *block[processDraft] {
	type row = keyword[processDraft]
	return table("vrrp_track_process",
		row{word: "process", form: some(words("NAME [PARAM ...]"), "the name of a program"), once: true, note: "required",
			meaning: "The program whose processes are counted; with parameters, only those that were started with them.",
			set:     func(p *processDraft, v value) { p.command = v.words }},
		row{word: "param_match", form: words("[initial|partial]"), note: "the parameters must be the same, if any are given",
			meaning: "How parameters are compared: all of them; partial: those given come first; initial: the same, and of the last a beginning is enough.",
			set:     (*processDraft).setMatch},
		row{word: "weight", form: loose(weight(between(-254, 254))), note: "0",
			meaning: "What the priority changes by where the track gives no weight; 0: no quorum means FAULT.",
			set:     (*processDraft).weigh},
		row{word: "quorum", form: integer(between(1, 65535)), note: "1",
			meaning: "The fewest processes with which all is well.",
			set:     (*processDraft).setQuorum},
		row{word: "quorum_max", form: integer(between(0, 65535)), note: "unlimited",
			meaning: "The most processes with which all is well; 0: none may run.",
			set:     (*processDraft).setQuorumMax},
		row{word: "delay", form: duration(processDelay()), note: "0",
			meaning: "Sets terminate_delay and fork_delay.",
			set:     func(p *processDraft, v value) { p.TerminateDelay, p.ForkDelay = v.d, v.d }},
		row{word: "terminate_delay", form: duration(processDelay()), note: "0",
			meaning: "How long the quorum must be lost before that counts.",
			set:     func(p *processDraft, v value) { p.TerminateDelay = v.d }},
		row{word: "fork_delay", form: duration(processDelay()), note: "0",
			meaning: "How long the quorum must be there before that counts.",
			set:     func(p *processDraft, v value) { p.ForkDelay = v.d }},
		row{word: "full_command", form: flag(), note: "off",
			meaning: "The program is compared with the whole command line of a process, not with its name of up to 15 bytes.",
			set:     func(p *processDraft, v value) { p.FullCommand = true }},
	)
}

func processDelay() span { return times(time.Microsecond, time.Hour, time.Microsecond) }

func (p *processDraft) setMatch(v value) {
	if len(v.words) == 0 {
		p.match = given(tracker.MatchAll, v.at)
		return
	}
	switch w := v.words[0]; w.Text {
	case "partial":
		p.match = given(tracker.MatchFirst, v.at)
	case "initial":
		p.match = given(tracker.MatchBeginning, v.at)
	default:
		p.b.complain(w.Span, fmt.Sprintf("param_match knows no %q and stays as it was", w.Text), nearest(w.Text, []string{"partial", "initial"}, "write partial, initial or nothing"))
	}
	if len(v.words) > 1 {
		p.b.advise(v.words[1].Span, "what follows is ignored", "")
	}
}

// weigh takes the first weight that is not 0.
func (p *processDraft) weigh(v value) {
	if p.weight != 0 {
		p.b.complain(v.at, "weight is given twice; the first one counts", "delete it")
		return
	}
	p.setWeight(v)
}

func (p *processDraft) setQuorum(v value) {
	if p.QuorumMax != tracker.NoMaximum && v.n > p.QuorumMax {
		p.b.complain(v.at, fmt.Sprintf("quorum %d is above quorum_max %d and ignored", v.n, p.QuorumMax), "quorum is at most quorum_max")
		return
	}
	p.quorum = given(v.n, v.at)
}

func (p *processDraft) setQuorumMax(v value) {
	if p.quorum.given && v.n < p.quorum.value {
		p.b.complain(v.at, fmt.Sprintf("quorum_max %d is below quorum %d and ignored", v.n, p.quorum.value), "quorum is at most quorum_max")
		return
	}
	p.QuorumMax = v.n
}

func (b *builder) readProcess(v value) {
	name, ok := b.trackerName(v)
	if !ok {
		return
	}
	d := &processDraft{b: b}
	d.Name, d.QuorumMax, d.node = name, tracker.NoMaximum, v.node
	b.enter(v.node)
	defer b.leave()
	b.voc.process.read(b, v.node.Body, d)
	if emptyWord(d.command) {
		b.complain(v.node.Span(), fmt.Sprintf("vrrp_track_process %s names no program and is left out", name), "write process NAME")
		return
	}
	d.settle()
	d.Weight, d.Reverse = d.weight, d.reverse
	d.index = len(b.cfg.Processes)
	b.cfg.Processes = append(b.cfg.Processes, d.Process)
	b.define(tracker.Process, name, &d.definition)
}

// settle makes of the words of the process what is compared.
func (p *processDraft) settle() {
	p.Program = p.b.keep(p.command[0].Text)
	for _, w := range p.command[1:] {
		p.Params = append(p.Params, p.b.keep(w.Text))
	}
	if len(p.Params) > 0 {
		p.Match = tracker.MatchAll
	}
	p.Match = p.match.or(p.Match)
	p.FullCommand = p.FullCommand || p.Match != tracker.MatchNone
	p.Quorum = p.quorum.or(1)
	if p.QuorumMax == 0 {
		p.Quorum = 0
	}
}
