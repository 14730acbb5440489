package wire

// Flaw is what is wrong with a datagram on its own, whoever it is meant for.
// The set is closed and small, so that flaws can index an array of counters.
type Flaw uint8

// The flaws, in the order in which they are looked for.
const (
	Sound      Flaw = iota
	TooShort        // not even a VRRP header
	BadHeader       // no IPv4 header, not protocol 112, or a fragment
	BadLength       // not what the address count asks for
	BadVersion      // neither 2 nor 3
	BadType         // not an advertisement
	BadTotal        // the IPv4 total length and the message disagree
	BadChecksum

	// Flaws is their number.
	Flaws
)

// String names the flaw as metrics and logs do.
func (f Flaw) String() string {
	switch f {
	case Sound:
		return "sound"
	case TooShort:
		return "too short"
	case BadHeader:
		return "bad IP header"
	case BadLength:
		return "bad length"
	case BadVersion:
		return "bad version"
	case BadType:
		return "bad type"
	case BadTotal:
		return "bad total length"
	case BadChecksum:
		return "bad checksum"
	}
	return "unknown flaw"
}
