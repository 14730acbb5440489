package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"holdfast/internal/api"
	"holdfast/internal/cli"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/dump"
	"holdfast/internal/engine"
	"holdfast/internal/load"
	"holdfast/internal/metrics"
	"holdfast/internal/mono"
	"holdfast/internal/relay"
	"holdfast/internal/router"
	"holdfast/internal/status"
)

// serve answers requests on the socket. Without it the daemon runs all the same.
func (w *workerProcess) serve() {
	path := w.opts.Socket()
	if path == "" {
		return
	}
	err := makeDir(filepath.Dir(path))
	var l net.Listener
	if err == nil {
		l, err = api.Listen(path)
	}
	if err != nil {
		w.log.Warn(err.Error())
		return
	}
	w.listener = l
	w.server = &api.Server{Control: control{w}, Recorder: w, Metrics: metrics.Write, MetricsType: metrics.Type, Why: cli.Why}
	w.gate = gate{log: w.log, server: w.server}
	go func() { _ = w.server.Serve(l) }() // until the process ends
}

// Record implements api.Recorder.
func (w *workerProcess) Record(e status.Event) {
	w.logAct(fmt.Sprintf("%s by %s: %s (%s)", e.Name, e.By, e.To, e.Reason), &e)
	w.journal.add(e)
}

// admit lets the members of the groups in that the configuration names.
func (w *workerProcess) admit(c config.API) {
	if w.listener == nil {
		return
	}
	a := api.Access{Act: w.group("api_group", c.Group), Read: w.group("api_read_group", c.ReadGroup)}
	w.server.Admit(a)
	w.gate.want(c, w.opts.GateSocket())
	if err := api.Open(w.opts.Socket(), a); err != nil {
		w.log.Warn(err.Error())
	}
}

// group is the number of a group, if there is one of that name.
func (w *workerProcess) group(word, name string) []uint32 {
	if name == "" {
		return nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		w.log.Warn(fmt.Sprintf("%s: %v; nobody is let in by it", word, err))
		return nil
	}
	id, err := strconv.ParseUint(g.Gid, 10, 32)
	if err != nil {
		return nil // on Linux it is a number
	}
	return []uint32{uint32(id)}
}

// hangUp takes the socket away.
func (w *workerProcess) hangUp() {
	if w.listener != nil {
		w.gate.close()
		_ = w.listener.Close()
	}
}

// waiting are those who asked and have no answer yet.
type waiting struct {
	status  queue[*status.Router]
	present queue[*router.Present]
	reload  queue[outcome]
	kept    queue[bool]
	why     []string // the reload under way is refused
}

// outcome is what came of a reload.
type outcome struct {
	taken bool
	why   []string
	trial *relay.Trial
}

// queue waits for an answer of one kind. It belongs to the loop of the worker.
type queue[T any] []chan<- T

// join adds somebody who waits.
func (q *queue[T]) join() <-chan T {
	c := make(chan T, 1)
	*q = append(*q, c)
	return c
}

// answer answers all who wait.
func (q *queue[T]) answer(v T) {
	for _, c := range *q {
		c <- v
	}
	*q = nil
}

// control is the worker as the API sees it: what is asked is done by its loop.
type control struct{ w *workerProcess }

// ask has the loop do something that ends in an answer, and waits for that.
func ask[T any](ctx context.Context, c control, begin func() <-chan T) (answer T, err error) {
	begun := make(chan (<-chan T), 1)
	select {
	case c.w.asks <- func() { begun <- begin() }:
	case <-ctx.Done():
		return answer, ctx.Err()
	}
	select {
	case answer = <-<-begun:
		return answer, nil
	case <-ctx.Done():
		return answer, ctx.Err()
	}
}

// Snapshot implements api.Control.
func (c control) Snapshot(ctx context.Context) (*status.Snapshot, error) {
	return c.w.snapshots.look(ctx)
}

// managed is what managers are shown: what dumps are made of, and the worker's part of the
// configuration.
type managed struct {
	source *dump.Source
	told   *told
	err    error
}

// picture is of a moment not long ago; anew: of one after this.
func (c control) picture(ctx context.Context, anew bool) (*managed, error) {
	look := c.w.snapshots.look
	if anew {
		look = c.w.snapshots.anew
	}
	s, err := look(ctx)
	if err != nil {
		return nil, err
	}
	m, err := ask(ctx, c, func() <-chan *managed {
		answer := make(chan *managed, 1)
		source, t, err := c.w.picture(s.Router)
		answer <- &managed{source, t, err}
		return answer
	})
	if err != nil {
		return nil, err
	}
	return m, m.err
}

// virtual is how the virtual servers are, in the order of the configuration.
func (c control) virtual(ctx context.Context) ([]status.VirtualServer, error) {
	return ask(ctx, c, func() <-chan []status.VirtualServer {
		answer := make(chan []status.VirtualServer, 1)
		c.w.balance.virtual(func(list []status.VirtualServer) { answer <- list })
		return answer
	})
}

// Balanced implements api.Control.
func (c control) Balanced(ctx context.Context) (*status.Balanced, error) {
	return c.w.balances.look(ctx)
}

// Events implements api.Control.
func (c control) Events(ctx context.Context, after uint64, wait bool) ([]status.Event, error) {
	return c.w.journal.Events(ctx, after, wait)
}

// Reload implements api.Control.
func (c control) Reload(ctx context.Context, confirm time.Duration) (*api.Reloaded, error) {
	o, err := ask(ctx, c, func() <-chan outcome {
		answer := c.w.waiting.reload.join()
		c.w.confirm = max(c.w.confirm, confirm)
		c.w.begin()
		return answer
	})
	if err != nil {
		return nil, err
	}
	r := &api.Reloaded{Taken: o.taken, Why: o.why}
	if o.trial != nil {
		until := onWall(o.trial.Until)
		r.Until = &until
	}
	return r, nil
}

var errNoTrial = errors.New("nothing waits for a confirmation: no reload is on trial, or its time was over; `holdfast reload --confirm TIME` begins one")

// Keep implements api.Control.
func (c control) Keep(ctx context.Context) error {
	kept, err := ask(ctx, c, func() <-chan bool {
		answer := c.w.waiting.kept.join()
		if c.w.trial == nil {
			c.w.waiting.kept.answer(false)
			return answer
		}
		c.w.send(&relay.Down{Keep: true})
		return answer
	})
	if err == nil && !kept {
		err = errNoTrial
	}
	return err
}

// kept notes that the configuration was confirmed in time.
func (w *workerProcess) kept() {
	w.trial = nil
	w.settleFallBack()
	w.log.Info("The new configuration is confirmed")
	w.waiting.kept.answer(true)
}

// onTrial says until when the configuration in force has to be confirmed.
func (w *workerProcess) onTrial() {
	if w.trial != nil {
		w.log.Warn(fmt.Sprintf("The new configuration is on trial: at %s the one before returns, unless `holdfast reload --keep` confirms it",
			onWall(w.trial.Until).Format(time.TimeOnly)))
	}
}

// onWall is what the clock on the wall will show.
func onWall(i mono.Instant) time.Time { return time.Now().Add(i.Sub(engine.Now())) }

// whys is what speaks against a reading.
func whys(r *load.Reading) (list []string) {
	for _, d := range r.Findings {
		if d.Severity != conf.Advice {
			list = append(list, line(d))
		}
	}
	for _, p := range r.Problems {
		list = append(list, p.String())
	}
	return list
}
