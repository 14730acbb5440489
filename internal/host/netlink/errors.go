package netlink

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// Error is an operation that the kernel refused.
type Error struct {
	Op   host.Op
	Err  error
	Text string // the kernel's own words, if it has any
}

// Error says what was attempted, why it failed and, where it is known, the fix.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %v", e.attempt(), e.Err)
	if e.Text != "" {
		s += " (" + e.Text + ")"
	}
	if fix := e.fix(); fix != "" {
		s += ": " + fix
	}
	return s
}

func (e *Error) attempt() string {
	switch e.Op.Verb {
	case host.AddAddr:
		return fmt.Sprintf("add %s to %s", e.Op.Prefix, e.Op.Link)
	case host.ChangeAddr:
		return fmt.Sprintf("change %s on %s", e.Op.Prefix, e.Op.Link)
	case host.AddThing, host.DelThing:
		return e.Op.String()
	}
	return fmt.Sprintf("remove %s from %s", e.Op.Prefix, e.Op.Link)
}

func (e *Error) fix() string {
	is := func(errno unix.Errno) bool { return errors.Is(e.Err, errno) }
	switch {
	case is(unix.EPERM):
		return "needs CAP_NET_ADMIN"
	case e.Op.Thing != nil:
		return e.fixThing()
	case is(unix.ENODEV):
		return "there is no link of this name"
	case is(unix.EACCES) && e.Op.V6():
		return fmt.Sprintf("IPv6 is switched off on the link: sysctl -w net.ipv6.conf.%s.disable_ipv6=0", e.Op.Link)
	case (is(unix.EAFNOSUPPORT) || is(unix.EOPNOTSUPP)) && e.Op.V6():
		return "the kernel runs without IPv6"
	case is(unix.EINVAL) && e.Op.ManageTemp && e.Op.Prefix.Bits() != 64:
		return "mngtmpaddr needs a prefix length of 64"
	case is(unix.EINVAL) && e.Op.AutoJoin:
		return "autojoin is for multicast addresses"
	}
	return ""
}

func (e *Error) fixThing() string {
	r, isRoute := e.Op.Thing.(*host.Route)
	switch {
	case !isRoute:
		return ""
	case errors.Is(e.Err, errNotVRF):
		return fmt.Sprintf("%s must be a link of type vrf, or write table", r.VRF)
	case errors.Is(e.Err, errOccupied):
		return "remove that one, or write another metric"
	case errors.Is(e.Err, unix.ENODEV) && r.Hop.OnLink && r.Hop.Link == "":
		return "onlink needs dev"
	case errors.Is(e.Err, unix.ENODEV):
		return "there is no such link"
	case errors.Is(e.Err, unix.ENETUNREACH), errors.Is(e.Err, unix.EHOSTUNREACH):
		return "the gateway is in no subnet of the link: give the link an address there, or write onlink"
	case errors.Is(e.Err, unix.EOPNOTSUPP) && r.Encap() != host.NoEncap:
		return "the kernel lacks it: modprobe " + module(r.Encap())
	case r.PrefSrc.IsValid() && (strings.Contains(e.Text, "prefsrc address") || strings.Contains(e.Text, "source address")):
		return "the address of src has to be on this machine"
	}
	return ""
}

// module is what brings a kind of encapsulation that is not in every kernel.
func module(k host.EncapKind) string {
	switch k {
	case host.EncapMPLS:
		return "mpls_iptunnel"
	case host.EncapILA:
		return "ila"
	}
	return "ip_tunnel"
}

// Unwrap returns the errno.
func (e *Error) Unwrap() error { return e.Err }

// Is translates errnos for package host, which knows none.
func (e *Error) Is(target error) bool {
	switch target {
	case host.ErrExists:
		return (e.Op.Verb == host.AddAddr || e.Op.Verb == host.AddThing) && errors.Is(e.Err, unix.EEXIST)
	case host.ErrMissing:
		return e.Op.Verb == host.DelAddr && errors.Is(e.Err, unix.EADDRNOTAVAIL) || e.Op.Verb == host.DelThing && gone(e.Err)
	case host.ErrNoLink:
		return errors.Is(e.Err, unix.ENODEV)
	}
	return false
}

// gone reports whether a removal failed because the route or the rule was not there.
func gone(err error) bool {
	return errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EAFNOSUPPORT)
}
