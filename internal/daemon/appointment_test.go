package daemon

import (
	"testing"
	"time"
)

// Interfaces, section 7: the forms of a reload time.
func TestReloadTimesAreReadAsKeepalivedReadsThem(t *testing.T) {
	now := time.Date(2026, 3, 28, 12, 0, 0, 0, berlin(t)) // the day before an hour is left out
	for _, tt := range []struct{ name, text, say, due string }{
		{"later today", "13:00:00\n", "Scheduling reload for 2026-03-28 13:00:00", "2026-03-28T13:00:00+01:00"},
		{"a time of day that is past is tomorrow", "11:59:59", "Scheduling reload for 2026-03-29 11:59:59", "2026-03-29T11:59:59+02:00"},
		{"now is past", "12:00:00", "Scheduling reload for 2026-03-29 12:00:00", "2026-03-29T12:00:00+02:00"},
		{"UTC", "11:30:00Z", "Scheduling reload for 2026-03-28 11:30:00Z", "2026-03-28T11:30:00Z"},
		{"date", "2026-04-01 00:00:01", "Scheduling reload for 2026-04-01 00:00:01", "2026-04-01T00:00:01+02:00"},
		{"short year", "26-04-01 00:00:01Z", "Scheduling reload for 2026-04-01 00:00:01Z", "2026-04-01T00:00:01Z"},
		{"a past date is ignored", "2026-03-27 13:00:00", `the reload time "2026-03-27 13:00:00" is past and ignored`, ""},
		{"nonsense", "at noon", `the reload time "at noon" is ignored: it is neither HH:MM:SS nor YYYY-MM-DD HH:MM:SS`, ""},
		{"no such hour", "24:00:00", `the reload time "24:00:00" is ignored: it is neither HH:MM:SS nor YYYY-MM-DD HH:MM:SS`, ""},
		{"empty", "\n", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := appointment{}
			if got := s.look(now, tt.text); got != tt.say {
				t.Errorf("says %q, want %q", got, tt.say)
			}
			due := ""
			if !s.due.IsZero() {
				due = s.due.Format(time.RFC3339)
			}
			if due != tt.due {
				t.Errorf("due at %q, want %q", due, tt.due)
			}
		})
	}
}

func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestAnAppointmentIsUpdatedCancelledAndKept(t *testing.T) {
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		repeat bool
		steps  []string // text of the file, what is said, what is done; at 12:00:01, 12:00:02 ...
	}{
		{"updated", false, []string{
			"12:10:00", "Scheduling reload for 2026-05-01 12:10:00Z", "",
			"12:10:00", "", "",
			"12:20:00", "Reload time updated from 2026-05-01 12:10:00Z to 2026-05-01 12:20:00Z", ""}},
		{"cancelled when the file goes", false, []string{
			"12:10:00", "Scheduling reload for 2026-05-01 12:10:00Z", "",
			"", "Cancelling reload scheduled for 2026-05-01 12:10:00Z", "",
			"", "", ""}},
		{"removed when it fires", false, []string{
			"12:00:02", "Scheduling reload for 2026-05-01 12:00:02Z", "",
			"12:00:02", "", "reload remove",
			"", "", ""}},
		{"kept with reload_repeat", true, []string{
			"12:00:02", "Scheduling reload for 2026-05-01 12:00:02Z", "",
			"12:00:02", "", "reload",
			"12:00:02", "", "",
			"", "Cancelling reload scheduled for 2026-05-02 12:00:02Z", ""}},
		{"a date is removed with reload_repeat too", true, []string{
			"26-05-01 12:00:02", "Scheduling reload for 2026-05-01 12:00:02Z", "",
			"26-05-01 12:00:02", "", "reload remove"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := appointment{repeat: tt.repeat}
			for i := 0; i < len(tt.steps); i += 3 {
				now := noon.Add(time.Duration(i/3+1) * time.Second)
				if got := s.look(now, tt.steps[i]); got != tt.steps[i+1] {
					t.Errorf("at %s says %q, want %q", now, got, tt.steps[i+1])
				}
				if got := done(s.fire(now)); got != tt.steps[i+2] {
					t.Errorf("at %s does %q, want %q", now, got, tt.steps[i+2])
				}
			}
		})
	}
}

func done(reload, remove bool) string {
	switch {
	case remove:
		return "reload remove"
	case reload:
		return "reload"
	}
	return ""
}
