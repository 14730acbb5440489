// Package script tells programs what happened: it runs the notify scripts of
// each instance and group in order, many instances at a time, and hands each
// message on to the FIFOs and the mail. Who is told what is decided by package
// notify.
package script

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/internal/command"
	"holdfast/internal/notify"
)

// The times that a script may take.
const (
	// Patience is how long a script may run while others wait behind it.
	Patience = time.Minute
	// StopPatience is how long one may run once the daemon is stopping
	// (reference, section 13).
	StopPatience = time.Second
	// killAfter is the time between TERM and KILL.
	killAfter = 2 * time.Second
)

// Process is a program under way.
type Process interface {
	Done() <-chan struct{}
	Wait() command.Exit
	// End makes it end, with force after the patience; see command.Process.
	End(patience time.Duration) (command.Exit, bool)
}

// Start starts a program.
type Start func(r *command.Runnable, extra ...string) (Process, error)

// With starts programs by s.
func With(s *command.Starter) Start {
	return func(r *command.Runnable, extra ...string) (Process, error) { return s.Start(r, extra...) }
}

// Setup is what a configuration says about telling.
type Setup struct {
	// Routes are the instances and groups that have anything configured.
	Routes map[notify.Key]*notify.Scripts
	// Resolver finds their programs. The Dispatcher keeps it.
	Resolver *command.Resolver
	FIFOs    []notify.Sink // notify_fifo, then vrrp_notify_fifo
	// ServerFIFOs are told of virtual and real servers: notify_fifo, then lvs_notify_fifo.
	ServerFIFOs []notify.Sink
	Mail        notify.Sink // nil: none
	// Hooks calls webhooks. It does not wait; nil: there are none.
	Hooks func(notify.Delivery)
}

// Dispatcher carries messages to those who are to be told. Telling it something
// takes no time; programs are run behind a queue.
type Dispatcher struct {
	start    Start
	log      func(string)
	patience time.Duration

	mu    sync.Mutex
	setup Setup
	// gone holds what the last reload dropped, whose last word is still to come.
	gone     map[notify.Key]*notify.Scripts
	queue    notify.Queue
	runs     map[notify.Key]*run
	stopping bool
	drained  chan struct{} // closed when stopping and nothing is left to run
	lost     uint64
}

// run is a delivery whose programs are being run.
type run struct {
	hurry chan struct{} // closed: the daemon is stopping
	end   chan struct{} // closed: it holds up something, and its time is over
	// hurried and ending say that the channels are closed.
	hurried, ending bool
}

// New returns a Dispatcher that tells nobody until Apply. Lines for the log go to log.
func New(start Start, log func(string)) *Dispatcher {
	return &Dispatcher{start: start, log: log, patience: Patience,
		runs: map[notify.Key]*run{}, drained: make(chan struct{})}
}

// Apply takes a new configuration and returns what is wrong with its commands.
// What waits goes on as it was told.
func (d *Dispatcher) Apply(s Setup) []command.Problem {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = map[notify.Key]*notify.Scripts{}
	for k, old := range d.setup.Routes {
		if s.Routes[k] == nil {
			d.gone[k] = old
		}
	}
	d.setup = s
	return d.resolveAll()
}

// resolveAll looks at every command once, in the order of the names, so that
// trouble is known when the configuration is read and not when it is needed.
func (d *Dispatcher) resolveAll() (problems []command.Problem) {
	for _, k := range slices.SortedFunc(maps.Keys(d.setup.Routes), byName) {
		for _, c := range d.setup.Routes[k].Commands() {
			_, found := d.setup.Resolver.Resolve(*c)
			problems = append(problems, found...)
		}
	}
	return problems
}

// Tell tells m to all who asked for it. Messages of one caller are told in order.
func (d *Dispatcher) Tell(m notify.Message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pass(d.scripts(m.Key()).Route(m))
}

// Pass tells what somebody else has routed.
func (d *Dispatcher) Pass(delivery notify.Delivery) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pass(delivery)
}

func (d *Dispatcher) pass(delivery notify.Delivery) {
	if len(delivery.Runs) > 0 {
		d.push(delivery)
	}
	d.repeat(delivery)
	if d.setup.Hooks != nil {
		d.setup.Hooks(delivery)
	}
	if delivery.Mail && d.setup.Mail != nil {
		d.hand(d.setup.Mail, delivery.Message)
	}
}

// Repeat writes m to the FIFOs only: fifo_write_vrrp_states_on_reload, and
// readers that were not there when it happened.
func (d *Dispatcher) Repeat(m notify.Message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.repeat(d.scripts(m.Key()).Route(m))
}

// Lost is the number of deliveries whose scripts never ran.
func (d *Dispatcher) Lost() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost
}

// Close lets what waits run to its end, each script for StopPatience at most,
// and ends the rest when ctx does. Nothing may be told afterwards.
func (d *Dispatcher) Close(ctx context.Context) {
	d.hurryAll()
	select {
	case <-d.drained:
	case <-ctx.Done():
		d.giveUp()
	}
}

func (d *Dispatcher) scripts(k notify.Key) *notify.Scripts {
	if s := d.setup.Routes[k]; s != nil {
		return s
	}
	return d.gone[k]
}

