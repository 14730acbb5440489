package daemon

import (
	"cmp"

	"holdfast/internal/balancer"
	"holdfast/internal/checker"
	"holdfast/internal/checker/tcp"
	"holdfast/internal/config"
)

// jobs makes ready what the balancer wants to be checked.
func jobs(list []balancer.Check) []*checker.Job {
	var all []*checker.Job
	for i := range list {
		if steps := stepsOf(&list[i]); steps != nil {
			all = append(all, job(&list[i], steps))
		}
	}
	return all
}

// stepsOf is the one list of what a real server can be asked; nil: not yet.
func stepsOf(c *balancer.Check) []checker.Probe {
	switch c.Config.Kind {
	case config.CheckTCP:
		return []checker.Probe{tcp.Connect{}}
	}
	return nil
}

func job(c *balancer.Check, steps []checker.Probe) *checker.Job {
	k, p := c.Config, c.Config.Probe
	target := checker.Target{Addr: c.At.Addr(), Port: cmp.Or(p.Port, c.At.Port()), From: checker.From{Addr: p.Source, Port: p.SourcePort, Link: p.Link, Mark: p.Mark}}
	if p.Addr.IsValid() {
		target.Addr = p.Addr
	}
	return &checker.Job{
		ID: c.ID, Steps: steps, Target: target, Timeout: p.Timeout, Suspended: c.Suspended,
		Rules: checker.Rules{DelayLoop: k.DelayLoop, DelayBeforeRetry: k.DelayBeforeRetry, DownLoop: k.DelayLoop, Warmup: k.Warmup, Retry: k.Retry, Alpha: k.Alpha},
		Words: checker.Words{Kind: checker.TCP, Server: c.Real, Service: c.Virtual, LogAll: k.LogAllFailures},
	}
}
