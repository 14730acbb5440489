package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
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
	at, err := netip.ParseAddrPort(o.web)
	if err != nil || !at.Addr().IsLoopback() {
		return fmt.Errorf("--web %s: write ADDRESS:PORT with an address of this machine alone, as 127.0.0.1:8080: whoever opens the page may act", o.web)
	}
	listener, err := net.Listen("tcp", o.web)
	if err != nil {
		return fmt.Errorf("show the nodes in a browser: %w (--web names another address, or `off`)", err)
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
