package daemon

import (
	"fmt"
	"strings"
	"time"
)

// appointment is when reload_time_file wants a reload. It is given what the file
// holds and the wall clock, and answers what to say and whether it is time.
type appointment struct {
	repeat bool // reload_repeat
	text   string
	due    time.Time // zero: none
	daily  bool      // the file holds a time of day only
}

// look takes in what the file holds at the moment. An empty text is a file that
// is empty or not there.
func (a *appointment) look(now time.Time, text string) (say string) {
	text = strings.TrimSpace(text)
	if text == a.text {
		return ""
	}
	before := a.due
	a.text = text
	due, daily, err := reloadTime(now, text)
	a.due, a.daily = due, daily
	switch {
	case err != nil && !before.IsZero():
		return fmt.Sprintf("%v; Cancelling reload scheduled for %s", err, moment(before))
	case err != nil:
		return err.Error()
	case due.IsZero() && before.IsZero():
		return ""
	case due.IsZero():
		return "Cancelling reload scheduled for " + moment(before)
	case before.IsZero():
		return "Scheduling reload for " + moment(due)
	}
	return fmt.Sprintf("Reload time updated from %s to %s", moment(before), moment(due))
}

// fire reports whether the time has come, and whether the file is to go with it:
// it stays for the same time of the next day.
func (a *appointment) fire(now time.Time) (reload, remove bool) {
	if a.due.IsZero() || now.Before(a.due) {
		return false, false
	}
	if keeps := a.repeat && a.daily; !keeps {
		*a = appointment{repeat: a.repeat}
		return true, true
	}
	a.due, _, _ = reloadTime(now, a.text)
	return true, false
}

// reloadTime reads HH:MM:SS, YY-MM-DD HH:MM:SS or YYYY-MM-DD HH:MM:SS, local time
// unless Z follows. A time of day that is past is tomorrow's.
func reloadTime(now time.Time, text string) (due time.Time, daily bool, err error) {
	if text == "" {
		return time.Time{}, false, nil
	}
	local, zone := text, now.Location()
	if cut, utc := strings.CutSuffix(text, "Z"); utc {
		local, zone = cut, time.UTC
	}
	if t, err := time.ParseInLocation(time.TimeOnly, local, zone); err == nil {
		return nextAt(now.In(zone), t), true, nil
	}
	for _, layout := range []string{"06-01-02 15:04:05", time.DateTime} {
		t, err := time.ParseInLocation(layout, local, zone)
		switch {
		case err == nil && t.Before(now):
			return time.Time{}, false, fmt.Errorf("the reload time %q is past and ignored", text)
		case err == nil:
			return t, false, nil
		}
	}
	return time.Time{}, false, fmt.Errorf("the reload time %q is ignored: it is neither HH:MM:SS nor YYYY-MM-DD HH:MM:SS", text)
}

// nextAt is the next moment after now with the time of day of t.
func nextAt(now, t time.Time) time.Time {
	at := func(days int) time.Time {
		return time.Date(now.Year(), now.Month(), now.Day()+days, t.Hour(), t.Minute(), t.Second(), 0, now.Location())
	}
	if today := at(0); today.After(now) {
		return today
	}
	return at(1)
}

// moment is how log lines show a time.
func moment(t time.Time) string {
	if t.Location() == time.UTC {
		return t.Format(time.DateTime) + "Z"
	}
	return t.Format(time.DateTime)
}
