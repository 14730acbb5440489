package config

import (
	"fmt"
	"slices"

	"holdfast/internal/conf"
	"holdfast/internal/tracker"
)

// definition is what can be tracked by name, as those see it that track it.
type definition struct {
	node  *conf.Node
	index int // in the list of its kind in Config
	// weight and reverse hold for tracks that say none.
	weight  int
	reverse bool
	used    bool
}

// definingWord is the keyword of the block that defines what is tracked.
func definingWord(k tracker.Kind) string {
	switch k {
	case tracker.Script:
		return "vrrp_script"
	case tracker.File:
		return "track_file"
	case tracker.Process:
		return "vrrp_track_process"
	case tracker.BFD:
		return "bfd_instance"
	case tracker.Check:
		return "vrrp_check"
	}
	return "interface"
}

// define makes a name known to what follows in the file. The first of one name is
// the one that is tracked; keepalived does not speak of the others.
func (b *builder) define(k tracker.Kind, name string, d *definition) {
	if first := b.defined[k][name]; first != nil {
		b.advise(d.node.ArgSpan(), fmt.Sprintf("there is a %s already; this one is never used", first.node.Title()), "give it another name")
		return
	}
	if b.defined[k] == nil {
		b.defined[k] = map[string]*definition{}
	}
	b.defined[k][name] = d
}

// find answers what a name means for those that track it, or says that nothing
// above has it.
func (b *builder) find(k tracker.Kind, name conf.Token) *definition {
	d := b.defined[k][name.Text]
	if d != nil {
		d.used = true
		return d
	}
	b.rule("undefined-name").complain(name.Span, fmt.Sprintf("there is no %s %s above; it is not tracked", definingWord(k), name.Text), b.definedLike(k, name.Text))
	return nil
}

// definedLike offers the name that was meant.
func (b *builder) definedLike(k tracker.Kind, name string) string {
	var names []string
	for known := range b.defined[k] {
		names = append(names, known)
	}
	slices.Sort(names)
	return nearest(name, names, fmt.Sprintf("a %s must stand above what tracks it", definingWord(k)))
}

// trackerName reads the name of what can be tracked. keepalived takes the first word.
func (b *builder) trackerName(v value) (string, bool) {
	switch {
	case len(v.words) == 0:
		b.missing(call{word: v.node.Keyword}, "a name")
		return "", false
	case v.words[0].Text == "":
		b.complain(v.node.Span(), v.node.Keyword.Text+" has no name and is left out", "write a name before the {")
		return "", false
	case len(v.words) > 1:
		b.advise(v.words[1].Span.To(v.words[len(v.words)-1].Span), "the name is "+v.words[0].Text+"; what follows is ignored", "put quotes around a name of several words")
	}
	return b.keep(v.words[0].Text), true
}

// finishTrackers leaves out what nobody tracks.
func (b *builder) finishTrackers() {
	b.cfg.Scripts = tracked(b, tracker.Script, b.cfg.Scripts, func(s *Script) string { return s.Name })
	b.cfg.Files = tracked(b, tracker.File, b.cfg.Files, func(f *File) string { return f.Name })
	b.cfg.Processes = tracked(b, tracker.Process, b.cfg.Processes, func(p *Process) string { return p.Name })
	b.cfg.Checks = tracked(b, tracker.Check, b.cfg.Checks, func(c *VRRPCheck) string { return c.Name })
}

// tracked keeps of the definitions of a kind those that somebody tracks.
func tracked[T any](b *builder, k tracker.Kind, all []T, name func(*T) string) []T {
	kept := all[:0]
	for i := range all {
		d := b.defined[k][name(&all[i])]
		switch {
		case d.index != i: // another of the same name, which was said
		case !d.used:
			b.rule("untracked").advise(d.node.Span(), fmt.Sprintf("nobody tracks %s %s; %s", definingWord(k), name(&all[i]), unused(k)),
				fmt.Sprintf("name it in %s of an instance or group that stands below it", trackWord(k)))
		default:
			kept = append(kept, all[i])
		}
	}
	clear(all[len(kept):])
	return kept
}

func unused(k tracker.Kind) string {
	if k == tracker.Script {
		return "it is not run"
	}
	return "it is not watched"
}

// setWeight takes the weight of a definition.
func (d *definition) setWeight(v value) {
	d.weight, d.reverse = v.n, len(v.words) > 0
}
