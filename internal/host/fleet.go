package host

import (
	"errors"
	"maps"
	"slices"
)

// Fleet knows which devices are wanted and what the kernel was last seen to hold of
// them, and names the steps between, as a Reconciler does for addresses. What is
// returned is to be carried out in order, each step reported by Done.
type Fleet struct {
	// Mark is the alias of the links that are ours.
	Mark string

	links   map[string]Link
	crafts  []*craft // in the order wished for
	byName  map[string]*craft
	ready   bool // it is known what is wanted
	seen    bool // it is known what there is
	repairs uint64
}

// craft is a wanted device and how it fares.
type craft struct {
	Device
	standing
	told   bool // that it was refused
	raised bool // brought up since it was made
	harmed bool // it was held, and is to be made or set right again
	missed bool // a whole interval passed without a report of what was asked for
}

// NewFleet returns one that wants nothing and has seen nothing.
func NewFleet() *Fleet {
	return &Fleet{Mark: DeviceAlias, links: map[string]Link{}, byName: map[string]*craft{}}
}

// Want says which devices are wanted from now on: these and no others.
func (f *Fleet) Want(list []Device) []LinkOp {
	old := f.byName
	f.crafts, f.byName, f.ready = nil, map[string]*craft{}, true
	for _, d := range list {
		c := old[d.Name]
		if c == nil || c.Device != d {
			c = &craft{Device: d}
		}
		f.crafts = append(f.crafts, c)
		f.byName[d.Name] = c
	}
	return f.steps()
}

// Observe takes in everything the kernel holds.
func (f *Fleet) Observe(links map[string]Link) []LinkOp {
	f.links, f.seen = maps.Clone(links), true
	return f.steps()
}

// See takes in reports of the kernel, and answers with what sets right what
// somebody else changed.
func (f *Fleet) See(changes ...Change) []LinkOp {
	news := false
	for _, c := range changes {
		if c.Link != nil {
			news = f.note(*c.Link, c.Gone) || news
		}
	}
	if !news {
		return nil
	}
	return f.steps()
}

// note keeps what a report says, and reports whether it matters here. A device that was
// right for a moment has come as asked for, whatever became of it since.
func (f *Fleet) note(l Link, gone bool) bool {
	switch {
	case !gone:
		f.links[l.Name] = l
		if c := f.byName[l.Name]; c != nil && f.grounded(c) && f.right(c, l, f.links[c.Parent]) {
			c.standing, c.told = held, false
		}
	case f.links[l.Name].Index == l.Index:
		delete(f.links, l.Name)
	}
	return f.byName[l.Name] != nil || slices.ContainsFunc(f.crafts, func(c *craft) bool { return c.Parent == l.Name })
}

// Retry asks again for what was refused, or asked for and never seen.
func (f *Fleet) Retry() []LinkOp {
	again := false
	for _, c := range f.crafts {
		overdue := (c.standing == adding || c.standing == repairing) && c.missed
		if c.standing == refused || overdue {
			c.standing, again = waiting, true
		}
		c.missed = true
	}
	if !again {
		return nil
	}
	return f.steps()
}

// steps compares what is wanted with what there is.
func (f *Fleet) steps() (ops []LinkOp) {
	if !f.ready || !f.seen {
		return nil
	}
	for _, c := range f.crafts {
		ops = f.step(c, ops)
	}
	return append(ops, f.leftOver()...)
}

// step is what one device needs.
func (f *Fleet) step(c *craft, ops []LinkOp) []LinkOp {
	parent, grounded := f.links[c.Parent]
	l, exists := f.links[c.Name]
	switch {
	case !grounded:
		c.standing, c.harmed = waiting, false
	case !exists && c.standing != adding && c.standing != repairing:
		return f.ask(c, MakeLink, parent, ops)
	case !exists || c.standing == refused:
	case !f.buildable(c, l, parent):
		return f.replace(c, l, parent, ops)
	case f.right(c, l, parent):
		c.standing, c.told = held, false
	case c.standing == waiting || c.standing == held || !c.raised:
		return f.ask(c, MendLink, parent, ops)
	}
	return ops
}

// ask asks for a device: to be made, and, when it has been seen, to be brought up.
// What was held and is no more counts as a repair once that is done.
func (f *Fleet) ask(c *craft, verb LinkVerb, parent Link, ops []LinkOp) []LinkOp {
	switch c.standing {
	case held:
		c.standing, c.harmed = repairing, true
	case waiting, refused:
		c.standing = adding
	}
	c.raised, c.missed = verb == MendLink, false
	return append(ops, LinkOp{Verb: verb, Device: c.Device, InGroup: c.group(parent), VRF: f.vrf(parent), Mark: f.Mark})
}

func (c *craft) group(parent Link) uint32 {
	if c.Group.Given {
		return c.Group.Value
	}
	return parent.Group
}

// vrf is the VRF that the parent is in: bridges and bonds take no macvlan along.
func (f *Fleet) vrf(parent Link) int {
	if parent.Master == 0 {
		return 0
	}
	for _, l := range f.links {
		if l.Index == parent.Master && l.Kind == "vrf" {
			return l.Index
		}
	}
	return 0
}

