package engine

import (
	"context"

	"holdfast/internal/host"
)

// marking keeps the packets of virtual server groups marked as it is wanted
// (nftables_ipvs), as part of tables.
type marking struct {
	open     func() (host.Marker, error) // nil: there is none
	complain func(about string, err error)

	marks   host.Marks
	door    host.Marker // nil: nothing is in use
	changes *Mailbox[host.FilterChange]
	changed <-chan struct{}
	repairs uint64
}

func newMarking() *marking {
	m := &marking{}
	m.changes, m.changed = NewMailbox[host.FilterChange]()
	return m
}

// want takes in what is to be marked.
func (m *marking) want(ctx context.Context, c host.FilterConfig, list []host.Marked) {
	m.do(ctx, m.marks.Want(c, list))
}

// do carries out transactions.
func (m *marking) do(ctx context.Context, ops []host.MarkOp) {
	for _, op := range ops {
		err := m.transact(ctx, op)
		m.marks.Done(op, err)
		if len(op.Marks) > 0 {
			m.complain("nftables_ipvs, "+host.FamilyName(op.V6), err)
		}
	}
	if m.door != nil && m.marks.InUse() == "" {
		m.close()
	}
}

func (m *marking) transact(ctx context.Context, op host.MarkOp) (err error) {
	if m.open == nil {
		return nil
	}
	if m.door == nil {
		if m.door, err = m.open(); err != nil {
			m.door = nil
			return err
		}
		go m.watch(ctx, m.door)
	}
	return m.door.Mark(op)
}

func (m *marking) watch(ctx context.Context, door host.Marker) { _ = door.Watch(ctx, m.changes.Put) }

// notice puts right what others changed: what they did in one go, in one go.
func (m *marking) notice(ctx context.Context) {
	var touched [2]bool
	m.changes.Take(func(c host.FilterChange) { touched[family(c.V6)] = true })
	for i, yes := range touched {
		if !yes {
			continue
		}
		ops := m.marks.Changed(host.FilterChange{V6: i == 1})
		m.repairs += uint64(len(ops))
		m.do(ctx, ops)
	}
}

// close ends the watch. What was made stays.
func (m *marking) close() {
	if m.door != nil {
		_ = m.door.Close()
		m.door = nil
	}
}
