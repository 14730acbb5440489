package main

import (
	"fmt"
	"strings"

	"holdfast/bench/census"
)

// farm is a configuration of virtual servers with real servers.
type farm struct {
	virtual, real int
	delay         int    // between two checks, in seconds
	check         string // the check of each server; "": none
	more          bool   // the last virtual server has one server more
}

// The checks that a farm can have, one word to a line.
const (
	tcpCheck  = "        TCP_CHECK {\n            connect_timeout 3\n            retry 2\n            delay_before_retry 1\n        }\n"
	httpCheck = "        HTTP_GET {\n            url {\n                path /\n                status_code 200\n            }\n            connect_timeout 3\n            retry 2\n            delay_before_retry 1\n        }\n"
)

func (f farm) text() string {
	var b strings.Builder
	for v := range f.virtual {
		fmt.Fprintf(&b, "virtual_server %s 80 {\n    delay_loop %d\n    lb_algo wlc\n    lb_kind NAT\n    protocol TCP\n", farmAddress(10, v), f.delay)
		for r := range f.real {
			f.server(&b, v*f.real+r)
		}
		if f.more && v == f.virtual-1 {
			f.server(&b, f.virtual*f.real)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// count is what the kernel holds of it.
func (f farm) count() census.Count {
	n := census.Count{Services: f.virtual, Destinations: f.virtual * f.real}
	if f.more {
		n.Destinations++
	}
	return n
}

func (f farm) server(b *strings.Builder, n int) {
	fmt.Fprintf(b, "    real_server %s 80 {\n        weight 1\n%s    }\n", farmAddress(172, n), f.check)
}

// farmAddress is the n-th of the addresses that begin with a byte.
func farmAddress(first, n int) string {
	return fmt.Sprintf("%d.%d.%d.%d", first, 16+n/62500, n/250%250, n%250+1)
}
