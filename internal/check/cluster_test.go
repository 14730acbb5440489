package check

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/golden"
)

// pair writes the files of two nodes and goes to their folder, so that the
// output has no paths of this machine.
func pair(t *testing.T, a, b string) (files []string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"a.conf": a, "b.conf": b} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"a.conf", "b.conf"}
}

func TestTwoFilesAreComparedAsNodes(t *testing.T) {
	here, _ := os.Getwd()
	for _, tt := range []struct {
		name string
		o    Options
	}{
		{"text", Options{}},
		{"json", Options{JSON: true}},
		{"sarif", Options{SARIF: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := pair(t, instance(" priority 110"), strings.Replace(instance(" priority 100"), "router_id 1\n", "router_id 2\n", 1))
			got, s := output(t, tt.o, files...)
			if s != complaint {
				t.Errorf("status %d, want %d", s, complaint)
			}
			if tt.o.SARIF {
				got = withoutRules(t, got)
			}
			golden.Check(t, filepath.Join(here, "testdata/pair."+tt.name+".golden"), got)
		})
	}
}

func TestAFindingBetweenNodesIsAcknowledgedWhereItStands(t *testing.T) {
	files := pair(t, instance(" priority 110"), "# holdfast: accept names-differ\n"+strings.Replace(instance(" priority 100"), "instance A", "instance B", 1))
	if got, s := output(t, Options{Strict: true}, files...); s != clean || !strings.Contains(got, "between a and b: nothing found; 1 acknowledged") {
		t.Errorf("status %d, printed:\n%s", s, got)
	}
	if got, _ := output(t, Options{All: true}, files...); !strings.Contains(got, "acknowledged advice: VRID 1 is called B on b") {
		t.Errorf("printed:\n%s", got)
	}
}

func TestFilesWithErrorsAreNotCompared(t *testing.T) {
	files := pair(t, instance(""), strings.TrimSuffix(instance(""), "}\n"))
	got, s := output(t, Options{}, files...)
	if s != fault || !strings.HasSuffix(got, "between a and b: not compared, as b.conf has errors\n") {
		t.Errorf("status %d, printed:\n%s", s, got)
	}
	if got, _ := output(t, Options{}, "a.conf", "/dev/null"); !strings.HasSuffix(got, "not compared, as /dev/null has errors\n") {
		t.Errorf("printed:\n%s", got)
	}
	files = pair(t, instance(""), "")
	if got, _ := output(t, Options{}, files...); !strings.HasSuffix(got, "not compared, as b.conf has errors\n") {
		t.Errorf("printed:\n%s", got)
	}
	files = pair(t, instance(""), strings.TrimSuffix(instance(""), "}\n"))
	if got, _ = output(t, Options{JSON: true}, files...); !strings.Contains(got, `"not_compared": "b.conf has errors"`) {
		t.Errorf("printed:\n%s", got)
	}
}

func TestANodeTakesItsNameForConditionalLines(t *testing.T) {
	t.Chdir(t.TempDir())
	text := strings.Replace(instance(""), " virtual_router_id 1\n", "@lb1 virtual_router_id 1\n@lb2 virtual_router_id 2\n", 1)
	if err := os.WriteFile("k.conf", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, _ := output(t, Options{}, "lb1=k.conf", "lb2=k.conf"); !strings.Contains(got, "virtual_router_id is 2 on lb2 and 1 on lb1") {
		t.Errorf("printed:\n%s", got)
	}
}

func TestNodesHaveNamesThatDiffer(t *testing.T) {
	for _, tt := range []struct{ args, want []string }{
		{[]string{"a.conf", "b.conf"}, []string{"a", "b"}},
		{[]string{"lb1/keepalived.conf", "lb2/keepalived.conf"}, []string{"lb1", "lb2"}},
		{[]string{"x=a.conf", "a.conf"}, []string{"x", "a"}},
		{[]string{"keepalived=lb1/k.conf", "lb2/keepalived.conf"}, []string{"keepalived", "lb2"}},
		{[]string{"1/k/k.conf", "2/k/k.conf"}, []string{"1/k/k.conf", "2/k/k.conf"}},
		{[]string{"k.conf", "k.conf"}, []string{"k.conf", "k.conf#2"}},
		{[]string{"x=k.conf", "x=k.conf"}, []string{"x", "x#2"}},
	} {
		if got, _ := Named(tt.args); !slices.Equal(got, tt.want) {
			t.Errorf("Named(%q) = %q, want %q", tt.args, got, tt.want)
		}
	}
}
