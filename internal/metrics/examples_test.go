package metrics_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"holdfast/test/need"
)

const monitoring = "../../examples/monitoring/"

func TestTheAlertRulesSayWhatTheyAreTo(t *testing.T) {
	for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}} {
		cmd := exec.Command(promtool(t), args...)
		cmd.Dir = monitoring
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}

func promtool(t *testing.T) string {
	t.Helper()
	need.Programs(t, "promtool")
	return "promtool"
}

// Rules and dashboard speak of metrics that there are, and promtool understands what they ask.
func TestTheExamplesAskForMetricsThatThereAre(t *testing.T) {
	text := string(written(t, full()))
	name := regexp.MustCompile(`holdfast_[a-z0-9_]+`)
	for _, file := range []string{"alerts.yml", "dashboard.json"} {
		body, err := os.ReadFile(monitoring + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, metric := range name.FindAllString(string(body), -1) {
			if !strings.Contains(text, "# TYPE "+strings.TrimSuffix(metric, "_bucket")+" ") {
				t.Errorf("%s asks for %s", file, metric)
			}
		}
	}
}

func TestTheDashboardAsksWhatPrometheusUnderstands(t *testing.T) {
	body, err := os.ReadFile(monitoring + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(body, &d); err != nil {
		t.Fatal(err)
	}
	rules := "groups:\n- name: dashboard\n  rules:\n"
	seen := map[int]bool{}
	for _, p := range d.Panels {
		if seen[p.ID] || p.Title == "" || len(p.Targets) == 0 {
			t.Errorf("panel %d is empty, or there are two", p.ID)
		}
		seen[p.ID] = true
		for _, target := range p.Targets {
			expr := strings.NewReplacer("$__rate_interval", "1m", "$node", ".*", "'", "''").Replace(target.Expr)
			rules += "  - record: x:y:z\n    expr: '" + expr + "'\n    labels: {of: '" + expr + "'}\n"
		}
	}
	file := t.TempDir() + "/rules.yml"
	if err := os.WriteFile(file, []byte(rules), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(promtool(t), "check", "rules", "--lint=none", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
