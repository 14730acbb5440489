package simulate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/cluster"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/fault"
	"holdfast/internal/golden"
	"holdfast/internal/simulate"
)

const scenarios = "../config/testdata/scenarios"

func node(t testing.TB, name, text string) cluster.Node {
	t.Helper()
	file := name + ".conf"
	tree, found := conf.Parse(conf.MemoryFiles{file: text}, file, conf.Options{ID: name})
	c, more := config.Build(tree, config.Options{HostName: name})
	for _, d := range append(found, more...) {
		if d.Severity == conf.Error && d.Class != conf.Unclassed {
			t.Fatalf("the file of %s has an error: %s", name, d)
		}
	}
	return cluster.Node{Name: name, Tree: tree, Config: c}
}

func scenario(t testing.TB, dir string) (nodes []cluster.Node) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.conf"))
	if err != nil || len(files) < 2 {
		t.Fatalf("no pair in %s: %v", dir, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, node(t, strings.TrimSuffix(filepath.Base(file), ".conf"), string(text)))
	}
	return nodes
}

func steps(t testing.TB, texts ...string) (all []fault.Step) {
	t.Helper()
	for _, text := range texts {
		s, err := fault.ParseStep(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

func run(t testing.TB, nodes []cluster.Node, o simulate.Options) string {
	t.Helper()
	var b strings.Builder
	if survived, err := simulate.Run(nodes, o, &b); err != nil || !survived {
		t.Errorf("survived: %v, error: %v", survived, err)
	}
	return b.String()
}

// Every pair of the scenarios survives the loss of its first node, and its return.
func TestScenariosSurviveANode(t *testing.T) {
	dirs, _ := filepath.Glob(filepath.Join(scenarios, "*"))
	for _, dir := range dirs {
		if files, _ := filepath.Glob(filepath.Join(dir, "*.conf")); len(files) < 2 {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			nodes := scenario(t, dir)
			first := nodes[0].Name
			got := run(t, nodes, simulate.Options{Steps: steps(t, "10s kill "+first, "20s start "+first)})
			golden.Check(t, "testdata/"+filepath.Base(dir)+".txt", got)
		})
	}
}

const plain = `vrrp_script chk {
	script "/bin/true"
	weight %d
}
vrrp_instance VI_1 {
	interface %s
	virtual_router_id 51
	priority %d
	virtual_ipaddress {
		192.0.2.10/24
	}
	track_script {
		chk
	}
}
`

func pair(t testing.TB) []cluster.Node {
	return []cluster.Node{node(t, "a", fmt.Sprintf(plain, 0, "eth0", 150)), node(t, "b", fmt.Sprintf(plain, 0, "ens3", 100))}
}

// A failed script without weight is FAULT at once; links that are called otherwise
// on each node are one network.
func TestATrackerFailsAndRecovers(t *testing.T) {
	golden.Check(t, "testdata/tracker.txt", run(t, pair(t), simulate.Options{Steps: steps(t, "10s fail a chk", "20s recover a chk")}))
}

func TestJSONHasAnObjectPerLine(t *testing.T) {
	golden.Check(t, "testdata/tracker.json", run(t, pair(t), simulate.Options{JSON: true, Steps: steps(t, "10s fail a chk", "20s recover a chk")}))
}

func TestAReloadBringsAnotherFile(t *testing.T) {
	lower := func(node_, file string) (cluster.Node, error) {
		if file != "lower.conf" {
			return cluster.Node{}, fmt.Errorf("%s: not found", file)
		}
		return node(t, node_, fmt.Sprintf(plain, 0, "eth0", 50)), nil
	}
	golden.Check(t, "testdata/reload.txt", run(t, pair(t), simulate.Options{Load: lower, Steps: steps(t, "10s reload a lower.conf", "20s stop a")}))
	_, err := simulate.Run(pair(t), simulate.Options{Load: lower, Steps: steps(t, "1s reload a nothing.conf")}, &strings.Builder{})
	if err == nil || !strings.Contains(err.Error(), "nothing.conf: not found") {
		t.Errorf("a reload of a file that is not there: %v", err)
	}
}

// Both nodes lost: that is not survived, and it is said what is not served.
func TestTwoFaultsAreNotSurvived(t *testing.T) {
	var b strings.Builder
	survived, err := simulate.Run(pair(t), simulate.Options{Steps: steps(t, "10s kill b", "12s kill a")}, &b)
	if err != nil || survived {
		t.Errorf("survived: %v, error: %v", survived, err)
	}
	if want := "nobody serves 192.0.2.10 any more"; !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, b.String())
	}
}

