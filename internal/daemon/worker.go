package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/api"
	"holdfast/internal/balancer"
	"holdfast/internal/cli"
	"holdfast/internal/command"
	"holdfast/internal/config"
	"holdfast/internal/load"
	"holdfast/internal/notify"
	"holdfast/internal/relay"
	"holdfast/internal/router"
	"holdfast/internal/status"
)

// workerProcess is everything that may be slow or wrong: reading
// configuration, running scripts, telling people and programs, writing logs.
type workerProcess struct {
	opts   cli.Options
	log    *slog.Logger
	floods floods
	conn   *relay.Conn[relay.Up, relay.Down]
	slots  relay.Slots

	candidate *told         // proposed to the router, not yet accepted
	read      *load.Reading // it was made from this, unless it was adopted
	proposed  relay.Slot
	inForce   relay.Slot    // of what runs, once started
	global    config.Global // of it
	started   bool          // a configuration has been taken over
	teller    *teller
	watchers  *watchers
	balance   *balance
	snmp      *snmp
	bus       *onBus
	schedule  *schedule
	janitor   *janitor
	time      timekeeper
	saving    string // what config_save_dir has of the load under way; empty: nothing
	again     bool   // a reload was asked for while another was under way
	trial     *relay.Trial
	fellBack  bool          // the one in force was read from the file of a trial that had no end
	confirm   time.Duration // of the reload under way
	asks      chan func()   // what the API asks, done between two messages
	waiting   waiting
	listener  net.Listener // nil: nobody can ask
	server    *api.Server  // of it
	gate      gate         // for other machines
	chronicle chronicle
	scripts   tally
	journal   *journal
	snapshots pictures[*status.Snapshot]
	balances  pictures[*status.Balanced]
}

