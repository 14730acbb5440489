package config

import (
	"fmt"
	"slices"

	"holdfast/internal/conf"
	"holdfast/internal/tracker"
)

// groupDraft is a vrrp_sync_group until all instances are known.
type groupDraft struct {
	Group
	b       *builder
	node    *conf.Node
	members []conf.Token
	tracks  tracks
	// ownWeights is sync_group_tracking_weight.
	ownWeights      bool
	mail            maybe[bool]
	priorityChanges maybe[bool]
}

func groupTable(v *vocabulary) *block[groupDraft] {
	type row = keyword[groupDraft]
	rows := []row{
		{word: "group", form: wordList("INSTANCE"), once: true, note: "required",
			meaning: "The instances that change role together.",
			set:     func(g *groupDraft, v value) { g.members = v.words }},
		{word: "sync_group_tracking_weight", form: flag(), note: "off",
			meaning: "Members may follow weights of their own.",
			set:     func(g *groupDraft, v value) { g.ownWeights = true }},
		{word: "global_tracking", form: flag(), instead: "sync_group_tracking_weight",
			meaning: "Members may follow weights of their own.",
			set:     func(g *groupDraft, v value) { g.ownWeights = true }},
		{word: "smtp_alert", form: boolean(), note: "smtp_alert_vrrp, else smtp_alert",
			meaning: "Mail when the group changes state.",
			set:     func(g *groupDraft, v value) { g.mail = given(v.on, v.at) }},
		{word: "notify_priority_changes", form: boolean(), note: "vrrp_notify_priority_changes",
			meaning: "Default of notify_priority_changes of the members.",
			set:     func(g *groupDraft, v value) { g.priorityChanges = given(v.on, v.at) }},
	}
	rows = append(rows, trackRows(v, "every member follows", func(g *groupDraft) tracking { return tracking{g.b, &g.tracks} })...)
	return table("vrrp_sync_group", append(rows, notifyRows(func(g *groupDraft) notifying { return notifying{g.b, &g.Notify} })...)...)
}

func (b *builder) readGroup(v value) {
	name, ok := b.name(v, b.grouped)
	if !ok {
		return
	}
	g := groupDraft{b: b, node: v.node}
	g.Name = name
	b.enter(v.node)
	b.voc.group.read(b, v.node.Body, &g)
	b.leave()
	b.groups = append(b.groups, g)
}

// finishGroups binds groups and members when all instances are known.
func (b *builder) finishGroups() {
	taken := map[string]string{}
	for i := range b.groups {
		b.in(b.groups[i].node, func() { b.finishGroup(&b.groups[i], taken) })
	}
}

func (b *builder) finishGroup(g *groupDraft, taken map[string]string) {
	members := b.members(g, taken)
	if len(members) == 0 {
		b.follow(func() {
			b.complain(g.node.Span(), fmt.Sprintf("vrrp_sync_group %s has no members and is left out", g.Name), "name instances in group { }")
		})
		return
	}
	if len(members) == 1 && len(g.members) == 1 { // else it was said who is left out
		b.follow(func() {
			b.rule("group-of-one").complain(g.node.Span(), fmt.Sprintf("vrrp_sync_group %s has only one member", g.Name), "a group makes several instances change together")
		})
	}
	b.settleTracks(g, members)
	g.Tracks, g.OwnWeights = g.tracks.list, g.ownWeights
	g.Notify.Mail = g.mail.or(b.globals.mailDefault())
	g.Notify.PriorityChanges = g.priorityChanges.or(b.globals.priorityChanges)
	for _, i := range members {
		if !b.facts[i].priorityChanges {
			b.cfg.Instances[i].Notify.PriorityChanges = g.Notify.PriorityChanges
		}
	}
	b.cfg.Groups = append(b.cfg.Groups, g.Group)
}

// members finds the instances of a group.
func (b *builder) members(g *groupDraft, taken map[string]string) []int {
	var found []int
	for _, w := range g.members {
		i, known := b.index[w.Text]
		switch {
		case !known:
			b.follow(func() {
				b.complain(w.Span, "there is no vrrp_instance "+w.Text+"; it is left out of the group", b.instanceLike(w.Text))
			})
		case taken[w.Text] == g.Name:
			b.complain(w.Span, w.Text+" is named twice", "delete one")
		case taken[w.Text] != "":
			b.complain(w.Span, fmt.Sprintf("%s is in vrrp_sync_group %s already and is left out of this one", w.Text, taken[w.Text]), "an instance is in one group only")
		default:
			name := b.keep(w.Text)
			taken[name] = g.Name
			g.Members = append(g.Members, name)
			found = append(found, i)
		}
	}
	return found
}

func (b *builder) instanceLike(name string) string {
	names := make([]string, len(b.cfg.Instances))
	for i := range names {
		names[i] = b.cfg.Instances[i].VRRP.Name
	}
	return nearest(name, names, "")
}

// settleTracks takes weights from members that may have none, and gives the
// members what the group follows.
func (b *builder) settleTracks(g *groupDraft, members []int) {
	owner := slices.ContainsFunc(members, func(i int) bool { return b.cfg.Instances[i].VRRP.Priority == 255 })
	if owner {
		b.clearWeights(&g.tracks)
	}
	for _, i := range members {
		own := tracks{b.cfg.Instances[i].Tracks, b.facts[i].trackedAt}
		if !g.ownWeights {
			b.in(b.facts[i].node, func() { b.dropWeights(&own) })
		}
		for k, t := range g.tracks.list {
			switch {
			case t.Kind == tracker.Interface && t.Name == b.cfg.Instances[i].VRRP.Link:
			case !own.follows(t.Kind, t.Name):
				own.add(t, g.tracks.at[k])
			case t.Kind == tracker.Interface:
				b.complain(g.tracks.at[k], fmt.Sprintf("%s is tracked by %s as well, whose line counts for it", t.Name, b.facts[i].node.Title()), "delete one of the lines")
			}
		}
		b.cfg.Instances[i].Tracks, b.facts[i].trackedAt = own.list, own.at
	}
}
