package dns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"holdfast/internal/checker"
	"holdfast/test/need"
)

const zone = `$TTL 60
@ SOA ns1 admin 1 60 60 60 60
@ NS ns1
@ MX 10 ns1
@ TXT "a text"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
www CNAME ns1
@ DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==
@ RRSIG SOA 13 2 60 20380101000000 20200101000000 1 @ mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==
`

// nsd starts a real name server on loopback, with the zone example.org.
func nsd(t *testing.T) checker.Target {
	t.Helper()
	dir := t.TempDir()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	port := c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	_ = c.Close()
	conf := fmt.Sprintf(`server:
	ip-address: 127.0.0.1
	port: %d
	username: ""
	zonesdir: %[2]q
	zonelistfile: "%[2]s/list"
	database: ""
	xfrdfile: "%[2]s/xfrd"
	xfrdir: %[2]q
	pidfile: ""
	logfile: "%[2]s/log"
remote-control:
	control-enable: no
zone:
	name: example.org
	zonefile: zone
`, port, dir)
	for name, content := range map[string]string{"conf": conf, "zone": zone} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	need.Programs(t, "nsd")
	cmd := exec.Command("nsd", "-d", "-c", filepath.Join(dir, "conf"))
	if err := cmd.Start(); err != nil {
		t.Fatalf("start nsd: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() })
	return checker.Target{Addr: netip.MustParseAddr("127.0.0.1"), Port: port}
}

func ask(t *testing.T, q Query, target checker.Target) checker.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	return q.Probe(ctx, target)
}

// Reference, section 8.5: rcode 0 is success, whatever the answer holds.
func TestAgainstNSD(t *testing.T) {
	target := nsd(t)
	for range 100 {
		if ask(t, Query{Name: "example.org", Type: 6}, target).Outcome == checker.Passed {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	const a, ns, cname, soa, mx, txt, aaaa, rrsig, dnskey = 1, 2, 5, 6, 15, 16, 28, 46, 48
	for _, c := range []struct {
		name string
		q    Query
		want string // of the reason; empty: it passes
		text string
	}{
		{"A", Query{Name: "ns1.example.org", Type: a, Needed: true}, "", ""},
		{"NS", Query{Name: "example.org", Type: ns, Needed: true}, "", ""},
		{"CNAME", Query{Name: "www.example.org.", Type: cname, Needed: true}, "", ""},
		{"SOA", Query{Name: "example.org", Type: soa, Needed: true}, "", ""},
		{"MX", Query{Name: "example.org", Type: mx, Needed: true}, "", ""},
		{"TXT", Query{Name: "example.org", Type: txt, Needed: true}, "", ""},
		{"AAAA", Query{Name: "ns1.example.org", Type: aaaa, Needed: true}, "", ""},
		{"RRSIG", Query{Name: "example.org", Type: rrsig, Needed: true}, "", ""},
		{"DNSKEY", Query{Name: "example.org", Type: dnskey, Needed: true}, "", ""},
		{"an empty answer", Query{Name: "www.example.org", Type: uint16(dnsmessage.TypeMX)}, "", ""},
		{"no such name", Query{Name: "none.example.org", Type: a}, "NameError", "read error occurred. (rcode = 3)"},
		{"the root, which it does not serve", Query{Name: ".", Type: soa}, "Refused", "read error occurred. (rcode = 5)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := ask(t, c.q, target)
			if passed := r.Outcome == checker.Passed; passed != (c.want == "") || !strings.Contains(r.Why, c.want) || r.Text != c.text {
				t.Errorf("%+v, want %q and %q", r, c.want, c.text)
			}
		})
	}
}
