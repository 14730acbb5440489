package daemon

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"holdfast/internal/engine"
	"holdfast/internal/relay"
	"holdfast/internal/router"
)

// worker is the worker process as the router process sees it: started, spoken
// to, and started again when it dies.
type worker struct {
	router *routerProcess
	up     *engine.Mailbox[func() relay.Up] // made when they are sent, by who sends
	kick   <-chan struct{}

	queued   atomic.Int64 // messages not yet sent
	lost     atomic.Int64 // notes not kept because too many waited
	patience atomic.Int64 // child_wait_time; 0: childWait
	inForce  atomic.Pointer[relay.Slot]
	trial    atomic.Pointer[trial] // nil: nothing waits for a confirmation
	process  atomic.Pointer[os.Process]
}

// backlog is how many messages wait for a worker that is slow or dead before
// notes and lines are only counted. Transitions are always kept.
const backlog = 10_000

func newWorker(p *routerProcess) *worker {
	w := &worker{router: p}
	w.up, w.kick = engine.NewMailbox[func() relay.Up]()
	return w
}

// portion is how many transitions go in one message: the buffers of a message
// are kept, and a burst of thousands is not to blow them up.
const portion = 64

// tell passes on what a turn of the loop has to say. It does not wait.
func (w *worker) tell(t engine.Told) {
	if t.Trouble != "" {
		w.say(relay.Line{Text: t.Trouble, Bad: true})
	}
	if !t.BFD.Empty() {
		w.offer(relay.Up{BFDChanges: t.BFD.Changes, BFDNotes: t.BFD.Notes, Verdicts: t.BFD.Verdicts, Followed: t.BFD.Followed})
	}
	for len(t.Changes)+len(t.Signals)+len(t.Notes) > 0 {
		var m relay.Up
		m.Changes, t.Changes = cut(t.Changes)
		m.Signals, t.Signals = cut(t.Signals)
		m.Notes, t.Notes = cut(t.Notes)
		w.offer(m)
	}
}

// cut takes a portion off a list.
func cut[T any](list []T) (first, rest []T) {
	n := min(portion, len(list))
	return list[:n], list[n:]
}

// offer leaves the notes out when too many messages wait.
func (w *worker) offer(m relay.Up) {
	if w.queued.Load() > backlog {
		w.lost.Add(int64(len(m.Notes) + len(m.BFDNotes)))
		m.Notes, m.BFDNotes = nil, nil
		if len(m.Changes)+len(m.Signals)+len(m.BFDChanges)+len(m.Verdicts) == 0 {
			return
		}
	}
	w.put(m)
}

func (w *worker) say(l relay.Line) { w.put(relay.Up{Lines: []relay.Line{l}}) }

func (w *worker) put(m relay.Up) { w.draw(func() relay.Up { return m }) }

// draw puts a message that takes a while to make.
func (w *worker) draw(m func() relay.Up) {
	w.queued.Add(1)
	w.up.Put(m)
}

// stop asks the worker to end, and ends it after child_wait_time.
func (w *worker) stop() {
	w.put(relay.Up{Stop: true})
	time.AfterFunc(cmp.Or(time.Duration(w.patience.Load()), childWait), func() {
		if p := w.process.Load(); p != nil {
			_ = p.Kill()
		}
	})
}

// childWait is the default of child_wait_time.
const childWait = 5 * time.Second

// serve keeps a worker alive until the daemon stops: a dead one is replaced at
// once, then after 1, 2, 4 ... 60 s while it keeps dying young.
func (w *worker) serve(gone chan<- struct{}) {
	defer close(gone)
	var delay time.Duration
	for {
		born := time.Now()
		err := w.live()
		if w.router.stopping.Load() {
			return
		}
		if w.router.opts.NoRespawn {
			w.router.stop(exitFatal)
			return
		}
		if time.Since(born) > time.Minute {
			delay = 0
		}
		w.say(relay.Line{Text: fmt.Sprintf("worker process died: Respawning: %v", err), Bad: true})
		time.Sleep(delay)
		delay = min(max(2*delay, time.Second), time.Minute)
	}
}

