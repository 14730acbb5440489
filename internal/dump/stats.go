package dump

import (
	"fmt"
	"io"
)

// Stats writes the counters of every instance.
func (s *Source) Stats(out io.Writer) {
	s.each(func(i *instance) {
		n := &i.now.Stats
		fmt.Fprintf(out, "VRRP Instance: %s\n", i.now.Name)
		fmt.Fprintf(out, "  Advertisements:\n    Received: %d\n    Sent: %d\n", n.AdvertRcvd, n.AdvertSent)
		fmt.Fprintf(out, "  Became master: %d\n  Released master: %d\n", n.BecomeMaster, n.ReleaseMaster)
		fmt.Fprintf(out, "  Packet Errors:\n    Length: %d\n    TTL: %d\n    Invalid Type: %d\n    Advertisement Interval: %d\n    Address List: %d\n",
			n.PacketLenErr, n.TTLErr, n.InvalidTypeRcvd, n.AdvertIntervalErr, n.AddrListErr)
		fmt.Fprintf(out, "  Authentication Errors:\n    Invalid Type: %d\n    Type Mismatch: %d\n    Failure: %d\n",
			n.InvalidAuthtype, n.AuthtypeMismatch, n.AuthFailure)
		fmt.Fprintf(out, "  Authentication Extension Errors:\n    Missing: %d\n    Malformed: %d\n    Unknown Key: %d\n    Invalid HMAC: %d\n    Stale: %d\n    Replay: %d\n",
			n.AuthExtMissing, n.AuthExtMalformed, n.AuthExtUnknownKey, n.AuthExtInvalidHMAC, n.AuthExtStale, n.AuthExtReplay)
		fmt.Fprintf(out, "  Priority Zero:\n    Received: %d\n    Sent: %d\n", n.PriZeroRcvd, n.PriZeroSent)
	})
}
