package daemon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"holdfast/internal/command"
	"holdfast/internal/config"
	"holdfast/internal/load"
	"holdfast/internal/notify"
	"holdfast/internal/notify/fifo"
	"holdfast/internal/notify/script"
	"holdfast/internal/notify/smtp"
	"holdfast/internal/notify/webhook"
	"holdfast/internal/vrrp"
)

// teller turns transitions into messages and hands them to scripts, FIFOs and mail.
type teller struct {
	log      func(string)
	starter  *command.Starter
	dispatch *script.Dispatcher
	mailer   *smtp.Mailer
	caller   *webhook.Caller
	fifos    [3]*fifo.FIFO // notify_fifo, vrrp_notify_fifo, lvs_notify_fifo; nil: none
	// last is the latest message of each instance and group, for FIFOs that are
	// told the states after a reload.
	last map[notify.Key]notify.Message
}

func newTeller(log func(string), counts *tally) *teller {
	t := &teller{log: log, starter: command.NewStarter(), mailer: smtp.New(log), caller: webhook.New(log), last: map[notify.Key]notify.Message{}}
	t.dispatch = script.New(script.With(t.starter.Counted(counts.of("notify"))), log)
	return t
}

// apply takes a configuration over. What is wrong with its commands was
// reported when it was read.
func (t *teller) apply(c *told) {
	resolver := command.NewResolver(load.Policy(&c.Global))
	t.openFIFOs(c, resolver)
	t.mailer.Apply(smtp.Config{
		RouterID: c.Global.RouterID, From: c.Global.Mail.From, To: c.Global.Mail.To, Server: c.Global.Mail.Server, Port: c.Global.Mail.Port,
		HELO: c.Global.Mail.HELO, Timeout: c.Global.Mail.Timeout, NoFault: c.Global.Mail.NoFault,
		TLS: smtp.Encryption(c.Global.Mail.TLS), User: c.Global.Mail.User, Password: c.Global.Mail.Password,
	})
	if err := t.caller.Apply(hookSpecs(c)); err != nil {
		t.log(err.Error())
	}
	all, vrrp, lvs := t.fifos[0], t.fifos[1], t.fifos[2]
	t.dispatch.Apply(script.Setup{Routes: routes(c), Resolver: resolver, FIFOs: sinks(all, vrrp), ServerFIFOs: sinks(all, lvs), Mail: t.mailer, Hooks: t.caller.Deliver})
	if c.Global.FIFOStatesOnReload {
		t.repeat(c)
	}
}

// hookSpecs are the webhooks of a configuration.
func hookSpecs(c *told) (list []webhook.Spec) {
	all := c.Global.Hooks
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		s := webhook.Spec{Name: w.Name, URL: string(w.URL), Method: w.Method, Node: c.Global.RouterID, Template: w.Template, CA: w.Authority,
			Timeout: w.Timeout, Retries: w.Retries, All: all != nil && slices.Contains(all.Names, w.Name)}
		for _, h := range w.Headers {
			s.Headers = append(s.Headers, webhook.Header{Name: h.Name, Value: string(h.Value)})
		}
		list = append(list, s)
	}
	return list
}

// sinks are the pipes that there are.
func sinks(pipes ...*fifo.FIFO) (list []notify.Sink) {
	for _, f := range pipes {
		if f != nil {
			list = append(list, f)
		}
	}
	return list
}

// routes lists who has anything configured.
func routes(c *told) map[notify.Key]*notify.Scripts {
	r := map[notify.Key]*notify.Scripts{}
	add := func(list []toldName, kind notify.Kind) {
		for i := range list {
			if list[i].Notify != (notify.Scripts{}) {
				s := list[i].Notify
				r[notify.Key{Kind: kind, Name: list[i].Name}] = &s
			}
		}
	}
	add(c.Instances, notify.Instance)
	add(c.Groups, notify.Group)
	return r
}

