package ipvs

import (
	"fmt"
	"maps"
	"net/netip"
)

// Fake is a kernel's table in memory.
type Fake struct{ Table Table }

// Do carries out ops in order, with the errors that the kernel would have.
func (f *Fake) Do(ops []Op) []error {
	errs := make([]error, len(ops))
	for i, op := range ops {
		if err := f.do(op); err != nil {
			errs[i] = fmt.Errorf("%s: %w", op, err)
		}
	}
	return errs
}

func (f *Fake) do(op Op) error {
	pool, found := f.Table[op.Key]
	_, held := pool.Servers[op.Server]
	switch {
	case op.Verb == AddService && found, op.Verb == AddServer && held:
		return ErrExists
	case op.Verb != AddService && !found, op.Verb > AddServer && !held:
		return ErrMissing
	}
	f.change(op, pool)
	return nil
}

func (f *Fake) change(op Op, pool Pool) {
	switch op.Verb {
	case AddService:
		f.Table[op.Key] = Pool{Service: op.Service}
		return
	case DelService:
		delete(f.Table, op.Key)
		return
	case SetService:
		pool.Service = op.Service
		f.Table[op.Key] = pool
		return
	}
	pool.Servers = maps.Clone(pool.Servers)
	if op.Verb == DelServer {
		delete(pool.Servers, op.Server)
	} else {
		pool.put(op)
	}
	f.Table[op.Key] = pool
}

func (p *Pool) put(op Op) {
	if p.Servers == nil {
		p.Servers = map[netip.AddrPort]Destination{}
	}
	p.Servers[op.Server] = op.Destination
}
