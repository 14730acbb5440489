package ipvs

import (
	"fmt"
	"slices"
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
	_, held := pool.find(op.Server)
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
	i, held := pool.find(op.Server)
	pool.Servers = slices.Clone(pool.Servers)
	switch {
	case op.Verb == DelServer:
		pool.Servers = slices.Delete(pool.Servers, i, i+1)
	case held:
		pool.Servers[i].Destination = op.Destination
	default:
		pool.Servers = slices.Insert(pool.Servers, i, Server{op.Server, op.Destination})
	}
	f.Table[op.Key] = pool
}