func TestAPartitionMakesTwoHolders(t *testing.T) {
	got := run(t, pair(t), simulate.Options{Steps: steps(t, "10s partition a | b", "20s heal")})
	for _, want := range []string{"two nodes hold 192.0.2.10", "in the end a: 192.0.2.10"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestWhatIsNotThereIsNamed(t *testing.T) {
	for step, want := range map[string]string{
		"1s kill c":           `no node "c"`,
		"1s fail a nginx":     `a tracks nothing called "nginx"`,
		"1s link-down a eth7": `a has no link "eth7", only [eth0]`,
	} {
		_, err := simulate.Run(pair(t), simulate.Options{Steps: steps(t, step)}, &strings.Builder{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", step, err, want)
		}
	}
}

// A thousand instances that lose a node take no more than some adverts each: what
// is simulated is counted, as time depends on the machine.
func TestManyInstances(t *testing.T) {
	var text [2]strings.Builder
	for n, b := range []*strings.Builder{&text[0], &text[1]} {
		for i := range 250 {
			fmt.Fprintf(b, "vrrp_instance VI_%d {\n interface eth0\n virtual_router_id %d\n priority %d\n virtual_ipaddress {\n 10.0.%d.1\n }\n}\n", i, i+1, 150-50*n, i)
		}
	}
	nodes := []cluster.Node{node(t, "a", text[0].String()), node(t, "b", text[1].String())}
	start := time.Now()
	got := run(t, nodes, simulate.Options{Steps: steps(t, "10s kill a")})
	t.Logf("%d lines in %v", strings.Count(got, "\n"), time.Since(start))
	if n := strings.Count(got, " is MASTER"); n != 500 {
		t.Errorf("%d transitions to MASTER, want 500", n)
	}
}

const cautious = `vrrp_check page {
	tcp 192.0.2.10 80
	stay_backup
	fall 2
}
vrrp_instance VI_1 {
	interface eth0
	virtual_router_id 51
	priority %d
	virtual_ipaddress {
		192.0.2.10/24
	}
	track_check {
		page
	}
}
`

// With stay_backup the silence of a master is not its end while it answers at the
// address: adverts that are filtered away make no second master, a dead machine does,
// and so does a service that does not answer.
func TestABackupStaysWhileAnotherMachineAnswers(t *testing.T) {
	nodes := func() []cluster.Node {
		return []cluster.Node{node(t, "a", fmt.Sprintf(cautious, 150)), node(t, "b", fmt.Sprintf(cautious, 100))}
	}
	for _, c := range []struct {
		name  string
		steps []string
		want  string
	}{
		{"filtered", []string{"10s drop-vrrp b"}, "in the end a: 192.0.2.10"},
		{"dead", []string{"10s kill a"}, "in the end b: 192.0.2.10"},
		{"filtered, then dead", []string{"10s drop-vrrp b", "20s kill a"}, "in the end b: 192.0.2.10"},
		{"cut", []string{"10s partition a | b"}, "in the end a and b: 192.0.2.10"},
		{"filtered, and no answer", []string{"10s drop-vrrp b", "20s fail b page"}, "in the end a and b: 192.0.2.10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			if _, err := simulate.Run(nodes(), simulate.Options{Steps: steps(t, c.steps...), Whole: time.Minute}, &out); err != nil || !strings.Contains(out.String(), c.want) {
				t.Errorf("%v: no %q in\n%s", err, c.want, out.String())
			}
		})
	}
}
