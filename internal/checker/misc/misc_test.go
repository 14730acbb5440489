package misc

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/checker"
	"holdfast/internal/command"
)

// script is a program that does what text says.
func script(t *testing.T, text string) *command.Runnable {
	t.Helper()
	path := filepath.Join(t.TempDir(), "check")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return &command.Runnable{Line: path, File: path, Argv: []string{path}, Identity: command.Identity{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}}
}

func starter(t *testing.T) *command.Starter {
	s := command.NewStarter()
	t.Cleanup(s.Close)
	return s
}

// Reference, sections 5 and 8.8.
func TestRun(t *testing.T) {
	s := starter(t)
	for _, c := range []struct {
		name    string
		text    string
		dynamic bool
		want    checker.Result
	}{
		{"status 0 is good", "exit 0", false, checker.Result{Outcome: checker.Passed}},
		{"any other is not", "exit 3", false, checker.Result{Why: "exited with status 3"}},
		{"a signal is not", "kill -9 $$", false, checker.Result{Why: "due to signal 9"}},
		{"dynamic: status 0 changes no weight", "exit 0", true, checker.Result{Outcome: checker.Passed}},
		{"dynamic: status 1 is not good", "exit 1", true, checker.Result{Why: "exited with status 1"}},
		{"dynamic: status 2 makes weight 0", "exit 2", true, checker.Result{Outcome: checker.Passed, Weight: -10}},
		{"dynamic: status 255 makes weight 253", "exit 255", true, checker.Result{Outcome: checker.Passed, Weight: 243}},
		{"dynamic: a signal is not good", "kill -15 $$", true, checker.Result{Why: "due to signal 15"}},
		{"one that takes too long", "sleep 30", false, checker.Result{Why: checker.TimedOut}},
		{"one that takes too long and does not mind", "trap '' TERM; while :; do sleep 1; done", true, checker.Result{Why: checker.TimedOut}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			r := &Run{Starter: s, Program: script(t, c.text), Dynamic: c.dynamic, Weight: 10}
			if got := r.Probe(ctx, checker.Target{}); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			if took := time.Since(start); took > 6*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestAProgramThatIsNotThereFails(t *testing.T) {
	gone := script(t, "")
	_ = os.Remove(gone.File)
	r := (&Run{Starter: starter(t), Program: gone}).Probe(t.Context(), checker.Target{})
	if r.Outcome != checker.Failed || !strings.Contains(r.Why, "no such file or directory") {
		t.Errorf("%+v", r)
	}
}

func TestAProgramRunsAsItsUser(t *testing.T) {
	out := filepath.Join(t.TempDir(), "who")
	if err := os.WriteFile(out, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for dir := filepath.Dir(out); dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		_ = os.Chmod(dir, 0o755)
	}
	_ = os.Chmod(out, 0o666)
	who := script(t, "id -u >"+out)
	for dir := filepath.Dir(who.File); dir != "/tmp" && dir != "/"; dir = filepath.Dir(dir) {
		_ = os.Chmod(dir, 0o755)
	}
	who.UID, who.GID, who.Groups = 65534, 65534, []uint32{}
	if r := (&Run{Starter: starter(t), Program: who}).Probe(t.Context(), checker.Target{}); r.Outcome != checker.Passed {
		t.Fatalf("%+v", r)
	}
	if id, _ := os.ReadFile(out); string(id) != "65534\n" {
		t.Errorf("it ran as %s", id)
	}
}
