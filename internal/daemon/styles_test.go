package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/bfd"
	"holdfast/internal/bfd/wire"
	"holdfast/internal/cli"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/relay"
	"holdfast/internal/status"
	"holdfast/internal/vrrp"
)

// talkative is a worker process whose log is in memory.
func talkative(o cli.Options, c config.Log) (*workerProcess, *bytes.Buffer) {
	out := &bytes.Buffer{}
	h := &logs{manner: &atomic.Pointer[manner]{}, lock: &sync.Mutex{}, places: []place{{write: func(l slog.Level, text string) { fmt.Fprintf(out, "%s\n", text) }}}}
	h.manner.Store(mannerOf(&o, c))
	w := &workerProcess{log: slog.New(h)}
	w.floods.log = w.log
	return w, out
}

// sayAll logs one of each that is made of parts.
func sayAll(w *workerProcess) {
	w.logChange(&vrrp.Change{Name: "V", From: vrrp.Backup, To: vrrp.Master, Priority: 100, Reason: "master down"})
	w.logChange(&vrrp.Change{Name: "G", Group: true, From: vrrp.Master, To: vrrp.Fault, Reason: "member V"})
	w.logNote(&vrrp.Note{Kind: vrrp.NoteTimeout, Name: "V"})
	w.logNote(&vrrp.Note{Kind: vrrp.NoteLinkDown, ID: vrrp.NoID, Name: "eth0"})
	w.logSession(&bfd.Change{Name: "peer", From: wire.Up, To: wire.Down})
	w.logAct("reload by uid 0: done (x=1)", &status.Event{Name: "reload", By: "uid 0", To: "done", Reason: "x=1"})
	report2(w, conf.Diag{Severity: conf.Complaint, Text: "odd", Fix: "mend it", Rule: "oddity"})
	w.logLine(relay.Line{Text: "one\ntwo", Bad: true})
}

func report2(w *workerProcess, d conf.Diag) {
	w.log.LogAttrs(context.Background(), level(d.Severity), line(d), findingParts(d))
}

func TestTheLineOfATransitionHasItsCauseInEveryStyle(t *testing.T) {
	for style, want := range map[string]string{
		styleKeepalived: "(V) Entering MASTER STATE (master down)\n",
		styleText:       `level=info msg="role changed" instance=V from=BACKUP to=MASTER cause="master down" reason="master down" priority=100` + "\n",
	} {
		w, out := talkative(cli.Options{LogStyle: style}, config.Log{})
		w.logChange(&vrrp.Change{Name: "V", From: vrrp.Backup, To: vrrp.Master, Priority: 100, Reason: "master down"})
		_, got, found := strings.Cut(out.String(), "time=")
		if !found {
			got = out.String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", style, got, want)
		}
	}
}

