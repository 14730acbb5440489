package alike

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"holdfast/test/uml/beside"
)

// file is a random configuration: virtual servers, and which of the real servers they
// share.
type file struct {
	rand     *rand.Rand
	services []*balanced
	next     int // number of the next virtual server
}

// balanced is a random virtual server.
type balanced struct {
	words
	kind    int // one of the kinds below
	n       int // makes it another one
	v6      bool
	mixed   bool // real servers of both families, in tunnels
	entries []string
	reals   []*server
}

const (
	byAddress = iota
	byMark
	byGroup
)

// server is a random real server.
type server struct {
	words
	host   int // which machine
	v6     bool
	port   int
	checks []string
}

// words are lines that begin with a keyword each, which stands once.
type words []string

func (w *words) set(lines ...string) {
	for _, line := range lines {
		keyword, _, _ := strings.Cut(line, " ")
		w.drop(keyword)
		*w = append(*w, line)
	}
}

func (w *words) drop(keyword string) {
	*w = slices.DeleteFunc(*w, func(line string) bool { return line == keyword || strings.HasPrefix(line, keyword+" ") })
}

func newFile(seed uint64) *file {
	f := &file{rand: rand.New(rand.NewPCG(seed, 6))}
	for range 1 + f.rand.IntN(3) {
		f.services = append(f.services, f.service())
	}
	return f
}

// maybe answers the line with a chance of one in n.
func (f *file) maybe(n int, line string) []string {
	if f.rand.IntN(n) > 0 {
		return nil
	}
	return []string{line}
}

func (f *file) pick(words ...string) string { return words[f.rand.IntN(len(words))] }

func (f *file) service() *balanced {
	s := &balanced{n: f.next, kind: f.rand.IntN(3), v6: f.rand.IntN(3) == 0, mixed: f.rand.IntN(8) == 0}
	f.next++
	s.set("delay_loop 1", "delay_before_retry 0.2", "retry 1", "warmup 0", "connect_timeout 20")
	s.set("lvs_method " + f.method(s))
	if s.kind != byMark {
		s.set("protocol " + f.pick("TCP", "TCP", "UDP", "SCTP"))
	} else if s.mixed || s.v6 {
		s.set(map[bool]string{true: "ip_family inet6", false: "ip_family inet"}[s.v6])
	}
	f.schedule(s)
	f.persist(s)
	s.set(f.maybe(3, "alpha")...)
	s.set(f.maybe(3, "inhibit_on_failure")...)
	s.set(f.maybe(3, "omega")...)
	s.set(f.maybe(2, fmt.Sprintf("quorum %d", 1+f.rand.IntN(4)))...)
	s.set(f.maybe(3, fmt.Sprintf("hysteresis %d", f.rand.IntN(3)))...)
	s.set(f.maybe(3, fmt.Sprintf("weight %d", 1+f.rand.IntN(5)))...)
	f.apologise(s)
	for range 1 + f.rand.IntN(2) {
		s.entries = append(s.entries, f.entry(s))
	}
	first := f.rand.IntN(beside.Hosts)
	for i := range 1 + f.rand.IntN(beside.Hosts-1) {
		s.reals = append(s.reals, f.server(s, (first+i)%beside.Hosts))
	}
	return s
}

// method is a way to the real servers.
func (f *file) method(s *balanced) string {
	tunnel := f.pick("TUN", "TUN type ipip", "TUN type gue port 6080", "TUN type gue port 6080 csum", "TUN type gue port 6081 remcsum", "TUN type gre", "TUN type gre csum")
	if s.mixed {
		return tunnel
	}
	return f.pick("NAT", "NAT", "DR", tunnel)
}

// schedule chooses a scheduler with its flags.
func (f *file) schedule(s *balanced) {
	for _, flag := range []string{"sh-port", "sh-fallback", "mh-port", "mh-fallback", "flag-1", "flag-3", "ops"} {
		s.drop(flag)
	}
	name := f.pick("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh")
	s.set("lvs_sched " + name)
	switch {
	case name == "sh" || name == "mh":
		s.set(f.maybe(2, name+"-port")...)
		s.set(f.maybe(2, name+"-fallback")...)
	case name == "rr":
		s.set(f.maybe(4, "flag-1")...)
		s.set(f.maybe(4, "flag-3")...)
	}
	if slices.Contains(s.words, "protocol UDP") {
		s.set(f.maybe(3, "ops")...)
	}
}

