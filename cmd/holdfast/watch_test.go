package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/api"
	holdfast "holdfast/internal/status"
)

// terminal is one that nobody sits at. What is written to Slave is on its screen.
type terminal struct {
	*testing.T
	master, slave *os.File

	mu   sync.Mutex
	seen bytes.Buffer
}

func newTerminal(t *testing.T, width, height int) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	m := &terminal{T: t, master: master, slave: slave}
	m.size(width, height)
	t.Cleanup(func() { _ = slave.Close(); _ = master.Close() })
	go m.watch()
	return m
}

// size makes the screen so large.
func (m *terminal) size(width, height int) {
	m.Helper()
	if err := unix.IoctlSetWinsize(int(m.slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(width), Row: uint16(height)}); err != nil {
		m.Fatal(err)
	}
}

func (m *terminal) watch() {
	buf := make([]byte, 4096)
	for {
		n, err := m.master.Read(buf)
		if err != nil {
			return
		}
		m.mu.Lock()
		m.seen.Write(buf[:n])
		m.mu.Unlock()
	}
}

// screen is what was drawn last as a whole, line by line.
func (m *terminal) screen() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	const home, rest, clear = "\x1b[H", "\x1b[J", "\x1b[K"
	frames := strings.Split(m.seen.String(), home)
	for i := len(frames) - 1; i > 0; i-- {
		if text, whole := strings.CutSuffix(frames[i], rest); whole {
			return strings.Split(strings.TrimSuffix(strings.ReplaceAll(strings.ReplaceAll(text, clear, ""), "\r", ""), "\n"), "\n")
		}
	}
	return nil
}

// shows waits until the screen is as it should be.
func (m *terminal) shows(what string, right func([]string) bool) {
	m.Helper()
	for end := time.Now().Add(10 * time.Second); !right(m.screen()); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			m.Fatalf("not %s:\n%s", what, strings.Join(m.screen(), "\n"))
		}
	}
}

// growing is a daemon with forty instances, of which one has changed its role.
type growing struct {
	strict
	mu   sync.Mutex
	role string
}

func (g *growing) Snapshot(context.Context) (*holdfast.Snapshot, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := &holdfast.Snapshot{Node: "near", Router: &holdfast.Router{}, Balanced: &holdfast.Balanced{}}
	for i := range 40 {
		s.Router.Instances = append(s.Router.Instances, holdfast.Instance{Name: fmt.Sprint("V", i), Role: "BACKUP", Reason: strings.Repeat("because ", 30)})
	}
	s.Router.Instances[37].Role = g.role
	return s, nil
}

func (g *growing) becomes(role string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.role = role
}

func TestTheLiveStatusFitsTheTerminal(t *testing.T) {
	m, g := newTerminal(t, 70, 14), &growing{role: "BACKUP"}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	l := looking{Client: api.Client{Socket: answering(t, g)}}
	go func() { ended <- l.status(ctx, m.slave, true) }()
	fits := func(width, height int) func([]string) bool {
		return func(lines []string) bool {
			for _, line := range lines {
				if len([]rune(line)) > width {
					return false
				}
			}
			return len(lines) > height/2 && len(lines) < height
		}
	}
	m.shows("cut to the screen", fits(70, 14))
	g.becomes("FAULT")
	m.shows("the one that asks for attention", func(lines []string) bool {
		text := strings.Join(lines, "\n")
		return strings.Contains(text, "V37") && strings.Contains(text, "FAULT") && strings.Contains(text, "more instances")
	})
	m.size(40, 8)
	m.shows("cut to the smaller screen", fits(40, 8))
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ends with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it does not end")
	}
}
