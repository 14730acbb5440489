package load

import (
	"os"
	"path/filepath"
	"testing"
)

// Programs of virtual servers count like others: keepalived's test fails when they
// run without script security, and does not when they are not there.
func TestProgramsOfVirtualServersAreJudged(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, virtual, real string
		want                bool
	}{
		{"nothing runs", "", "", false},
		{"a check", "", "MISC_CHECK {\nmisc_path " + program + "\n}", true},
		{"a check that is not there", "", "MISC_CHECK {\nmisc_path " + program + "s\n}", false},
		{"a real server", "", "notify_down " + program, true},
		{"a quorum", "quorum_up " + program, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "k.conf")
			text := "global_defs {\nscript_user root\n}\nvirtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n" + tt.virtual + "\nreal_server 10.1.0.1 80 {\n" + tt.real + "\n}\n}\n"
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			r := Read(Options{File: file})
			r.Judge()
			if (r.Violation != "") != tt.want {
				t.Errorf("violation %q, problems %v", r.Violation, r.Problems)
			}
		})
	}
}
