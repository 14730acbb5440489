package balance

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// file is a random configuration: virtual servers, and which of the real servers they
// share.
type file struct {
	rand     *rand.Rand
	services []*balanced
}

// balanced is a random virtual server.
type balanced struct {
	kind  int // one of the kinds below
	n     int // makes it another one
	v6    bool
	words []string
	reals []*server
}

const (
	byAddress = iota
	byMark
	byGroup
)

// server is a random real server.
type server struct {
	host  int // which machine
	port  int
	words []string
	check string
}

// hosts is the number of machines that real servers are on.
const hosts = 4

func newFile(seed uint64) *file {
	f := &file{rand: rand.New(rand.NewPCG(seed, 5))}
	for n := range 1 + f.rand.IntN(4) {
		f.services = append(f.services, f.service(n))
	}
	return f
}

// maybe answers the words with a chance of one in n.
func (f *file) maybe(n int, words string) []string {
	if f.rand.IntN(n) > 0 {
		return nil
	}
	return []string{words}
}

func (f *file) pick(words ...string) string { return words[f.rand.IntN(len(words))] }

func (f *file) service(n int) *balanced {
	s := &balanced{n: n, kind: f.rand.IntN(3), v6: f.rand.IntN(4) == 0}
	s.words = append(s.words, "delay_loop 0.5", "delay_before_retry 0.2", "retry 1", "warmup 0", "connect_timeout 3",
		"lvs_sched "+f.pick("rr", "wrr", "lc", "wlc", "sh", "sed", "nq", "mh"), "lvs_method "+f.pick("NAT", "NAT", "DR", "TUN"))
	if s.kind != byMark {
		s.words = append(s.words, "protocol "+f.pick("TCP", "TCP", "UDP", "SCTP"))
	}
	for _, w := range [][]string{
		f.maybe(3, fmt.Sprintf("persistence_timeout %d", 10+f.rand.IntN(500))),
		f.maybe(3, "alpha"), f.maybe(3, "inhibit_on_failure"), f.maybe(3, "omega"),
		f.maybe(2, fmt.Sprintf("quorum %d", 1+f.rand.IntN(4))), f.maybe(3, fmt.Sprintf("hysteresis %d", f.rand.IntN(3))),
		f.maybe(3, fmt.Sprintf("weight %d", 1+f.rand.IntN(5))),
	} {
		s.words = append(s.words, w...)
	}
	if f.rand.IntN(2) == 0 {
		s.words = append(append(s.words, "sorry_server "+s.host(9)+" 80"), f.maybe(3, "sorry_server_inhibit")...)
	}
	first := f.rand.IntN(hosts)
	for i := range 1 + f.rand.IntN(hosts) {
		s.reals = append(s.reals, f.server((first+i)%hosts))
	}
	return s
}

func (f *file) server(host int) *server {
	r := &server{host: host, port: 80 + f.rand.IntN(2), check: f.pick("TCP_CHECK {\n}", "TCP_CHECK {\n}", "TCP_CHECK {\nalpha\n}", "")}
	for _, w := range [][]string{
		f.maybe(2, fmt.Sprintf("weight %d", f.rand.IntN(4))), f.maybe(4, "inhibit_on_failure"), f.maybe(4, "inhibit_on_failure no"),
		f.maybe(5, "lvs_method "+f.pick("NAT", "DR", "TUN")), f.maybe(5, "uthreshold 100"),
	} {
		r.words = append(r.words, w...)
	}
	return r
}

// host is the address of a machine.
func (s *balanced) host(n int) string {
	if s.v6 {
		return fmt.Sprintf("fd00:2::%d", 11+n)
	}
	return fmt.Sprintf("10.0.2.%d", 11+n)
}

func (s *balanced) address() string {
	if s.v6 {
		return fmt.Sprintf("fd00:9::%d", 1+s.n)
	}
	return fmt.Sprintf("10.0.9.%d", 1+10*s.n)
}

// String is the file.
func (f *file) String() string {
	var b strings.Builder
	b.WriteString("global_defs {\nrouter_id same\n}\n")
	for _, s := range f.services {
		s.write(&b)
	}
	return b.String()
}

func (s *balanced) write(b *strings.Builder) {
	switch s.kind {
	case byAddress:
		fmt.Fprintf(b, "virtual_server %s 80 {\n", s.address())
	case byMark:
		fmt.Fprintf(b, "virtual_server fwmark %d {\n", 1+s.n)
	case byGroup:
		fmt.Fprintf(b, "virtual_server_group G%d {\n%s-%d 80\n}\nvirtual_server group G%d {\n", s.n, s.address(), 3+10*s.n, s.n)
	}
	b.WriteString(strings.Join(s.words, "\n") + "\n")
	for _, r := range s.reals {
		fmt.Fprintf(b, "real_server %s %d {\n%s\n%s\n}\n", s.host(r.host), r.port, strings.Join(r.words, "\n"), r.check)
	}
	b.WriteString("}\n")
}

// edit changes some of it, as an operator does between two reloads.
func (f *file) edit() {
	for range 1 + f.rand.IntN(4) {
		s := f.services[f.rand.IntN(len(f.services))]
		i := f.rand.IntN(len(s.reals))
		switch f.rand.IntN(7) {
		case 0:
			s.reals[i].words = append(s.reals[i].words, fmt.Sprintf("weight %d", f.rand.IntN(6)))
		case 1:
			s.words = append(s.words, "lvs_sched "+f.pick("rr", "wrr", "wlc", "sh"))
		case 2:
			s.words = append(s.words, fmt.Sprintf("persistence_timeout %d", 10+f.rand.IntN(500)))
		case 3:
			if len(s.reals) > 1 {
				s.reals = append(s.reals[:i:i], s.reals[i+1:]...)
			}
		case 4:
			f.services = append(f.services, f.service(4+len(f.services)))
		case 5:
			if len(f.services) > 1 {
				f.services = f.services[1:]
			}
		case 6:
			s.words = append(s.words, fmt.Sprintf("quorum %d", 1+f.rand.IntN(3)))
		}
	}
}
