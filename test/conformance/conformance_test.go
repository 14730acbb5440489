// Package conformance asks a daemon on a cable of its own what RFC 9568, and for
// version 2 RFC 3768, demand: what it sends, what it takes and discards, and
// when. The tester speaks VRRP with an encoder and decoder of its own.
//
//	go test ./test/conformance                        asks holdfast
//	go test ./test/conformance -daemon keepalived     asks Debian's keepalived; FRR: its vrrpd
//	go test ./test/conformance -write                 asks all, and writes doc/conformance.md
package conformance

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"holdfast/test/need"
)

var (
	daemon = flag.String("daemon", "holdfast", "the daemon to ask: holdfast, keepalived or FRR")
	write  = flag.Bool("write", false, "ask every daemon and write doc/conformance.md")
)

const page = "../../doc/conformance.md"

// atOnce is how many cases share the machine: they mostly wait.
const atOnce = "10"

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", atOnce)
	os.Exit(m.Run())
}

// results are what went wrong, by daemon, demand and dialect; nil is a pass.
type results struct {
	mu  sync.Mutex
	got map[string]error
}

func key(daemon string, c sample, d dialect) string {
	return daemon + "/" + d.name + "/" + c.section(d) + " " + c.demand
}

func (r *results) note(key string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got[key] = err
}

func TestTheDaemonConforms(t *testing.T) {
	need.Root(t, "network namespaces")
	names := []string{*daemon}
	if *write {
		names = []string{"holdfast", "keepalived", "FRR"}
	}
	r := &results{got: map[string]error{}}
	asked := find(t, names...)
	t.Run("asked", func(t *testing.T) {
		for _, p := range asked {
			ask(t, p, r)
		}
	})
	if *write {
		must(t, os.WriteFile(page, []byte(table(asked, r)), 0o644))
	}
}

// ask plays every case; a failure of another daemon is a result when a table is written.
func ask(t *testing.T, p candidate, r *results) {
	for _, d := range dialects() {
		for _, c := range samples() {
			if !c.asked(d) {
				continue
			}
			t.Run(key(p.Name, c, d), func(t *testing.T) {
				t.Parallel()
				err := play(t, p, c, d)
				r.note(key(p.Name, c, d), err)
				if (p.Name == "holdfast" || !*write) && !c.expected(err, p.Name) {
					t.Errorf("section %s: %v", c.section(d), err)
				}
			})
		}
	}
}

func play(t *testing.T, p candidate, c sample, d dialect) error {
	t.Helper()
	s, err := newStage(d, p)
	must(t, err)
	err = c.play(s)
	if err != nil && s.daemon != nil {
		t.Log(s.daemon.Log.Text())
	}
	return errors.Join(err, s.close())
}

// head is the start of the page, up to the columns.
const head = `# What the RFCs demand, and what the daemons do

Written by ` + "`go test ./test/conformance -write`" + `: every line is a procedure in ` + "`test/conformance`" + `, played on a
cable with one daemon and a tester that sends and judges single packets. Sections are those of RFC 9568; for
version 2, in brackets, of RFC 3768. A difference on purpose is named: it is what was looked for. "No word" means
that the daemon cannot be told to do so.

`

func table(asked []candidate, r *results) string {
	var b strings.Builder
	b.WriteString(head)
	for _, p := range asked {
		fmt.Fprintf(&b, "- %s: %s\n", p.Name, p.Version)
	}
	b.WriteString("\n| section | demand |")
	for _, p := range asked {
		for _, d := range dialects() {
			fmt.Fprintf(&b, " %s %s |", p.Name, d.name)
		}
	}
	b.WriteString("\n| --- | --- |" + strings.Repeat(" --- |", len(asked)*len(dialects())) + "\n")
	for _, c := range samples() {
		b.WriteString(c.title())
		for _, p := range asked {
			for _, d := range dialects() {
				b.WriteString(" " + word(r, p, c, d) + " |")
			}
		}
		b.WriteString("\n")
	}
	return b.String() + reasons(asked, r)
}

// reasons say what was seen where the answer is no.
func reasons(asked []candidate, r *results) string {
	var b strings.Builder
	for _, p := range asked {
		for _, d := range dialects() {
			for _, c := range samples() {
				if err := r.got[key(p.Name, c, d)]; word(r, p, c, d) == refused {
					fmt.Fprintf(&b, "\n- %s, %s, %s: %v", p.Name, d.name, c.demand, err)
				}
			}
		}
	}
	return b.String() + "\n"
}

// title is a line of the table without the answers.
func (c sample) title() string {
	clause, demand := c.clause, c.demand
	if c.old != "" && c.old != c.clause {
		clause = strings.TrimSpace(clause + " (" + c.old + ")")
	}
	if c.differs != "" {
		demand += ". On purpose: " + c.differs
	}
	return "| " + clause + " | " + demand + " |"
}

// refused is the answer that needs a reason.
const refused = "**no**"

func word(r *results, p candidate, c sample, d dialect) string {
	switch err := r.got[key(p.Name, c, d)]; {
	case !c.asked(d):
		return "not asked"
	case err == nil:
		return "yes"
	case errors.Is(err, errOnPurpose):
		return "differs"
	case errors.Is(err, errNoWord):
		return "no word"
	}
	return refused
}

func TestThePageListsEveryCase(t *testing.T) {
	text, err := os.ReadFile(page)
	must(t, err)
	for _, c := range samples() {
		if !strings.Contains(string(text), c.title()) {
			t.Errorf("doc/conformance.md lacks %q; write it again with -write", c.title())
		}
	}
}
