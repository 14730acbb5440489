package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"holdfast/internal/balancer"
	"holdfast/internal/bfd/wire"
	"holdfast/internal/checker"
	"holdfast/internal/checker/run"
	"holdfast/internal/cli"
	"holdfast/internal/command"
	"holdfast/internal/config"
	"holdfast/internal/engine"
	"holdfast/internal/host"
	hostlink "holdfast/internal/host/netlink"
	"holdfast/internal/host/nft"
	"holdfast/internal/ipvs"
	"holdfast/internal/ipvs/netlink"
	"holdfast/internal/load"
	"holdfast/internal/notify"
	"holdfast/internal/relay"
	"holdfast/internal/status"
	"holdfast/internal/vrrp"
)

// balance keeps virtual servers: it makes the checks, and lets the balancer decide what
// they mean. Without a virtual server it does not even begin.
type balance struct {
	say     func(relay.Line)
	teller  *teller
	note    func([]notify.Delivery)
	starter *command.Starter
	papers  papers
	rest    func()                // after a burst of work
	turned  func([]balancer.Turn) // by any goroutine
	// askRoles has see called, soon.
	askRoles func()

	loop   *engine.Balancing // nil: not begun
	runner *run.Runner
	jobs   atomic.Pointer[jobs] // of the configuration in force
	sync   synchronising
	watch  context.CancelFunc // of the addresses; nil: nobody needs them
	room   room
}

// room is the size of the buffers of the sockets that tell of addresses.
type room struct{ Commands, Monitor config.Buffer }

// papers are what is kept for another run, or another worker.
type papers struct {
	legacy   legacyFile
	orders   keptFile[[]balancer.Order]  // of people
	standing keptFile[balancer.Standing] // of servers
}

func papersOf(o *cli.Options) papers {
	return papers{
		legacy:   legacyFile(o.LegacyFile()),
		orders:   keptFile[[]balancer.Order]{o.OrdersFile(), "the orders for real servers"},
		standing: keptFile[balancer.Standing]{o.StandingFile(), "how real servers stand"},
	}
}

func newBalance(say func(relay.Line), t *teller, note func([]notify.Delivery), s *command.Starter, p papers, rest func()) *balance {
	b := &balance{say: say, teller: t, note: note, starter: s, papers: p, rest: rest}
	b.runner = run.New(run.Room(), b.report, b.line)
	return b
}

// servers is the part of a configuration that balance lives by.
type servers struct {
	balancer.Config
	LVS   config.LVS
	Marks host.FilterConfig // nftables_ipvs; without a table nothing is marked
	NetNS config.NetNS
	SSL   *config.SSL
	Room  room
	// Scripts says which programs may be run.
	Scripts command.Policy
	// VRID is that of the instance that the synchronisation daemon follows.
	VRID uint8
}

func serversOf(c *config.Config) servers {
	s := servers{Config: *balancer.Part(c), LVS: c.Global.LVS, NetNS: c.Global.Copy.IPVSNetNS, SSL: c.SSL, Room: room{c.Global.Sockets.LVSCommands, c.Global.Sockets.LVSMonitor}, Scripts: load.Policy(&c.Global)}
	if f := &c.Global.Filter; f.IPVSTable != "" {
		s.Marks = host.FilterConfig{Table: f.IPVSTable, Priority: f.IPVSPriority, Counters: f.Counters}
	}
	for i := range c.Instances {
		if d := s.LVS.SyncDaemon; d != nil && c.Instances[i].VRRP.Name == d.Instance {
			s.VRID = c.Instances[i].VRRP.VRID
		}
	}
	return s
}

// apply takes a configuration over. first: the daemon has just started.
func (b *balance) apply(s *servers, first bool) {
	if b.loop == nil && !b.begin(s, first) {
		return
	}
	b.jobs.Store(newJobs(s, b.starter, command.NewResolver(s.Scripts), b.line))
	if b.sync.apply(s.LVS.SyncDaemon, s.VRID) {
		b.askRoles()
	}
	b.watchAddresses(s)
	b.loop.Order(engine.BalanceOrder{
		Config: &s.Config, Daemons: b.sync.daemons(), Marks: s.Marks, Flush: s.LVS.Flush && first, FlushAtStop: s.LVS.FlushOnStop == config.FlushAll,
		Timeouts: ipvs.Timeouts{TCP: uint32(s.LVS.TCPTimeout.Seconds()), TCPFin: uint32(s.LVS.TCPFinTimeout.Seconds()), UDP: uint32(s.LVS.UDPTimeout.Seconds())},
	})
}

