package lab

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/fault"
)

// screen is the live view: what it shows and what is selected on it.
type screen struct {
	l    *lab
	node int // selected
	link int // selected, of that node
	// faults are carried out one after the other while the screen goes on: a
	// stop waits for the daemon.
	faults chan fault.Fault
	note   atomic.Pointer[string]
}

func newScreen(l *lab) *screen {
	s := &screen{l: l, faults: make(chan fault.Fault, 16)}
	s.say("")
	return s
}

// say puts a line above the keys.
func (s *screen) say(text string) { s.note.Store(&text) }

// work carries out what keys asked for.
func (s *screen) work(done chan<- struct{}) {
	defer close(done)
	for f := range s.faults {
		if err := s.l.do(f); err != nil {
			s.say(err.Error())
		}
	}
}

// redraw is how often the screen is drawn.
const redraw = 100 * time.Millisecond

// The terminal's words (ECMA-48, and xterm's for the alternate screen).
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	home        = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
	bold        = "\x1b[1m"
	plain       = "\x1b[0m"
)

// live shows the network and obeys keys until q or the end of the context; then
// the timeline and the outages are printed on the ordinary screen.
func (l *lab) live(ctx context.Context, in *os.File, out io.Writer) error {
	restore, err := rawTerminal(in)
	if err != nil {
		return err
	}
	fmt.Fprint(out, enterScreen)
	s, done := newScreen(l), make(chan struct{})
	go s.work(done)
	s.loop(ctx, readKeys(in), func() { fmt.Fprint(out, s.frame(size(in))) })
	close(s.faults)
	<-done
	fmt.Fprint(out, leaveScreen)
	restore()
	for _, e := range l.line.last(1 << 20) {
		fmt.Fprintln(out, e)
	}
	l.report(out, false)
	return nil
}

// loop draws and obeys keys.
func (s *screen) loop(ctx context.Context, keys <-chan string, draw func()) {
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	for {
		draw()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case k, ok := <-keys:
			if !ok || k == "q" || k == "\x03" {
				return
			}
			s.press(k)
		}
	}
}

