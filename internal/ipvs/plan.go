package ipvs

import (
	"fmt"
	"net/netip"
)

// Verb is what an operation does.
type Verb uint8

// The verbs.
const (
	AddService Verb = iota
	SetService
	DelService // with all of its destinations
	AddServer
	SetServer
	DelServer
)

// Op is one request to the kernel.
type Op struct {
	Verb
	Key
	Service                    // of AddService and SetService
	Server      netip.AddrPort // of the last three verbs
	Destination                // of AddServer and SetServer
}

// ofService reports whether the operation is about a service as such.
func (o Op) ofService() bool { return o.Verb <= DelService }

// String says what the operation attempts, as errors and logs do.
func (o Op) String() string {
	switch o.Verb {
	case AddService:
		return fmt.Sprintf("add service %s with scheduler %s", o.Key, o.Scheduler)
	case SetService:
		return fmt.Sprintf("change service %s", o.Key)
	case DelService:
		return fmt.Sprintf("remove service %s", o.Key)
	case AddServer:
		return fmt.Sprintf("add %s to service %s", o.Server, o.Key)
	case SetServer:
		return fmt.Sprintf("change %s of service %s", o.Server, o.Key)
	}
	return fmt.Sprintf("remove %s from service %s", o.Server, o.Key)
}

// Plan lists the operations that lead from have to want. Nothing is ever removed
// to be added again: deleted destinations linger in the kernel for minutes and
// every addition looks through them, and connections would be lost. Destinations
// come before others go, so that no service is without one on the way, and whole
// services go last.
func Plan(have, want Table) []Op {
	var ops []Op
	for _, k := range want.Keys() {
		old, there := have[k]
		ops = appendPool(ops, k, old, want[k], there)
	}
	for _, k := range have.Keys() {
		if _, wanted := want[k]; !wanted {
			ops = append(ops, Op{Verb: DelService, Key: k})
		}
	}
	return ops
}

// appendPool appends what leads from one pool to another.
func appendPool(ops []Op, k Key, have, want Pool, there bool) []Op {
	v6 := k.Is6()
	service := want.Service.Normal(v6)
	switch {
	case !there:
		ops = append(ops, Op{Verb: AddService, Key: k, Service: service})
	case have.Service.Normal(v6) != service:
		ops = append(ops, Op{Verb: SetService, Key: k, Service: service})
	}
	for i, j := 0, 0; i < len(want.Servers); i++ {
		w := want.Servers[i]
		for j < len(have.Servers) && have.Servers[j].At.Compare(w.At) < 0 {
			j++
		}
		d := w.Destination.Normal()
		switch {
		case j == len(have.Servers) || have.Servers[j].At != w.At:
			ops = append(ops, Op{Verb: AddServer, Key: k, Server: w.At, Destination: d})
		case have.Servers[j].Destination.Normal() != d:
			ops = append(ops, Op{Verb: SetServer, Key: k, Server: w.At, Destination: d})
		}
	}
	for _, h := range have.Servers {
		if _, wanted := want.find(h.At); !wanted {
			ops = append(ops, Op{Verb: DelServer, Key: k, Server: h.At})
		}
	}
	return ops
}
