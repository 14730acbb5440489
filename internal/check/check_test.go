package check

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/internal/config"
	"holdfast/internal/load"
)

// write puts a file into a directory of the test and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// instance is a configuration of one instance and what else it says.
func instance(more string) string {
	return "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 10.0.0.1/24\n }\n" + more + "\n}\n"
}

// test is what keepalived -t prints and how it ends.
func test(t *testing.T, text string) (printed string, status int) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	status = Test(load.Options{File: write(t, "k.conf", text)}, out)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), status
}

const violation = "SECURITY VIOLATION"

func TestScriptsWithoutSecurityAreSpokenOfOnce(t *testing.T) {
	text := instance(" notify /bin/true root")
	printed, status := test(t, text)
	if !strings.Contains(printed, "k.conf:7:2: complaint: "+config.ScriptsUnsecured) || strings.Contains(printed, violation) || status != testInsecure {
		t.Errorf("the test prints, with status %d:\n%s", status, printed)
	}

	var checked bytes.Buffer
	if s, _ := Files(Options{}, []string{write(t, "k.conf", text)}, &checked); s != complaint ||
		strings.Count(checked.String(), config.ScriptsUnsecured) != 1 || strings.Contains(checked.String(), violation) {
		t.Errorf("check prints, with status %d:\n%s", s, &checked)
	}
}

func TestScriptsWithSecurityAreNotSpokenOf(t *testing.T) {
	printed, status := test(t, "global_defs {\n enable_script_security\n script_user root\n}\n"+instance(" notify /bin/true"))
	if printed != "" || status != 0 {
		t.Errorf("the test prints, with status %d:\n%s", status, printed)
	}
}

func TestStatusOfAConfigurationTest(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       int
	}{
		{"clean", instance(""), 0},
		{"a complaint", instance(" fly"), testFaulty},
		{"an argument is missing", instance(" priority"), testIncomplete},
		{"a script to be told is missing", "global_defs {\n enable_script_security\n}\n" + instance(" notify /no/such root"), 0},
		{"it is missing without security", instance(" notify /no/such root"), 0},
		{"a tracked script is missing", "vrrp_script c {\n script /no/such\n}\n" + instance(" track_script {\n c\n }"), testFaulty},
		{"a script without security", instance(" notify /usr/bin/true root"), testInsecure},
		{"keepalived would run it", instance("") + strings.Replace(instance(" mcast_dst_ip 224.0.0.99"), "A", "B", 1), testFaulty},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if printed, got := test(t, tt.text); got != tt.want || printed == "" && got != 0 {
				t.Errorf("status %d, want %d; printed:\n%s", got, tt.want, printed)
			}
		})
	}
	if got := Test(load.Options{File: "/no/such/file"}, os.DevNull); got != 0 {
		t.Errorf("a missing file gives %d, want keepalived's 0", got)
	}
	if got := Test(load.Options{File: "/no/such/file", AllChecks: true}, os.DevNull); got != 4 {
		t.Errorf("with -e a missing file gives %d, want 4", got)
	}
}

func TestFindingsAreNotWrittenThroughALink(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	link := target + ".link"
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if got := Test(load.Options{File: "/no/such/file"}, link); got != testNoOutput {
		t.Errorf("status %d, want %d", got, testNoOutput)
	}
	if _, err := os.Stat(target); err == nil {
		t.Error("the target was made")
	}
}
