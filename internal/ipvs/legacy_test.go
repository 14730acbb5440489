package ipvs

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsWrittenDownIsReadAgain(t *testing.T) {
	l := Legacy{
		Services: []Key{{Protocol: TCP, At: netip.MustParseAddrPort("10.0.0.1:80")}, {Protocol: UDP, At: netip.MustParseAddrPort("[fd00::1]:53")}, {Mark: 7}, {Mark: 8, V6: true}},
		Before:   Timeouts{TCP: 1, TCPFin: 2, UDP: 3},
		Roles:    []Role{Master, Backup},
		Table:    "a table",
		Shares:   map[Share]uint32{{"the \"group\"", TCP}: 1000, {"G", UDP}: 4294967295},
	}
	got := ReadLegacy(l.String())
	if diff := cmp.Diff(l, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" || !got.Equal(l) {
		t.Error(diff)
	}
	if l.Empty() || !ReadLegacy("").Empty() || !ReadLegacy("share\nservice 6\nmark x\n\nnftables\n").Empty() {
		t.Error("nothing is taken for something")
	}
}
