package daemon

import (
	"fmt"
	"io"
	"path/filepath"

	"holdfast/internal/cli"
	"holdfast/internal/status"
)

// statsPath is where the statistics go. keepalived's stats_dump_file changes nothing,
// and readers look for them here.
func statsPath() string { return filepath.Join(cli.TempDir(), "keepalived.stats") }

// writeStats writes the counters of every instance as keepalived does, line by line.
func writeStats(out io.Writer, r *status.Router) {
	for i := range r.Instances {
		s := &r.Instances[i].Stats
		fmt.Fprintf(out, "VRRP Instance: %s\n", r.Instances[i].Name)
		fmt.Fprintf(out, "  Advertisements:\n    Received: %d\n    Sent: %d\n", s.AdvertRcvd, s.AdvertSent)
		fmt.Fprintf(out, "  Became master: %d\n  Released master: %d\n", s.BecomeMaster, s.ReleaseMaster)
		fmt.Fprintf(out, "  Packet Errors:\n    Length: %d\n    TTL: %d\n    Invalid Type: %d\n    Advertisement Interval: %d\n    Address List: %d\n",
			s.PacketLenErr, s.TTLErr, s.InvalidTypeRcvd, s.AdvertIntervalErr, s.AddrListErr)
		fmt.Fprintf(out, "  Authentication Errors:\n    Invalid Type: %d\n    Type Mismatch: %d\n    Failure: %d\n",
			s.InvalidAuthtype, s.AuthtypeMismatch, s.AuthFailure)
		fmt.Fprintf(out, "  Authentication Extension Errors:\n    Missing: %d\n    Malformed: %d\n    Unknown Key: %d\n    Invalid HMAC: %d\n    Stale: %d\n    Replay: %d\n",
			s.AuthExtMissing, s.AuthExtMalformed, s.AuthExtUnknownKey, s.AuthExtInvalidHMAC, s.AuthExtStale, s.AuthExtReplay)
		fmt.Fprintf(out, "  Priority Zero:\n    Received: %d\n    Sent: %d\n", s.PriZeroRcvd, s.PriZeroSent)
	}
}
