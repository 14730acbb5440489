// Package agreement compares keepalived's configuration test with holdfast's, on
// every configuration of this repository.
package agreement

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"holdfast/internal/conf"
	"holdfast/internal/load"
)

// installed is where Debian puts the samples of keepalived.
const installed = "/usr/share/doc/keepalived/samples"

// samples are all configurations of the repository, as absolute paths, and those
// that come with keepalived.
func samples(t *testing.T) []string {
	t.Helper()
	var files []string
	must(t, filepath.WalkDir(top(t), func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == ".git" || e.Name() == "bin"):
			return filepath.SkipDir
		case e.Type().IsRegular() && filepath.Ext(path) == ".conf":
			files = append(files, path)
		}
		return nil
	}))
	theirs, err := filepath.Glob(installed + "/keepalived.conf.*")
	must(t, err)
	if len(files) < 60 || len(theirs) < 20 {
		t.Fatalf("only %d configurations, and %d samples of keepalived", len(files), len(theirs))
	}
	return slices.Concat(files, theirs, small(t))
}

// small writes the sections of testdata/small.txt into files of their own.
func small(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/small.txt")
	must(t, err)
	dir := filepath.Join(t.TempDir(), "small")
	must(t, os.Mkdir(dir, 0o755))
	var files []string
	for i, section := range strings.Split("\n"+string(text), "\n-- ") {
		name, body, _ := strings.Cut(section, " --\n")
		if i == 0 {
			continue // says what the file is for
		}
		if before, lines, found := strings.Cut("\n"+body+"\n", "\nV\n"); found {
			body = before + "\nvrrp_instance A {\n interface eth0\n virtual_router_id 3\n virtual_ipaddress {\n  10.0.0.1/24\n }\n" + lines + "}\n"
		}
		file := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".conf")
		if slices.Contains(files, file) {
			t.Fatalf("%s is there twice", name)
		}
		must(t, os.WriteFile(file, []byte(body), 0o644))
		files = append(files, file)
	}
	return files
}

// called is the name of a file in the table of differences.
func called(t *testing.T, file string) string {
	t.Helper()
	if filepath.Base(filepath.Dir(file)) == "small" {
		return "small/" + strings.TrimSuffix(filepath.Base(file), ".conf")
	}
	return strings.TrimPrefix(strings.TrimPrefix(file, top(t)+"/"), "/usr/share/doc/keepalived/")
}

// TestStatus: the exit status of -t is that of keepalived for the same file, on a
// machine that has the interfaces which the files name; with the scripts of
// /etc/keepalived that they name, and without.
func TestStatus(t *testing.T) {
	files := samples(t)
	for _, m := range []struct {
		name   string
		stocks []string
	}{{"bare", nil}, {"furnished", scripts(files)}} {
		t.Run(m.name, func(t *testing.T) {
			theirs, ours := run(t, files, m.stocks)
			known := differences()
			for i, file := range files {
				name := called(t, file)
				t.Run(name, func(t *testing.T) {
					compare(t, ours[i], theirs[i], known[name])
				})
			}
		})
	}
}

// compare demands the same status, or the difference that is known.
func compare(t *testing.T, ours, theirs verdict, d difference) {
	t.Helper()
	want := theirs.status
	if d.reason != "" && ours.status == theirs.status {
		return // on this machine: a script that is missing may hide what differs
	}
	if d.reason != "" {
		want = d.ours
		if theirs.status == d.ours || theirs.status != d.theirs {
			t.Errorf("keepalived ends with %d, and is known to end with %d: the table of differences is out of date", theirs.status, d.theirs)
		}
	}
	if ours.status != want {
		t.Errorf("holdfast ends with %d, keepalived with %d\n-- holdfast\n%s\n-- keepalived\n%s", ours.status, theirs.status, ours.text, theirs.text)
	}
}

// verdict is what a program said of a file.
type verdict struct {
	status int
	text   string
}

