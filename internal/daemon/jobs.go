package daemon

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"time"

	"holdfast/internal/balancer"
	"holdfast/internal/checker"
	"holdfast/internal/checker/dns"
	"holdfast/internal/checker/http"
	"holdfast/internal/checker/misc"
	"holdfast/internal/checker/ping"
	"holdfast/internal/checker/regex"
	"holdfast/internal/checker/smtp"
	"holdfast/internal/checker/tcp"
	"holdfast/internal/checker/udp"
	"holdfast/internal/command"
	"holdfast/internal/config"
	"holdfast/internal/notify"
)

// jobs makes ready what the balancer wants to be checked: one for each
// configuration, so that what many checks share is made once.
type jobs struct {
	log      func(string)
	starter  *command.Starter
	resolver *command.Resolver
	identity []tls.Certificate // that SSL_GET shows
	names    map[string]*tls.Config
	patterns map[config.Regex]*regex.Pattern // nil: refused
	programs map[*notify.Command]*command.Runnable
}

func newJobs(s *servers, starter *command.Starter, resolver *command.Resolver, log func(string)) *jobs {
	j := &jobs{log: log, starter: starter, resolver: resolver,
		names: map[string]*tls.Config{}, patterns: map[config.Regex]*regex.Pattern{}, programs: map[*notify.Command]*command.Runnable{}}
	if s.SSL != nil {
		j.identify(s.SSL)
	}
	return j
}

// identify reads what SSL_GET shows to servers. What is wrong with it is told; the
// checks are made without.
func (j *jobs) identify(s *config.SSL) {
	if _, err := os.ReadFile(s.CA); s.CA != "" && err != nil {
		j.log(fmt.Sprintf("SSL: read ca: %v", err)) // nothing is compared with it
	}
	if s.Certificate == "" && s.Key == "" {
		return
	}
	own, err := identity(s)
	if err != nil {
		j.log(fmt.Sprintf("SSL: %v; SSL_GET shows no certificate", err))
		return
	}
	j.identity = []tls.Certificate{own}
}

func identity(s *config.SSL) (tls.Certificate, error) {
	cert, err := os.ReadFile(s.Certificate)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read the certificate: %w", err)
	}
	key, err := os.ReadFile(cmp.Or(s.Key, s.Certificate))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read the key: %w", err)
	}
	own, err := http.Identity(cert, key, s.Password)
	if err != nil {
		return own, fmt.Errorf("use %s: %w", cmp.Or(s.Key, s.Certificate), err)
	}
	return own, nil
}

// of are the jobs for a list of checks. Those in void cannot be made: a server is
// as if it did not have them.
func (j *jobs) of(list []balancer.Check) (all []*checker.Job, void []checker.ID) {
	for i := range list {
		if job := j.job(&list[i]); job != nil {
			all = append(all, job)
			continue
		}
		void = append(void, list[i].ID)
	}
	return all, void
}

// job is one check; nil: it cannot be made.
func (j *jobs) job(c *balancer.Check) *checker.Job {
	k := c.Config
	job := &checker.Job{
		ID: c.ID, Target: target(c), Timeout: k.Probe.Timeout, Suspended: c.Suspended,
		Rules: checker.Rules{DelayLoop: k.DelayLoop, DelayBeforeRetry: k.DelayBeforeRetry, DownLoop: k.DelayLoop, Warmup: k.Warmup, Retry: k.Retry, Alpha: k.Alpha},
		Words: checker.Words{Kind: kindOf(k.Kind), Server: c.Real, Service: c.Virtual, LogAll: k.LogAllFailures},
	}
	switch k.Kind {
	case config.CheckHTTP, config.CheckSSL:
		j.pages(job, k)
	case config.CheckSMTP:
		job.Steps, job.Timeout = asking(&smtp.Greet{Name: k.SMTP.HELO}), 4*k.Probe.Timeout // connect, 220, HELO, QUIT
	case config.CheckDNS:
		job.Steps = asking(&dns.Query{Name: k.DNS.Name, Type: k.DNS.Type})
	case config.CheckUDP:
		job.Steps = asking(datagram(k.UDP))
	case config.CheckPing:
		job.Steps = asking(ping.Echo{})
	case config.CheckMisc:
		return j.program(job, c)
	case config.CheckFile:
		job.Subject = checker.Subject{Kind: checker.File, Name: k.File.Name, Weight: k.File.Weight, Reverse: k.File.Reverse}
	case config.CheckBFD:
		job.What, job.Subject = k.BFD, checker.Subject{Kind: checker.BFD, Name: k.BFD}
	default:
		job.Steps = asking(tcp.Connect{})
	}
	return job
}