// Work is the life of the worker process.
func Work() int {
	if err := takeNice(0); err != nil {
		fmt.Fprintf(os.Stderr, "worker: leave real-time priority: %v\n", err)
	}
	// The router process decides when to stop; it says so, or its end does. What is
	// caught and not looked at has its default effect in scripts, unlike what is ignored.
	signal.Notify(make(chan os.Signal, 1), append(requests(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGPIPE)...)
	dumps := make(chan os.Signal, 1)
	signal.Notify(dumps, syscall.SIGUSR1) // as the process of checkers.pid gets it
	w, err := newWorkerProcess()
	if err != nil {
		fmt.Fprintf(os.Stderr, "worker: %v\n", err)
		return exitFatal
	}
	return w.run(dumps)
}

func newWorkerProcess() (*workerProcess, error) {
	w := &workerProcess{janitor: newJanitor(24 << 20), schedule: newSchedule()}
	if err := json.Unmarshal([]byte(os.Getenv(optionsVariable)), &w.opts); err != nil {
		return nil, fmt.Errorf("read the options from %s: %w", optionsVariable, err)
	}
	_ = os.Unsetenv(optionsVariable) // scripts need not see it
	_ = os.Unsetenv("NOTIFY_SOCKET")
	unix.Umask(w.opts.Umask)
	w.log = openLogs(w.opts)
	w.floods.log = w.log
	if err := keepRights(workerRights()); err != nil {
		w.log.Warn(err.Error())
	}
	w.conn = relay.NewConn[relay.Up, relay.Down](os.NewFile(3, "relay"))
	unix.CloseOnExec(3)
	for i := range w.slots {
		w.slots[i] = os.NewFile(uintptr(4+i), "configuration")
		unix.CloseOnExec(4 + i)
	}
	w.journal = newJournal()
	w.teller = newTeller(w.logText, &w.scripts)
	w.watchers = newWatchers(w.send, w.journal.sampled, w.logText, &w.scripts)
	w.balance = newBalance(w.logLine, w.teller, w.journal.served, w.watchers.starter, papersOf(&w.opts), w.janitor.after)
	w.balance.askRoles = func() { w.send(&relay.Down{Ask: true}) }
	w.watchers.filed = w.balance.runner.File
	w.asks = make(chan func())
	w.chronicle.Started = time.Now()
	w.snapshots.take, w.balances.take = control{w}.snapshot, control{w}.balanced
	w.bus = &onBus{w: w}
	w.balance.turned = func(list []balancer.Turn) { w.snmp.turned(list) }
	w.snmp = &snmp{control: control{w}, log: w.logText, version: w.opts.Version}
	w.serve()
	return w, nil
}

// run heeds the router until it says stop, or is gone. dumps asks for the state of the
// virtual servers.
func (w *workerProcess) run(dumps <-chan os.Signal) int {
	mail := w.listen()
	for {
		select {
		case l := <-mail:
			if l.err != nil {
				return w.orphaned(l.err)
			}
			w.heed(&l.Up)
			if l.Stop {
				w.finish()
				return exitStopped
			}
		case <-dumps:
			if w.started {
				w.dumpServers()
			}
		case ask := <-w.asks:
			ask()
		case <-w.time.ticks():
			if w.time.look(w.logText) {
				w.begin()
			}
		}
	}
}

// letter is a message of the router, or why there will be no more.
type letter struct {
	relay.Up
	err error
}

// listen receives what the router says.
func (w *workerProcess) listen() <-chan letter {
	mail := make(chan letter)
	go func() {
		for {
			m, err := w.conn.Receive()
			mail <- letter{m, err}
			if err != nil {
				return
			}
		}
	}()
	return mail
}

// begin is a reload that the worker itself begins.
func (w *workerProcess) begin() {
	w.send(&relay.Down{Reloading: true})
	w.reload()
}

// orphaned ends the worker of a router that died. If nobody else starts the
// daemon again, the worker does, by becoming it.
func (w *workerProcess) orphaned(err error) int {
	if !errors.Is(err, io.EOF) {
		w.log.Error(fmt.Sprintf("the router process is gone: %v", err))
	}
	w.hangUp()
	w.watchers.close()
	w.teller.abandon()
	if w.opts.Foreground {
		return exitFatal
	}
	w.log.Error("the router process died: taking its place")
	env := append(os.Environ(), detachedVariable+"=1", copyVariable+"="+written(w.opts.Copy))
	err = unix.Exec("/proc/self/exe", append([]string{os.Args[0]}, w.opts.Args...), env)
	w.log.Error(fmt.Sprintf("start again: %v", err))
	return exitFatal
}

func (w *workerProcess) heed(m *relay.Up) {
	switch {
	case m.Load:
		w.reload()
	case m.Adopt != nil:
		w.trial = m.Trial
		w.waiting.kept.answer(false) // what was on trial is gone
		w.adopt(*m.Adopt)
	case m.Accepted:
		w.trial = m.Trial
		w.accepted()
	case m.Rejected:
		w.candidate = nil
		w.refuse(exitFatal)
	case m.Kept:
		w.kept()
	case m.Present != nil:
		w.waiting.present.answer(m.Present)
	case m.Status != nil && m.Dump == relay.NoDump:
		w.balance.see(m.Status)
		w.bus.see(m.Status)
		w.waiting.status.answer(m.Status)
	case m.Status != nil:
		w.dump(m)
	}
	w.hear(m)
}

// hear logs what happened and passes it on to who wants to be told.
func (w *workerProcess) hear(m *relay.Up) {
	for _, l := range m.Lines {
		w.logLine(l)
	}
	for i := range m.Notes {
		w.logNote(&m.Notes[i])
	}
	w.hearBFD(m)
	for i := range m.Changes {
		if !m.Changes[i].Silent {
			w.logChange(&m.Changes[i])
		}
	}
	if len(m.Changes) > 0 {
		w.janitor.after()
	}
	w.journal.changed(m.Changes)
	w.journal.spoke(m.BFDChanges)
	w.teller.tell(m.Changes, m.Signals)
	w.balance.hear(m.Changes)
	w.snmp.hear(m)
	w.bus.hear(m.Changes)
	if m.Lost > 0 {
		w.chronicle.Lost += uint64(m.Lost)
		w.log.Warn(fmt.Sprintf("%d log lines were left out: too many at a time", m.Lost))
	}
}

// hearBFD logs what the BFD sessions have to say, and passes it on.
func (w *workerProcess) hearBFD(m *relay.Up) {
	for i := range m.BFDChanges {
		w.logSession(&m.BFDChanges[i])
	}
	for i := range m.BFDNotes {
		w.logLine(relay.Line{Text: m.BFDNotes[i].String(), Detail: true})
	}
	for _, v := range m.Verdicts {
		w.balance.runner.Session(v.Name, v.Up)
	}
	for _, f := range m.Followed {
		w.log.Info(f.String())
	}
}

// logLine logs what one of the parts of this process, or the router, has to say. Several
// lines in one are told as they are: a flood has them one by one.
func (w *workerProcess) logLine(l relay.Line) {
	level := slog.LevelInfo
	switch {
	case l.Bad:
		level = slog.LevelWarn
	case l.Detail:
		level = slog.LevelDebug
	}
	several := strings.Contains(l.Text, "\n")
	if w.log.Enabled(context.Background(), level) && (several || w.floods.pass(l.Text, level, l.Text)) {
		w.log.Log(context.Background(), level, l.Text)
	}
}

func (w *workerProcess) logText(text string) { w.logLine(relay.Line{Text: text}) }

// load reads the configuration and proposes it to the router. One that cannot
// be run changes nothing.
func (w *workerProcess) load() {
	w.janitor.before()
	read := readConfig(w.source(), &w.global, w.logText)
	if !w.started && read.Config != nil {
		behave(w.log, mannerOf(&w.opts, read.Config.Global.Log)) // what is found is told so too
	}
	report(read, w.log)
	if w.opts.DumpConfig && read.Config != nil {
		dumpConfig(w.log, read.Config)
	}
	against, err := w.judgement().against(read)
	if err != nil {
		w.log.Error(err.Error())
	}
	for _, why := range against {
		w.log.Error(why)
	}
	if read.Failed() || len(against) > 0 {
		w.waiting.why = append(whys(read), against...)
		w.refuse(exitOf(read))
		return
	}
	if !w.started {
		w.once("startup_script", &read.Config.Global, read.Config.Global.Startup, read.Config.Global.StartupTimeout)
	}
	if err := w.propose(read); err != nil {
		w.log.Error(err.Error())
		w.refuse(exitFatal)
	}
}

// refuse says that what was to be read cannot be run; exit is what the daemon
// ends with if it runs nothing yet.
func (w *workerProcess) refuse(exit int) {
	if w.started {
		w.log.Error("the new configuration is refused: nothing is changed")
	}
	w.confirm = 0
	w.chronicle.Reloads.Refused++
	w.journal.add(status.Event{Kind: status.ReloadEvent, Name: w.opts.Config(), To: "refused", Reason: strings.Join(w.waiting.why, "; ")})
	w.settleFallBack()
	w.waiting.reload.answer(outcome{why: w.waiting.why})
	w.send(&relay.Down{Refused: true, Exit: exit})
	w.janitor.after()
}

// propose puts a configuration into the slot that is free: the router's part and
// the worker's.
func (w *workerProcess) propose(read *load.Reading) error {
	part := router.Part(read.Config)
	if w.opts.NoBFD {
		part.Sessions = nil // those who follow them find them down
	}
	slot, err := w.slots.Write(w.free(), part)
	if err != nil {
		return err
	}
	t := telling(read)
	w.save(read)
	if w.opts.NoServers {
		t.Servers = servers{}
	}
	w.fallBack()
	if !w.started {
		w.watchers.init(t)
	}
	w.send(&relay.Down{Samples: w.watchers.preview(t), Config: slot, Confirm: w.confirm})
	w.candidate, w.read, w.proposed = t, read, *slot // while the router takes it over
	return nil
}

// keep puts what the worker lives by behind the router's part, once all else is
// done: it is for the next reload, and for the worker that may have to replace this one.
func (w *workerProcess) keep(t *told) {
	if w.read == nil {
		return
	}
	t.Standing, t.Text, w.read = w.read.Standing(), packed(w.read), nil
	if err := w.slots.Keep(w.inForce, t); err != nil {
		w.log.Error(err.Error())
	}
}

// adopt takes over the configuration in force, as the worker that died had it.
func (w *workerProcess) adopt(slot relay.Slot) {
	var t told
	w.started, w.inForce = true, slot
	w.settleFallBack()
	if err := w.slots.Recall(slot, &t); err != nil { // the one before died while keeping it
		w.log.Error(err.Error())
		w.load()
		return
	}
	w.take(&t, slot, "Worker process goes on")
	w.send(&relay.Down{Ask: true}) // the roles, of which nobody told this worker
}

// free is a slot that holds neither what is in force nor what may return.
func (w *workerProcess) free() int {
	for n := range w.slots {
		if (!w.started || n != w.inForce.Number) && (w.trial == nil || n != w.trial.Back.Number) {
			return n
		}
	}
	panic("daemon: no slot is free")
}

// umask is the creation mask for files: the command line comes before the configuration.
func umask(o *cli.Options, g *config.Global) int {
	if g.Umask.Given && !o.UmaskGiven {
		return int(g.Umask.Mask)
	}
	return o.Umask
}

// accepted takes over for scripts and notifications what the router runs now.
func (w *workerProcess) accepted() {
	t := w.candidate
	if t == nil {
		return // of a reload that this worker was not there for
	}
	w.candidate, w.confirm = nil, 0
	w.fellBack = w.fellBack && !w.started
	w.settleFallBack()
	w.take(t, w.proposed, w.word())
	w.started = true
	w.journal.add(status.Event{Kind: status.ReloadEvent, Name: w.opts.Config(), To: "taken over"})
	w.keep(t)
	w.saved(relay.DumpAfter)
	w.onTrial()
	w.waiting.reload.answer(outcome{taken: true, trial: w.trial})
	if w.again {
		w.again = false
		w.load()
	}
}

// word is what the log says when a configuration is taken over.
func (w *workerProcess) word() string {
	if w.started {
		return "Reload complete"
	}
	return "Startup complete"
}

// take lives by a configuration from now on, and says so.
func (w *workerProcess) take(t *told, slot relay.Slot, word string) {
	w.inForce, w.global = slot, t.Global
	behave(w.log, mannerOf(&w.opts, t.Global.Log))
	unix.Umask(umask(&w.opts, &w.global))
	w.reschedule()
	w.admit(t.Global.API)
	w.journal.know(t.Instances)
	w.teller.apply(t)
	w.watchers.apply(t)
	w.balance.apply(&t.Servers, !w.started)
	w.snmp.apply(&w.opts, t)
	w.bus.apply(t)
	w.time.apply(&t.Global.Reload, w.logText)
	w.chronicle.taken()
	w.log.Info(word)
	w.send(&relay.Down{Settled: true})
	w.janitor.after() // reading a configuration needs much, running it little
}

// send may be called by any goroutine.
func (w *workerProcess) send(m *relay.Down) {
	if err := w.conn.Send(m); err != nil && !errors.Is(err, syscall.EPIPE) {
		w.log.Error(fmt.Sprintf("tell the router process: %v", err))
	}
}

// lastWords is how long the notifications of a stop may take.
const lastWords = 4 * time.Second

// finish tells what is left to tell.
func (w *workerProcess) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	w.hangUp()
	w.trial, w.fellBack = nil, false // whoever stops it has decided
	w.settleFallBack()
	w.watchers.close()
	w.balance.close(ctx, w.opts.KeepIPVS)
	w.teller.close(ctx)
	w.snmp.close(ctx)
	w.bus.close(ctx)
	w.once("shutdown_script", &w.global, w.global.Shutdown, w.global.ShutdownTimeout)
	w.log.Info("Stopped")
}

// reschedule gives this process what the words for the checker process say.
func (w *workerProcess) reschedule() {
	s := w.global.Checker
	s.Name = w.global.NameOf(&w.global.Checker, "keepalived_lvs")
	if err := w.schedule.take(s); err != nil {
		w.log.Warn(err.Error())
	}
}

// once runs one of the scripts of start and stop to its end, or for as long as it
// may take. Whatever comes of it, what follows goes on.
func (w *workerProcess) once(what string, g *config.Global, c *notify.Command, limit time.Duration) {
	if c == nil {
		return
	}
	run, _ := command.NewResolver(load.Policy(g)).Resolve(*c)
	if run == nil {
		return // that was said when it was read
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	exit, expired, err := command.NewStarter().Run(ctx, run)
	switch {
	case err != nil:
		w.log.Error(fmt.Sprintf("%s %s: %v", what, c.Line, err))
	case expired:
		w.log.Error(fmt.Sprintf("%s %s timed out after %v", what, c.Line, limit))
	case exit != command.Exit{}:
		w.log.Error(fmt.Sprintf("%s %s %v", what, c.Line, exit))
	}
}
