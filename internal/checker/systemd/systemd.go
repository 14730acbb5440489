// Package systemd checks that a unit of systemd is active. It asks by D-Bus and
// starts nothing.
package systemd

import (
	"context"
	"fmt"
	"net"

	"holdfast/internal/checker"
	"holdfast/internal/checker/dial"
)

// Active is the check of a unit.
type Active struct {
	Unit string // with its suffix: nginx.service
	Bus  string // path of the bus; empty: that of the system
}

const systemBus = "/run/dbus/system_bus_socket"

// Probe implements checker.Probe. The target does not matter. A bus that does not
// answer says nothing about the unit.
func (a *Active) Probe(ctx context.Context, _ checker.Target) checker.Result {
	state, err := a.state(ctx)
	switch {
	case err != nil:
		return checker.Hinder("ask systemd for %s: %v", a.Unit, err)
	case state == "active" || state == "reloading" || state == "refreshing":
		return checker.Pass()
	}
	return checker.Fail("%s is %s", a.Unit, state)
}

// state is the ActiveState of the unit; one that does not exist is inactive.
func (a *Active) state(ctx context.Context) (string, error) {
	bus, err := a.connect(ctx)
	if err != nil {
		return "", err
	}
	defer bus.Close()
	return bus.call(message{
		destination: "org.freedesktop.systemd1", path: "/org/freedesktop/systemd1/unit/" + escape(a.Unit),
		inter: "org.freedesktop.DBus.Properties", member: "Get",
		args: []string{"org.freedesktop.systemd1.Unit", "ActiveState"},
	})
}

// connect opens the bus and says hello, as every user of it has to.
func (a *Active) connect(ctx context.Context) (*bus, error) {
	path := a.Bus
	if path == "" {
		path = systemBus
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", path, dial.Plain(err))
	}
	b := &bus{Conn: dial.Bound(ctx, c)}
	if err := b.greet(); err != nil {
		_ = b.Close()
		return nil, err
	}
	return b, nil
}

// escape makes the name of a unit a part of an object path: what is neither a
// letter nor a digit, and a digit in front, becomes _ and two hexadecimal digits.
func escape(unit string) string {
	var out []byte
	for i, c := range []byte(unit) {
		digit := c >= '0' && c <= '9'
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if letter || digit && i > 0 {
			out = append(out, c)
			continue
		}
		out = fmt.Appendf(out, "_%02x", c)
	}
	return string(out)
}
