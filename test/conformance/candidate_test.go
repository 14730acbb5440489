package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/bench/subject"
)

// candidate is a daemon that is asked, and how it is told what to be.
type candidate struct {
	subject.Program
	// prepare makes a configuration with more lines in keepalived's words.
	prepare func(s *stage, more []string) (string, error)
}

// errNoWord says that a daemon cannot be told to do what is asked.
var errNoWord = errors.New("it has no word for that")

// errOnPurpose says that a demand was seen to be met otherwise, as the sample foretells.
var errOnPurpose = errors.New("on purpose")

func find(t *testing.T, names ...string) (found []candidate) {
	t.Helper()
	for _, name := range names {
		c := candidate{prepare: keepalivedWords}
		var err error
		switch name {
		case "holdfast":
			c.Program, err = subject.Build(t.Context(), t.TempDir())
		case "keepalived":
			c.Program, err = subject.Keepalived()
		case "FRR":
			c.prepare = frrWords
			c.Program, err = subject.FRR()
		default:
			err = fmt.Errorf("unknown daemon %q", name)
		}
		must(t, err)
		found = append(found, c)
	}
	return found
}

// keepalivedWords is what holdfast and keepalived are given.
func keepalivedWords(s *stage, more []string) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "vrrp_instance C {\n\tversion %d\n\tinterface %s\n\tvirtual_router_id %d\n\tpriority %d\n\tadvert_int %g\n",
		s.version, link, vrid, s.priority, s.interval.Seconds())
	for _, line := range more {
		fmt.Fprintf(&b, "\t%s\n", line)
	}
	b.WriteString("\tvirtual_ipaddress {\n")
	for _, vip := range s.vips {
		fmt.Fprintf(&b, "\t\t%s/%d\n", vip, s.own.Bits())
	}
	b.WriteString("\t}\n}\n")
	return b.String(), nil
}

// frrWords makes the device of FRR, too.
func frrWords(s *stage, more []string) (string, error) {
	const longest = 40950 * time.Millisecond
	if s.priority > 254 || s.interval > longest {
		return "", fmt.Errorf("priority %d, interval %v: %w", s.priority, s.interval, errNoWord)
	}
	v := subject.VirtualRouter{Link: link, Version: s.version, VRID: vrid, Priority: s.priority, Interval: s.interval}
	for _, line := range more {
		switch line {
		case "use_vmac", "state BACKUP", "accept": // it knows no other way
		case "nopreempt":
			v.NoPreempt = true
		default:
			return "", fmt.Errorf("%q: %w", line, errNoWord)
		}
	}
	for _, vip := range s.vips {
		v.Addresses = append(v.Addresses, netip.PrefixFrom(vip, s.own.Bits()))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return v.FRR(), v.Furnish(ctx, s.node)
}
