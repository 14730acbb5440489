package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"holdfast/internal/cli"
	"holdfast/internal/config"
	"holdfast/internal/engine"
	"holdfast/internal/host"
	"holdfast/internal/host/netlink"
	"holdfast/internal/host/nft"
	"holdfast/internal/lan"
	"holdfast/internal/relay"
	"holdfast/internal/router"
	"holdfast/internal/status"
)

// The exit statuses of the daemon (reference: interfaces, section 5).
const (
	exitStopped    = 0
	exitFatal      = 1
	exitConfig     = 2
	exitPermission = 4
	exitNoConfig   = 6
)

// routerProcess is the main process: the loop, the hands it acts with, and
// the worker that does everything else.
type routerProcess struct {
	opts     cli.Options
	locks    []*pidFile
	memory   *memory
	slots    relay.Slots
	machine  *engine.Machine
	kernel   *netlink.Kernel
	hosting  *engine.Hosting
	igmp     localIGMP
	talker   talker
	loop     engine.Loop
	worker   *worker
	janitor  *janitor
	schedule *schedule
	raiser   *raiser

	asked    chan os.Signal
	stopping atomic.Bool
	exit     atomic.Int32
	routers  atomic.Int32                  // how many the configuration in force has
	drawn    atomic.Pointer[status.Router] // a picture that was sent, to be drawn over
	served   chan struct{}                 // closed when the worker is gone for good
}

// Run is the daemon: it returns, with the status to exit with, when everything
// has been given up in good order.
func Run(o cli.Options) int {
	p, err := newRouterProcess(o)
	if errors.Is(err, errRunning) {
		fmt.Fprintln(os.Stderr, err)
		return exitStopped
	}
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EPERM) {
		fmt.Fprintf(os.Stderr, "%s: %v\nfix: run it as root, or give it CAP_NET_ADMIN and CAP_NET_RAW\n", o.Name, err)
		return exitPermission
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", o.Name, err)
		return exitFatal
	}
	return p.run()
}

func newRouterProcess(o cli.Options) (*routerProcess, error) {
	p := &routerProcess{opts: o, igmp: localIGMP(o.IGMPFile()), served: make(chan struct{}), asked: make(chan os.Signal, 8), schedule: newSchedule(), janitor: newJanitor(16 << 20)}
	signal.Notify(p.asked, append(requests(), syscall.SIGTERM, syscall.SIGINT)...)
	for _, step := range []func() error{p.lock, p.remember, p.openHands, p.makeSlots} {
		if err := step(); err != nil {
			p.unlock()
			return nil, err
		}
	}
	return p, nil
}

// lock takes the pid files. The worker's is written when there is one.
func (p *routerProcess) lock() error {
	for _, path := range []string{p.opts.PIDFile, p.opts.VRRPPIDFile} {
		if path == "" {
			continue
		}
		f, err := lockPIDFile(path)
		if err != nil {
			return err
		}
		p.locks = append(p.locks, f)
		if err := f.write(os.Getpid()); err != nil {
			return err
		}
	}
	return nil
}

func (p *routerProcess) unlock() {
	for _, f := range p.locks {
		f.remove()
	}
	if p.opts.Copy.Several() {
		_ = os.Remove(cli.PIDDir) // the last copy takes the empty directory away
	}
}

func (p *routerProcess) remember() (err error) {
	p.memory, err = openMemory(p.opts.MemoryFile())
	return err
}

// makeSlots makes the slots where tmp_config_directory wants them, else in memory.
func (p *routerProcess) makeSlots() (err error) {
	if dir := p.opts.Copy.ConfigDir; dir != "" {
		if err = makeOwnDir(dir); err == nil {
			p.slots, err = relay.NewSlotsIn(dir)
		}
		if err == nil {
			return nil
		}
		p.worker.say(relay.Line{Text: fmt.Sprintf("tmp_config_directory: %v; the configuration is kept in memory", err), Bad: true})
	}
	p.slots, err = relay.NewSlots()
	return err
}

