package engine

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/router"
	"holdfast/internal/vrrp/wire"
)

// ear is a Receiver that hears nothing.
type ear struct{ *os.File }

func (e ear) FD() int                                         { return int(e.Fd()) }
func (e ear) Read(mono.Instant, []wire.Datagram) (int, error) { return 0, nil }
func (e ear) Listen(*router.Port) error                       { return nil }

// slow is what opens ports when it is let.
type slow struct {
	t    *testing.T
	next chan error // for each attempt what comes of it
}

func (s slow) open(*router.Port, int) (Receiver, error) {
	if err := <-s.next; err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		s.t.Error(err)
	}
	s.t.Cleanup(func() { _ = w.Close() })
	return ear{r}, nil
}

// deafOf is what the loop tells the router of its ports, the next time that it does.
func deafOf(t *testing.T, m *Machine) (deaf []router.Ear) {
	t.Helper()
	for found, end := false, Now().Add(10*time.Second); !found; m.Wait(end) {
		m.Drain(func(ev router.Event) {
			if h, ok := ev.(router.Hearing); ok {
				deaf, found = h.Deaf, true
			}
		})
		if Now() > end {
			t.Fatal("the router was told nothing")
		}
		m.Inbox.Put(router.Expired{}) // so that Wait returns
	}
	return deaf
}

// The kernel lets whoever joins a group wait while somebody else makes links.
func TestTheLoopDoesNotWaitForItsPorts(t *testing.T) {
	l, _ := running(t)
	s := slow{t, make(chan error)}
	told := make(chan string, 8)
	m, err := NewMachine(l.Router, Hands{Open: s.open, Memory: forgetful{}, Tell: func(o Told) { told <- o.Trouble }})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.openPorts()
	eth0 := []router.Ear{{Link: "eth0"}}
	if deaf := deafOf(t, m); !slices.Equal(deaf, eth0) {
		t.Errorf("while the port is being opened %+v are deaf", deaf)
	}
	s.next <- errors.New("no room")
	if text := <-told; text != "no room" {
		t.Errorf("told %q", text)
	}
	s.next <- nil // it is tried again
	if deaf := deafOf(t, m); len(deaf) > 0 {
		t.Errorf("with an open port %+v are deaf", deaf)
	}
	m.openPorts() // nothing has changed: nothing is opened
	if m.serial != 1 || len(m.ports) != 1 {
		t.Errorf("order %d, %d ports", m.serial, len(m.ports))
	}
}

// What comes of an order that has been overtaken may be closed at any time.
func TestPortsOfAnOldOrderAreNotRead(t *testing.T) {
	l, _ := running(t)
	s := slow{t, make(chan error, 1)}
	m, err := NewMachine(l.Router, Hands{Open: s.open, Memory: forgetful{}, Tell: func(Told) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	m.openPorts()
	m.serial++
	s.next <- nil
	for m.opened.head.Load() == nil {
		time.Sleep(time.Millisecond)
	}
	m.opened.Take(m.adopt)
	if len(m.ports) > 0 {
		t.Error("they are read")
	}
}