// begin reports whether there is anything to do, for now or for an earlier run.
func (b *balance) begin(s *servers, first bool) bool {
	left := b.papers.legacy.read()
	if len(s.Virtual) == 0 && s.LVS.SyncDaemon == nil && left.Empty() {
		return false
	}
	path := pathOf(s.NetNS) // and not s, which would stay for ever
	b.loop = engine.NewBalancing(func(ctx context.Context) (engine.IPVS, error) { return netlink.Open(ctx, path) }, b.say)
	b.loop.Mark(func() (host.Marker, error) { return nft.Open(path) })
	b.loop.Inherit(left, b.keep)
	b.loop.Recall(b.recall())
	if !first {
		b.resume()
	}
	b.loop.Keep, b.loop.Stand = b.remember, b.stand
	b.loop.Tell, b.loop.Check, b.loop.Turned, b.loop.Rest = b.tell, b.check, b.turned, b.rest
	go b.loop.Run(context.Background()) // until close
	return true
}

// check makes the checks that the balancer wants.
func (b *balance) check(list []balancer.Check) {
	jobs, void := b.jobs.Load().of(list)
	for _, id := range void {
		b.report(checker.Report{Check: id, Up: true, First: true})
	}
	b.runner.Apply(jobs)
}

// pathOf is the file of a network namespace; without a name it is that of init.
func pathOf(n config.NetNS) string {
	switch {
	case !n.Given:
		return ""
	case n.Name == "":
		return "/proc/1/ns/net"
	}
	return filepath.Join("/var/run/netns", n.Name)
}

func (b *balance) report(r checker.Report) { b.loop.Step(balancer.Checked{Report: r}) }

func (b *balance) line(text string) { b.say(relay.Line{Text: text}) }

func (b *balance) tell(list []notify.Delivery) {
	b.note(list)
	for _, d := range list {
		b.teller.pass(d)
	}
}

func (b *balance) keep(l ipvs.Legacy) {
	b.complain(b.papers.legacy.write(l))
}

// hear follows the instance of the synchronisation daemon.
func (b *balance) hear(changes []vrrp.Change) {
	for i := range changes {
		if !changes[i].Group {
			b.role(changes[i].Name, changes[i].To == vrrp.Master)
		}
	}
}

// see does the same when nobody was there to hear of the changes.
func (b *balance) see(s *status.Router) {
	for i := range s.Instances {
		b.role(s.Instances[i].Name, s.Instances[i].Role == vrrp.Master.String())
	}
	for i := range s.Sessions {
		b.runner.Session(s.Sessions[i].Name, s.Sessions[i].State == wire.Up.String())
	}
}

func (b *balance) role(instance string, master bool) {
	if b.sync.follow(instance, master) && b.loop != nil {
		b.loop.Synchronise(b.sync.daemons())
	}
}

// ask has answer called with the state of everything.
func (b *balance) ask(answer func(*status.Balanced)) {
	if b.loop == nil {
		answer(&status.Balanced{At: engine.Now()})
		return
	}
	b.loop.Ask(answer)
}

// virtual has answer called with the state of the virtual servers.
func (b *balance) virtual(answer func([]status.VirtualServer)) {
	if b.loop == nil {
		answer(nil)
		return
	}
	b.loop.AskVirtual(answer)
}

// draw has take called with a picture of all virtual servers, if there is any.
func (b *balance) draw(take func([]balancer.Picture)) {
	if b.loop != nil {
		b.loop.Draw(take)
	}
}

// close gives everything up, or leaves the kernel's table as it is.
func (b *balance) close(ctx context.Context, leave bool) {
	if b.loop == nil {
		return
	}
	if b.watch != nil {
		b.watch()
	}
	b.loop.Stop(ctx, leave)
	b.runner.Close()
}

