package agreement

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// statement is one mistake or oddity, alone in a configuration that is right.
type statement struct {
	place, text string
	difference
}

// TestWords: the exit status of -t is that of keepalived for single statements.
// testdata/words.tsv has one on a line: the place, the statement with \n between its
// lines and, where the two programs differ, our status, theirs and the reason.
func TestWords(t *testing.T) {
	statements := readStatements(t)
	dir := t.TempDir()
	var files []string
	for i, s := range statements {
		file := filepath.Join(dir, fmt.Sprintf("%d.conf", i))
		must(t, os.WriteFile(file, []byte(s.configuration(t)), 0o644))
		files = append(files, file)
	}
	theirs, ours := run(t, files, nil)
	for i, s := range statements {
		t.Run(s.place+" "+s.text, func(t *testing.T) { compare(t, ours[i], theirs[i], s.difference) })
	}
}

func readStatements(t *testing.T) []statement {
	t.Helper()
	f, err := os.Open("testdata/words.tsv")
	must(t, err)
	defer func() { _ = f.Close() }()
	var list []statement
	for lines := bufio.NewScanner(f); lines.Scan(); {
		columns := strings.Split(lines.Text(), "\t")
		s := statement{place: columns[0], text: columns[1]}
		if len(columns) == 5 {
			s.ours, s.theirs, s.reason = status(t, columns[2]), status(t, columns[3]), columns[4]
		}
		list = append(list, s)
	}
	if len(list) < 300 {
		t.Fatalf("only %d statements", len(list))
	}
	return list
}

func status(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	must(t, err)
	return n
}

// configuration puts a statement into its place. Interfaces are eth0, which the
// instance uses, and others that the machine is given because they are named.
func (s statement) configuration(t *testing.T) string {
	t.Helper()
	const (
		security  = "enable_script_security\nscript_user root\n"
		instance  = "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1/24\n}\n%s\n}\n"
		trackers  = "vrrp_script s {\nscript /bin/true\n}\ntrack_file f {\nfile /tmp/x\n}\nvrrp_track_process p {\nprocess x\n}\nbfd_instance b {\nneighbor_ip 10.0.0.9\n}\n"
		trackFile = "track_file f {\nfile /tmp/x\n%s\n}\n"
		group     = "garp_group {\n%s\n}\n"
		session   = "bfd_instance b {\nneighbor_ip 10.0.0.9\n%s\n}\n"
	)
	text := strings.ReplaceAll(s.text, `\n`, "\n")
	if s.place == "global_defs" {
		return "global_defs {\n" + security + text + "\n}\n"
	}
	head, alone := "global_defs {\n"+security+"}\n", fmt.Sprintf(instance, "")
	switch s.place {
	case "(root)":
		return head + text + "\n"
	case "(root) with an instance":
		return head + alone + text + "\n"
	case "vrrp_instance":
		return head + trackers + fmt.Sprintf(instance, text)
	case "owner":
		return head + trackers + fmt.Sprintf(instance, "priority 255\n"+text)
	case "track_file":
		return head + fmt.Sprintf(trackFile, text) + fmt.Sprintf(instance, "track_file {\nf\n}")
	case "bfd_instance":
		return head + fmt.Sprintf(session, text)
	case "garp_group":
		return head + fmt.Sprintf(group, text) + alone
	}
	t.Fatalf("%q is no place for a statement", s.place)
	return ""
}
