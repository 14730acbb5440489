package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/conf"
)

// ProcessSettings are those of one of keepalived's three children: VRRP, checkers, BFD.
type ProcessSettings struct {
	// Name is what lists of processes show, up to 15 bytes; empty: the main name.
	Name string
	// Nice is -20..19. It counts only without real time.
	Nice int
	// NoSwap locks the memory of the process.
	NoSwap bool
	// RealTime is the priority under SCHED_RR, 1..99; 0: not said.
	RealTime int
	// CPUs are the processors it may run on, in the order written; none: all.
	CPUs []int
	// RealTimeLimit is how long it may run under SCHED_RR without waiting
	// (RLIMIT_RTTIME), from 2 microseconds on; 0: as long as it takes.
	RealTimeLimit time.Duration
}

// NameOf is what a process is called: its own name, else that of all, else
// keepalived's if names are wanted; empty: as it is.
func (g *Global) NameOf(p *ProcessSettings, usual string) string {
	switch {
	case p.Name != "":
		return p.Name
	case g.ProcessName != "":
		return g.ProcessName
	case g.ProcessNames:
		return usual
	}
	return ""
}

// AutoPriority is when real-time priority is taken because timers run late.
type AutoPriority struct {
	// Most is the highest priority that is taken so, 1..99; 0: none; -1: none, and
	// no word about it.
	Most int
	// Delay is by how much a timer must be late, 1 microsecond to 10 s.
	Delay time.Duration
}

// processRows are about the processes themselves.
func processRows() []keyword[globals] {
	type row = keyword[globals]
	rows := []row{
		{word: "process_names", form: flag(), note: "off",
			meaning: "The processes carry names that tell their parts.",
			set:     func(g *globals, v value) { g.ProcessNames = true }},
		{word: "process_name", form: cutText("NAME", nameLimit), note: "the program's name",
			meaning: "The name of the main process.",
			set:     func(g *globals, v value) { g.ProcessName = v.text }},
		{word: "lvs_process_name", form: cutText("NAME", nameLimit), instead: "checker_process_name", quiet: true,
			meaning: "The old spelling of checker_process_name.",
			set:     func(g *globals, v value) { g.Checker.Name = v.text }},
		{word: "max_auto_priority", form: optional(integer(between(-1, 99)), value{n: 99}), def: "0",
			meaning: "The highest real-time priority that is taken when timers run late; 0 takes none, -1 neither and is silent about it, nothing means 99.",
			set:     func(g *globals, v value) { g.AutoPriority.Most = v.n }},
		{word: "min_auto_priority_delay", form: loose(integer(between(1, 10_000_000).in("µs"))), def: "1000000",
			meaning: "How late a timer must be for that.",
			set:     func(g *globals, v value) { g.AutoPriority.Delay = time.Duration(v.n) * time.Microsecond }},
		{word: "umask", form: words("NUMBER | BIT[|BIT ...]"), note: "0177",
			meaning: "The file mode bits that new files do not get; a number in C notation, or names like IRUSR and IRWXO. The command line comes first.",
			set:     (*globals).umask},
		{word: "random_seed", form: integer(between(0, 1<<32-1)), note: "the time",
			meaning: "Meant to make ${_RANDOM} repeatable; in keepalived it has no effect, and here neither.",
			set: func(g *globals, v value) {
				g.RandomSeed = uint32(v.n)
				g.b.quirk(v.at, "random_seed has no effect: ${_RANDOM} is seeded before it is read", "delete it")
			}},
	}
	for _, p := range children() {
		rows = append(rows, childRows(p)...)
	}
	for i := range rows {
		if strings.HasPrefix(rows[i].word, "bfd_") && rows[i].word != "bfd_rt_priority" {
			rows[i].set = shared(rows[i])
			rows[i].meaning += " BFD runs in the process that speaks VRRP here: it has no effect."
		}
	}
	return rows
}

// shared tells what is read and means nothing here, where BFD has no process of
// its own.
func shared(of keyword[globals]) func(*globals, value) {
	return func(g *globals, v value) {
		of.set(g, v)
		if v.at.Line == 0 { // its default
			return
		}
		other := "vrrp_" + strings.TrimPrefix(of.word, "bfd_")
		g.b.advise(v.at, of.word+" has no effect here: BFD runs in the process that speaks VRRP", "if that is to be so for both, write "+other)
	}
}

// child is one of keepalived's processes in the names of keywords and in words.
type child struct {
	prefix, what string
	of           func(*globals) *ProcessSettings
}

func children() []child {
	return []child{
		{"vrrp", "the process that speaks VRRP", func(g *globals) *ProcessSettings { return &g.VRRP }},
		{"checker", "the process that runs health checks", func(g *globals) *ProcessSettings { return &g.Checker }},
		{"bfd", "the process that speaks BFD", func(g *globals) *ProcessSettings { return &g.BFD }},
	}
}