// run has both programs test all files in one network namespace that has all
// interfaces, where /etc/keepalived holds the scripts that are named.
func run(t *testing.T, files, scripts []string) (theirs, ours []verdict) {
	t.Helper()
	dir := t.TempDir()
	build(t, dir+"/keepalived")
	var b bytes.Buffer
	b.WriteString("exec 2>&1\nset -e\nip link set lo up\nmount -t tmpfs none /etc/keepalived\n")
	for i, name := range interfaces(files) {
		fmt.Fprintf(&b, "ip link add name %s type veth peer name zz%d; ip link set dev %s up; ip link set dev zz%d up; ip addr add 10.254.%d.1/24 dev %s\n", name, i, name, i, i, name)
	}
	for _, name := range scripts {
		fmt.Fprintf(&b, "printf '#!/bin/sh\\n' >%s; chmod 755 %s\n", name, name)
	}
	b.WriteString("set +e\n")
	for i, file := range files {
		file = byRoot(t, file)
		for who, program := range []string{"keepalived", dir + "/keepalived"} {
			fmt.Fprintf(&b, "timeout -s KILL 5 %s -t -f '%s' >%s/%d.%d 2>&1; echo $? >>%s/%d.%d\n", program, file, dir, i, who, dir, i, who)
		}
	}
	cmd := exec.Command("unshare", "-n", "-m", "sh", "-s")
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("test the files: %v\n%s", err, out)
	}
	for i := range files {
		theirs = append(theirs, said(t, fmt.Sprintf("%s/%d.0", dir, i)))
		ours = append(ours, said(t, fmt.Sprintf("%s/%d.1", dir, i)))
	}
	return theirs, ours
}

// byRoot is a file, or a copy of it in which root runs all scripts: the test of
// 2.2.7 ends itself with SIGTERM when it looks for a script as somebody else.
func byRoot(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	account := regexp.MustCompile(`(?m)^([ \t]*(?:script_user|user)[ \t]+)(?:nobody|daemon|keepalived_script)([ \t:\r]|$)`)
	if !account.Match(text) {
		return file
	}
	file = filepath.Join(t.TempDir(), filepath.Base(file))
	must(t, os.WriteFile(file, account.ReplaceAll(text, []byte("${1}root$2")), 0o644))
	return file
}

// said reads what a program printed; the last line is its status.
func said(t *testing.T, path string) verdict {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	n, err := strconv.Atoi(lines[len(lines)-1])
	must(t, err)
	return verdict{n, strings.Join(lines[:len(lines)-1], "\n")}
}

// build makes the program, under keepalived's name.
func build(t *testing.T, path string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-o", path, "./cmd/holdfast")
	cmd.Dir = top(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build holdfast: %v\n%s", err, out)
	}
}

// top is the folder of the repository.
func top(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../..")
	must(t, err)
	return path
}

// scripts lists the programs below /etc/keepalived that files name.
func scripts(files []string) []string {
	names := map[string]bool{}
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(" \t\n\r\"';", r) }) {
			if rest, found := strings.CutPrefix(word, "/etc/keepalived/"); found && strings.HasSuffix(rest, ".sh") && !strings.ContainsAny(rest, "/$") {
				names[word] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// interfaces lists the names that files give to interfaces.
func interfaces(files []string) []string {
	names := map[string]bool{}
	for _, file := range files {
		tree, _ := conf.Parse(load.Disk{}, file, conf.Options{})
		for _, n := range tree.Nodes {
			gather(n, names)
		}
	}
	var list []string
	for name := range names {
		if name != "lo" && name != "all" && name != "default" && len(name) < 16 && strings.IndexFunc(name, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-_", r|0x20) }) < 0 {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

func gather(n *conf.Node, names map[string]bool) {
	words := append([]conf.Token{n.Keyword}, n.Args...)
	for i, w := range words[:len(words)-1] {
		switch w.Text {
		case "interface", "dev", "bind_if", "default_interface", "lvs_sync_daemon", "lvs_sync_daemon_interface", "vrrp_garp_extra_if", "garp_extra_if":
			names[words[i+1].Text] = true
		}
	}
	for _, c := range n.Body {
		switch n.Keyword.Text {
		case "track_interface", "interfaces", "linkbeat_interfaces", "interface_up_down_delays":
			names[c.Keyword.Text] = true
		}
		gather(c, names)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
