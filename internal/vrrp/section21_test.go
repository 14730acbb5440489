package vrrp_test

import (
	"strings"
	"testing"

	"holdfast/internal/vrrp"
)

// Reference, section 21: the lines of virtual routers that operators search for. Those
// of others are told in test/life.
func TestSection21_LinesOperatorsSearchFor(t *testing.T) {
	var all strings.Builder
	for kind := vrrp.NoteTimeout; kind <= vrrp.NoteClockSkew; kind++ {
		all.WriteString(vrrp.Note{Kind: kind, Name: "V", A: 3, B: 2}.String() + "\n")
	}
	for _, to := range []vrrp.Role{vrrp.Master, vrrp.Backup, vrrp.Fault} {
		for _, group := range []bool{false, true} {
			all.WriteString(vrrp.Change{Name: "V", Group: group, From: vrrp.Backup, To: to}.String() + "\n")
		}
	}
	for _, want := range []string{
		"Entering MASTER STATE", "Entering BACKUP STATE", "Entering FAULT STATE", "Received advert from", "forcing new election",
		"Master received advert from", "received lower priority", "VRRP_Group(", "Changing effective priority", "Netlink reports", "sent 0 priority",
		"Receive advertisement timeout", "advertisement interval mismatch", "invalid TTL/HL", "received an invalid passwd", "Invalid VRRPv3 checksum",
		"expected 3 VIPs but received 2", "CONFIGURATION ERROR", "Unknown VRID", "thread timer expired",
	} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("no line says %q:\n%s", want, all.String())
		}
	}
}