// childRows are the keywords that each of the processes has.
func childRows(c child) []keyword[globals] {
	type row = keyword[globals]
	limit := func(g *globals, v value) { c.of(g).RealTimeLimit = time.Duration(max(v.n, 2)) * time.Microsecond }
	return []row{
		{word: c.prefix + "_process_name", form: cutText("NAME", nameLimit), note: "the main process's name",
			meaning: "The name of " + c.what + ".",
			set:     func(g *globals, v value) { c.of(g).Name = v.text }},
		{word: c.prefix + "_priority", form: loose(integer(between(-20, 19))), def: "0",
			meaning: "The nice value of " + c.what + ", which then has no real-time priority unless that is given too.",
			set:     func(g *globals, v value) { c.of(g).Nice = v.n }},
		{word: c.prefix + "_no_swap", form: flag(), note: "off",
			meaning: "The memory of " + c.what + " is locked.",
			set:     func(g *globals, v value) { c.of(g).NoSwap = true }},
		{word: c.prefix + "_rt_priority", form: loose(integer(between(1, 99).clamped())), note: "off; for vrrp holdfast's own",
			meaning: "The real-time priority of " + c.what + ".",
			set:     func(g *globals, v value) { c.of(g).RealTime = v.n }},
		{word: c.prefix + "_cpu_affinity", form: loose(words("CPU ...")), note: "all",
			meaning: "The processors that " + c.what + " may run on; a bad number discards the list.",
			set:     func(g *globals, v value) { g.affinity(c.of(g), v) }},
		{word: c.prefix + "_rlimit_rttime", form: integer(between(1, 1<<32-1).in("µs")), note: "no limit; keepalived's is 10000",
			meaning: "How long " + c.what + " may run in real time without a pause, or else it is killed; 1 becomes 2.",
			set:     limit},
		{word: c.prefix + "_rlimit_rtime", form: integer(between(1, 1<<32-1).in("µs")), instead: c.prefix + "_rlimit_rttime", quiet: true,
			meaning: "The old spelling of " + c.prefix + "_rlimit_rttime.",
			set:     limit},
	}
}

// lastCPU is the highest number that an affinity can name (CPU_SETSIZE).
const lastCPU = 1023

func (g *globals) affinity(p *ProcessSettings, v value) {
	var list []int
	for _, w := range v.words {
		n, err := strconv.ParseUint(w.Text, 10, 32)
		if err != nil || n > lastCPU {
			g.b.complain(w.Span, fmt.Sprintf("%q is not the number of a processor; the list is discarded", w.Text), fmt.Sprintf("0 to %d", lastCPU))
			return
		}
		if !slices.Contains(list, int(n)) {
			list = append(list, int(n))
		}
	}
	p.CPUs = list
}

// Umask is a creation mask for files, if one is given.
type Umask struct {
	Given bool
	Mask  uint16 // 0..0777
}

// umask reads a number in C notation, or names with | between them.
func (g *globals) umask(v value) {
	if len(v.words) == 0 {
		g.b.missing(call{word: v.node.Keyword}, "a number or names of bits")
		return
	}
	mask, ok := g.maskNumber(v)
	if first := v.words[0].Text; first == "" || first[0] < '0' || first[0] > '9' {
		mask, ok = g.maskBits(v.words)
	}
	if ok {
		g.Umask = Umask{true, mask}
	}
}

func (g *globals) maskNumber(v value) (uint16, bool) {
	n, err := strconv.ParseUint(v.words[0].Text, 0, 16)
	first := v.words[0].Text
	switch {
	case first == "" || first[0] < '0' || first[0] > '9':
		return 0, false // names
	case err != nil || n > 0o777 || strings.Contains(first, "_"):
		g.b.complain(v.words[0].Span, fmt.Sprintf("%q cannot be a creation mask and is ignored", first), "0 to 0777, octal with a 0 before it")
		return 0, false
	case len(v.words) > 1:
		g.b.complain(v.at, "umask takes one number and is ignored", "")
		return 0, false
	}
	return uint16(n), true
}

// maskBits reads names; they and the signs between them may be apart.
func (g *globals) maskBits(words []conf.Token) (mask uint16, ok bool) {
	wanted := true // a name
	if strings.HasPrefix(words[0].Text, "|") {
		g.b.complain(words[0].Span, "a bit is missing before |; umask is ignored", "IRUSR|IWUSR")
		return 0, false
	}
	for _, w := range words {
		for i, name := range strings.Split(w.Text, "|") {
			wanted = wanted || i > 0
			bit, known := maskBit(name)
			switch {
			case name == "":
				continue
			case !known:
				g.b.complain(w.Span, fmt.Sprintf("umask knows no bit %q and is ignored", name), "IRUSR IWUSR IXUSR IRWXU, the same with GRP or G, with OTH or O")
				return 0, false
			case !wanted:
				g.b.complain(w.Span, fmt.Sprintf("a | is missing before %s; umask is ignored", name), "IRUSR|IWUSR")
				return 0, false
			}
			mask, wanted = mask|bit, false
		}
	}
	if wanted {
		g.b.complain(words[len(words)-1].Span, "a bit is missing; umask is ignored", "IRUSR|IWUSR")
	}
	return mask, !wanted
}

// maskBit is a bit by its name in sys/stat.h without the S_.
func maskBit(name string) (uint16, bool) {
	for i, who := range []string{"OTH", "GRP", "USR"} {
		for bit, what := range map[uint16]string{4: "IR", 2: "IW", 1: "IX"} {
			if name == what+who {
				return bit << (3 * i), true
			}
		}
		if name == "IRWX"+who[:1] {
			return 7 << (3 * i), true
		}
	}
	return 0, false
}