// openHands opens what the loop acts with.
func (p *routerProcess) openHands() error {
	kernel, err := netlink.Open()
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	sender, err := lan.OpenSender()
	if err != nil {
		return fmt.Errorf("open sockets for adverts: %w", err)
	}
	p.worker = newWorker(p)
	p.raiser = newRaiser(p.schedule, p.worker.say)
	announcer, err := openAnnouncements(p.unannounced, p.janitor.after)
	if err != nil {
		return fmt.Errorf("open the socket for announcements: %w", err)
	}
	p.loop.Router = router.New(p.memory.Past, chance{})
	p.machine, err = engine.NewMachine(p.loop.Router, engine.Hands{
		Sender:    newAdverts(sender),
		Open:      (&receivers{ring: lan.NewRing()}).open,
		Announcer: announcer,
		Talker:    &p.talker,
		Memory:    p.memory,
		Host:      p.order,
		Tell:      p.tell,
		Late:      p.raiser.late,
	})
	if err != nil {
		return err
	}
	p.loop.World = p.machine
	if _, err := os.Stat(p.opts.MaintenanceFile()); err == nil {
		p.machine.Inbox.Put(router.Maintain{On: true}) // it outlives a restart
	}
	p.kernel = kernel
	p.hosting = engine.NewHosting(kernel, p.machine.Inbox.Put, p.worker.say)
	p.hosting.Shield(func() (host.Firewall, error) { return nft.Open("") })
	p.hosting.Share(host.Mark(p.opts.Copy.Instance))
	kept := sysctlFile(p.opts.SysctlFile())
	p.hosting.Restore(kept.read())
	p.hosting.Keep = func(before host.Settings) {
		if err := kept.write(before); err != nil {
			p.worker.say(relay.Line{Text: err.Error(), Bad: true})
		}
	}
	return nil
}

// unannounced is told of announcements that the kernel refused.
func (p *routerProcess) unannounced(_ lan.Announcement, err error) {
	p.worker.say(relay.Line{Text: err.Error(), Bad: true})
}

// tell passes on what a turn of the loop had to say.
func (p *routerProcess) tell(t engine.Told) {
	if len(t.Changes) > 0 {
		p.janitor.after()
	}
	p.worker.tell(t)
}

// order passes on what is wanted of the host. With -V a stop leaves it as it is.
func (p *routerProcess) order(o engine.HostOrder) {
	if p.stopping.Load() && p.opts.KeepAddresses {
		return
	}
	p.hosting.Order(o)
}

// run is the life of the process. The loop is not locked to a thread: the
// scheduler interrupts it every ten milliseconds, and going on where it is costs
// less than being handed back to a thread of its own.
func (p *routerProcess) run() int {
	crashAsSignal()
	if err := keepRights(routerRights()); err != nil {
		p.worker.say(relay.Line{Text: err.Error(), Bad: true})
	}
	_ = p.schedule.take(config.ProcessSettings{RealTime: realTime}) // what came of it is told in words
	ctx, cancel := context.WithCancel(context.Background())
	if err := p.hosting.Begin(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", p.opts.Name, err)
		cancel()
		return exitFatal
	}
	hosted := make(chan struct{})
	go func() { defer close(hosted); p.hosting.Run(ctx) }()
	go p.signals()
	go p.raiser.run()
	if every := watchdog(); every > 0 {
		go p.vouch(every)
	}
	go p.worker.serve(p.served)
	p.loop.Run()
	cancel()
	<-hosted
	p.finish()
	return int(p.exit.Load())
}

// finish lets the worker tell what is left to tell, and tidies up.
func (p *routerProcess) finish() {
	p.worker.stop()
	<-p.served
	p.machine.Close()
	_ = p.igmp.want(false)
	p.memory.forget()
	if p.opts.CheckersPIDFile != "" {
		_ = os.Remove(p.opts.CheckersPIDFile) // of the worker, which has no lock
	}
	p.unlock()
}

// requests are the signals that ask for something but the end.
func requests() []os.Signal {
	return []os.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, cli.SignalJSON, cli.SignalClear, syscall.SIGXCPU}
}

