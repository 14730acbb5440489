package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"holdfast/internal/api"
	"holdfast/internal/lab/guest"
	"holdfast/internal/status"
)

// nowhere is the address of no page.
const nowhere = "off"

// open shows the nodes in a browser for as long as the lab is there, if their program can be asked.
// No browser reaches into a guest.
func (o *options) open(ctx context.Context, l *lab) error {
	if o.web == nowhere || !o.program.answers() || guest.Inside() {
		return nil
	}
	listener, err := api.ListenHere(o.web)
	if err != nil {
		return fmt.Errorf("--web: %w", err)
	}
	l.url = "http://" + listener.Addr().String() + "/"
	l.show(ctx, listener)
	return nil
}

// answers tells whether a program answers the API.
func (p program) answers() bool { return len(p.args) > 0 && p.args[0] == "run" }

// show answers browsers until the lab is closed.
func (l *lab) show(ctx context.Context, listener net.Listener) {
	var members []api.Member
	for _, m := range l.directors() {
		members = append(members, api.Member{Name: m.plan.Name, Client: m.client})
	}
	board := api.NewBoard(members)
	board.Acts = true // all that it acts on ends with the lab
	l.line.tell(func(e Entry) {
		if e.Kind == "fault" { // all else is told by the daemons
			board.Add(status.Event{Time: l.line.start.Add(e.At), Kind: status.FaultEvent, Node: e.Node, Name: e.Text})
		}
	})
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() { board.Follow(ctx) })
	all.Go(func() { _ = board.Serve(listener) }) // until it is closed
	l.shut = func() {
		cancel()
		_ = listener.Close()
		all.Wait()
	}
}

// client asks the daemon that runs at present.
func (m *machine) client() (api.Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.dark:
		return api.Client{}, errors.New("it is without power")
	case !m.running():
		return api.Client{}, errors.New("its daemon does not run")
	}
	return api.Client{Socket: fmt.Sprintf("/proc/%d/root/run/holdfast/holdfast.sock", m.cmd.Process.Pid)}, nil
}
