package notify

import (
	"strings"
	"testing"
	"time"
)

func TestTemplatesAreRefusedBeforeTheyAreNeeded(t *testing.T) {
	for _, tt := range []struct{ name, text, why string }{
		{"it does not end", "{{.Name", "unclosed action"},
		{"there is no such field", "{{.Priorty}}", "can't evaluate field Priorty"},
		{"there is no such function", "{{upper .Name}}", `function "upper" not defined`},
		{"it has no end", `{{define "x"}}{{template "x"}}{{end}}{{template "x"}}`, "range, template and define are not taken"},
		{"it counts", `{{range 1000000000}}{{end}}`, "range, template and define are not taken"},
		{"it counts where it is not seen at once", `{{if .Name}}{{with .Of}}{{else}}{{range 1000000000}}{{end}}{{end}}{{end}}`, "range, template and define are not taken"},
		{"it says nothing", `{{define "x"}}{{end}}`, "range, template and define are not taken"},
		{"it is too long", strings.Repeat("y", 65<<10), errLong.Error()},
	} {
		if _, err := ParseBody(tt.text); err == nil || !strings.Contains(err.Error(), tt.why) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestBodies(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.FixedZone("x", 7200))
	real := Message{At: at, Kind: RealServer, Name: "[10.0.0.1]:tcp:80", Of: "[192.0.2.1]:tcp:80", State: Down, Reason: `said "no"`}
	for _, tt := range []struct{ text, want string }{
		{"", `{"node":"lb1","kind":"real_server","name":"[10.0.0.1]:tcp:80","of":"[192.0.2.1]:tcp:80","state":"DOWN","reason":"said \"no\"","time":"2026-05-01T10:00:00Z"}`},
		{`{"text":{{json .Reason}}}`, `{"text":"said \"no\""}`},
		{`{"text": {{json (printf "%s: %s is %s (%s)" .Node .Name .State .Reason)}}}`, `{"text": "lb1: [10.0.0.1]:tcp:80 is DOWN (said \"no\")"}`},
		{`{{if eq .State "DOWN"}}down{{else}}up{{end}}{{with .Of}} in {{.}}{{end}}`, `down in [192.0.2.1]:tcp:80`},
		{`{{.Kind}} {{.Name}} of {{.Of}}: {{.State}} on {{.Node}} at {{.Time}} ({{.Priority}})`, `real_server [10.0.0.1]:tcp:80 of [192.0.2.1]:tcp:80: DOWN on lb1 at 2026-05-01T10:00:00Z (0)`},
	} {
		b, err := ParseBody(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.Text(real, "lb1"); got != tt.want || err != nil {
			t.Errorf("%q makes %s, %v", tt.text, got, err)
		}
	}
}
