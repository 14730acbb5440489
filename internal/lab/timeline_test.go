package lab

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sprint(v any) string { return fmt.Sprint(v) }

func TestEntriesReadAsSentences(t *testing.T) {
	at := 1500 * time.Millisecond
	for want, e := range map[string]Entry{
		"    1.500  ka67     holds 192.0.2.9 on eth0":          {At: at, Kind: "address", Node: "ka67", Address: "192.0.2.9", Link: "eth0", Held: true},
		"    1.500  ka67     gave up 192.0.2.9 on eth0":        {At: at, Kind: "address", Node: "ka67", Address: "192.0.2.9", Link: "eth0"},
		"    1.500  ka67     web is MASTER: master down":       {At: at, Kind: "role", Node: "ka67", Instance: "web", Role: "MASTER", Text: "master down"},
		"    1.500  ----     ---- kill ka67":                   {At: at, Kind: "fault", Text: "kill ka67"},
		"    1.500  client   192.0.2.9:80/tcp is not answered": {At: at, Kind: "served", Node: "client", Address: "192.0.2.9:80/tcp", Text: "is not answered"},
		"    1.500  ka67     goes on":                          {At: at, Kind: "note", Node: "ka67", Text: "goes on"},
	} {
		if got := e.String(); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	got, err := json.Marshal(Entry{At: at, Kind: "address", Node: "ka67", Address: "192.0.2.9", Link: "eth0"})
	if want := `{"at_ms":1500,"kind":"address","node":"ka67","address":"192.0.2.9","link":"eth0","held":false}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func TestLogLinesArriveWholeAndRolesAreUnderstood(t *testing.T) {
	line := &timeline{start: time.Now()}
	m := &machine{plan: &NodePlan{Name: "a"}, line: line, role: roleLine(), talk: talkLine(), real: realLine(), roles: map[string]Entry{}, said: map[string]string{}}
	l := &logTail{line: m.heard}
	for _, piece := range []string{
		"Fri Nov 20 14:22:12 2026: (VI_1) Receive advert", "isement timeout\nFri Nov 20 14:22:12 2026: (VI_1) Entering MASTER STATE\n",
		"(VI_2) Entering BACKUP STATE (preempted by 192.0.2.1 (lower) priority 120)\nx Entering MASTER STATE\n",
		"Fri Nov 20 14:22:12 2026: Removing service [10.16.8.8]:tcp:80 from VS [10.16.8.100]:tcp:80\n",
	} {
		l.Write([]byte(piece))
	}
	var got []string
	for _, e := range line.entries {
		got = append(got, e.what())
	}
	want := []string{"VI_1 is MASTER: Receive advertisement timeout", "VI_2 is BACKUP: preempted by 192.0.2.1 (lower) priority 120", "Removing service [10.16.8.8]:tcp:80 from VS [10.16.8.100]:tcp:80"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestKeysAreToldApart(t *testing.T) {
	if diff := cmp.Diff([]string{"k", "\x1b[A", "q"}, splitKeys("k\x1b[Aq")); diff != "" {
		t.Error(diff)
	}
}
