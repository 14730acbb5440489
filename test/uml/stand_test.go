package uml

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/engine"
	"holdfast/internal/host"
	"holdfast/internal/host/netlink"
	"holdfast/internal/relay"
	"holdfast/internal/router"
	"holdfast/test/space"
)

// tunnels are what the routes of the tables leave by.
func tunnels() []string {
	return []string{
		"link add v0 type veth peer name v1", "link set v0 addrgenmode none", "link set v1 addrgenmode none", "link set v1 up", "link set v0 up",
		"link add d0 type dummy", "link set d0 addrgenmode none", "link set d0 up",
		"link add red type vrf table 1000", "link set red up",
		"link add r0 type dummy", "link set r0 addrgenmode none master red", "link set r0 up",
		"link add t4 type ipip external", "link set t4 up",
		"link add t6 type ip6tnl external", "link set t6 up",
		"addr add 192.0.2.1/24 dev v0", "addr add 2001:db8::1/64 dev v0 nodad",
		"addr add 198.51.100.1/24 dev r0", "addr add 2001:db8:1::1/64 dev r0 nodad",
	}
}

func ip(t *testing.T, line string) string {
	t.Helper()
	return space.Run(t, "ip "+line)
}

// things reads lines of static_routes and static_rules.
func things(t *testing.T, routes, rules string) (list []host.Thing) {
	t.Helper()
	text := "static_routes {\n" + routes + "\n}\nstatic_rules {\n" + rules + "\n}\n"
	tree, _ := conf.Parse(conf.MemoryFiles{"a.conf": text}, "a.conf", conf.Options{})
	c, diags := config.Build(tree, config.Options{})
	for i := range c.StaticRoutes {
		list = append(list, &c.StaticRoutes[i].Route)
	}
	for i := range c.StaticRules {
		list = append(list, &c.StaticRules[i].Rule)
	}
	if len(list) == 0 {
		t.Fatalf("%s is not read: %v", text, diags)
	}
	return list
}

// keeping is a Hosting on this kernel, and what it says.
type keeping struct {
	*engine.Hosting
	stop func()

	mu    sync.Mutex
	lines []string
}

// keep starts a Hosting that wants things from the beginning. It ends with the
// test, or with stop, and leaves everything as it is.
func keep(t *testing.T, wanted []host.Thing) *keeping {
	t.Helper()
	kernel, err := netlink.Open()
	if err != nil {
		t.Fatal(err)
	}
	k := &keeping{}
	k.Hosting = engine.NewHosting(kernel, func(router.Event) {}, k.hear)
	ctx, cancel := context.WithCancel(t.Context())
	if err := k.Begin(ctx); err != nil {
		t.Fatal(err)
	}
	k.Order(engine.HostOrder{Delta: host.Delta{Things: wanted}, Whole: true})
	var running sync.WaitGroup
	running.Go(func() { k.Run(ctx) })
	k.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		_ = kernel.Close()
	})
	t.Cleanup(k.stop)
	return k
}

func (k *keeping) hear(l relay.Line) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lines = append(k.lines, l.Text)
}

// said are the lines so far that contain a text.
func (k *keeping) said(text string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(k.lines), func(l string) bool { return !strings.Contains(l, text) })
}

// monitor collects what `ip monitor` prints until it is called.
func monitor(t *testing.T, objects ...string) (seen func() string) {
	t.Helper()
	var out strings.Builder
	cmd := exec.CommandContext(t.Context(), "ip", append([]string{"monitor"}, objects...)...)
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // its socket says nothing of itself
	return func() string {
		_ = cmd.Process.Signal(unix.SIGTERM)
		_ = cmd.Wait()
		return out.String()
	}
}

// settle waits for more than a tick: until everything that was ordered has been done,
// and what was refused has been tried again.
func (k *keeping) settle() { time.Sleep(1200 * time.Millisecond) }
