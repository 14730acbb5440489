package check

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"holdfast/internal/golden"
)

// output is what is printed for files, and the status.
func output(t *testing.T, o Options, files ...string) (string, int) {
	t.Helper()
	var b bytes.Buffer
	s, err := Files(o, files, &b)
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), s
}

func TestOutputs(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    Options
	}{
		{"text", Options{}},
		{"all", Options{All: true}},
		{"colour", Options{Colour: true}},
		{"json", Options{JSON: true}},
		{"all.json", Options{JSON: true, All: true}},
		{"sarif", Options{SARIF: true, Version: "1.0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, s := output(t, tt.o, "testdata/node.conf")
			if s != fault {
				t.Errorf("status %d, want %d", s, fault)
			}
			if tt.o.SARIF {
				got = withoutRules(t, got)
			}
			golden.Check(t, "testdata/node."+tt.name+".golden", got)
		})
	}
}

// withoutRules leaves out of SARIF the list of rules, which changes often.
func withoutRules(t *testing.T, text string) string {
	t.Helper()
	var log sarifLog
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		t.Fatal(err)
	}
	log.Runs[0].Tool.Driver.Rules = nil
	for i := range log.Runs[0].Results {
		log.Runs[0].Results[i].RuleIndex = 0
	}
	b, err := json.MarshalIndent(log, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

func TestExitStatus(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		o          Options
		want       int
	}{
		{"nothing found", instance(""), Options{}, clean},
		{"advice", instance(" priority 100\n state MASTER"), Options{}, clean},
		{"advice, strictly", instance(" priority 100\n state MASTER"), Options{Strict: true}, advice},
		{"acknowledged advice, strictly", instance(" priority 100\n state MASTER # holdfast: accept failback"), Options{Strict: true}, clean},
		{"a complaint", instance(" fly"), Options{}, complaint},
		{"a complaint, strictly", instance(" fly"), Options{Strict: true}, complaint},
		{"an acknowledged complaint", "# holdfast: accept unknown-word\n" + instance(" fly"), Options{Strict: true}, clean},
		{"an error", instance(" priority"), Options{}, fault},
		{"nothing in it", "", Options{}, fault},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if printed, got := output(t, tt.o, write(t, "k.conf", tt.text)); got != tt.want {
				t.Errorf("status %d, want %d; printed:\n%s", got, tt.want, printed)
			}
		})
	}
}

func TestTheWorstFileCounts(t *testing.T) {
	good, bad := write(t, "good.conf", instance("")), write(t, "bad.conf", instance(" fly"))
	for _, files := range [][]string{{good, bad}, {bad, good}} {
		if printed, s := output(t, Options{}, files...); s != complaint || strings.Count(printed, "\n\n") < 1 {
			t.Errorf("status %d, printed:\n%s", s, printed)
		}
	}
}

func TestAFileThatIsNotReadIsSpokenOfOnce(t *testing.T) {
	path := write(t, "k.conf", instance(""))
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, "/no/such/file", t.TempDir()} {
		printed, s := output(t, Options{}, file)
		if s != fault || strings.Count(printed, "error:") != 1 || !strings.Contains(printed, "[ignored-file]") {
			t.Errorf("status %d, printed:\n%s", s, printed)
		}
	}
}

func TestNodeNames(t *testing.T) {
	for arg, want := range map[string][2]string{
		"/etc/keepalived/a.conf": {"a", "/etc/keepalived/a.conf"},
		"a":                      {"a", "a"},
		"lb1=/tmp/x=y.conf":      {"lb1", "/tmp/x=y.conf"},
		"/tmp/x=y.conf":          {"x=y", "/tmp/x=y.conf"},
	} {
		if name, file := nodeName(arg); name != want[0] || file != want[1] {
			t.Errorf("%s: %s %s, want %v", arg, name, file, want)
		}
	}
}

// The properties that the schema of SARIF 2.1.0 demands, and those that services
// that show findings rely on.
func TestSARIFHasWhatItsSchemaDemands(t *testing.T) {
	text, _ := output(t, Options{SARIF: true}, "testdata/node.conf", "/no/such=file.conf")
	var log map[string]any
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		t.Fatal(err)
	}
	if log["version"] != "2.1.0" {
		t.Errorf("version %v", log["version"])
	}
	run := log["runs"].([]any)[0].(map[string]any)
	driver := run["tool"].(map[string]any)["driver"].(map[string]any)
	if driver["name"] != "holdfast" {
		t.Errorf("driver %v", driver["name"])
	}
	rules := driver["rules"].([]any)
	ids := map[string]bool{}
	for _, r := range rules {
		id := r.(map[string]any)["id"].(string)
		if ids[id] {
			t.Errorf("rule %s twice", id)
		}
		ids[id] = true
	}
	results := run["results"].([]any)
	if len(results) == 0 {
		t.Fatal("no results")
	}
	for _, r := range results {
		checkResult(t, r.(map[string]any), rules)
	}
}

func checkResult(t *testing.T, r map[string]any, rules []any) {
	t.Helper()
	id := r["ruleId"].(string)
	if at := rules[int(r["ruleIndex"].(float64))].(map[string]any)["id"]; at != id {
		t.Errorf("ruleIndex leads to %v, not to %s", at, id)
	}
	switch r["level"] {
	case "error", "warning", "note":
	default:
		t.Errorf("level %v", r["level"])
	}
	if r["message"].(map[string]any)["text"] == "" {
		t.Error("a message without text")
	}
	for _, l := range r["locations"].([]any) {
		physical := l.(map[string]any)["physicalLocation"].(map[string]any)
		if uri := physical["artifactLocation"].(map[string]any)["uri"].(string); uri == "" || strings.Contains(uri, " ") {
			t.Errorf("uri %q", uri)
		}
		if region, has := physical["region"].(map[string]any); has && (region["startLine"].(float64) < 1 || region["startColumn"].(float64) < 1 || region["endColumn"].(float64) < region["startColumn"].(float64)) {
			t.Errorf("region %v", region)
		}
	}
}

func TestSecretsAreNotPrintedForMachines(t *testing.T) {
	for _, o := range []Options{{JSON: true}, {SARIF: true}} {
		if text, _ := output(t, o, write(t, "k.conf", instance(" authentication {\n  auth_type PASS\n  auth_pass 1111\n }"))); !strings.Contains(text, "known-password") || strings.Contains(text, "1111") {
			t.Errorf("printed:\n%s", text)
		}
	}
}
