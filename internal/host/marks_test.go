package host

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// marked reads "PROTOCOL FIRST LAST PORT MARK"; port 0 is every port.
func marked(t *testing.T, line string) Marked {
	t.Helper()
	var first, last string
	var m Marked
	if _, err := fmt.Sscan(line, &m.Protocol, &first, &last, &m.FirstPort, &m.Mark); err != nil {
		t.Fatal(err)
	}
	m.First, m.Last, m.LastPort = netip.MustParseAddr(first), netip.MustParseAddr(last), m.FirstPort
	if m.FirstPort == 0 {
		m.LastPort = 65535
	}
	return m
}

func list(t *testing.T, lines ...string) (all []Marked) {
	for _, l := range lines {
		all = append(all, marked(t, l))
	}
	return all
}

func lines(ops []MarkOp) string {
	var all []string
	for _, op := range ops {
		all = append(all, op.String())
	}
	return strings.Join(all, "\n")
}

func wantLines(t *testing.T, ops []MarkOp, want ...string) {
	t.Helper()
	if diff := cmp.Diff(strings.Join(want, "\n"), lines(ops)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNoTwoMarksSpeakOfOnePacket(t *testing.T) {
	for _, c := range []struct {
		name string
		list []string
		want string
	}{
		{"apart", []string{"6 10.0.0.1 10.0.0.1 80 1", "6 10.0.0.2 10.0.0.2 80 2"}, "6 10.0.0.1 . 80 : 1, 6 10.0.0.2 . 80 : 2"},
		{"another protocol", []string{"6 10.0.0.1 10.0.0.1 80 1", "17 10.0.0.1 10.0.0.1 80 2"}, "6 10.0.0.1 . 80 : 1, 17 10.0.0.1 . 80 : 2"},
		{"twice", []string{"6 10.0.0.1 10.0.0.1 80 1", "6 10.0.0.1 10.0.0.1 80 2"}, "6 10.0.0.1 . 80 : 1"},
		{"in the middle", []string{"6 10.0.0.3 10.0.0.4 80 1", "6 10.0.0.1 10.0.0.9 80 2"},
			"6 10.0.0.3-10.0.0.4 . 80 : 1, 6 10.0.0.1-10.0.0.2 . 80 : 2, 6 10.0.0.5-10.0.0.9 . 80 : 2"},
		{"a port before all ports", []string{"6 10.0.0.1 10.0.0.3 0 1", "6 10.0.0.2 10.0.0.2 80 2"},
			"6 10.0.0.2 . 80 : 2, 6 10.0.0.1 . 0-65535 : 1, 6 10.0.0.3 . 0-65535 : 1, 6 10.0.0.2 . 0-79 : 1, 6 10.0.0.2 . 81-65535 : 1"},
		{"the last of all addresses", []string{"6 255.255.255.255 255.255.255.255 65535 1", "6 255.255.255.254 255.255.255.255 65535 2"},
			"6 255.255.255.255 . 65535 : 1, 6 255.255.255.254 . 65535 : 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantLines(t, []MarkOp{{Marks: disjoint(list(t, c.list...))}}, "table ip  { "+c.want+" }")
		})
	}
}

func TestMarksAreMadeAnewWhereSomethingDiffers(t *testing.T) {
	config := FilterConfig{Table: "k", Priority: -1}
	one := list(t, "6 10.0.0.1 10.0.0.1 80 1")
	const table = "table ip k { 6 10.0.0.1 . 80 : 1 }"
	begun := func() *Marks {
		m := &Marks{}
		for _, op := range m.Want(config, one) {
			m.Done(op, nil)
		}
		return m
	}
	for _, c := range []struct {
		name string
		does func(m *Marks) []MarkOp
		want []string
	}{
		{"nothing", func(m *Marks) []MarkOp { return m.Want(config, one) }, nil},
		{"another address", func(m *Marks) []MarkOp { return m.Want(config, list(t, "6 10.0.0.2 10.0.0.2 80 1")) }, []string{"table ip k { 6 10.0.0.2 . 80 : 1 }"}},
		{"another family beside", func(m *Marks) []MarkOp { return m.Want(config, append(one, marked(t, "6 fd00::1 fd00::1 80 1"))) }, []string{"table ip6 k { 6 fd00::1 . 80 : 1 }"}},
		{"nothing more", func(m *Marks) []MarkOp { return m.Want(config, nil) }, []string{"delete table ip k"}},
		{"another priority", func(m *Marks) []MarkOp { return m.Want(FilterConfig{Table: "k", Priority: 5}, one) }, []string{table, "delete table ip6 k"}},
		{"another name", func(m *Marks) []MarkOp { return m.Want(FilterConfig{Table: "l"}, one) },
			[]string{"delete table ip k", "delete table ip6 k", "table ip l { 6 10.0.0.1 . 80 : 1 }", "delete table ip6 l"}},
		{"somebody else", func(m *Marks) []MarkOp { return m.Changed(FilterChange{}) }, []string{table}},
		{"somebody else where nothing is", func(m *Marks) []MarkOp { return m.Changed(FilterChange{V6: true}) }, nil},
		{"a failure", func(m *Marks) []MarkOp {
			m.Done(MarkOp{FilterConfig: config, Marks: one}, errors.New("no"))
			return m.Retry()
		}, []string{table}},
		{"a removal that fails", func(m *Marks) []MarkOp {
			m.Done(m.Want(config, nil)[0], errors.New("no"))
			return m.Retry()
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) { wantLines(t, c.does(begun()), c.want...) })
	}
}

func TestTheTableOfAnEarlierRunIsReplacedOrRemoved(t *testing.T) {
	m := &Marks{}
	m.Inherit("old")
	wantLines(t, m.Want(FilterConfig{}, nil), "delete table ip old", "delete table ip6 old")
	m = &Marks{}
	m.Inherit("old")
	wantLines(t, m.Want(FilterConfig{Table: "old"}, list(t, "17 fd00::1 fd00::2 53 9")), "delete table ip old", "table ip6 old { 17 fd00::1-fd00::2 . 53 : 9 }")
}

func TestATableThatMayBeThereIsNoted(t *testing.T) {
	m := &Marks{}
	if m.InUse() != "" {
		t.Error("a table is in use before there is one")
	}
	ops := m.Want(FilterConfig{Table: "k"}, list(t, "6 10.0.0.1 10.0.0.1 80 1"))
	for _, op := range ops {
		m.Done(op, nil)
	}
	if m.InUse() != "k" {
		t.Error("the table is not in use")
	}
	for _, op := range m.Want(FilterConfig{Table: "k"}, nil) {
		if m.InUse() != "k" {
			t.Error("it is forgotten before it is removed")
		}
		m.Done(op, nil)
	}
	if m.InUse() != "" {
		t.Error("it is in use after it was removed")
	}
}