// buildable reports whether a link can be made what is wanted without making it anew.
func (f *Fleet) buildable(c *craft, l, parent Link) bool {
	return c.alike(l, parent) && (c.wears(l) || l.Alias == f.Mark)
}

// right reports whether a link is all that is wanted.
func (f *Fleet) right(c *craft, l, parent Link) bool {
	return f.buildable(c, l, parent) && f.perfect(c, l, parent)
}

// perfect leaves the mark of another copy of the daemon: both would write theirs for ever.
func (f *Fleet) perfect(c *craft, l, parent Link) bool {
	return l.Up && c.wears(l) && (l.Alias == f.Mark || ofNamedCopy(l.Alias)) && l.Group == c.group(parent) && l.Master == f.vrf(parent)
}

// replace makes way for a device where its name is that of another link, if that is ours.
func (f *Fleet) replace(c *craft, l, parent Link, ops []LinkOp) []LinkOp {
	if l.Alias != f.Mark {
		c.standing = refused // the name is taken; the next configuration finds another
		return ops
	}
	delete(f.links, l.Name)
	return f.ask(c, MakeLink, parent, append(ops, LinkOp{Verb: DropLink, Device: Device{Name: l.Name}}))
}

// leftOver are the links that are ours and wanted no more, or elsewhere: a link
// whose name is wanted on a parent that is not there stands on another one.
func (f *Fleet) leftOver() (ops []LinkOp) {
	for _, name := range slices.Sorted(maps.Keys(f.links)) {
		c := f.byName[name]
		if f.links[name].Alias == f.Mark && (f.links[name].Kind == "macvlan" || f.links[name].Kind == "ipvlan") && (c == nil || !f.grounded(c)) {
			ops = append(ops, LinkOp{Verb: DropLink, Device: Device{Name: name, IPVLAN: f.links[name].IPVLAN}})
		}
	}
	return ops
}

// grounded reports whether the parent of a device is there.
func (f *Fleet) grounded(c *craft) bool {
	_, exists := f.links[c.Parent]
	return exists
}

// Hush makes devices forget their neighbours.
func (f *Fleet) Hush(names []string) (ops []LinkOp) {
	for _, name := range names {
		if c := f.byName[name]; c != nil {
			ops = append(ops, LinkOp{Verb: HushLink, Device: c.Device})
		}
	}
	return ops
}

// Moored is what became of a device.
type Moored struct {
	Device
	Fate
	Err error // why, for Failed
}

// Done takes in what came of a step.
func (f *Fleet) Done(op LinkOp, err error) Moored {
	c := f.byName[op.Name]
	switch {
	case op.Verb == DropLink && (err == nil || errors.Is(err, ErrNoLink)):
		delete(f.links, op.Name)
		return Moored{Device: op.Device, Fate: Released}
	case op.Verb == HushLink && err != nil:
		return Moored{op.Device, Failed, err}
	case op.Verb == HushLink, op.Verb == MakeLink && (err == nil || errors.Is(err, ErrExists)) || c == nil:
		return Moored{Device: op.Device}
	case errors.Is(err, ErrNoLink) && c.standing != refused: // its parent went, as will be reported
		c.standing = waiting
		return Moored{Device: op.Device}
	case err != nil:
		return f.refuse(c, err)
	case c.harmed:
		c.harmed = false
		f.repairs++
		return Moored{Device: op.Device, Fate: Repaired}
	}
	return Moored{Device: op.Device, Fate: Held}
}

// refuse leaves a device to Retry. It is told once.
func (f *Fleet) refuse(c *craft, err error) Moored {
	m := Moored{c.Device, Failed, err}
	if c.told {
		m = Moored{Device: c.Device}
	}
	c.standing, c.told = refused, true
	return m
}

// Repairs counts how often a device was made or set right again.
func (f *Fleet) Repairs() uint64 { return f.repairs }

// Devices lists what is wanted, for the settings that belong to it.
func (f *Fleet) Devices() []Device {
	list := make([]Device, len(f.crafts))
	for i, c := range f.crafts {
		list[i] = c.Device
	}
	return list
}

// Ready reports whether it is known what is wanted and what there is.
func (f *Fleet) Ready() bool { return f.ready && f.seen }

// Strangers lists the links that are no device of ours.
func (f *Fleet) Strangers() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(f.links)) {
		if f.byName[name] == nil {
			names = append(names, name)
		}
	}
	return names
}

// VMACs lists the devices with a virtual MAC address that are there, for the packet filter.
func (f *Fleet) VMACs() (list []VMAC) {
	for _, c := range f.crafts {
		if l, exists := f.links[c.Name]; exists && c.IPVLAN == NoIPVLAN && l.Parent == f.links[c.Parent].Index {
			list = append(list, VMAC{V6: c.V6, Index: l.Index, Parent: l.Parent})
		}
	}
	return list
}
