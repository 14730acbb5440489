package config_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Every testdata/findings/NAME.conf has its findings, and the exit status of
// keepalived's test, in NAME.golden.
func TestFindings(t *testing.T) {
	names, err := filepath.Glob("testdata/findings/*.conf")
	if err != nil || len(names) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			base := filepath.Base(name)
			tree, found := conf.Parse(conf.MemoryFiles{base: string(text)}, base, conf.Options{})
			_, more := config.Build(tree, config.Options{HostName: "node"})
			diags := conf.Sort(append(found, more...))
			var b strings.Builder
			for _, d := range diags {
				b.WriteString(d.String())
			}
			fmt.Fprintf(&b, "---- exit %d\n", config.ExitStatus(diags))
			compare(t, strings.TrimSuffix(name, ".conf")+".golden", b.String())
		})
	}
}

func compare(t *testing.T, golden, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: (-want +got)\n%s", golden, diff)
	}
}