func TestTheStyleOfKeepalivedHasNothingButItsLines(t *testing.T) {
	w, out := talkative(cli.Options{Detail: true}, config.Log{})
	sayAll(w)
	want := `(V) Entering MASTER STATE (master down)
VRRP_Group(G) Syncing instances to FAULT state (member V)
(V) Receive advertisement timeout
Netlink reports eth0 down
(peer) Entering Down state (Local diagnostic - No Diagnostic, Remote diagnostic - No Diagnostic)
reload by uid 0: done (x=1)
complaint: odd (mend it)
one
two
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestEachLineOfTheStyleJSONIsAnObject(t *testing.T) {
	w, out := talkative(cli.Options{LogStyle: styleJSON, LogLevel: "debug"}, config.Log{})
	sayAll(w)
	var got []map[string]any
	for line := range strings.Lines(out.String()) {
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(one["time"])); err != nil {
			t.Errorf("%q has no time: %v", line, err)
		}
		delete(one, "time")
		got = append(got, one)
	}
	want := []map[string]any{
		{"level": "info", "msg": "role changed", "instance": "V", "from": "BACKUP", "to": "MASTER", "cause": status.Cause("MASTER", "master down"), "reason": "master down", "priority": 100.0},
		{"level": "info", "msg": "group changed", "group": "G", "from": "MASTER", "to": "FAULT", "cause": status.Cause("FAULT", "member V"), "reason": "member V"},
		{"level": "debug", "msg": "(V) Receive advertisement timeout", "instance": "V"},
		{"level": "info", "msg": "Netlink reports eth0 down", "link": "eth0"},
		{"level": "info", "msg": "session changed", "session": "peer", "from": "Up", "to": "Down", "reason": "No Diagnostic"},
		{"level": "info", "msg": "act", "act": "reload", "by": "uid 0", "result": "done", "reason": "x=1"},
		{"level": "warn", "msg": "odd", "severity": "complaint", "rule": "oddity", "fix": "mend it"},
		{"level": "warn", "msg": "one"}, {"level": "warn", "msg": "two"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTheCommandLineComesBeforeTheConfiguration(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    cli.Options
		c    config.Log
		want manner
	}{
		{"nobody says anything", cli.Options{}, config.Log{}, manner{styleKeepalived, slog.LevelInfo}},
		{"-D", cli.Options{Detail: true}, config.Log{}, manner{styleKeepalived, slog.LevelDebug}},
		{"the configuration", cli.Options{}, config.Log{Style: styleJSON, Level: "warn"}, manner{styleJSON, slog.LevelWarn}},
		{"-D and the configuration", cli.Options{Detail: true}, config.Log{Level: "error"}, manner{styleKeepalived, slog.LevelDebug}},
		{"-D and a level", cli.Options{Detail: true, LogLevel: "warn"}, config.Log{}, manner{styleKeepalived, slog.LevelWarn}},
		{"the command line", cli.Options{LogStyle: styleText, LogLevel: "debug"}, config.Log{Style: styleJSON, Level: "warn"}, manner{styleText, slog.LevelDebug}},
	} {
		if got := *mannerOf(&tt.o, tt.c); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestEveryWordOfTheLogIsUnderstood(t *testing.T) {
	for _, style := range config.LogStyles() {
		if style != styleKeepalived && style != styleText && style != styleJSON {
			t.Errorf("nobody writes the style %s", style)
		}
	}
	for _, word := range config.LogLevels() {
		if got := strings.ToLower(mannerOf(&cli.Options{LogLevel: word}, config.Log{}).level.String()); got != word {
			t.Errorf("the level %s is %s", word, got)
		}
	}
}

func TestAFloodIsCountedAndTransitionsAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, out := talkative(cli.Options{}, config.Log{})
		for range 500 {
			w.logNote(&vrrp.Note{Kind: vrrp.NoteLowerHeard, Name: "V", A: 1, B: 2})
			w.logLine(relay.Line{Text: "the kernel refuses", Bad: true})
			w.logChange(&vrrp.Change{Name: "V", From: vrrp.Backup, To: vrrp.Master, Reason: "master down"})
			w.logAct("handover by uid 0: done ()", &status.Event{})
		}
		w.logNote(&vrrp.Note{Kind: vrrp.NoteLowerHeard, Name: "W", A: 1, B: 2})
		w.logNote(&vrrp.Note{Kind: vrrp.NoteTwoOwners, Name: "V"})
		time.Sleep(floodWhile + time.Second)
		lower := (&vrrp.Note{Kind: vrrp.NoteLowerHeard, Name: "V", A: 1, B: 2}).String()
		for text, want := range map[string]int{
			lower + "\n":                            floodMost,
			lower + " … 480 more\n":                 1,
			"the kernel refuses\n":                  floodMost,
			"the kernel refuses … 480 more\n":       1,
			"(V) Entering MASTER STATE":             500,
			"handover by":                           500,
			strings.Replace(lower, "(V)", "(W)", 1): 1,
			(&vrrp.Note{Kind: vrrp.NoteTwoOwners, Name: "V"}).String(): 1,
		} {
			if got := strings.Count(out.String(), text); got != want {
				t.Errorf("%q is told %d times, not %d", text, got, want)
			}
		}
		before := out.Len()
		w.logLine(relay.Line{Text: "the kernel refuses", Bad: true})
		if out.Len() == before {
			t.Error("after a while it is not told again")
		}
		time.Sleep(2 * floodWhile)
		if w.floods.kinds != nil {
			t.Error("what is over is kept")
		}
	})
}
