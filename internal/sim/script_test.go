package sim_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/sim"
)

var update = flag.Bool("update", false, "rewrite the timelines of the transcripts")

// TestTranscripts plays the scripts of test/scenarios: what stands above the
// line of dashes gives what stands below it.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("../../test/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { transcript(t, file) })
	}
}

func transcript(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	script, want, _ := strings.Cut(string(text), "----\n")
	got, err := sim.Play(script)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, []byte(script+"----\n"+got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestPlayNamesTheLineThatIsWrong(t *testing.T) {
	for _, script := range []string{
		"lan eth0\nrouter a priorty=3", "lan eth0\nfly a", "lan eth0\nkill a", "lan eth0\nrun", "lan eth0\nrun for=3s",
		"lan eth0\nrouter a vip=x", "lan eth0\ngroup a", "lan eth0\nset a b c=d",
	} {
		if _, err := sim.Play(script); script != "lan eth0\nrun" && (err == nil || !strings.HasPrefix(err.Error(), "line 2: ")) {
			t.Errorf("%q: %v", script, err)
		}
	}
}
