// Package bus shows instances as objects of D-Bus, as keepalived does: with their names
// and states, signals of changes, and methods that ask the daemon for something. What
// these do is for a Control.
package bus

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"holdfast/internal/vrrp"
)

// Control does what is asked for. Its methods do not wait.
type Control interface {
	PrintData()
	PrintStats()
	PrintStatsClear()
	ReloadConfig()
	// SendGARP announces the addresses of an instance that is MASTER.
	SendGARP(instance string)
}

// Config says where the objects are.
type Config struct {
	// Service is the name on the bus, Root the path that everything is below, without
	// a slash at its end.
	Service, Root string
}

// Instance is one virtual router.
type Instance struct {
	Name string
	// Link is its interface, or what stands for none.
	Link string
	VRID uint8
	V6   bool
}

// Root is where the objects of a daemon are: its namespace and its name are part of it.
func Root(names ...string) string {
	path := "/org/keepalived/Vrrp1"
	for _, n := range names {
		if n != "" {
			path += "/" + element(n)
		}
	}
	return path
}

// element is a word as paths can have it.
func element(word string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, word)
}

// path is where an instance is, below /Instance.
func (i *Instance) path() string {
	family := "IPv4"
	if i.V6 {
		family = "IPv6"
	}
	return fmt.Sprintf("%s/%d/%s", element(i.Link), i.VRID, family)
}

// Bus keeps a daemon on the bus.
type Bus struct {
	config  Config
	control Control
	log     func(string)

	mu        sync.Mutex
	instances map[string]*Instance // by path
	paths     map[string]string    // by name
	roles     map[string]vrrp.Role // by name, of those too that are not here yet
	signals   []signal
	kick      chan struct{} // there are some
}

// signal is one that is to be sent.
type signal struct {
	path, name string
	values     []any
}

// New returns one that is not on the bus yet. Log lines go to log, one for each change
// from being on the bus to not, and back.
func New(c Config, control Control, log func(string)) *Bus {
	return &Bus{config: c, control: control, log: log, instances: map[string]*Instance{}, paths: map[string]string{}, roles: map[string]vrrp.Role{}, kick: make(chan struct{}, 1)}
}

// Started shows the instances, and says that the daemon began.
func (b *Bus) Started(list []Instance) { b.show(list, "VrrpStarted") }

// Reloaded shows the instances from now on, and says that there was a reload.
func (b *Bus) Reloaded(list []Instance) { b.show(list, "VrrpReloaded") }

// Stopped says that the daemon ends.
func (b *Bus) Stopped() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.emit("/Vrrp", "Vrrp.VrrpStopped")
}

func (b *Bus) show(list []Instance, event string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.paths
	b.instances, b.paths = map[string]*Instance{}, map[string]string{}
	if len(list) > 0 {
		b.emit("/Vrrp", "Vrrp."+event)
	}
	for n := range list {
		i := &list[n]
		b.instances[i.path()], b.paths[i.Name] = i, i.path()
		if role, known := b.roles[i.Name]; known && before[i.Name] != i.path() {
			b.emit("/Instance/"+i.path(), "Instance.VrrpStatusChange", uint32(role))
		}
	}
	for name := range b.roles {
		if b.paths[name] == "" {
			delete(b.roles, name)
		}
	}
}

// Change says that an instance has a role now.
func (b *Bus) Change(name string, to vrrp.Role) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roles[name] = to
	if path := b.paths[name]; path != "" {
		b.emit("/Instance/"+path, "Instance.VrrpStatusChange", uint32(to))
	}
}

// See notes a role that nobody told of.
func (b *Bus) See(name string, role vrrp.Role) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.roles[name] = role
}

// most is how many signals wait for the bus.
const most = 1 << 14

// emit sends a signal soon. The lock is held.
func (b *Bus) emit(path, name string, values ...any) {
	if len(b.signals) == most {
		return
	}
	b.signals = append(b.signals, signal{path, name, values})
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

func (b *Bus) take() []signal {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.signals
	b.signals = nil
	return list
}

// again is the pause between attempts to get on the bus.
const again = 2 * time.Second

// Run stays on the bus until the end of ctx, and sends what is to be said before that.
func (b *Bus) Run(ctx context.Context) {
	told := ""
	for {
		err := b.live(ctx, func() { b.log("D-Bus: " + b.config.Service + " is on the bus"); told = "" })
		if ctx.Err() != nil {
			return
		}
		if why := err.Error(); why != told {
			b.log(fmt.Sprintf("D-Bus: %s is not on the bus: %s; trying on", b.config.Service, why))
			told = why
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return
		}
	}
}

// live is one connection, from its beginning to its end.
func (b *Bus) live(ctx context.Context, begun func()) error {
	conn, err := dbus.ConnectSystemBus(dbus.WithHandler(handler{b}))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	answer, err := conn.RequestName(b.config.Service, dbus.NameFlagDoNotQueue)
	switch {
	case err != nil:
		return err
	case answer != dbus.RequestNameReplyPrimaryOwner:
		return fmt.Errorf("another program has the name")
	}
	begun()
	for {
		select {
		case <-b.kick:
			err = b.flush(conn)
		case <-conn.Context().Done():
			return fmt.Errorf("the connection is closed")
		case <-ctx.Done():
			return b.flush(conn)
		}
		if err != nil {
			return err
		}
	}
}

func (b *Bus) flush(conn *dbus.Conn) error {
	for _, s := range b.take() {
		if err := conn.Emit(dbus.ObjectPath(b.config.Root+s.path), interfaces+s.name, s.values...); err != nil {
			return err
		}
	}
	return nil
}
