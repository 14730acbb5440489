package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"holdfast/internal/host"
	"holdfast/internal/relay"
	"holdfast/internal/router"
)

// The devices of a Hosting: a link is made, its sysctls are set, and only then does
// it come up; addresses follow when the kernel reports it.

// lookEvery is how many ticks pass between two looks at the sysctls: the kernel
// reports few of their changes.
const lookEvery = 5

// look repairs what the kernel did not report.
func (h *Hosting) look(ctx context.Context) {
	h.shape(ctx, h.fleet.Retry())
	if h.checked++; h.checked >= lookEvery {
		h.checked = 0
		for _, w := range h.tune() {
			h.Say(relay.Line{Text: fmt.Sprintf("sysctl %s was changed by somebody else: set to %s again", w.Path(), w.Value), Bad: true})
		}
	}
}

// shape carries out steps of the fleet. What a device is not to say itself is filtered
// before it comes up, and until it is gone.
func (h *Hosting) shape(ctx context.Context, ops []host.LinkOp) {
	made, raised := parted(ops)
	if h.build(made); len(ops) > 0 {
		h.tune()
	}
	h.filtering.do(ctx, h.filtering.filter.HoldVMACs(h.fleet.VMACs()))
	h.build(raised)
}

// parted puts what makes and deletes links before what brings them up.
func parted(ops []host.LinkOp) (made, raised []host.LinkOp) {
	for _, op := range ops {
		if op.Verb == host.MendLink {
			raised = append(raised, op)
			continue
		}
		made = append(made, op)
	}
	return made, raised
}

func (h *Hosting) build(ops []host.LinkOp) {
	if len(ops) == 0 {
		return
	}
	for i, err := range h.Kernel.Shape(ops) {
		h.moored(h.fleet.Done(ops[i], err))
	}
}

func (h *Hosting) moored(m host.Moored) {
	switch m.Fate {
	case host.Held:
		h.Say(relay.Line{Text: fmt.Sprintf("Success creating %s interface %s", kind(m.Device), m.Name), Detail: true})
	case host.Released:
		h.Say(relay.Line{Text: fmt.Sprintf("Success removing %s interface %s", kind(m.Device), m.Name), Detail: true})
	case host.Repaired:
		h.Tell(router.Moored{Name: m.Name})
		h.remarks.repair(h.Say, "interface "+m.Name, fmt.Sprintf("interface %s was changed or deleted by somebody else: put back (%d so far)", m.Device, h.fleet.Repairs()))
	case host.Failed:
		h.Say(relay.Line{Text: m.Err.Error(), Bad: true})
	}
}

func kind(d host.Device) string {
	if d.IPVLAN != host.NoIPVLAN {
		return "ipvlan"
	}
	return "VMAC"
}

// tune sets the sysctls that are needed, and gives back those that are needed no more.
// What they were is stored before they are changed.
func (h *Hosting) tune() []host.Setting {
	devices := h.fleet.Devices()
	if !h.fleet.Ready() || len(devices) == 0 && h.tuner.Idle() {
		return nil
	}
	todo := h.tuner.Tune(devices, h.fleet.Strangers(), h.setting)
	if todo.News {
		h.Keep(h.tuner.Before)
	}
	h.write(todo.Write)
	if len(todo.Back) > 0 {
		h.write(todo.Back)
		h.tuner.Forget(todo.Back)
		h.Keep(h.tuner.Before)
	}
	return todo.Write
}

// promotes reports whether a link came, perhaps anew, whose sysctl is to be set.
func (h *Hosting) promotes(c host.Change) bool {
	return c.Link != nil && slices.Contains(h.tuner.Promote, c.Link.Name)
}

// write is silent about links that went meanwhile.
func (h *Hosting) write(list []host.Setting) {
	for _, w := range list {
		if err := h.Kernel.Set(w.Sysctl, w.Value); err != nil && !errors.Is(err, fs.ErrNotExist) {
			h.Say(relay.Line{Text: err.Error(), Bad: true})
		}
	}
}

func (h *Hosting) setting(s host.Sysctl) (string, bool) {
	value, err := h.Kernel.Setting(s)
	return value, err == nil
}

// Restore takes what Keep stored in an earlier run.
func (h *Hosting) Restore(before host.Settings) { h.tuner.Before = before }