// persist chooses how long clients stay where they are, and which belong together.
func (f *file) persist(s *balanced) {
	for _, word := range []string{"persistence_timeout", "persistence_granularity", "persistence_engine"} {
		s.drop(word)
	}
	if f.rand.IntN(3) > 0 {
		return
	}
	s.set(fmt.Sprintf("persistence_timeout %d", 10+f.rand.IntN(500)))
	mask := f.pick("255.255.255.0", "255.255.0.0")
	if s.v6 {
		mask = f.pick("64", "48")
	}
	if s.kind != byGroup { // keepalived 2.2.7 forgets it there
		s.set(f.maybe(3, "persistence_granularity "+mask)...)
	}
	if slices.Contains(s.words, "protocol UDP") {
		s.set(f.maybe(3, "persistence_engine sip")...)
	}
}

// apologise chooses a server for the time without a quorum. It is none of the others: keepalived
// 2.2.7 would take it out with them. And it is another one than before: of one that stands in, keepalived
// 2.2.7 does not change the method.
func (f *file) apologise(s *balanced) {
	before := strings.Join(s.words, "\n")
	for _, word := range []string{"sorry_server", "sorry_server_inhibit", "sorry_server_lvs_method"} {
		s.drop(word)
	}
	if f.rand.IntN(2) > 0 {
		return
	}
	host := f.rand.IntN(3)
	if strings.Contains(before, fmt.Sprintf("sorry_server %s 80", beside.Address(15+host, s.v6))) {
		host = (host + 1) % 3
	}
	s.set(fmt.Sprintf("sorry_server %s 80", beside.Address(15+host, s.v6)))
	s.set(f.maybe(3, "sorry_server_inhibit")...)
	if !s.mixed {
		s.set(f.maybe(4, "sorry_server_lvs_method "+f.pick("NAT", "DR", "TUN"))...)
	}
}

// entry is a line of a group.
func (f *file) entry(s *balanced) string {
	v6 := s.v6
	if s.mixed {
		v6 = f.rand.IntN(2) == 0
	}
	first := 1 + 20*s.n + 10*len(s.entries)
	address, last := fmt.Sprintf("10.0.9.%d", first), fmt.Sprint(first+2)
	if v6 {
		address, last = fmt.Sprintf("fd00:9::%x", first), fmt.Sprintf("%x", first+2)
	}
	switch f.rand.IntN(4) {
	case 0:
		return fmt.Sprintf("fwmark %d%s", 500+first, map[bool]string{true: " inet6"}[v6])
	case 1:
		return address + " 80"
	}
	return address + "-" + last + " 80"
}

// regroup exchanges all entries of a group but the first. What keepalived 2.2.7 adds by address at a
// reload to a group of marks, it leaves behind when it stops.
func (f *file) regroup(s *balanced) {
	e := f.entry(s)
	byMark := func(entry string) bool { return strings.HasPrefix(entry, "fwmark") }
	if byMark(e) || !byMark(s.entries[0]) || !byMark(s.entries[len(s.entries)-1]) {
		s.entries = append(s.entries[:1:1], e)
	}
}

func (f *file) server(s *balanced, host int) *server {
	r := &server{host: host, v6: s.v6, port: 80 + f.rand.IntN(2)}
	if s.mixed {
		r.v6 = f.rand.IntN(2) == 0
	}
	r.set(f.maybe(2, fmt.Sprintf("weight %d", f.rand.IntN(4)))...)
	r.set(f.maybe(3, f.pick("inhibit_on_failure", "inhibit_on_failure no"))...)
	r.set(f.maybe(5, "lvs_method "+f.method(s))...)
	if r.set(f.maybe(4, "uthreshold 100")...); slices.Contains(r.words, "uthreshold 100") {
		r.set(f.maybe(2, "lthreshold 50")...)
	}
	if s.kind == byGroup { // keepalived 2.2.7 looks for another port than it added when an entry goes
		r.port = 80
	}
	for range [...]int{0, 1, 1, 2}[f.rand.IntN(4)] {
		r.checks = append(r.checks, f.check(r))
	}
	return r
}

