// Package metrics writes a snapshot as Prometheus reads it. The names and labels are
// an interface: they stay.
package metrics

import (
	"bufio"
	"strconv"
	"strings"
	"time"
)

// text is the text format of Prometheus, version 0.0.4. A snapshot may be a million
// lines: they are written as they come, and nothing is kept.
type text struct {
	w    *bufio.Writer
	name string // of the family that is being written
}

// family begins a metric; kind is gauge, counter or histogram.
func (t *text) family(name, kind, help string) {
	t.name = name
	t.put("# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n")
}

func (t *text) put(parts ...string) {
	for _, p := range parts {
		_, _ = t.w.WriteString(p) // the error stays until Flush
	}
}

// labels are pairs of a name and a value.
type labels []string

// sample is one line of the family.
func (t *text) sample(value float64, l ...string) { t.line("", value, l) }

func (t *text) count(n uint64, l ...string) { t.line("", float64(n), l) }

// state is 1 for a thing that is so.
func (t *text) state(so bool, l ...string) {
	value := 0.0
	if so {
		value = 1
	}
	t.line("", value, l)
}

func (t *text) line(suffix string, value float64, l labels) {
	t.put(t.name, suffix)
	for i := 0; i < len(l); i += 2 {
		t.put([]string{"{", ","}[min(i, 1)], l[i], `="`, escape(l[i+1]), `"`)
	}
	if len(l) > 0 {
		t.put("}")
	}
	t.put(" ", strconv.FormatFloat(value, 'g', -1, 64), "\n")
}

// histogram writes counts by powers of two of a unit: place i is below unit<<i, the
// last one has no bound. Sum is in seconds.
func (t *text) histogram(counts []uint64, unit time.Duration, sum float64, l ...string) {
	var total uint64
	for i, n := range counts {
		total += n
		bound := "+Inf"
		if i < len(counts)-1 {
			bound = strconv.FormatFloat((unit << i).Seconds(), 'g', -1, 64)
		}
		t.line("_bucket", float64(total), append(l[:len(l):len(l)], "le", bound))
	}
	t.line("_sum", sum, l)
	t.line("_count", float64(total), l)
}

// escape makes a value fit between quotation marks.
func escape(s string) string {
	if !strings.ContainsAny(s, "\\\"\n") {
		return s
	}
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s)
}
