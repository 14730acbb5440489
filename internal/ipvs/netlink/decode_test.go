package netlink

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"holdfast/internal/ipvs"
)

func sip() ipvs.Op {
	return ipvs.Op{Verb: ipvs.AddServer,
		Key:         ipvs.Key{Protocol: ipvs.UDP, At: netip.MustParseAddrPort("192.0.2.1:5060")},
		Service:     ipvs.Service{Scheduler: "rr", Flags: ipvs.Persistent, Timeout: 300, Granularity: 0xffffff00, Engine: "sip"},
		Server:      netip.MustParseAddrPort("[2001:db8::1]:5060"),
		Destination: ipvs.Destination{Forward: ipvs.Tunnel, Weight: 7, Upper: 9, Lower: 8, Wrap: ipvs.GUE, Port: 6080, Sum: ipvs.Checksum},
	}
}

func TestWhatIsEncodedDecodesToTheSame(t *testing.T) {
	op := sip()
	d, err := decodeServer(appendOp(nil, op), op.Is6())
	if err != nil || d.At != op.Server || d.Destination != op.Destination {
		t.Errorf("destination: %+v, %v", d, err)
	}
	op.Verb = ipvs.AddService
	s, err := decodeService(appendOp(nil, op))
	if err != nil || s.Key != op.Key || s.Service != op.Service {
		t.Errorf("service: %+v, %v", s, err)
	}
	daemon := ipvs.Daemon{Role: ipvs.Backup, Interface: "eth0", ID: 5, MaxLen: 1400, Group: netip.MustParseAddr("ff02::5"), Port: 8849, TTL: 2}
	got, err := decodeDaemon(nested(nil, attrDaemon, func(b []byte) []byte { return appendDaemon(b, daemon) }))
	if diff := cmp.Diff(daemon, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" || err != nil {
		t.Errorf("daemon (-want +got):\n%s%v", diff, err)
	}
}

func TestErrorsSayWhatTheyMean(t *testing.T) {
	op := sip()
	for _, c := range []struct {
		verb ipvs.Verb
		no   uint32
		want string
	}{
		{ipvs.AddService, 2, "add service [192.0.2.1]:udp:5060 with scheduler rr: the kernel has no scheduler rr or no persistence engine sip: they are modules ip_vs_rr and ip_vs_pe_sip (no such file or directory)"},
		{ipvs.SetServer, 2, "change [2001:db8::1]:5060 of service [192.0.2.1]:udp:5060: there is no such destination (no such file or directory)"},
		{ipvs.AddServer, 1, "add [2001:db8::1]:5060 to service [192.0.2.1]:udp:5060: operation not permitted: needs CAP_NET_ADMIN"},
		{ipvs.DelService, 3, "remove service [192.0.2.1]:udp:5060: there is no such service (no such process)"},
	} {
		op.Verb = c.verb
		if got := (&Error{op, unix.Errno(c.no)}).Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	op := sip()
	f.Add(appendOp(nil, op), true)
	op.Verb = ipvs.SetService
	f.Add(appendOp(nil, op), false)
	f.Add(nested(nil, attrDaemon, func(b []byte) []byte { return appendDaemon(b, ipvs.Daemon{Role: ipvs.Master, Interface: "lo"}) }), false)
	f.Fuzz(func(t *testing.T, b []byte, v6 bool) {
		if s, err := decodeService(b); err == nil && s.Protocol == 0 && s.Mark == 0 {
			t.Errorf("a service without a key: %+v", s)
		}
		if d, err := decodeServer(b, v6); err == nil && !d.At.Addr().IsValid() {
			t.Errorf("a destination without an address: %+v", d)
		}
		_, _ = decodeDaemon(b)
		each(b, func(m message) bool { m.errno(); return true })
	})
}