// check is one of a real server, of any kind that has no state elsewhere.
func (f *file) check(r *server) string {
	kind := [...]string{
		"TCP_CHECK {\n%s\n}",
		"TCP_CHECK {\nconnect_port 81\n%s\n}",
		"HTTP_GET {\nconnect_port 80\nurl {\npath /\nstatus_code 200\n}\n%s\n}",
		"SMTP_CHECK {\nconnect_port 25\nhelo_name director\n%s\n}",
		"DNS_CHECK {\nconnect_port 53\ntype A\nname www.example\n%s\n}",
		"UDP_CHECK {\nconnect_port 53\npayload 0102\nrequire_reply 0102\n%s\n}",
		"PING_CHECK {\nconnect_ip " + beside.PingAddress(r.host, r.v6) + "\nconnect_timeout 3\n%s\n}",
		fmt.Sprintf("MISC_CHECK {\nmisc_timeout 20\nmisc_path \"/run/check /run/status-%d\"\n%%s\n}", r.host),
		fmt.Sprintf("MISC_CHECK {\nmisc_timeout 20\nmisc_path \"/run/check /run/load-%d\"\nmisc_dynamic\n%%s\n}", r.host),
	}
	return fmt.Sprintf(kind[f.rand.IntN(len(kind))], f.pick("", "", "alpha", "retry 0"))
}

// address is that of a virtual server.
func (s *balanced) address() string {
	if s.v6 {
		return fmt.Sprintf("fd00:9::%x", 1+20*s.n)
	}
	return fmt.Sprintf("10.0.9.%d", 1+20*s.n)
}

// String is the file.
func (f *file) String() string {
	var b strings.Builder
	b.WriteString("global_defs {\nrouter_id same\nscript_user root\nenable_script_security\n}\n")
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
		fmt.Fprintf(b, "virtual_server_group G%d {\n%s\n}\nvirtual_server group G%d {\n", s.n, strings.Join(s.entries, "\n"), s.n)
	}
	b.WriteString(strings.Join(s.words, "\n") + "\n")
	for _, r := range s.reals {
		fmt.Fprintf(b, "real_server %s %d {\n%s\n}\n", beside.HostAddress(r.host, r.v6), r.port, strings.Join(append(slices.Clone(r.words), r.checks...), "\n"))
	}
	b.WriteString("}\n")
}

// edit changes some of it, as an operator does between two reloads.
func (f *file) edit() {
	for range 1 + f.rand.IntN(4) {
		s := f.services[f.rand.IntN(len(f.services))]
		f.change(s, f.rand.IntN(len(s.reals)))
	}
}

func (f *file) change(s *balanced, i int) {
	r := s.reals[i]
	switch f.rand.IntN(13) {
	case 0:
		r.set(fmt.Sprintf("weight %d", f.rand.IntN(6)))
	case 1:
		f.schedule(s)
	case 2:
		f.persist(s)
	case 3:
		if len(s.reals) > 1 {
			s.reals = slices.Delete(s.reals, i, i+1)
		}
	case 4:
		f.services = append(f.services, f.service())
	case 5:
		if len(f.services) > 1 {
			f.services = f.services[1:]
		}
	case 6:
		s.set(fmt.Sprintf("quorum %d", 1+f.rand.IntN(3)))
	case 7:
		f.apologise(s)
	case 8:
		r.set("lvs_method " + f.method(s))
	case 9:
		r.checks = append(r.checks, f.check(r))
	case 10:
		r.checks = nil
	case 11:
		f.regroup(s)
	case 12:
		r.set(f.pick("inhibit_on_failure", "inhibit_on_failure no"))
	}
}
