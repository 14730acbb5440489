package netlink

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	nl "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// recordThings has this kernel send the routes and rules of many words.
func recordThings(t *testing.T) {
	namespace(t)
	ip(t, "addr add 192.0.2.1/24 dev v0")
	ip(t, "addr add 2001:db8::1/64 dev v0 nodad")
	k := open(t)
	hold(t, k, things(t, strings.Join([]string{
		"10.1.0.0/16 via 192.0.2.9 dev v0 src 192.0.2.1 realms 3/4 metric 7 tos 0x10",
		"10.2.0.0/16 dev v0 mtu lock 1400 hoplimit 7 features ecn congctl lock reno quickack 1 rto_min 300ms",
		"10.3.0.0/16 nexthop via 192.0.2.9 dev v0 weight 2 realms 5 nexthop via 192.0.2.8 dev v0 weight 5 onlink",
		"10.4.0.0/16 encap ip id 77 dst 203.0.113.9 src 192.0.2.1 tos 4 ttl 64 dev v0",
		"unreachable 10.5.0.0/16 table 1000",
		"2001:db8:1::/48 via 2001:db8::9 dev v0 pref high expires 3600",
		"2001:db8:2::/48 from 2001:db8:7::/64 dev v0 table 1000",
		"2001:db8:3::/48 encap ip6 id 7 dst 2001:db8::9 tc 8 hoplimit 64 dev v0",
		"2001:db8:4::/48 nexthop via 2001:db8::9 dev v0 weight 3 nexthop via 2001:db8::8 dev v0",
	}, "\n"), strings.Join([]string{
		"not from 192.0.2.0/24 to 198.51.100.7 tos 0x10 fwmark 0x7/0xff table 100 preference 50",
		"iif v0 oif lo tunnel-id 77 uidrange 1000-1999 ipproto tcp sport 1000-2000 dport 80-80 table 100 realms 3/4 preference 51",
		"from all table main suppress_prefixlength 0 suppress_ifgroup 7 preference 52",
		"from 192.0.2.0/24 goto 60 preference 53",
		"from 2001:db8::/32 prohibit preference 54",
	}, "\n")))
	for file, kind := range map[string]nl.HeaderType{"routes.hex": unix.RTM_GETROUTE, "rules.hex": unix.RTM_GETRULE} {
		var list []string
		for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
			query := map[nl.HeaderType][]byte{unix.RTM_GETROUTE: routeQuery(family), unix.RTM_GETRULE: ruleQuery(family)}[kind]
			if err := k.dump(kind, query, func(m []byte) error {
				list = append(list, hex.EncodeToString(m))
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		save(t, file, list)
	}
}

// TestSeedsOfThingsDecode reads every route and rule that a kernel sent; with -update
// it has one send them.
func TestSeedsOfThingsDecode(t *testing.T) {
	if *update {
		recordThings(t)
	}
	var found []string
	for _, m := range seeds(t, "routes.hex") {
		r, err := decodeRoute(m, linkName)
		if err != nil || !r.Dst.IsValid() {
			t.Errorf("%x: %v, %v", m, r, err)
			continue
		}
		found = append(found, r.String())
	}
	for _, m := range seeds(t, "rules.hex") {
		r, err := decodeRule(m)
		if err != nil {
			t.Errorf("%x: %v", m, err)
			continue
		}
		found = append(found, r.String())
	}
	text := strings.Join(found, "\n")
	for _, words := range []string{
		"mtu lock 1400", "congctl lock reno", "encap ip id 77 dst 203.0.113.9 src 192.0.2.1 tos 4 ttl 64", "weight 5 onlink", "pref high",
		"from 2001:db8:7::/64", "encap ip6 id 7 dst 2001:db8::9 tc 8 hoplimit 64", "fwmark 0x7/0xff", "suppress_ifgroup 7", "goto 60", "uidrange 1000-1999", "prohibit",
	} {
		if !strings.Contains(text, words) {
			t.Errorf("%q is not among\n%s", words, text)
		}
	}
}

// linkName and linkIndex are names of links for every index.
func linkName(index int) string { return fmt.Sprintf("l%d", index) }

func linkIndex(name string) (index int) {
	_, _ = fmt.Sscanf(name, "l%d", &index)
	return index
}

// What was read is written and read as the same, whatever a kernel may send.
func FuzzRoute(f *testing.F) {
	for _, m := range seeds(f, "routes.hex") {
		f.Add(m)
	}
	for _, e := range []host.Encap{{Kind: host.EncapMPLS, Labels: []uint32{16, 1048575}}, {Kind: host.EncapILA, Locator: 1 << 63}} {
		r := &host.Route{Dst: netip.MustParsePrefix("2001:db8::/64"), Type: host.Unicast, Hop: host.NextHop{Link: "l1", Encap: e}}
		f.Add(appendRoute(nil, r, 254, linkIndex))
	}
	f.Fuzz(func(t *testing.T, m []byte) {
		r, err := decodeRoute(m, linkName)
		if err != nil || !r.Dst.IsValid() {
			return
		}
		once := again(t, r)
		if twice := again(t, once); twice.String() != once.String() {
			t.Errorf("%s is written and read as %s", once, twice)
		}
	})
}

func again(t *testing.T, r *host.Route) *host.Route {
	t.Helper()
	read, err := decodeRoute(appendRoute(nil, r, r.Table, linkIndex), linkName)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func FuzzRule(f *testing.F) {
	for _, m := range seeds(f, "rules.hex") {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, m []byte) {
		r, err := decodeRule(m)
		if err != nil {
			return
		}
		once, err := decodeRule(appendRule(nil, r))
		if err != nil {
			t.Fatal(err)
		}
		if twice, _ := decodeRule(appendRule(nil, once)); twice.String() != once.String() {
			t.Errorf("%s is written and read as %s", once, twice)
		}
	})
}
