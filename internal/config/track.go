package config

import (
	"fmt"
	"slices"

	"holdfast/internal/conf"
	"holdfast/internal/tracker"
)

// trackDraft is the words behind the name on a line of a track_* list.
type trackDraft struct {
	b       *builder
	weight  maybe[int]
	reverse maybe[bool]
}

// kinds are the kinds of track in the order of the manual.
func kinds() []tracker.Kind {
	return []tracker.Kind{tracker.Script, tracker.Interface, tracker.File, tracker.Process, tracker.BFD, tracker.Check}
}

// trackWord is the keyword of the list of a kind.
func trackWord(k tracker.Kind) string {
	switch k {
	case tracker.Script:
		return "track_script"
	case tracker.Interface:
		return "track_interface"
	case tracker.File:
		return "track_file"
	case tracker.Process:
		return "track_process"
	case tracker.Check:
		return "track_check"
	}
	return "track_bfd"
}

// trackTables are the tables of the lines of all kinds.
func trackTables() (all [tracker.Check + 1]*block[trackDraft]) {
	for _, k := range kinds() {
		all[k] = trackTable(k)
	}
	return all
}

func trackTable(k tracker.Kind) *block[trackDraft] {
	type row = keyword[trackDraft]
	name, turns := "<NAME>", []string{"reverse", "noreverse"}
	if k == tracker.Interface {
		name, turns = "<IFNAME>", []string{"reverse"}
	}
	return table("vrrp_instance/"+trackWord(k),
		row{word: name, form: place("[weight N]", "each once"), meaning: trackMeaning(k)},
		row{word: "weight", form: weight(trackWeights(k), turns...), note: trackDefault(k),
			meaning: "The weight for those who follow it here; reverse negates what it adds, or with weight 0 makes good bad and bad good.",
			set:     (*trackDraft).weigh},
	)
}

func trackMeaning(k tracker.Kind) string {
	switch k {
	case tracker.Script:
		return "A vrrp_script: with weight 0 a failing one means FAULT, and none is BACKUP before the first result; a positive weight is added while it is good, a negative one taken away while it is bad."
	case tracker.Interface:
		return "An interface: with weight 0 its loss means FAULT; a positive weight is added while it is up, a negative one taken away while it is down."
	case tracker.File:
		return "A track_file: its value times the weight is added; -254 or less means FAULT, more than 253 counts as 253; with weight 0 any value but 0 means FAULT."
	case tracker.Process:
		return "A vrrp_track_process: with weight 0 a lost quorum means FAULT; a positive weight is added with the quorum, a negative one taken away without."
	case tracker.Check:
		return "A vrrp_check: with weight 0 a failing one means FAULT, and none is BACKUP before the first result; a positive weight is added while it is good, a negative one taken away while it is bad."
	}
	return "A bfd_instance: with weight 0 a session that is down means FAULT; a positive weight is added while it is up, a negative one taken away while it is down."
}

// trackWeights is the range of the weights of a kind.
func trackWeights(k tracker.Kind) bounds {
	if k == tracker.BFD || k == tracker.Check {
		return between(-weightLimit, weightLimit)
	}
	return between(-254, 254)
}

func trackDefault(k tracker.Kind) string {
	if k == tracker.Interface {
		return "0"
	}
	return "that of the " + definingWord(k)
}

// weigh takes the weight and the way it counts.
func (t *trackDraft) weigh(v value) {
	if t.weight.given {
		t.b.complain(v.at, "weight is given twice; the first one counts", "delete it")
		return
	}
	t.weight = given(v.n, v.at)
	if len(v.words) > 0 {
		t.reverse = given(v.words[len(v.words)-1].Text == "reverse", v.at)
	}
}

// tracking is where the track_* keywords of an instance or a group go.
type tracking struct {
	b  *builder
	to *tracks
}

// trackRows are the keywords that instances and groups share; what says who follows.
func trackRows[T any](voc *vocabulary, what string, of func(*T) tracking) []keyword[T] {
	row := func(k tracker.Kind, things, line string) keyword[T] {
		return keyword[T]{word: trackWord(k), form: body(line + " lines"), opens: voc.tracks[k], own: k == tracker.Check,
			meaning: things + " that " + what + ".",
			set: func(t *T, v value) {
				to := of(t)
				to.b.readTracks(to.to, k, v)
			}}
	}
	const line = "NAME [weight N [reverse|noreverse]]"
	return []keyword[T]{
		row(tracker.Script, "Scripts", line),
		row(tracker.Interface, "Interfaces", "IFNAME [weight N [reverse]]"),
		row(tracker.File, "Files", line),
		row(tracker.Process, "Counts of processes", line),
		row(tracker.BFD, "BFD sessions", line),
		row(tracker.Check, "Checks", line),
	}
}

// tracks is what an instance or a group follows, with the places.
type tracks struct {
	list []tracker.Track
	at   []conf.Span
}

func (t *tracks) add(track tracker.Track, at conf.Span) {
	t.list, t.at = append(t.list, track), append(t.at, at)
}

