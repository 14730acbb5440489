package config

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/notify"
)

// Check is one health check of a real server: what all kinds have in common, and
// behind the one pointer that is not nil what its kind alone has. All defaults
// are filled in.
type Check struct {
	Kind CheckKind
	// Alpha: the server is down until the first success.
	Alpha bool
	// LogAllFailures: failures of a server that is down, or has retries left, are
	// logged too.
	LogAllFailures bool
	// Retry is how many more failures a live server is allowed.
	Retry            uint32
	DelayLoop        time.Duration
	DelayBeforeRetry time.Duration
	// Warmup bounds the random part of the delay before the first check.
	Warmup time.Duration

	// Probe is for the kinds that send something; zero for MISC, FILE and BFD.
	Probe Probe

	HTTP *HTTPCheck // HTTP_GET, SSL_GET
	SMTP *SMTPCheck
	DNS  *DNSCheck
	UDP  *UDPCheck
	Misc *MiscCheck
	File *FileCheck
	BFD  string // name of the bfd_instance
}

// CheckKind is the kind of a check.
type CheckKind uint8

// The kinds.
const (
	CheckTCP CheckKind = iota
	CheckHTTP
	CheckSSL
	CheckSMTP
	CheckDNS
	CheckUDP
	CheckPing
	CheckMisc
	CheckFile
	CheckBFD
)

// String is the keyword.
func (k CheckKind) String() string {
	words := [...]string{"TCP_CHECK", "HTTP_GET", "SSL_GET", "SMTP_CHECK", "DNS_CHECK", "UDP_CHECK", "PING_CHECK", "MISC_CHECK", "FILE_CHECK", "BFD_CHECK"}
	if int(k) < len(words) {
		return words[k]
	}
	return "unknown"
}

// Probe is where a check connects to, and from where.
type Probe struct {
	Addr netip.Addr // zero: that of the real server
	Port uint16     // 0: that of the real server
	// Source, SourcePort and Link are what the socket is bound to; zero: nothing.
	Source     netip.Addr
	SourcePort uint16
	Link       string
	Mark       uint32        // of the socket; 0: none
	Timeout    time.Duration // of connecting and of each step
}

// HTTPCheck fetches pages, one at a time.
type HTTPCheck struct {
	Protocol string // 1.0, 1.0C, 1.1; the last two also close the connection
	// SNI: a TLS server name is sent, to each page its own.
	SNI bool
	// FastRecovery fetches the next page at once while the server is not up.
	FastRecovery bool
	URLs         []URL
}

// URL is one page that HTTP_GET or SSL_GET fetches.
type URL struct {
	Path   string
	Digest string // MD5 in lower-case hex; empty: not compared
	// Status holds the accepted status codes; empty means 200 to 299.
	Status []StatusRange
	// Host is the Host header; empty: address and port of the probe.
	Host string
	// ServerName is the TLS server name; empty: none is sent.
	ServerName string
	Regex      *Regex // nil: not compared
	// TLSCompliant: the end of the TLS connection must be told.
	TLSCompliant bool
}

// StatusRange is a range of HTTP status codes, both ends included.
type StatusRange struct{ From, To uint16 }

// Regex is what a page must match, or must not.
type Regex struct {
	Pattern string // PCRE2
	Options uint32 // PCRE2 option bits
	NoMatch bool   // the page must not match
	// A match begins at MinOffset or after, and before MaxOffset; 0: anywhere.
	MinOffset, MaxOffset uint32
}

// SMTPCheck greets a mail server.
type SMTPCheck struct {
	HELO string
}

// DNSCheck asks a name server.
type DNSCheck struct {
	Type uint16 // query type code
	Name string
}

// UDPCheck sends a datagram.
type UDPCheck struct {
	Payload string // bytes; empty: a fixed text of 32 bytes
	// RequireReply: silence is a failure. Reply holds the bytes that an answer
	// must begin with, as far as both reach, and Mask the bits that count.
	RequireReply         bool
	Reply, Mask          string
	MinLength, MaxLength uint16 // of the answer; they count only with a Reply
}

// MiscCheck runs a program.
type MiscCheck struct {
	Command *notify.Command
	Timeout time.Duration
	// Dynamic: status 2 to 255 is success and makes the weight.
	Dynamic bool
}

