package process

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"holdfast/internal/checker"
)

// proc is a /proc with the stat files of processes.
func proc(t *testing.T, stats map[int]string) string {
	t.Helper()
	dir := t.TempDir()
	for pid, stat := range stats {
		must(t, os.MkdirAll(filepath.Join(dir, fmt.Sprint(pid)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(pid), "stat"), []byte(stat), 0o644))
	}
	must(t, os.Mkdir(filepath.Join(dir, "sys"), 0o755))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRunning(t *testing.T) {
	for _, c := range []struct {
		name, program, stat string
		want                checker.Outcome
	}{
		{"it sleeps", "nginx", "7 (nginx) S 1 7", checker.Passed},
		{"another runs", "nginx", "7 (nginx2) R 1 7", checker.Failed},
		{"a zombie does not run", "nginx", "7 (nginx) Z 1 7", checker.Failed},
		{"a long name is cut by the kernel", "a-program-with-a-long-name", "7 (a-program-with-) S 1 7", checker.Passed},
		{"parentheses in the name", "(sd-pam) x", "7 ((sd-pam) x) S 1 7", checker.Passed},
		{"a name that looks like a state", "a) S", "7 (a) S) Z 1 7", checker.Failed},
		{"an empty file", "nginx", "", checker.Failed},
		{"garbage", "nginx", "nginx", checker.Failed},
		{"a file that is cut short", "nginx", "7 (nginx)", checker.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &Running{Name: c.program, Proc: proc(t, map[int]string{7: c.stat})}
			if got := r.Probe(t.Context(), checker.Target{}); got.Outcome != c.want {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestAProcessThatEndedIsLookedForAmongTheOthers(t *testing.T) {
	dir := proc(t, map[int]string{7: "7 (nginx) S 1 7", 8: "8 (nginx) S 1 8"})
	r := &Running{Name: "nginx", Proc: dir}
	for _, want := range []checker.Outcome{checker.Passed, checker.Passed, checker.Failed} {
		if got := r.Probe(t.Context(), checker.Target{}); got.Outcome != want {
			t.Fatalf("%+v, want %d", got, want)
		}
		must(t, os.RemoveAll(filepath.Join(dir, fmt.Sprint(max(r.last, 7)))))
	}
}

func TestThisProcessRuns(t *testing.T) {
	stat, err := os.ReadFile("/proc/self/stat")
	must(t, err)
	name, _ := fields(stat)
	if got := (&Running{Name: name}).Probe(t.Context(), checker.Target{}); got.Outcome != checker.Passed {
		t.Errorf("%+v", got)
	}
}
