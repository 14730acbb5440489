package netlink

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// appendThing appends the message for a route or a rule, or nothing and why not.
func (w *writer) appendThing(b []byte, op host.Op, seq uint32) ([]byte, error) {
	start := len(b)
	b = append(b, make([]byte, unix.SizeofNlMsghdr)...)
	kind, flags := uint16(unix.RTM_NEWRULE), uint16(unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	switch t := op.Thing.(type) {
	case *host.Rule:
		b = appendRule(b, t)
	case *host.Route:
		table, err := w.links.has(t)
		if err != nil {
			return b[:start], err
		}
		kind, flags = unix.RTM_NEWROUTE, placement(t.Placement)
		b = appendRoute(b, t, table, func(name string) int { i, _ := w.links.index(name); return i })
	}
	if op.Verb == host.DelThing {
		kind, flags = kind+1, 0 // RTM_DELROUTE and RTM_DELRULE
	}
	header := b[start:]
	binary.NativeEndian.PutUint32(header, uint32(len(header)))
	binary.NativeEndian.PutUint16(header[4:], kind)
	binary.NativeEndian.PutUint16(header[6:], flags|unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(header[8:], seq)
	return b, nil
}

func placement(p host.Placement) uint16 {
	switch p {
	case host.Append:
		return unix.NLM_F_CREATE | unix.NLM_F_APPEND
	case host.Exclusive:
		return unix.NLM_F_CREATE | unix.NLM_F_EXCL
	}
	return unix.NLM_F_CREATE
}

var (
	errNotVRF   = errors.New("it is no VRF")
	errOccupied = errors.New("another route to the same place with the same metric is there")
)

// has looks up what a route names: all of its links, and its table.
func (t *table) has(r *host.Route) (table uint32, err error) {
	names := []string{r.Hop.Link}
	for i := range r.Hops {
		names = append(names, r.Hops[i].Link)
	}
	for _, name := range names {
		if _, known := t.index(name); name != "" && !known {
			return 0, unix.ENODEV
		}
	}
	if r.VRF == "" {
		return r.Table, nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	l, known := t.byIndex[t.byName[r.VRF]]
	switch {
	case !known:
		return 0, unix.ENODEV
	case l.Table == 0:
		return 0, errNotVRF
	}
	return l.Table, nil
}

// name is the name of a link, empty if it is not known.
func (t *table) nameOf(index int) string {
	name, _ := t.name(index)
	return name
}
