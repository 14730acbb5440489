package mib

import (
	"net/netip"

	"holdfast/internal/agentx/wire"
	"holdfast/internal/dump"
	"holdfast/internal/notify"
)

// keepalived is the root of KEEPALIVED-MIB.
func keepalived(below ...uint32) wire.OID {
	return append(wire.OID{1, 3, 6, 1, 4, 1, 9586, 100, 5}, below...)
}

// rfc2787 and rfc6527 are the roots of VRRP-MIB and of VRRPV3-MIB.
func rfc2787(below ...uint32) wire.OID { return append(wire.OID{1, 3, 6, 1, 2, 1, 68}, below...) }
func rfc6527(below ...uint32) wire.OID { return append(wire.OID{1, 3, 6, 1, 2, 1, 207}, below...) }

// yes is a TruthValue, or one of the many like it: 1 or 2.
func yes(on bool) wire.Value {
	if on {
		return wire.Int(1)
	}
	return wire.Int(2)
}

// only is a value under a condition.
func only(has bool, v wire.Value) wire.Value {
	if has {
		return v
	}
	return wire.Value{}
}

// family is an InetAddressType.
func family(a netip.Addr) wire.Value {
	switch {
	case a.Is4():
		return wire.Int(1)
	case a.Is6():
		return wire.Int(2)
	}
	return wire.Int(0)
}

// addr is an InetAddress; the zero Addr is none.
func addr(a netip.Addr) wire.Value { return only(a.IsValid(), wire.Raw(a.AsSlice())) }

func text(s string) wire.Value { return only(s != "", wire.Text(s)) }

func script(c *notify.Command) wire.Value {
	if c == nil {
		return wire.Value{}
	}
	return wire.Text(dump.Quoted(c))
}

// scope is an InetScopeType, of a scope of the kernel.
func scope(n uint8) wire.Value {
	switch n {
	case 254:
		return wire.Int(1) // the host: interfaceLocal
	case 253:
		return wire.Int(2)
	case 200:
		return wire.Int(5)
	case 0:
		return wire.Int(14)
	}
	return wire.Int(0)
}

// state is a VrrpState.
func state(word string) wire.Value {
	switch word {
	case "INIT":
		return wire.Int(0)
	case "BACKUP":
		return wire.Int(1)
	case "MASTER":
		return wire.Int(2)
	case "FAULT":
		return wire.Int(3)
	case "STOP":
		return wire.Int(5)
	case "DELETED":
		return wire.Int(6)
	}
	return wire.Int(4)
}