// signals turns signals into events.
func (p *routerProcess) signals() {
	for s := range p.asked {
		switch s {
		case syscall.SIGINT:
			if !p.opts.IgnoreINT {
				p.stop(exitStopped)
			}
		case syscall.SIGHUP:
			announce(reloading())
			p.worker.put(relay.Up{Load: true})
		case syscall.SIGUSR1:
			p.tellStatus(relay.DumpData)
		case syscall.SIGUSR2:
			p.tellStatus(relay.DumpStats)
		case cli.SignalJSON:
			p.tellStatus(relay.DumpJSON)
		case cli.SignalClear:
			p.tellStatus(relay.DumpAndClear)
		case syscall.SIGXCPU:
			p.worker.say(relay.Line{Text: "the limit of vrrp_rlimit_rttime is near: the process ran without a pause for half of it", Bad: true})
		default:
			p.stop(exitStopped)
		}
	}
}

// stop gives everything up; the first reason decides the exit status.
func (p *routerProcess) stop(status int) {
	if p.stopping.Swap(true) {
		return
	}
	p.exit.Store(int32(status))
	announce("STOPPING=1")
	p.worker.say(relay.Line{Text: "Stopping"})
	p.machine.Inbox.Put(router.Stop{})
}

// tellStatus tells the worker how everything is. The loop is held for a glance only: the
// picture is drawn from it beside the loop.
func (p *routerProcess) tellStatus(to relay.Dump) {
	p.machine.Inbox.Put(router.Ask{Long: router.Look(int(p.routers.Load())), Look: func(r *router.Router) {
		g := r.Glance(engine.Now())
		if to == relay.DumpAndClear {
			r.ClearStats()
		}
		p.worker.draw(func() relay.Up { return relay.Up{Status: p.picture(g), Dump: to} })
	}})
}

// picture is the whole state of this process.
func (p *routerProcess) picture(g *router.Glance) *status.Router {
	s := p.drawn.Swap(nil)
	if s == nil {
		s = &status.Router{}
	}
	g.Draw(s)
	s.RealTime = *p.schedule.words.Load()
	s.Lateness, s.Late = p.machine.Lateness().Worst(), p.machine.Lateness().Below()
	return s
}

// tellPresent tells the worker what a rehearsal begins with.
func (p *routerProcess) tellPresent() {
	p.machine.Inbox.Put(router.Ask{Look: func(r *router.Router) {
		p.worker.put(relay.Up{Present: r.Present(engine.Now())})
	}})
}

// tellVerdicts tells the worker how all BFD sessions are.
func (p *routerProcess) tellVerdicts() {
	p.machine.Inbox.Put(router.Ask{Look: func(r *router.Router) {
		if v := r.Verdicts(); len(v) > 0 {
			p.worker.put(relay.Up{Verdicts: v})
		}
	}})
}

// adopt makes the loop run a configuration from a slot, and says when it does.
func (p *routerProcess) adopt(slot relay.Slot, accepted func()) error {
	c, err := p.slots.Read(slot)
	if err != nil {
		return err
	}
	p.reschedule(c.Global.Process, c.Global.Auto)
	p.system(&c.Global)
	p.worker.patience.Store(int64(c.Global.ChildWait))
	p.talker.Look()
	p.routers.Store(int32(len(c.Routers)))
	p.machine.Inbox.Put(router.Prepare(c))
	p.machine.Inbox.Put(router.Ask{Look: func(r *router.Router) {
		if err := p.memory.Assign(r.Keys()); err != nil {
			p.worker.say(relay.Line{Text: err.Error(), Bad: true})
		}
		accepted()
		p.janitor.after()
	}})
	return nil
}

// system sets what of the system is asked for beside addresses.
func (p *routerProcess) system(g *router.Global) {
	err := errors.Join(p.igmp.want(g.NoLocalIGMP), p.kernel.SetBuffers(netlink.Buffer(g.Commands), netlink.Buffer(g.Monitor)))
	if err != nil {
		p.worker.say(relay.Line{Text: err.Error(), Bad: true})
	}
}

// reschedule gives the process the priority and the rest that a configuration
// asks for. One that does not speak of priorities gets real time.
func (p *routerProcess) reschedule(s config.ProcessSettings, auto config.AutoPriority) {
	if s.RealTime == 0 && s.Nice == 0 {
		s.RealTime = realTime
	}
	p.raiser.apply(auto)
	if err := p.schedule.take(s); err != nil {
		p.worker.say(relay.Line{Text: err.Error(), Bad: true})
	}
}
