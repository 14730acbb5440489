package simulate

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/notify"
	"holdfast/internal/sim"
	"holdfast/internal/vrrp"
)

// Entry is one line of the timeline. Its JSON fields are those of `holdfast lab`.
type Entry struct {
	At       time.Duration `json:"-"`
	AtMS     float64       `json:"at_ms"`
	Kind     string        `json:"kind"` // "fault", "role", "event", "notify"
	Node     string        `json:"node,omitempty"`
	Instance string        `json:"instance,omitempty"`
	Role     string        `json:"role,omitempty"`
	Text     string        `json:"text,omitempty"`
}

// String prints the line for people.
func (e *Entry) String() string {
	switch {
	case e.Kind == "fault":
		return fmt.Sprintf("%9.3f  ---- %s", e.At.Seconds(), e.Text)
	case e.Kind == "role" && e.Text != "":
		return fmt.Sprintf("%9.3f  %-8s %s is %s: %s", e.At.Seconds(), e.Node, e.Instance, e.Role, e.Text)
	case e.Kind == "role":
		return fmt.Sprintf("%9.3f  %-8s %s is %s", e.At.Seconds(), e.Node, e.Instance, e.Role)
	}
	return fmt.Sprintf("%9.3f  %-8s %s", e.At.Seconds(), e.Node, e.Text)
}

// take translates what happened since it was last called.
func (p *play) take() {
	for ; p.shown < len(p.world.Timeline); p.shown++ {
		e := &p.world.Timeline[p.shown]
		at := time.Duration(e.At)
		if e.Text != "" {
			p.entries = append(p.entries, Entry{At: at, Kind: "event", Node: e.Node, Text: e.Text})
			continue
		}
		p.role(at, e)
	}
}

// role takes a transition, and who is told of it.
func (p *play) role(at time.Duration, e *sim.Entry) {
	c := &e.Change
	p.entries = append(p.entries, Entry{At: at, Kind: "role", Node: e.Node, Instance: c.Name, Role: c.To.String(), Text: c.Reason})
	for _, text := range p.told(e.Node, c) {
		p.entries = append(p.entries, Entry{At: at, Kind: "notify", Node: e.Node, Instance: c.Name, Text: text})
	}
}

// told lists what a transition leads to on its node: programs, lines in FIFOs, mail.
func (p *play) told(node string, c *vrrp.Change) (all []string) {
	cfg := p.config(node)
	m := notify.Message{Name: c.Name, State: c.To.String(), Priority: int(c.Priority)}
	if c.Group {
		m.Kind = notify.Group
	}
	d := scripts(cfg, c).Route(m)
	for _, r := range d.Runs {
		all = append(all, "runs "+strings.Join(append([]string{r.Command.Line}, r.Args...), " "))
	}
	if d.Line && (cfg.Global.NotifyFIFO.Path != "" || cfg.Global.VRRPNotifyFIFO.Path != "") {
		all = append(all, "writes "+strings.TrimSpace(d.Message.Line()))
	}
	if letter, ok := d.Message.Letter(cfg.Global.RouterID); ok && d.Mail {
		all = append(all, "mails "+letter.Subject)
	}
	return all
}

func (p *play) config(node string) *config.Config {
	for i := range p.nodes {
		if p.nodes[i].Name == node {
			return p.nodes[i].Config
		}
	}
	return &config.Config{}
}

// scripts are those of an instance or a group; nil: it has none.
func scripts(c *config.Config, change *vrrp.Change) *notify.Scripts {
	for i := range c.Groups {
		if change.Group && c.Groups[i].Name == change.Name {
			return &c.Groups[i].Notify
		}
	}
	for i := range c.Instances {
		if !change.Group && c.Instances[i].VRRP.Name == change.Name {
			return &c.Instances[i].Notify
		}
	}
	return nil
}

func (p *play) print(out io.Writer) {
	if p.o.JSON {
		p.printJSON(out)
		return
	}
	for i := range p.entries {
		fmt.Fprintln(out, p.entries[i].String())
	}
	if len(p.service.trials) > 0 {
		fmt.Fprintf(out, "\n%-32s %12s  %s\n", "fault", "outage", "and then")
	}
	for i := range p.service.trials {
		t := &p.service.trials[i]
		fmt.Fprintf(out, "%-32s %9d ms  %s\n", t.fault, t.outage.Milliseconds(), t.sentence())
	}
	fmt.Fprintln(out)
	for _, line := range p.service.holders() {
		fmt.Fprintf(out, "in the end %s: %s\n", line[1], line[0])
	}
}

// verdict is what JSON says of a fault.
type verdict struct {
	Kind     string   `json:"kind"` // "outage"
	Fault    string   `json:"fault"`
	AtMS     float64  `json:"at_ms"`
	Outage   float64  `json:"outage_ms"`
	Address  string   `json:"address,omitempty"`
	Silent   []string `json:"silent,omitempty"`
	Doubled  []string `json:"doubled,omitempty"`
	Survived bool     `json:"survived"`
}

func (p *play) printJSON(out io.Writer) {
	enc := json.NewEncoder(out)
	for i := range p.entries {
		e := p.entries[i]
		e.AtMS = millis(e.At)
		_ = enc.Encode(e) // the caller's writer remembers an error
	}
	for i := range p.service.trials {
		t := &p.service.trials[i]
		_ = enc.Encode(verdict{
			Kind: "outage", Fault: t.fault, AtMS: millis(time.Duration(t.at)), Outage: millis(t.outage), Address: t.address,
			Silent: t.silent, Doubled: t.doubled, Survived: len(t.silent) == 0,
		})
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