func (d *Dispatcher) repeat(delivery notify.Delivery) {
	if !delivery.Line {
		return
	}
	fifos := d.setup.FIFOs
	if delivery.Kind == notify.VirtualServer || delivery.Kind == notify.RealServer {
		fifos = d.setup.ServerFIFOs
	}
	for _, fifo := range fifos {
		d.hand(fifo, delivery.Message)
	}
}

func (d *Dispatcher) hand(to notify.Sink, m notify.Message) {
	if err := to.Deliver(context.Background(), m); err != nil {
		d.log(fmt.Sprintf("%s %s not told: %v", m.Key(), m.State, err))
	}
}

func (d *Dispatcher) push(delivery notify.Delivery) {
	k := delivery.Key()
	pushed := d.queue.Push(delivery)
	if pushed.Lost {
		d.lost++
	}
	if pushed.First {
		d.log(fmt.Sprintf("%s notify scripts are too slow, the oldest of the waiting messages are left out", k))
	}
	if r := d.runs[k]; r != nil {
		if pushed.Blocked {
			r.finish()
		}
		if delivery.State == notify.Stop {
			r.hasten()
		}
	}
	d.pump()
}

// pump starts whatever may run now.
func (d *Dispatcher) pump() {
	for delivery, ok := d.queue.Next(); ok; delivery, ok = d.queue.Next() {
		r := &run{hurry: make(chan struct{}), end: make(chan struct{})}
		if d.stopping || delivery.State == notify.Stop {
			r.hasten()
		}
		d.runs[delivery.Key()] = r
		go d.serve(delivery, r)
	}
	if d.stopping && d.queue.Idle() {
		d.drain()
	}
}

func (d *Dispatcher) hurryAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopping = true
	for _, r := range d.runs {
		r.hasten()
	}
	d.pump()
}

// giveUp ends what runs, counts what waits as lost, and says so.
func (d *Dispatcher) giveUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.runs {
		r.finish()
	}
	waiting := d.queue.Clear()
	d.lost += uint64(waiting)
	d.log(fmt.Sprintf("stopping with %d notify scripts still running and %d messages not told to scripts", len(d.runs), waiting))
}

func (d *Dispatcher) drain() {
	select {
	case <-d.drained:
	default:
		close(d.drained)
	}
}

// serve runs the programs of one delivery, one after the other.
func (d *Dispatcher) serve(delivery notify.Delivery, r *run) {
	for i, one := range delivery.Runs {
		d.runOne(delivery, one, r, i < len(delivery.Runs)-1)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.runs, delivery.Key())
	d.queue.Done(delivery.Key())
	d.pump()
}

// runOne runs one program; more says that another of the same delivery waits for it.
func (d *Dispatcher) runOne(delivery notify.Delivery, one notify.Run, r *run, more bool) {
	program := d.program(one.Command)
	if program == nil {
		return // disabled; said when the configuration was read
	}
	p, err := d.start(program, one.Args...)
	if err != nil {
		d.tell(delivery, program, err.Error())
		return
	}
	exit, ok := d.attend(delivery, program, p, r, more)
	if !ok {
		d.tell(delivery, program, "cannot be killed, left behind")
		return
	}
	if exit != (command.Exit{}) {
		d.tell(delivery, program, exit.String())
	}
}

// attend waits for a program, and ends it when it may wait no longer.
func (d *Dispatcher) attend(delivery notify.Delivery, program *command.Runnable, p Process, r *run, more bool) (command.Exit, bool) {
	timer := time.NewTimer(d.patience)
	defer timer.Stop()
	hurry := r.hurry
	for {
		select {
		case <-p.Done():
			return p.Wait(), true
		case <-hurry:
			hurry = nil
			timer.Reset(StopPatience)
		case <-r.end:
			return d.finish(delivery, program, p)
		case <-timer.C:
			if hurry == nil || d.overdue(delivery.Key(), more) {
				return d.finish(delivery, program, p)
			}
			d.tell(delivery, program, fmt.Sprintf("still running after %v", d.patience))
		}
	}
}

func (d *Dispatcher) finish(delivery notify.Delivery, program *command.Runnable, p Process) (command.Exit, bool) {
	d.tell(delivery, program, "takes too long, terminating it")
	return p.End(killAfter)
}

func (d *Dispatcher) overdue(k notify.Key, more bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if more {
		return true
	}
	end := d.queue.Overdue(k)
	d.pump()
	return end
}

func (d *Dispatcher) program(c *notify.Command) *command.Runnable {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, _ := d.setup.Resolver.Resolve(*c)
	return r
}

func (d *Dispatcher) tell(delivery notify.Delivery, program *command.Runnable, what string) {
	d.log(fmt.Sprintf("%s %s script '%s' %s", delivery.Key(), delivery.State, program.Line, what))
}

func (r *run) hasten() {
	if !r.hurried {
		r.hurried = true
		close(r.hurry)
	}
}

func (r *run) finish() {
	if !r.ending {
		r.ending = true
		close(r.end)
	}
}

func byName(a, b notify.Key) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
}
