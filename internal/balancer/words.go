package balancer

import (
	"fmt"
	"strings"

	"holdfast/internal/config"
	"holdfast/internal/notify"
)

func (e *Effects) log(format string, args ...any) {
	e.Lines = append(e.Lines, fmt.Sprintf(format, args...))
}

// checksChange says of each check of a virtual server whether it goes on.
func (e *Effects) checksChange(v *virtual) {
	e.Checks = true
	for _, r := range v.reals {
		for range r.checks {
			e.log("%s healthchecker for service %s for VS %s", v.activity("Suspending"), r.name(), v.name)
		}
	}
}

// changed says that a real server lives, or does so no more.
func (e *Effects) changed(r *real) {
	if r.Alive {
		e.log("%s service %s VS %s", r.verb("Adding", "Enabling"), r.verb(r.name()+" to", r.name()+" of"), r.of.name)
	} else {
		e.log("%s service %s VS %s", r.verb("Removing", "Disabling"), r.verb(r.name()+" from", r.name()+" of"), r.of.name)
	}
	e.tellReal(r, r.Alive)
}

// reweighed says that a real server weighs differently.
func (e *Effects) reweighed(r *real, before uint32) {
	active := "active"
	if !r.Alive {
		active = "inactive"
	}
	e.log("Changing weight from %d to %d for %s service %s of VS %s", before, r.Effective(), active, r.name(), r.of.name)
}

// sorry says what happens to the sorry server, and then to the others.
func (e *Effects) sorry(v *virtual, verb, preposition, others string) {
	e.log("%s sorry server %s %s VS %s", verb, v.sorryName(), preposition, v.name)
	e.log(others, v.name)
}

func (v *virtual) sorryName() string {
	return nameOf(v.config, &config.RealServer{Addr: v.config.Sorry.Addr, Port: v.config.Sorry.Port})
}

func upOrDown(up bool) string {
	if up {
		return notify.Up
	}
	return notify.Down
}

// tellReal tells the script of a real server, and the pipes.
func (e *Effects) tellReal(r *real, up bool) {
	e.turn(r.of, Turn{Real: r.config, Up: up})
	e.tellScript(r, up)
}

func (e *Effects) tellScript(r *real, up bool) {
	script := r.config.NotifyDown
	if up {
		script = r.config.NotifyUp
	}
	_, why, _ := r.health()
	e.tell(notify.Delivery{Message: r.message(up, why), Line: true, Hooks: r.config.Hooks}, script)
}

// turn tells managers of networks.
func (e *Effects) turn(v *virtual, t Turn) {
	t.Virtual, t.Servers = v.config, v.Servers
	e.Turns = append(e.Turns, t)
}

func (e *Effects) mailReal(r *real, up bool, why string) {
	if r.config.Mail {
		e.tell(notify.Delivery{Message: r.message(up, why), Mail: true}, nil)
	}
}

func (r *real) message(up bool, why string) notify.Message {
	return notify.Message{Kind: notify.RealServer, Name: r.name(), Of: r.of.name, State: upOrDown(up), Reason: why}
}

// tellVirtual tells of the quorum: the script, the pipes, mail.
func (e *Effects) tellVirtual(v *virtual, up bool, why string) {
	script := v.config.QuorumDown
	if up {
		script = v.config.QuorumUp
	}
	m := notify.Message{Kind: notify.VirtualServer, Name: v.name, State: upOrDown(up), Reason: why}
	e.tell(notify.Delivery{Message: m, Line: true, Mail: v.config.Mail, Hooks: v.config.Hooks}, script)
}

func (e *Effects) tell(d notify.Delivery, script *notify.Command) {
	if script != nil {
		d.Runs = []notify.Run{{Command: script}}
	}
	e.Tell = append(e.Tell, d)
}

// quorumWords are those of mail, in which gains and losses are written alike.
func quorumWords(v *virtual, initial bool, threshold int64, sum uint64) string {
	word := "Lost quorum"
	switch {
	case initial && v.Up:
		word = "Starting with quorum up"
	case initial:
		word = "Starting with quorum down"
	case v.Up:
		word = "Gained quorum"
	}
	return fmt.Sprintf("%s %d+%d=%d <= %d", word, v.Quorum, v.Hysteresis, threshold, sum)
}

// words are those of mail about a result.
func (c *check) words() string {
	verb := "failed"
	if c.up {
		verb = "succeed"
	}
	switch c.config.Kind {
	case config.CheckTCP:
		return "TCP CHECK " + verb + " on service"
	case config.CheckUDP:
		return "UDP CHECK " + verb + " on service"
	case config.CheckPing:
		return "ICMP CHECK " + verb + " on service"
	case config.CheckDNS:
		return "DNS_CHECK: " + verb + " on service"
	case config.CheckMisc:
		return "MISC CHECK " + c.miscVerb() + " on service"
	case config.CheckBFD:
		return "BFD CHECK " + c.config.BFD + " " + past(c.up) + " on service"
	}
	return "CHECK " + verb + " on service" + c.because()
}

// because is how keepalived words failures of pages and of mail servers.
func (c *check) because() string {
	switch {
	case c.up || c.config.Kind == config.CheckFile:
		return ""
	case c.config.Kind == config.CheckSMTP:
		return " : " + c.found.Reason
	}
	return " : HTTP/SSL request failed"
}

func past(up bool) string {
	if up {
		return "succeeded"
	}
	return "failed"
}

func (c *check) miscVerb() string {
	if !c.up && strings.Contains(c.found.Reason, "timed out") {
		return "timed out"
	}
	return past(c.up)
}
