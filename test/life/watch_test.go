package life

import (
	"bufio"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"holdfast/internal/lab/netns"
)

// event is a line that another program printed, with the time it gave.
type event struct {
	at   time.Time
	text string
}

// watch runs a program on a node that prints what happens; the function that
// comes back ends it and returns the lines that parse.
func (s *stage) watch(n *netns.Node, parse func(string) (event, bool), name string, args ...string) func() []event {
	s.Helper()
	cmd := exec.Command(name, args...)
	out, err := cmd.StdoutPipe()
	s.Must(err)
	s.Must(n.Start(cmd))
	lines := make(chan []event, 1)
	go func() {
		var list []event
		for r := bufio.NewScanner(out); r.Scan(); {
			if e, ok := parse(r.Text()); ok {
				list = append(list, e)
			}
		}
		lines <- list
	}()
	time.Sleep(500 * time.Millisecond) // until it listens
	return func() []event {
		time.Sleep(300 * time.Millisecond) // until it has printed
		_ = cmd.Process.Signal(syscall.SIGTERM)
		list := <-lines
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		return list
	}
}

// listen captures what tcpdump's filter lets through.
func (s *stage) listen(n *netns.Node, filter string) func() []event {
	s.Helper()
	parse := func(line string) (event, bool) {
		seconds, rest, _ := strings.Cut(line, " ")
		f, err := strconv.ParseFloat(seconds, 64)
		return event{time.UnixMicro(int64(f * 1e6)), rest}, err == nil
	}
	return s.watch(n, parse, "tcpdump", "-i", "eth0", "-n", "-l", "-tt", "--immediate-mode", filter)
}

// timedMonitor reports addresses that come ("+10.0.0.1") and go ("-10.0.0.1").
func (s *stage) timedMonitor(n *netns.Node) func() []event {
	s.Helper()
	parse := func(line string) (event, bool) {
		stamp, what, _ := strings.Cut(strings.TrimPrefix(line, "["), "] ")
		at, err := time.Parse("2006-01-02T15:04:05.000000", stamp)
		_, rest, found := strings.Cut(what, " inet ")
		if err != nil || !found {
			return event{}, false
		}
		sign := "+"
		if strings.HasPrefix(what, "Deleted ") {
			sign = "-"
		}
		return event{at, sign + rest[:strings.IndexAny(rest, "/ ")]}, true
	}
	return s.watch(n, parse, "ip", "-o", "-ts", "monitor", "address")
}

// monitor lists the addresses that come and go, without times.
func (s *stage) monitor(n *netns.Node) func() []string {
	s.Helper()
	end := s.timedMonitor(n)
	return func() (list []string) {
		for _, e := range end() {
			list = append(list, e.text)
		}
		return list
	}
}