// rawTerminal gives keys at once and unprinted, until restore is called.
func rawTerminal(in *os.File) (restore func(), err error) {
	old, err := unix.IoctlGetTermios(int(in.Fd()), unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	now := *old
	now.Lflag &^= unix.ICANON | unix.ECHO
	now.Cc[unix.VMIN], now.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(int(in.Fd()), unix.TCSETS, &now); err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	return func() { unix.IoctlSetTermios(int(in.Fd()), unix.TCSETS, old) }, nil
}

// readKeys hands on each key; arrows come as three bytes.
func readKeys(in *os.File) <-chan string {
	keys := make(chan string)
	go func() {
		defer close(keys)
		buf := make([]byte, 16)
		for {
			n, err := in.Read(buf)
			if err != nil || n == 0 {
				return
			}
			for _, k := range splitKeys(string(buf[:n])) {
				keys <- k
			}
		}
	}()
	return keys
}

func splitKeys(text string) []string {
	var keys []string
	for len(text) > 0 {
		n := 1
		if strings.HasPrefix(text, "\x1b[") && len(text) >= 3 {
			n = 3
		}
		keys, text = append(keys, text[:n]), text[n:]
	}
	return keys
}

// press obeys a key.
func (s *screen) press(key string) {
	m := s.machine()
	switch key {
	case "\x1b[A":
		s.move(-1)
	case "\x1b[B", "\t":
		s.move(+1)
	case "\x1b[C", "\x1b[D":
		s.link = (s.link + 1) % len(m.plan.Links)
	default:
		if n := int(key[0]) - '1'; n >= 0 && n < min(9, len(s.l.machines)) {
			s.node, s.link = n, 0
			return
		}
		s.fault(s.wish(key, m))
	}
}

func (s *screen) move(by int) {
	n := len(s.l.machines)
	s.node, s.link = (s.node+by+n)%n, 0
}

func (s *screen) machine() *machine { return s.l.machines[s.node] }

// wish is the fault that a key asks for; keys that take something away give it
// back when pressed again.
func (s *screen) wish(key string, m *machine) (fault.Fault, bool) {
	f := fault.Fault{Node: m.plan.Name}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch key {
	case "k":
		f.Verb = fault.Kill
	case "x":
		f.Verb = fault.Crash
	case "s":
		f.Verb = fault.Stop
	case "r":
		f.Verb = fault.Start
	case "c":
		f.Arg = m.plan.Links[s.link]
		f.Verb = either(m.cut[f.Arg], fault.LinkUp, fault.LinkDown)
	case "d":
		f.Verb = either(m.deaf, fault.AllowVRRP, fault.DropVRRP)
	case "z":
		f.Verb = fault.Pause
	case "f":
		if len(m.plan.Scripts) == 0 {
			s.say(f.Node + " tracks no script")
			return f, false
		}
		f.Arg = m.plan.Scripts[0].Name
		f.Verb = either(m.failing[f.Arg], fault.Recover, fault.Fail)
	default:
		return f, false
	}
	return f, true
}

func either(cond bool, yes, no fault.Verb) fault.Verb {
	if cond {
		return yes
	}
	return no
}

func (s *screen) fault(f fault.Fault, ok bool) {
	if !ok {
		return
	}
	s.say("")
	if f.Verb == fault.Pause && s.machine().isFrozen() {
		s.machine().thaw()
		return
	}
	select {
	case s.faults <- f:
	default:
		s.say("too many keys at once")
	}
}

// size is that of the terminal, in characters.
func size(terminal *os.File) (columns, rows int) {
	w, err := unix.IoctlGetWinsize(int(terminal.Fd()), unix.TIOCGWINSZ)
	if err != nil || w.Col == 0 || w.Row == 0 {
		return 80, 24
	}
	return int(w.Col), int(w.Row)
}

// frame is what the terminal is sent: the screen, cut to its size, over the old one.
func (s *screen) frame(columns, rows int) string {
	lines := strings.Split(strings.TrimSuffix(s.draw(rows), "\n"), "\n")
	lines = lines[:min(len(lines), rows)]
	for i, line := range lines {
		if r := []rune(line); len(r) > columns {
			lines[i] = string(r[:columns])
		}
	}
	lines[0] = bold + lines[0] + plain
	return home + strings.Join(lines, clearLine+"\r\n") + clearLine + clearBelow
}

// draw is the whole screen as text: the newest events fill what is left of the rows.
func (s *screen) draw(rows int) string {
	var top, keys, events strings.Builder
	fmt.Fprintf(&top, "holdfast lab   %.1f s   namespaces %s-*   %s\n\n", time.Since(s.l.line.start).Seconds(), s.l.world.Name(), s.l.url)
	s.drawNodes(&top)
	s.drawAddresses(&top)
	top.WriteString("\n")
	fmt.Fprintf(&keys, "\n%s\n", *s.note.Load())
	keys.WriteString("up/down or 1-9 node   left/right link   q quit\n")
	keys.WriteString("k kill  s stop  r start  x crash the daemon  z freeze or thaw\n")
	keys.WriteString("c cut or mend the link  d drop or allow VRRP  f fail or recover the script\n")
	free := rows - strings.Count(top.String(), "\n") - strings.Count(keys.String(), "\n")
	for _, e := range s.l.line.last(max(3, free)) {
		events.WriteString(e.String() + "\n")
	}
	return top.String() + events.String() + keys.String()
}

func (s *screen) drawNodes(b *strings.Builder) {
	for i, m := range s.l.machines {
		mark := "  "
		if i == s.node {
			mark = "> "
		}
		fmt.Fprintf(b, "%s%d %-12s %-24s", mark, i+1, m.plan.Name, m.state())
		for j, link := range m.plan.Links {
			text := link
			if i == s.node && j == s.link {
				text = "[" + link + "]"
			}
			for _, a := range m.plan.Addrs[link] {
				text += " " + a.String()
			}
			b.WriteString("  " + text)
		}
		b.WriteString("\n")
	}
}

func (s *screen) drawAddresses(b *strings.Builder) {
	spans := s.l.prober.Spans()
	fmt.Fprintf(b, "\n%-26s %-14s %-22s %s\n", "address", "held by", "client", "since, why")
	for _, v := range s.l.plan.VIPs {
		client := "answers"
		for _, sp := range spans {
			if sp.Target == v.target() && sp.To.IsZero() {
				client = fmt.Sprintf("LOST for %d ms", sp.Outage(time.Now()).Milliseconds())
			} else if sp.Target == v.target() {
				client = fmt.Sprintf("answers, lost %d ms", sp.Outage(time.Now()).Milliseconds())
			}
		}
		names, since := s.holding(v)
		fmt.Fprintf(b, "%-26s %-14s %-22s %s\n", v.Prefix.Addr(), names, client, since)
	}
	for i, c := range s.l.counts() {
		fmt.Fprintf(b, "%-26s %s; %d of %d lost\n", c.Service, by(s.l.asker.Now(i)), c.Lost, c.Requests)
	}
}

func (s *screen) holding(v VIP) (names, since string) {
	var who, when []string
	for _, m := range s.l.holders(v) {
		at, _ := m.holds(v.Prefix.Addr())
		who = append(who, m.plan.Name)
		when = append(when, fmt.Sprintf("%.1f s%s", at.Sub(s.l.line.start).Seconds(), reason(m.why(v))))
	}
	if len(who) == 0 {
		return "nobody", ""
	}
	return strings.Join(who, " AND "), strings.Join(when, "; ")
}
