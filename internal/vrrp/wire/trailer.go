package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"net/netip"
	"time"
)

// TrailerSize is how many bytes follow the message of an advert under auth_hmac:
//
//	 0      type 1: SHA-256, 16 bytes of it
//	 1      id of the key
//	 2..3   zero
//	 4..11  Stamp
//	12..27  the first half of the HMAC over a pseudo header, the message with a
//	        checksum of zero, and the trailer with zeros in place of the HMAC
const TrailerSize = 28

const (
	sealType   = 1
	prefixSize = 12 // of the trailer, before the HMAC
	tagSize    = TrailerSize - prefixSize
)

// Stamp is when an advert was signed, and which one of that instant it is: 32 bits
// of seconds of the wall clock, 16 bits of their fraction, and a counter.
type Stamp uint64

// StampOf is the first stamp of an instant, given as time since 1970.
func StampOf(wall time.Duration) Stamp {
	fraction := uint64(wall%time.Second) << 16 / uint64(time.Second)
	return Stamp(uint64(wall/time.Second)<<32 | fraction<<16)
}

// Ahead is how far s is ahead of o, in serial number arithmetic (RFC 1982): the
// clock of 32 bits may wrap.
func (s Stamp) Ahead(o Stamp) time.Duration {
	d := int64(s - o)
	return time.Duration(d>>32)*time.Second + time.Duration((d&0xffffffff)*int64(time.Second)>>32)
}

// After tells whether s follows o, in the same arithmetic.
func (s Stamp) After(o Stamp) bool { return int64(s-o) > 0 }

// Key seals adverts and verifies them. Its schedule is prepared once.
type Key struct {
	ID  uint8
	mac hash.Hash
	in  []byte // what is signed; kept, so that signing allocates nothing
}

// NewKey prepares a key.
func NewKey(id uint8, secret []byte) *Key {
	return &Key{ID: id, mac: hmac.New(sha256.New, secret)}
}

// sign is the HMAC of a message from src under the prefix of a trailer. The bytes
// of the message that hold the checksum count as zero.
func (k *Key) sign(src netip.Addr, message, prefix []byte) [tagSize]byte {
	var pseudo [20]byte
	pseudo[1], pseudo[2] = message[0]>>4, message[1]
	putSource(&pseudo, src)
	k.in = append(append(append(k.in[:0], pseudo[:]...), message...), prefix...)
	k.in[len(pseudo)+6], k.in[len(pseudo)+7] = 0, 0
	k.in = append(k.in, make([]byte, tagSize)...)
	k.mac.Reset()
	k.mac.Write(k.in)
	k.in = k.mac.Sum(k.in[:0])
	return [tagSize]byte(k.in)
}

// putSource writes family and address into a pseudo header.
func putSource(pseudo *[20]byte, src netip.Addr) {
	if src.Is4() {
		b := src.As4()
		pseudo[0] = 4
		copy(pseudo[4:], b[:])
		return
	}
	b := src.As16()
	pseudo[0] = 6
	copy(pseudo[4:], b[:])
}

// Seal is the trailer of the advert of p with a priority.
func (p *Packet) Seal(k *Key, src netip.Addr, priority uint8, at Stamp) (t [TrailerSize]byte) {
	message := p.message()
	message[2] = priority
	t[0], t[1] = sealType, k.ID
	binary.BigEndian.PutUint64(t[4:], uint64(at))
	tag := k.sign(src, message, t[:prefixSize])
	copy(t[prefixSize:], tag[:])
	message[2] = 0 // the sums that are kept are those of priority 0
	return t
}

// Trailer is what follows the message of a sealed advert.
type Trailer []byte

// Unseal looks for the trailer. Length, Total and Verify reckon with it from then on.
func (a *Advert) Unseal() {
	end := len(a.pdu)
	if !a.V6 {
		end = min(end, a.total-a.header)
	}
	if end-a.size() == TrailerSize {
		a.sealed = TrailerSize
	}
}

// Trailer is what Unseal found; nil: nothing.
func (a *Advert) Trailer() Trailer {
	if a.sealed == 0 {
		return nil
	}
	return Trailer(a.pdu[a.size():][:TrailerSize])
}

// Sound tells whether the trailer is of the known type and leaves what is reserved
// at zero.
func (t Trailer) Sound() bool { return t[0] == sealType && t[2] == 0 && t[3] == 0 }

// KeyID is the id of the key that the advert is said to be signed with.
func (t Trailer) KeyID() uint8 { return t[1] }

// Stamp is when it was signed.
func (t Trailer) Stamp() Stamp { return Stamp(binary.BigEndian.Uint64(t[4:])) }

// Sealed tells whether the advert was signed with k. The comparison takes the same
// time wherever the difference is.
func (a *Advert) Sealed(k *Key, t Trailer) bool {
	tag := k.sign(a.Src, a.pdu[:a.size()], t[:prefixSize])
	return hmac.Equal(tag[:], t[prefixSize:])
}
