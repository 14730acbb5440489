package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/internal/status"
)

// Why explains the role of an instance: what it is because of, what came before that, and
// what would change it. ok is false if there is no such instance.
func Why(s *status.Snapshot, events []status.Event, name string) (text string, ok bool) {
	v := s.Instance(name)
	if v == nil {
		return "", false
	}
	e := explanation{s: s, v: v}
	e.present()
	e.weights()
	e.past(events)
	e.future()
	return e.out.String(), true
}

// explanation is one in the making.
type explanation struct {
	out strings.Builder
	s   *status.Snapshot
	v   *status.Instance
}

func (e *explanation) say(format string, args ...any) { fmt.Fprintf(&e.out, format+"\n", args...) }

func (e *explanation) present() {
	v := e.v
	e.say("%s is %s since %s (%s): %s", v.Name, v.Role, e.s.Wall(v.Since).Format(time.DateTime), ago(e.s.Router.At, v.Since), v.Reason)
	if v.Group != "" {
		e.say("  it moves with the sync group %s", v.Group)
	}
	if v.Want != v.Role {
		e.say("  on its own it would be %s: its sync group is not", v.Want)
	}
	if v.Role == "BACKUP" && v.MasterHeard.IsValid() {
		e.say("  the MASTER is %s with priority %d, heard %s ago", v.MasterHeard, v.MasterPriority, ago(e.s.Router.At, v.Heard))
	}
}

// weights say what makes the priority, and what demands a fault.
func (e *explanation) weights() {
	v := e.v
	e.say("  its priority is %d, configured is %d", v.Effective, v.Priority)
	if v.Modest {
		e.say("  the node is under maintenance: it stands back for everybody (`holdfast maintenance off` ends that)")
	}
	if v.Lent {
		e.say("  it has handed over, and does not preempt its successor (`holdfast handover --back` ends that)")
	}
	for _, t := range v.Tracks {
		e.say("  %s", e.track(t))
	}
	if v.Pending {
		e.say("  it waits for the first result of a tracker")
	}
}

// track is what a tracker says, and what that amounts to.
func (e *explanation) track(t status.Track) string {
	known := e.tracker(t)
	line := fmt.Sprintf("%s %s says %s", t.Kind, t.Name, says(&known))
	if known.Why != "" && known.State == "bad" {
		line += " (" + known.Why + ")"
	}
	return line + ": " + amounts(t, &known)
}

func (e *explanation) tracker(t status.Track) status.Tracker {
	list := e.s.Router.Trackers
	at := slices.IndexFunc(list, func(k status.Tracker) bool { return k.Kind == t.Kind && k.Name == t.Name })
	if at < 0 {
		return status.Tracker{Kind: t.Kind, Name: t.Name, State: "unknown"}
	}
	return list[at]
}

// amounts is what a tracker makes of an instance.
func amounts(t status.Track, known *status.Tracker) string {
	sign := 1
	if t.Reverse {
		sign = -1
	}
	switch {
	case t.Hold:
		return "while it is good, a silent master is not relieved"
	case known.State == "unknown":
		return "no result yet"
	case t.Kind == "file":
		return fmt.Sprintf("times %d", sign*t.Weight)
	case t.Weight == 0 && (known.State == "bad") != t.Reverse:
		return "FAULT"
	case t.Weight != 0 && (t.Weight > 0) == (known.State == "good"):
		return fmt.Sprintf("priority %+d", sign*t.Weight)
	}
	return "nothing"
}

// shown is how many events are told of.
const shown = 10

// past are the last events that had to do with it: its own, and those of what it tracks.
func (e *explanation) past(events []status.Event) {
	var mine []status.Event
	for i := range events {
		if e.concerns(&events[i]) {
			mine = append(mine, events[i])
		}
	}
	if len(mine) == 0 {
		return
	}
	e.say("\nwhat happened:")
	for _, one := range mine[max(len(mine)-shown, 0):] {
		e.say("  %s", EventLine(&one))
	}
}

func (e *explanation) concerns(ev *status.Event) bool {
	switch ev.Kind {
	case status.RoleEvent:
		return ev.Name == e.v.Name
	case status.GroupEvent:
		return ev.Name == e.v.Group
	case status.ReloadEvent, status.ActEvent:
		return true
	case status.SessionEvent:
		return slices.ContainsFunc(e.v.Tracks, func(t status.Track) bool { return t.Kind == "bfd" && t.Name == ev.Name })
	}
	return slices.ContainsFunc(e.v.Tracks, func(t status.Track) bool { return t.Kind == ev.Of && t.Name == ev.Name })
}

// future says what would change the role.
func (e *explanation) future() {
	v := e.v
	e.say("\nwhat would change that:")
	switch v.Role {
	case "MASTER":
		e.say("  an advert with a priority above %d, or with %d from a higher address than %s", v.Effective, v.Effective, v.Source)
	case "BACKUP":
		e.succession()
	case "FAULT":
		e.say("  the end of what it is in FAULT for: %s", v.Reason)
	case "INIT":
		e.say("  the end of vrrp_startup_delay, or the first result of a tracker")
	}
	e.threats()
}

// succession is how a BACKUP becomes MASTER.
func (e *explanation) succession() {
	v := e.v
	e.say("  silence of the MASTER for %s, or its good-bye", short(v.Down))
	switch {
	case v.PreemptAt != 0:
		e.say("  the end of preempt_delay in %s", short(v.PreemptAt.Sub(e.s.Router.At)))
	case v.NoPreempt || v.Lent:
		e.say("  not a MASTER of lower priority: it does not preempt")
	case v.Effective < 255:
		e.say("  a MASTER with a priority below %d", v.Effective)
	}
}

// threats are the trackers and links that would make a fault.
func (e *explanation) threats() {
	if e.v.Role == "FAULT" || e.v.Role == "INIT" {
		return
	}
	if e.v.Link != "" {
		e.say("  interface %s going down: FAULT", e.v.Link)
	}
	for _, t := range e.v.Tracks {
		if t.Weight == 0 && !t.Hold && t.Kind != "file" {
			e.say("  %s %s turning %s: FAULT", t.Kind, t.Name, map[bool]string{false: "bad", true: "good"}[t.Reverse])
		}
	}
}

// EventLine is one event on a line.
func EventLine(e *status.Event) string {
	line := e.Time.Local().Format("2006-01-02 15:04:05.000") + "  " + e.Kind + " "
	if e.Of != "" && e.Kind == status.TrackerEvent {
		line += e.Of + " "
	}
	line += e.Name
	if e.Of != "" && e.Kind == status.ServerEvent {
		line += " of " + e.Of
	}
	if e.From != "" {
		line += ": " + e.From + " ->"
	} else {
		line += ":"
	}
	line += " " + e.To
	if e.By != "" {
		line += " by " + e.By
	}
	if e.Reason != "" {
		line += " (" + e.Reason + ")"
	}
	return line
}
