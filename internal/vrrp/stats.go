package vrrp

// Stats are the counters of one router, with the fields of keepalived's JSON
// dump (advert_rcvd ...) and three that it lacks.
type Stats struct {
	AdvertReceived uint64
	AdvertSent     uint64

	BecomeMaster  uint32
	ReleaseMaster uint32

	LengthErrors   uint32
	IntervalErrors uint32
	TTLErrors      uint32
	TypeErrors     uint32
	AddressErrors  uint32

	AuthTypeInvalid  uint32
	AuthTypeMismatch uint32
	AuthFailures     uint32

	ZeroReceived uint32
	ZeroSent     uint32

	VersionErrors  uint32
	ChecksumErrors uint32

	// Contested is for how many milliseconds another MASTER was heard meanwhile.
	Contested uint32

	Overslept uint32 // pauses of this process after which others may have taken over
}
