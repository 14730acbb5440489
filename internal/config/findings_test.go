package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/golden"
)

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
			golden.Check(t, strings.TrimSuffix(name, ".conf")+".golden", b.String())
		})
	}
}