// follows reports whether something is tracked already.
func (t *tracks) follows(k tracker.Kind, name string) bool {
	return slices.ContainsFunc(t.list, func(o tracker.Track) bool { return o.Kind == k && o.Name == name })
}

// drop removes the tracks of which a reason is told.
func (t *tracks) drop(because func(*tracker.Track, conf.Span) bool) {
	list, at := t.list[:0], t.at[:0]
	for i, track := range t.list {
		if !because(&track, t.at[i]) {
			list, at = append(list, track), append(at, t.at[i])
		}
	}
	t.list, t.at = list, at
}

// readTracks reads the lines of a track_* list.
func (b *builder) readTracks(to *tracks, k tracker.Kind, v value) {
	b.enter(v.node)
	defer b.leave()
	for _, n := range v.node.Body {
		if n.Block {
			b.fail(n.Span(), n.Keyword.Text+" has no block here", "delete the braces")
			continue
		}
		b.readTrack(to, k, n)
	}
}

func (b *builder) readTrack(to *tracks, k tracker.Kind, n *conf.Node) {
	track := tracker.Track{Kind: k, Name: b.keep(n.Keyword.Text)}
	if to.follows(k, track.Name) {
		b.complain(n.Span(), track.Name+" is tracked already; this line is ignored", "delete it")
		return
	}
	if !b.trackable(&track, n) {
		return
	}
	d := &trackDraft{b: b}
	if !b.voc.tracks[k].options(b, n.Args, d) {
		return
	}
	track.Weight, track.Reverse = d.weight.or(track.Weight), d.reverse.or(track.Reverse)
	if track.Hold && track.Weight != 0 {
		b.complain(d.weight.at, track.Name+" says stay_backup: a weight is ignored", "delete it")
		track.Weight, track.Reverse = 0, false
	}
	if k == tracker.Script || k == tracker.Interface {
		track.Weight = b.weight(track.Weight, d.weight.at)
	}
	to.add(track, n.Span())
}

// trackable finds what is meant by the name of a track, and its weight.
func (b *builder) trackable(track *tracker.Track, n *conf.Node) bool {
	if track.Kind == tracker.Interface {
		return b.linkName(n.Keyword)
	}
	d := b.find(track.Kind, n.Keyword)
	if d == nil {
		return false
	}
	track.Weight, track.Reverse = d.weight, d.reverse
	switch track.Kind {
	case tracker.Script:
		b.use(n.Span(), &b.cfg.Scripts[d.index].Command)
	case tracker.BFD:
		return b.told(d, n)
	case tracker.Check:
		b.followCheck(track, &b.cfg.Checks[d.index], n)
	}
	return true
}

// ownerWeights is why weights do not count for an owner.
const ownerWeights = "the priority of an address owner (255) never changes"

// clearWeights takes the weights of what a group follows that has an owner among
// its members; what is bad then means FAULT.
func (b *builder) clearWeights(t *tracks) {
	for i := range t.list {
		if t.list[i].Weight != 0 {
			b.rule("owner-weight").complain(t.at[i], fmt.Sprintf("the weight of %s becomes 0: %s", t.list[i].Name, ownerWeights), "track it without weight")
			t.list[i].Weight = 0
		}
	}
}

// dropWeights takes out of a member of a sync group what it follows with a
// weight of its own; an interface stays, without weight.
func (b *builder) dropWeights(t *tracks) {
	const why = "members of a sync group follow no weights of their own"
	const fix = "track it in the group, or write sync_group_tracking_weight there"
	t.drop(func(track *tracker.Track, at conf.Span) bool {
		if track.Kind == tracker.Interface && track.Weight != 0 {
			b.complain(at, fmt.Sprintf("the weight of %s becomes 0: %s", track.Name, why), fix)
			track.Weight = 0
		}
		return b.weightless(b.rule(""), track, at, why, fix)
	})
}

// dropOwnerWeights takes out of an address owner what it follows with a weight.
func (b *builder) dropOwnerWeights(t *tracks) {
	t.drop(func(track *tracker.Track, at conf.Span) bool {
		return b.weightless(b.rule("owner-weight"), track, at, ownerWeights, "track it without weight")
	})
}

// weightless reports whether a track is dropped because it has a weight where none
// may be. A file of weight 1, which is its default, loses the weight only: then a
// value other than 0 means FAULT. Of processes keepalived does not speak.
func (b *builder) weightless(r rule, track *tracker.Track, at conf.Span, why, fix string) bool {
	switch {
	case track.Weight == 0:
		return false
	case track.Kind == tracker.File && track.Weight == 1:
		r.complain(at, fmt.Sprintf("the weight of %s becomes 0, and any value but 0 means FAULT: %s", track.Name, why), "write weight 0 behind it")
		track.Weight = 0
		return false
	case track.Kind == tracker.Process:
		r.advise(at, fmt.Sprintf("%s is not tracked: %s", track.Name, why), fix)
	default:
		r.complain(at, fmt.Sprintf("%s is not tracked: %s", track.Name, why), fix)
	}
	return true
}
