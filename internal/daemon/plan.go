package daemon

import (
	"context"
	"fmt"

	"holdfast/internal/api"
	"holdfast/internal/cli"
	"holdfast/internal/engine"
	"holdfast/internal/host"
	"holdfast/internal/host/netlink"
	"holdfast/internal/load"
	"holdfast/internal/relay"
	"holdfast/internal/router"
	"holdfast/internal/vrrp"
)

// stand is what a rehearsal begins with: the configuration in force, what the router
// says of itself, and what the kernel holds.
type stand struct {
	config  *router.Config
	present *router.Present
	judge   judgement
	kernel  host.State
	setting func(host.Sysctl) (string, error)
}

// Plan implements api.Control: the reload is rehearsed beside the router.
func (c control) Plan(ctx context.Context, file string) (*api.Plan, error) {
	var now stand
	var failed error
	present, err := ask(ctx, c, func() <-chan *router.Present {
		now.config, failed = c.w.slots.Read(c.w.inForce)
		now.judge = c.w.judgement()
		now.judge.rehearsed = true
		c.w.send(&relay.Down{Look: true})
		return c.w.waiting.present.join()
	})
	if err = firstOf(err, failed); err != nil {
		return nil, err
	}
	kernel, err := netlink.Open()
	if err != nil {
		return nil, fmt.Errorf("look at the kernel: %w", err)
	}
	defer func() { _ = kernel.Close() }()
	if now.kernel, err = kernel.Observe(); err != nil {
		return nil, fmt.Errorf("look at the kernel: %w", err)
	}
	now.present, now.setting = present, kernel.Setting
	return plan(now, readPlanned(&c.w.opts, file)), nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// readPlanned reads a file; empty: the one that a reload reads.
func readPlanned(o *cli.Options, file string) *load.Reading {
	if file == "" {
		file = o.Config()
	}
	read := load.Read(load.Options{File: file, ID: o.ConfigID, AllChecks: o.AllConfig})
	read.Judge()
	return read
}

// plan rehearses what a reload would do.
func plan(now stand, read *load.Reading) *api.Plan {
	against, _ := now.judge.against(read)
	p := &api.Plan{File: read.File, Refused: read.Failed() || len(against) > 0, Findings: append(whys(read), against...)}
	if p.Refused {
		return p
	}
	r := now.rehearse()
	r.Step(router.Prepare(router.Part(read.Config)))
	p.Kernel = r.Ops
	p.Roles = forecast(now.present, r)
	return p
}

// rehearse brings a daemon that is only played to where the real one is.
func (s stand) rehearse() *engine.Rehearsal {
	r := engine.NewRehearsal(s.present.At, s.kernel, s.present.Past())
	r.Setting = s.setting
	r.Share(s.config.Global.Mark)
	for _, sample := range s.present.Samples {
		r.Step(router.Sampled{Sample: sample})
	}
	s.config.Global.StartupDelay, s.config.Global.DelayAfterBoot = 0, 0 // they are over
	r.Step(router.Prepare(s.config))
	r.Forget()
	return r
}

// forecast says what becomes of each virtual router: at once by the reload, and
// then by what is known of the others.
func forecast(present *router.Present, r *engine.Rehearsal) (list []api.RoleChange) {
	before := map[vrrp.Key]*router.Place{}
	for i := range present.Routers {
		before[present.Routers[i].Key] = &present.Routers[i]
	}
	keys, _ := r.Router.Keys()
	for _, k := range keys {
		if v, ok := r.Router.View(k); ok {
			list = append(list, outlook(before[k], &v)...)
			delete(before, k)
		}
	}
	for i := range present.Routers {
		if p := &present.Routers[i]; before[p.Key] != nil {
			list = append(list, api.RoleChange{Instance: p.Name, From: p.Role.String(), Why: "it is not configured any more"})
		}
	}
	return list
}

// outlook is what becomes of one virtual router.
func outlook(was *router.Place, v *vrrp.View) (list []api.RoleChange) {
	name, role := v.Config.Name, v.Role.String()
	switch {
	case was == nil:
		list = append(list, api.RoleChange{Instance: name, To: role, Why: "it is new"})
	case was.Role != v.Role:
		list = append(list, api.RoleChange{Instance: name, From: was.Role.String(), To: role, Why: v.Reason})
	}
	expect := func(to vrrp.Role, why string) {
		list = append(list, api.RoleChange{Instance: name, From: role, To: to.String(), Expected: true, Why: why})
	}
	known := was != nil && was.Master.IsValid()
	switch {
	case v.Role == vrrp.Backup && was == nil:
		expect(vrrp.Master, "unless a better one is heard")
	case v.Role == vrrp.Backup && known && was.Role == vrrp.Backup && v.Priority > was.MasterPriority && !v.Config.NoPreempt:
		expect(vrrp.Master, fmt.Sprintf("its priority %d is above the %d of %s", v.Priority, was.MasterPriority, was.Master))
	case v.Role == vrrp.Master && known && was.Role == vrrp.Master && was.MasterPriority > v.Priority:
		expect(vrrp.Backup, fmt.Sprintf("its priority %d is below the %d of %s", v.Priority, was.MasterPriority, was.Master))
	}
	return list
}
