package lab

import (
	"crypto/md5"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/conf"
	"holdfast/internal/lab/service"
)

// balanced plans nodes of the texts of files, by name.
func balanced(t *testing.T, files map[string]string) *Plan {
	t.Helper()
	var nodes []*NodePlan
	for _, name := range []string{"a", "b"} {
		if files[name] == "" {
			continue
		}
		n, err := readFrom(conf.MemoryFiles{name: files[name]}, name, name)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, n)
	}
	p, err := MakePlan(nodes, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// site is where a node is, in words.
func site(n *NodePlan) string {
	var words []string
	for _, link := range n.Links {
		words = append(words, link)
		for _, a := range n.Addrs[link] {
			words = append(words, a.String())
		}
	}
	return strings.Join(words, " ")
}

// instance holds an address, a gateway perhaps.
func instance(name, link, vip string) string {
	return "vrrp_instance " + name + " {\ninterface " + link + "\nvirtual_router_id 1\nvirtual_ipaddress {\n" + vip + "\n}\n}\n"
}

// virtual is a virtual server of one real one.
func virtual(at, kind, real, more string) string {
	return "virtual_server " + at + " {\nlb_algo rr\nlb_kind " + kind + "\nprotocol TCP\n" + "real_server " + real + " {\n" + more + "\n}\n}\n"
}

func TestRealServersAreNodesOnTheLinkOfTheirNetwork(t *testing.T) {
	for name, row := range map[string]struct {
		text, director, server, routes string
	}{
		"in the network of the virtual address": {
			instance("V", "eth1", "10.16.8.100") + virtual("10.16.8.100 80", "DR", "10.16.8.8 80", ""),
			"eth1 10.16.8.1/24", "eth1 10.16.8.8/24", "",
		},
		"on a link that no file names": {
			instance("V", "eth0", "10.0.1.100") + virtual("10.0.1.100 80", "DR", "10.0.2.8 80", ""),
			"eth0 10.0.1.1/24 eth1 10.0.2.1/24", "eth1 10.0.2.8/24", "route replace 10.0.1.254/32 via 10.0.2.254",
		},
		"a director without virtual router": {
			virtual("10.0.3.15 80", "NAT", "10.10.10.11 80", ""),
			"eth0 10.0.3.15/24 eth1 10.10.10.1/24", "eth1 10.10.10.11/24", "route replace 10.0.3.254/32 via 10.10.10.1 route replace 10.10.10.254/32 via 10.10.10.1",
		},
		"answers go back by a virtual address on the link": {
			instance("OUT", "eth0", "10.0.1.100") + strings.Replace(instance("IN", "eth1", "10.0.2.254/24"), "id 1", "id 2", 1) + virtual("10.0.1.100 80", "NAT", "10.0.2.8 80", ""),
			"eth0 10.0.1.1/24 eth1 10.0.2.1/24", "eth1 10.0.2.8/24", "route replace 10.0.1.254/32 via 10.0.2.254 route replace 10.0.2.253/32 via 10.0.2.254",
		},
		"of IPv6": {
			instance("V", "eth0", "2001:db8::100") + virtual("2001:db8::100 80", "DR", "2001:db8::8 80", ""),
			"eth0 2001:db8::1/64", "eth0 2001:db8::8/64", "",
		},
	} {
		p := balanced(t, map[string]string{"a": row.text})
		if len(p.Nodes) != 2 {
			t.Fatalf("%s: %d nodes", name, len(p.Nodes))
		}
		if got := site(p.Nodes[0]); got != row.director {
			t.Errorf("%s: the director is at %s, want %s", name, got, row.director)
		}
		server := p.Nodes[1]
		if got := site(server); got != row.server || !strings.Contains(got, server.Name+"/") {
			t.Errorf("%s: %s is at %s, want %s", name, server.Name, got, row.server)
		}
		routes := p.routes(server, server.Server.Gateway)
		slices.Sort(routes)
		if got := strings.Join(routes, " "); got != row.routes {
			t.Errorf("%s: routes %q, want %q", name, got, row.routes)
		}
	}
}

// Two directors that have the same virtual server: each takes the address in turn, and
// answers follow it.
func TestAnswersFollowTheHolderOfAnAddress(t *testing.T) {
	text := instance("V", "eth1", "172.16.28.65") + virtual("172.16.28.65 443", "NAT", "192.168.201.100 443", "")
	p := balanced(t, map[string]string{"a": text, "b": text})
	server := p.Node("192.168.201.100")
	if server.Server.Gateway.IsValid() || !slices.Equal(server.Server.Behind, []netip.Addr{netip.MustParseAddr("172.16.28.65")}) {
		t.Errorf("the way back is %+v", server.Server)
	}
	if a, b := p.Node("a").on("eth0", false).String(), p.Node("b").on("eth0", false).String(); a != "192.168.201.1" || b != "192.168.201.2" {
		t.Errorf("the directors are %s and %s there", a, b)
	}
	if got := p.Asked; len(got) != 1 || got[0].String() != "172.16.28.65:443/tcp" {
		t.Errorf("asked is %v", got)
	}
}

func TestServersOfferWhatChecksAsk(t *testing.T) {
	url := func(more string) string { return "HTTP_GET {\nurl {\npath /a\n" + more + "\n}\n}" }
	for name, row := range map[string]struct {
		check string
		want  service.Offer
	}{
		"a page":             {url("status_code 204"), service.Offer{Protocol: "TCP", Port: 80, Pages: map[string]service.Page{"/a": {Status: 204, Body: "page /a\n"}}}},
		"a digest":           {url("digest 0123456789abcdef0123456789abcdef"), service.Offer{Protocol: "TCP", Port: 80, Pages: map[string]service.Page{"/a": {Status: 200, Body: "page of 0123456789abcdef0123456789abcdef\n"}}}},
		"a pattern":          {url("regex wel*come"), service.Offer{Protocol: "TCP", Port: 80, Pages: map[string]service.Page{"/a": {Status: 200, Body: "page /a\nwel*come\n"}}}},
		"a greeting":         {"SMTP_CHECK {\n}", service.Offer{Protocol: "TCP", Port: 80, Mail: true}},
		"a connection":       {"TCP_CHECK {\n}", service.Offer{Protocol: "TCP", Port: 80}},
		"somebody else":      {"HTTP_GET {\nconnect_ip 10.0.0.9\nurl {\npath /a\n}\n}", service.Offer{Protocol: "TCP", Port: 80}},
		"nothing by network": {"MISC_CHECK {\nmisc_path \"/bin/true\"\n}", service.Offer{Protocol: "TCP", Port: 80}},
	} {
		p := balanced(t, map[string]string{"a": virtual("10.0.1.1 80", "NAT", "10.0.2.8 80", row.check)})
		offers := p.Nodes[1].Server.Offers
		if row.want.Pages == nil {
			row.want.Pages = map[string]service.Page{}
		}
		if len(offers) != 1 || sprint(offers[0]) != sprint(row.want) {
			t.Errorf("%s: %+v, want %+v", name, offers, row.want)
		}
	}
}

func TestDigestsAreThoseOfThePagesOfTheLab(t *testing.T) {
	const digest = "0123456789abcdef0123456789abcdef"
	text := virtual("10.0.1.1 80", "NAT", "10.0.2.8 80", "HTTP_GET {\nurl {\npath /\ndigest "+strings.ToUpper(digest)+"\n}\n}")
	p := balanced(t, map[string]string{"a": text})
	sum := md5.Sum([]byte(p.Nodes[1].Server.Offers[0].Pages["/"].Body))
	if got := p.Nodes[0].adapted(text); !strings.Contains(got, hex.EncodeToString(sum[:])) || strings.Contains(strings.ToLower(got), digest) {
		t.Errorf("the node reads\n%s", got)
	}
}

func TestWhatIsLeftOutIsNoted(t *testing.T) {
	p := balanced(t, map[string]string{"a": virtual("fwmark 7", "NAT", "10.0.2.8 80", "") + virtual("10.0.1.1 80", "NAT", "127.0.0.1 80", "")})
	want := []string{"nobody serves at 127.0.0.1, which is the node itself", "the virtual server of fwmark 7 is not asked: what has that mark is not in the file"}
	if len(p.Nodes) != 1 || len(p.Asked) != 0 || !slices.Equal(p.Nodes[0].Notes, want) {
		t.Errorf("%d nodes, asked %v, noted %q", len(p.Nodes), p.Asked, p.Nodes[0].Notes)
	}
	if _, err := readFrom(conf.MemoryFiles{"a": "global_defs {\n}\n"}, "a", "a"); err == nil || !strings.Contains(err.Error(), "no virtual_server") {
		t.Errorf("a file with nothing to play: %v", err)
	}
}
