package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/manual"
	"holdfast/test/need"
)

func TestTheManualPagesAreGoodRoff(t *testing.T) {
	need.Programs(t, "mandoc")
	for name, text := range manual.New().Pages(described(tree())) {
		if !strings.HasPrefix(name, "man/") {
			continue
		}
		c := exec.Command("mandoc", "-T", "lint", "-W", "warning")
		c.Stdin = strings.NewReader(text)
		if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// said is what a command prints.
func said(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	c := tree()
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(&out)
	if err := c.Execute(); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out.String()
}

func TestEachShellTakesItsCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		t.Run(shell, func(t *testing.T) {
			need.Programs(t, shell)
			script := filepath.Join(t.TempDir(), "completion")
			if err := os.WriteFile(script, []byte(said(t, "completion", shell)), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(shell, "-n", script).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestCompletion(t *testing.T) {
	for _, tt := range []struct {
		args      []string
		has, not  []string
		directive string
	}{
		{[]string{"explain", "virt"}, []string{"virtual_ipaddress", "virtual_router_id", "virtual_server"}, []string{"priority"}, ":4"},
		{[]string{"explain", "vrrp_script/t"}, []string{"vrrp_script/timeout"}, []string{"timeout"}, ":4"},
		{[]string{"explain", "sample-v"}, []string{"sample-vrid"}, nil, ":4"},
		{[]string{"check", ""}, nil, nil, ":0"},
		{[]string{"format", ""}, nil, nil, ":0"},
		{[]string{"completion", ""}, []string{"bash", "fish", "zsh"}, []string{"powershell"}, ":4"},
		{[]string{""}, []string{"check", "explain", "format", "run"}, nil, ":4"},
	} {
		var words []string
		lines := strings.Split(said(t, append([]string{"__complete"}, tt.args...)...), "\n")
		for _, line := range lines {
			word, _, _ := strings.Cut(line, "\t")
			words = append(words, word)
		}
		for _, w := range tt.has {
			if !slices.Contains(words, w) {
				t.Errorf("%v: no %s in %v", tt.args, w, words)
			}
		}
		for _, w := range tt.not {
			if slices.Contains(words, w) {
				t.Errorf("%v: offers %s", tt.args, w)
			}
		}
		if !slices.Contains(lines, tt.directive) {
			t.Errorf("%v: no directive %s in %v", tt.args, tt.directive, lines)
		}
	}
}
