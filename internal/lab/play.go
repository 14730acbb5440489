package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"holdfast/internal/fault"
	"holdfast/internal/lab/netns"
)

// trial is a fault and the time until the next one.
type trial struct {
	fault fault.Fault
	at    time.Time
	until time.Time // zero: not over yet
}

// verdict is what a fault cost the client.
type verdict struct {
	Fault    string  `json:"fault"`
	AtMS     float64 `json:"at_ms"`
	Address  string  `json:"address"`     // the one that was gone the longest
	OutageMS float64 `json:"outage_ms"`   // of it, until it answered again
	Lost     int     `json:"lost_probes"` // of it: probes, or requests
	Survived bool    `json:"survived"`    // every address answered when the next fault came
	Silent   string  `json:"silent"`      // those that did not
}

// play does each step at its time.
func (l *lab) play(ctx context.Context, steps []fault.Step, whole time.Duration) error {
	for _, s := range steps {
		sleep(ctx, time.Until(l.line.start.Add(s.At)))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := l.do(s.Fault); err != nil {
			return err
		}
	}
	sleep(ctx, time.Until(l.line.start.Add(whole)))
	return ctx.Err()
}

// rehearse plays the usual faults on whoever is master, each as soon as the one
// before has been got over.
func (l *lab) rehearse(ctx context.Context) error {
	if !waitFor(ctx, l.patience(), l.settled) {
		return fmt.Errorf("%s within %s", l.missing(), l.patience())
	}
	master, link := l.busiest()
	home := l.standing()
	faults := usualFaults(master.plan.Name, link)
	if server := l.firstServer(); server != "" {
		faults = append(faults, fault.Fault{Verb: fault.Kill, Node: server}, fault.Fault{Verb: fault.Start, Node: server})
	}
	for _, f := range faults {
		if err := l.do(f); err != nil {
			return err
		}
		l.getOver(ctx, f, home)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func usualFaults(node, link string) []fault.Fault {
	return []fault.Fault{
		{Verb: fault.Kill, Node: node}, {Verb: fault.Start, Node: node},
		{Verb: fault.Stop, Node: node}, {Verb: fault.Start, Node: node},
		{Verb: fault.LinkDown, Node: node, Arg: link}, {Verb: fault.LinkUp, Node: node, Arg: link},
	}
}

// getOver waits until a fault is over: after something was taken away, until
// all addresses are held again; after something came back, until they are where
// they were at first, or until it is plain that they will not return.
func (l *lab) getOver(ctx context.Context, f fault.Fault, home string) {
	if l.machine(f.Node).plan.Server != nil {
		waitFor(ctx, l.patience(), func() bool { return l.allServed() && l.answers(f.Node) == (f.Verb == fault.Start) })
		return
	}
	if f.Verb == fault.Start || f.Verb == fault.LinkUp {
		waitFor(ctx, l.patience(), func() bool { return l.settled() && l.standing() == home })
		return
	}
	waitFor(ctx, l.patience(), func() bool { return l.settled() && l.standing() != home })
}

// patience is longer than any take-over: three intervals, the skew, a start; and than
// a check needs to see that a real server is gone.
func (l *lab) patience() time.Duration {
	return max(5*l.plan.Slowest, l.plan.slowestCheck()) + 2*time.Second
}

// standing says who holds what, to be compared.
func (l *lab) standing() string {
	var b strings.Builder
	for _, v := range l.plan.VIPs {
		fmt.Fprintf(&b, "%s:", v.Prefix)
		for _, m := range l.holders(v) {
			b.WriteString(m.plan.Name + " ")
		}
	}
	return b.String()
}

func (l *lab) missing() string {
	var names, silent []string
	for _, v := range l.plan.VIPs {
		if len(l.holders(v)) != 1 {
			names = append(names, v.Prefix.Addr().String())
		}
	}
	for i, t := range l.plan.Asked {
		if !served(l.asker.Now(i)) {
			silent = append(silent, t.String())
		}
	}
	switch {
	case len(names) > 0:
		return "no master for " + strings.Join(names, ", ")
	case len(silent) > 0:
		return "not every request is answered by " + strings.Join(silent, ", ")
	}
	return "an address does not answer the client"
}

// busiest is the node that holds most addresses, and the link of the first.
func (l *lab) busiest() (*machine, string) {
	count, link := map[*machine]int{}, map[*machine]string{}
	for _, v := range l.plan.VIPs {
		for _, m := range l.holders(v) {
			count[m]++
			if link[m] == "" {
				link[m] = v.Link
			}
		}
	}
	best := slices.MaxFunc(l.directors(), func(a, b *machine) int { return count[a] - count[b] })
	return best, cmp.Or(link[best], best.plan.Links[0])
}

// judge measures every trial. It waits until the last probes have been judged.
func (l *lab) judge() []verdict {
	end := time.Now()
	l.settle()
	targets := l.targets()
	var all []verdict
	for i := range l.trials {
		t := l.trials[i]
		t.until = end
		if i+1 < len(l.trials) {
			t.until = l.trials[i+1].at
		}
		all = append(all, l.judgeOne(t, targets))
	}
	return all
}

func (l *lab) judgeOne(t trial, targets []target) verdict {
	v := verdict{Fault: t.fault.String(), AtMS: millis(t.at.Sub(l.line.start)), Survived: true}
	for _, target := range targets {
		out, lost, answers := target.during(t)
		if !answers {
			v.Survived = false
			v.Silent = strings.TrimSpace(v.Silent + " " + target.name)
		}
		if millis(out) > v.OutageMS {
			v.Address, v.OutageMS, v.Lost = target.name, millis(out), lost
		}
	}
	return v
}

// target is what the client probes or asks, and when that was lost.
type target struct {
	name  string
	spans []netns.Span
	slack time.Duration // how far something lost may have been under way when a fault came
}

func (l *lab) targets() (all []target) {
	for _, v := range l.plan.VIPs {
		other := func(s netns.Span) bool { return s.Target != v.target() }
		all = append(all, target{v.Prefix.Addr().String(), slices.DeleteFunc(l.prober.Spans(), other), 2 * time.Millisecond})
	}
	for i, t := range l.plan.Asked {
		all = append(all, target{t.String(), l.asker.Spans(i), tempo().ask})
	}
	return all
}

// during is what a trial cost, and whether the target answered at its end.
func (g target) during(t trial) (out time.Duration, lost int, answers bool) {
	answers = true
	for _, s := range g.spans {
		if s.From.After(t.until.Add(-g.slack)) { // it is the next fault's
			continue
		}
		answers = answers && !s.To.IsZero() && !s.To.After(t.until)
		if !s.From.Before(t.at.Add(-g.slack)) {
			out += s.Outage(t.until)
			lost += s.Lost
		}
	}
	return out, lost, answers
}

// report prints the verdicts and tells whether every fault was survived.
func (l *lab) report(w io.Writer, asJSON bool) bool {
	verdicts := l.judge()
	if asJSON {
		enc := json.NewEncoder(w)
		for _, v := range verdicts {
			enc.Encode(struct {
				Kind string `json:"kind"`
				verdict
			}{"outage", v})
		}
		for _, c := range l.counts() {
			enc.Encode(struct {
				Kind string `json:"kind"`
				count
			}{"requests", c})
		}
	} else {
		l.printVerdicts(w, verdicts)
	}
	return !slices.ContainsFunc(verdicts, func(v verdict) bool { return !v.Survived })
}

func (l *lab) printVerdicts(w io.Writer, verdicts []verdict) {
	fmt.Fprintf(w, "\n%-32s %12s %8s  %s\n", "fault", "outage", "probes", "the client")
	for _, v := range verdicts {
		fmt.Fprintf(w, "%-32s %9.0f ms %8d  %s\n", v.Fault, v.OutageMS, v.Lost, v.sentence())
	}
	fmt.Fprintln(w)
	for _, vip := range l.plan.VIPs {
		fmt.Fprintln(w, l.sentence(vip))
	}
	for _, c := range l.counts() {
		fmt.Fprintln(w, c)
	}
	if sent, skipped := l.prober.Counts(); sent > 0 {
		fmt.Fprintf(w, "%d probes sent, one per address each %s; %d left out because this machine was busy\n", sent, tempo().probe, skipped)
	}
}

func (v verdict) sentence() string {
	switch {
	case !v.Survived:
		return "got no answer any more from " + v.Silent
	case v.Lost == 0:
		return "noticed nothing"
	}
	return "was without " + v.Address
}

// sentence says who holds an address, since when and why.
func (l *lab) sentence(v VIP) string {
	var parts []string
	for _, m := range l.holders(v) {
		since, _ := m.holds(v.Prefix.Addr())
		parts = append(parts, fmt.Sprintf("%s since %.3f%s", m.plan.Name, since.Sub(l.line.start).Seconds(), reason(m.why(v))))
	}
	if len(parts) == 0 {
		return v.Prefix.Addr().String() + " is held by nobody"
	}
	return v.Prefix.Addr().String() + " is held by " + strings.Join(parts, " and ")
}

func reason(e Entry) string {
	switch {
	case e.Role == "":
		return ""
	case e.Text == "":
		return ": " + e.Instance + " became " + e.Role
	}
	return ": " + e.Instance + " became " + e.Role + ", " + e.Text
}