// watchAddresses follows the addresses of this machine, if a virtual server waits for
// one of them.
func (b *balance) watchAddresses(s *servers) {
	needed := false
	for i := range s.Virtual {
		needed = needed || s.Virtual[i].HASuspend
	}
	if b.watch != nil && (!needed || b.room != s.Room) {
		b.watch()
		b.watch = nil
	}
	if needed && b.watch == nil {
		ctx, cancel := context.WithCancel(context.Background())
		b.watch, b.room = cancel, s.Room
		go b.follow(ctx, s.Room)
	}
}

// quietFor is how long addresses are left to come and go before they are looked at.
const quietFor = 20 * time.Millisecond

// follow looks at the addresses after each change of one.
func (b *balance) follow(ctx context.Context, r room) {
	kernel, err := hostlink.Open()
	if err != nil {
		b.say(relay.Line{Text: fmt.Sprintf("ha_suspend: open netlink: %v", err), Bad: true})
		return
	}
	defer func() { _ = kernel.Close() }()
	if err := kernel.SetBuffers(hostlink.Buffer(r.Commands), hostlink.Buffer(r.Monitor)); err != nil {
		b.say(relay.Line{Text: "ha_suspend: " + err.Error(), Bad: true})
	}
	changes, changed := engine.NewMailbox[host.Change]()
	go func() { _ = kernel.Watch(ctx, changes.Put) }()
	for {
		changes.Take(func(host.Change) {})
		b.look(kernel)
		select {
		case <-changed:
			time.Sleep(quietFor)
		case <-ctx.Done():
			return
		}
	}
}

func (b *balance) look(k *hostlink.Kernel) {
	state, err := k.Observe()
	if err != nil {
		b.say(relay.Line{Text: fmt.Sprintf("ha_suspend: look at the addresses: %v", err), Bad: true})
		return
	}
	here := make(map[netip.Addr]bool, len(state.Addrs))
	for a := range state.Addrs {
		here[a.Prefix.Addr()] = true
	}
	b.loop.Step(balancer.Addressed{Here: here})
}

// synchronising knows which daemons of IPVS are to tell of connections, and which to
// listen: by the role of an instance, or both.
type synchronising struct {
	config *config.SyncDaemon // nil: none
	vrid   uint8
	master bool // the instance is
}

// apply takes a configuration over. It reports whether the role of the instance is to be
// asked for: only that of one that is followed is known.
func (s *synchronising) apply(c *config.SyncDaemon, vrid uint8) (ask bool) {
	known := s.config != nil && c != nil && s.config.Instance == c.Instance
	s.config, s.vrid = c, vrid
	if !known {
		s.master = false
	}
	return !known && c != nil && c.Instance != ""
}

// follow reports whether the role of an instance changes what is to run.
func (s *synchronising) follow(instance string, master bool) bool {
	if s.config == nil || s.config.Instance != instance || s.master == master {
		return false
	}
	s.master = master
	return true
}

func (s *synchronising) daemons() []ipvs.Daemon {
	c := s.config
	if c == nil {
		return nil
	}
	d := ipvs.Daemon{Role: ipvs.Backup, Interface: c.Link, ID: s.vrid, MaxLen: c.MaxLen, Group: c.Group, Port: c.Port, TTL: c.TTL}
	if c.ID >= 0 {
		d.ID = uint8(c.ID)
	}
	if s.master {
		d.Role = ipvs.Master
	}
	if c.Instance != "" {
		return []ipvs.Daemon{d}
	}
	master := d
	master.Role = ipvs.Master
	return []ipvs.Daemon{master, d}
}

// legacyFile is where stands what is in IPVS because of us.
type legacyFile string

func (f legacyFile) read() ipvs.Legacy {
	b, _ := os.ReadFile(string(f)) // none: nothing is there
	return ipvs.ReadLegacy(string(b))
}

// write replaces the file as a whole, or removes it when nothing is left to say.
func (f legacyFile) write(l ipvs.Legacy) error {
	if l.Empty() {
		if err := os.Remove(string(f)); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	next := string(f) + ".new"
	if err := os.WriteFile(next, []byte(l.String()), 0o600); err != nil {
		return fmt.Errorf("note what is in IPVS: %w", err)
	}
	return os.Rename(next, string(f))
}