func asking(p checker.Probe) []checker.Probe { return []checker.Probe{p} }

// kindOf numbers kinds as package checker does.
func kindOf(k config.CheckKind) checker.Kind {
	return [...]checker.Kind{
		config.CheckTCP: checker.TCP, config.CheckHTTP: checker.HTTP, config.CheckSSL: checker.SSL, config.CheckSMTP: checker.SMTP, config.CheckDNS: checker.DNS,
		config.CheckUDP: checker.UDP, config.CheckPing: checker.Ping, config.CheckMisc: checker.Misc, config.CheckFile: checker.File, config.CheckBFD: checker.BFD,
	}[k]
}

// target is where a check connects to.
func target(c *balancer.Check) checker.Target {
	p := c.Config.Probe
	t := checker.Target{Addr: c.At.Addr(), Port: cmp.Or(p.Port, c.At.Port()), Patience: p.Timeout,
		From: checker.From{Addr: p.Source, Port: p.SourcePort, Link: p.Link, Mark: p.Mark}}
	if p.Addr.IsValid() {
		t.Addr = p.Addr
	}
	return t
}

// pages makes a step of each page. Connecting and the answer of a plain page may
// each take the timeout; with TLS both do together, as in keepalived.
func (j *jobs) pages(job *checker.Job, k *config.Check) {
	job.DownLoop = max(k.DelayLoop, k.DelayBeforeRetry)
	job.FastRecovery = k.HTTP.FastRecovery
	if k.Kind == config.CheckHTTP {
		job.Timeout *= 2
	}
	for i := range k.HTTP.URLs {
		job.Steps = append(job.Steps, j.page(k, &k.HTTP.URLs[i]))
	}
}

func (j *jobs) page(k *config.Check, u *config.URL) *http.Get {
	g := &http.Get{Path: u.Path, Host: u.Host, Version: strings.TrimSuffix(k.HTTP.Protocol, "C"), Close: k.HTTP.Protocol != "1.0",
		Digest: u.Digest, Whole: true, Goodbye: u.TLSCompliant}
	for _, r := range u.Status {
		g.Status = append(g.Status, http.Range{From: int(r.From), To: int(r.To)})
	}
	if u.Regex != nil {
		g.Pattern, g.Unwanted = j.pattern(*u.Regex), u.Regex.NoMatch
	}
	if k.Kind == config.CheckSSL {
		g.TLS = j.name(u.ServerName)
	}
	return g
}

// pattern is compiled once, or refused once: pages then pass without it.
func (j *jobs) pattern(r config.Regex) *regex.Pattern {
	r.NoMatch = false
	p, known := j.patterns[r]
	if known {
		return p
	}
	p, err := regex.Compile(r.Pattern, r.Options, r.MinOffset, r.MaxOffset)
	if err != nil {
		j.log(fmt.Sprintf("regex: %v; every page passes without it", err))
	}
	j.patterns[r] = p
	return p
}

// name is TLS with a server name, or without one. Whatever a server speaks is
// good: it is asked whether it is there, not who it is.
func (j *jobs) name(server string) *tls.Config {
	c := j.names[server]
	if c == nil {
		c = &tls.Config{ServerName: server, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, Certificates: j.identity,
			// Without the hybrid one, whose key is dear to make and whose hello some old servers choke on: there is nothing to hide.
			CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}}
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			c.CipherSuites = append(c.CipherSuites, suite.ID)
		}
		j.names[server] = c
	}
	return c
}

func datagram(u *config.UDPCheck) *udp.Ask {
	return &udp.Ask{Payload: u.Payload, Require: u.RequireReply, Reply: u.Reply, Mask: u.Mask, Min: int(u.MinLength), Max: int(u.MaxLength)}
}

// program is a check by a program, unless script security refuses that; it was told
// when the configuration was read.
func (j *jobs) program(job *checker.Job, c *balancer.Check) *checker.Job {
	m := c.Config.Misc
	run, known := j.programs[m.Command]
	if !known {
		run, _ = j.resolver.Resolve(*m.Command)
		j.programs[m.Command] = run
	}
	if run == nil {
		return nil
	}
	job.What, job.FromStart, job.Timeout = m.Command.Line, true, max(m.Timeout, time.Millisecond)
	job.Steps = asking(&misc.Run{Starter: j.starter, Program: run, Dynamic: m.Dynamic, Weight: c.Weight})
	return job
}
