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

func trackTable() *block[trackDraft] {
	type row = keyword[trackDraft]
	return table("track_*",
		row{word: "weight", form: integer(between(-254, 254)), note: "that of what is tracked, or 0",
			meaning: "What the priority changes by; 0 means that bad is FAULT.",
			set: func(t *trackDraft, v value) {
				t.weight = given(t.b.weight(v.n, v.at), v.at)
			}},
		row{word: "reverse", form: flag(), note: "off",
			meaning: "Good counts as bad and bad as good.",
			set:     func(t *trackDraft, v value) { t.reverse = given(true, v.at) }},
		row{word: "noreverse", form: flag(), note: "off",
			meaning: "Undoes the reverse of what is tracked.",
			set:     func(t *trackDraft, v value) { t.reverse = given(false, v.at) }},
	)
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

// readTracks reads the lines of track_script or track_interface.
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
	switch k {
	case tracker.Script:
		e := b.scripts[track.Name]
		if e == nil {
			b.rule("undefined-name").complain(n.Keyword.Span, "there is no vrrp_script "+track.Name+" above; it is not tracked", b.scriptLike(track.Name))
			return
		}
		e.used = true
		track.Weight, track.Reverse = e.weight, e.reverse
		b.use(n.Span(), &b.cfg.Scripts[e.index].Command)
	case tracker.Interface:
		if !b.linkName(n.Keyword) {
			return
		}
	}
	d := &trackDraft{b: b}
	if !b.voc.track.options(b, n.Args, d) {
		return
	}
	track.Weight, track.Reverse = d.weight.or(track.Weight), d.reverse.or(track.Reverse)
	to.add(track, n.Span())
}

// scriptLike offers the script that was meant.
func (b *builder) scriptLike(name string) string {
	var names []string
	for known := range b.scripts {
		names = append(names, known)
	}
	slices.Sort(names)
	return nearest(name, names, "a vrrp_script must stand above what tracks it")
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
		switch {
		case track.Weight == 0:
			return false
		case track.Kind == tracker.Interface:
			b.complain(at, fmt.Sprintf("the weight of %s becomes 0: %s", track.Name, why), fix)
			track.Weight = 0
			return false
		}
		b.complain(at, fmt.Sprintf("%s is not tracked: %s", track.Name, why), fix)
		return true
	})
}