// live is one worker's life, from start to end.
func (w *worker) live() error {
	cmd, conn, err := w.start()
	if err != nil {
		return err
	}
	w.process.Store(cmd.Process)
	ended := make(chan struct{})
	go w.write(conn, ended)
	for {
		m, err := conn.Receive()
		if err != nil {
			break // it is gone, or will not be understood any more
		}
		w.heed(m)
	}
	close(ended)
	w.process.Store(nil)
	_ = conn.Close()
	return cmd.Wait()
}

// start runs this program as a worker with the relay and the slots as its
// descriptors from 3 on.
func (w *worker) start() (*exec.Cmd, *relay.Conn[relay.Down, relay.Up], error) {
	ours, theirs, err := relay.Pair()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = theirs.Close() }()
	options, err := json.Marshal(w.router.opts)
	if err != nil {
		return nil, nil, fmt.Errorf("write the worker's options: %w", err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{os.Args[0], workerWord}
	cmd.Env = append(os.Environ(), optionsVariable+"="+string(options))
	cmd.Stderr, cmd.Stdout = os.Stderr, os.Stdout
	cmd.ExtraFiles = append([]*os.File{theirs}, w.router.slots[:]...)
	if err := w.router.schedule.elsewhere(cmd.Start); err != nil {
		_ = ours.Close()
		return nil, nil, fmt.Errorf("start the worker process: %w", err)
	}
	w.writePID(cmd.Process.Pid)
	return cmd, relay.NewConn[relay.Down, relay.Up](ours), nil
}

// workerWord is the argument, and optionsVariable the environment, by which
// this program knows that it is to be the worker.
const (
	workerWord      = "worker"
	optionsVariable = "HOLDFAST_OPTIONS"
)

func (w *worker) writePID(pid int) {
	path := w.router.opts.CheckersPIDFile
	if path == "" {
		return
	}
	err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", pid), 0o644)
	if err == nil {
		err = os.Chmod(path, 0o644) // whatever the umask
	}
	if err != nil {
		w.say(relay.Line{Text: fmt.Sprintf("write pid file of the worker: %v", err), Bad: true})
	}
}

// write sends what is put, until the worker has ended. The first message tells
// it what to begin with.
func (w *worker) write(conn *relay.Conn[relay.Down, relay.Up], ended <-chan struct{}) {
	first := relay.Up{Adopt: w.inForce.Load(), Trial: w.trial.Load().told()}
	first.Load = first.Adopt == nil
	_ = conn.Send(&first)
	if first.Adopt != nil {
		w.router.tellVerdicts()
	}
	for {
		select {
		case <-w.kick:
			w.up.Take(func(draw func() relay.Up) {
				w.queued.Add(-1)
				m := draw()
				m.Lost = int(w.lost.Swap(0))
				_ = conn.Send(&m) // a failure ends the reader too
				if m.Status != nil {
					w.router.drawn.Store(m.Status)
				}
			})
		case <-ended:
			return
		}
	}
}

// yield passes on who is to hand over.
func (w *worker) yield(m *relay.Down) {
	put := w.router.machine.Inbox.Put
	if len(m.HandOver) > 0 {
		put(router.HandOver{Names: m.HandOver})
	}
	if len(m.TakeBack) > 0 {
		put(router.HandOver{Names: m.TakeBack, Back: true})
	}
	if m.Maintain != relay.MaintenanceAsItIs {
		put(router.Maintain{On: m.Maintain == relay.MaintenanceOn})
	}
}

// heed does what a worker asks for.
func (w *worker) heed(m relay.Down) {
	for _, s := range m.Samples {
		w.router.machine.Inbox.Put(router.Sampled{Sample: s})
	}
	w.yield(&m)
	switch {
	case m.Reloading:
		announce(reloading())
	case m.Keep:
		w.confirmed()
	case m.Ask:
		w.router.tellStatus(m.Dump)
	case m.Announce != "":
		w.router.machine.Inbox.Put(router.Repeat{Name: m.Announce})
	case m.Look:
		w.router.tellPresent()
	case m.Config != nil:
		if err := w.router.adopt(*m.Config, func() { w.accepted(*m.Config, m.Confirm) }); err != nil {
			w.say(relay.Line{Text: err.Error(), Bad: true})
			w.put(relay.Up{Rejected: true})
		}
	case m.Refused && w.inForce.Load() == nil:
		w.router.stop(m.Exit)
	case m.Refused, m.Settled:
		announce("READY=1")
	}
}