// openFIFOs opens the pipes of a configuration. One that has not changed stays open: its reader misses nothing.
func (t *teller) openFIFOs(c *told, resolver *command.Resolver) {
	for i, f := range []config.FIFO{c.Global.NotifyFIFO, c.Global.VRRPNotifyFIFO, c.Global.LVSNotifyFIFO} {
		var spec *fifo.Spec
		if f.Path != "" {
			s := fifoSpec(f, resolver)
			spec = &s
		}
		opened, err := fifo.Renew(t.fifos[i], spec, t.starter, t.log)
		if err != nil {
			t.log(fmt.Sprintf("notify FIFO: %v", err))
		}
		t.fifos[i] = opened
	}
}

func fifoSpec(f config.FIFO, resolver *command.Resolver) fifo.Spec {
	owner, _ := resolver.Owner(f.Path, f.User, f.Group)
	spec := fifo.Spec{Path: f.Path, UID: owner.UID, GID: owner.GID}
	if f.Script != nil {
		spec.Reader, _ = resolver.Resolve(*f.Script)
	}
	return spec
}

// tell passes signals on, then transitions: an instance that starts with a weight
// tells its priority before its state, as with keepalived.
func (t *teller) tell(changes []vrrp.Change, signals []vrrp.Signal) {
	for i := range signals {
		t.dispatch.Tell(signalMessage(&signals[i]))
	}
	for i := range changes {
		m := message(&changes[i])
		t.remember(m)
		t.dispatch.Tell(m)
	}
}

func message(c *vrrp.Change) notify.Message {
	return notify.Message{At: time.Now(), Kind: kind(c.Group), Name: c.Name, State: state(c.To), Priority: int(c.Priority), Reason: c.Reason}
}

// pass tells what has been routed already.
func (t *teller) pass(d notify.Delivery) {
	d.At = time.Now()
	t.dispatch.Pass(d)
}

func kind(group bool) notify.Kind {
	if group {
		return notify.Group
	}
	return notify.Instance
}

// state is the word that scripts get for a role.
func state(r vrrp.Role) string {
	switch r {
	case vrrp.Master:
		return notify.Master
	case vrrp.Backup:
		return notify.Backup
	case vrrp.Stopped:
		return notify.Stop
	case vrrp.Deleted:
		return notify.Deleted
	}
	return notify.Fault
}

func signalMessage(s *vrrp.Signal) notify.Message {
	m := notify.Message{At: time.Now(), Name: s.Name, Priority: int(s.Priority), State: notify.LowerHeard}
	if s.Kind == vrrp.PriorityChanged {
		m.State = notify.BackupPriority
		if s.Role == vrrp.Master {
			m.State = notify.MasterPriority
		}
	}
	return m
}

// remember keeps the latest message of each name, if there is a FIFO that may
// have to be told again.
func (t *teller) remember(m notify.Message) {
	switch {
	case m.State == notify.Deleted:
		delete(t.last, m.Key())
	case t.fifos[0] != nil || t.fifos[1] != nil:
		t.last[m.Key()] = m
	}
}

// repeat writes the present states to the FIFOs: instances, then groups, in the
// order of the configuration.
func (t *teller) repeat(c *told) {
	for i := range c.Instances {
		t.again(notify.Key{Name: c.Instances[i].Name})
	}
	for i := range c.Groups {
		t.again(notify.Key{Kind: notify.Group, Name: c.Groups[i].Name})
	}
}

func (t *teller) again(k notify.Key) {
	if m, told := t.last[k]; told {
		t.dispatch.Repeat(m)
	}
}

// close lets everything that was told arrive, until ctx ends.
func (t *teller) close(ctx context.Context) {
	t.dispatch.Close(ctx)
	t.mailer.Close(ctx)
	t.caller.Close(ctx)
	t.abandon()
}

// abandon lets go of the pipes.
func (t *teller) abandon() {
	for i, f := range t.fifos {
		if f != nil {
			f.Close()
		}
		t.fifos[i] = nil
	}
}
