package daemon

import (
	"cmp"
	"crypto/tls"
	"fmt"

	"holdfast/internal/checker"
	"holdfast/internal/checker/dns"
	"holdfast/internal/checker/http"
	"holdfast/internal/checker/ping"
	"holdfast/internal/checker/process"
	"holdfast/internal/checker/systemd"
	"holdfast/internal/checker/tcp"
	"holdfast/internal/command"
	"holdfast/internal/config"
	"holdfast/internal/tracker/check"
)

// checkSpecs are the checks of a configuration, ready to be made.
func checkSpecs(checks []config.VRRPCheck, r *command.Resolver) []check.Spec {
	var specs []check.Spec
	for i := range checks {
		c := &checks[i]
		s := check.Spec{
			Name: c.Name, Asks: asks(c), Probe: probeOf(c), Target: checker.Target{Addr: c.Ask.Addr, Port: c.Ask.Port, From: c.From},
			Elsewhere: c.StayBackup, Interval: c.Interval, Timeout: c.Timeout, Rise: c.Rise, Fall: c.Fall, RepairTime: c.RepairTime,
		}
		if c.Repair != nil {
			s.Repair, _ = r.Resolve(*c.Repair) // what is wrong was reported when it was read
		}
		specs = append(specs, s)
	}
	return specs
}

// asks is all that makes a check another one when it changes.
func asks(c *config.VRRPCheck) string {
	return fmt.Sprint(c.Ask, c.From, c.Host, c.Status, c.NoVerify, c.StayBackup)
}

// probeOf is the one list of what a vrrp_check can ask.
func probeOf(c *config.VRRPCheck) checker.Probe {
	switch c.Ask.Kind {
	case config.AskHTTP:
		return page(c)
	case config.AskTCP:
		return tcp.Connect{}
	case config.AskPing:
		return ping.Echo{}
	case config.AskDNS:
		return &dns.Query{Name: c.Ask.What, Type: c.Ask.Type, Needed: true}
	case config.AskProcess:
		return &process.Running{Name: c.Ask.What}
	case config.AskSystemd:
		return &systemd.Active{Unit: c.Ask.What}
	}
	panic("daemon: a vrrp_check that asks nothing")
}

func page(c *config.VRRPCheck) checker.Probe {
	g := &http.Get{Path: c.Ask.What, Host: c.Host, Close: true}
	for _, r := range c.Status {
		g.Status = append(g.Status, http.Range{From: int(r.From), To: int(r.To)})
	}
	if c.Ask.TLS {
		g.TLS = &tls.Config{ServerName: cmp.Or(c.Host, c.Ask.Addr.String()), InsecureSkipVerify: c.NoVerify}
	}
	return g
}