// FileCheck follows a track_file.
type FileCheck struct {
	Name string
	// Weight is what the number in the file is multiplied with, -2147483647 to
	// 2147483647; 0: a number other than 0 means down.
	Weight  int
	Reverse bool
}

// Same reports whether two checks ask the same of the same place: when and how
// patiently they do it is not looked at.
func (c *Check) Same(o *Check) bool {
	if c.Kind != o.Kind || !c.Probe.same(&o.Probe) {
		return false
	}
	switch c.Kind {
	case CheckHTTP, CheckSSL:
		return slices.EqualFunc(c.HTTP.URLs, o.HTTP.URLs, URL.equal)
	case CheckSMTP:
		return *c.SMTP == *o.SMTP
	case CheckDNS:
		return *c.DNS == *o.DNS
	case CheckMisc:
		return c.Misc.Dynamic == o.Misc.Dynamic && slices.Equal(c.Misc.Command.Argv, o.Misc.Command.Argv)
	case CheckFile:
		return c.File.Name == o.File.Name
	case CheckBFD:
		return c.BFD == o.BFD
	}
	return true
}

func (p Probe) same(o *Probe) bool {
	p.Timeout = o.Timeout
	return p == *o
}

func (h *HTTPCheck) equal(o *HTTPCheck) bool {
	return h.Protocol == o.Protocol && h.SNI == o.SNI && h.FastRecovery == o.FastRecovery && slices.EqualFunc(h.URLs, o.URLs, URL.equal)
}

func (u URL) equal(o URL) bool {
	return u.Path == o.Path && u.Digest == o.Digest && u.Host == o.Host && u.ServerName == o.ServerName && u.TLSCompliant == o.TLSCompliant &&
		slices.Equal(u.Status, o.Status) && (u.Regex == nil) == (o.Regex == nil) && (u.Regex == nil || *u.Regex == *o.Regex)
}

// checkStore holds the checks that were made, so that equal ones are one value.
type checkStore struct {
	checks map[Check]*Check
	http   map[pageKey][]*HTTPCheck
	smtp   map[SMTPCheck]*SMTPCheck
	dns    map[DNSCheck]*DNSCheck
	udp    map[UDPCheck]*UDPCheck
	misc   map[MiscCheck]*MiscCheck
	file   map[FileCheck]*FileCheck
	// lists hands out the Checks of the real servers.
	lists []*Check
}

// pageKey is what tells most checks of pages apart: it keeps the search for an
// equal one short.
type pageKey struct {
	path, host, digest, pattern string
	pages                       int
}

func (h *HTTPCheck) key() pageKey {
	first := h.URLs[0]
	k := pageKey{path: first.Path, host: first.Host, digest: first.Digest, pages: len(h.URLs)}
	if first.Regex != nil {
		k.pattern = first.Regex.Pattern
	}
	return k
}

func newCheckStore() checkStore {
	return checkStore{
		checks: map[Check]*Check{}, http: map[pageKey][]*HTTPCheck{}, smtp: map[SMTPCheck]*SMTPCheck{}, dns: map[DNSCheck]*DNSCheck{},
		udp: map[UDPCheck]*UDPCheck{}, misc: map[MiscCheck]*MiscCheck{}, file: map[FileCheck]*FileCheck{},
	}
}

// one returns the value in the store that equals v.
func one[T comparable](store map[T]*T, v T) *T {
	if p := store[v]; p != nil {
		return p
	}
	p := new(T)
	*p = v
	store[v] = p
	return p
}

// alikeLimit bounds the search for an equal check of pages. Where so many differ,
// sharing them saves little.
const alikeLimit = 32

func (s *checkStore) oneHTTP(h *HTTPCheck) *HTTPCheck {
	key := h.key()
	alike := s.http[key]
	for _, p := range alike[max(0, len(alike)-alikeLimit):] {
		if p.equal(h) {
			return p
		}
	}
	p := &HTTPCheck{h.Protocol, h.SNI, h.FastRecovery, slices.Clone(h.URLs)}
	s.http[key] = append(s.http[key], p)
	return p
}

// list returns a copy of checks that stays.
func (s *checkStore) list(checks []*Check) []*Check {
	if len(checks) == 0 {
		return nil
	}
	if cap(s.lists)-len(s.lists) < len(checks) {
		s.lists = make([]*Check, 0, max(len(checks), 512))
	}
	from := len(s.lists)
	s.lists = append(s.lists, checks...)
	return s.lists[from:len(s.lists):len(s.lists)]
}
