package daemon

import (
	"bytes"
	"testing"

	"holdfast/internal/status"
)

func TestStatisticsAreKeepalivedsLines(t *testing.T) {
	var out bytes.Buffer
	writeStats(&out, &status.Router{Instances: []status.Instance{{Name: "V", Stats: status.Stats{
		AdvertRcvd: 1, AdvertSent: 2, BecomeMaster: 3, ReleaseMaster: 4, PacketLenErr: 5, TTLErr: 6, InvalidTypeRcvd: 7,
		AdvertIntervalErr: 8, AddrListErr: 9, InvalidAuthtype: 10, AuthtypeMismatch: 11, AuthFailure: 12,
		AuthExtMissing: 13, AuthExtMalformed: 14, AuthExtUnknownKey: 15, AuthExtInvalidHMAC: 16, AuthExtStale: 17,
		AuthExtReplay: 18, PriZeroRcvd: 19, PriZeroSent: 20, VersionErr: 21, ChecksumErr: 22,
	}}}})
	golden(t, "keepalived.stats", out.String())
}
