package wire

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"hash"
	"net/netip"
)

// ProtocolAH is the IP protocol number of the authentication header (RFC 4302).
const ProtocolAH = 51

// HeaderSize is that of the authentication header of adverts (RFC 2402 section 2):
// next header, length in words of 32 bits less two, two bytes of zero, a number of
// its sender (its address), a sequence number, and 12 bytes of HMAC-MD5.
const HeaderSize = 24

const (
	icvAt   = 12 // within the header
	icvSize = HeaderSize - icvAt
)

// Lifetime says whether the TTL counts in what an authentication header signs. The
// RFC leaves it out, as hops change it; versions of keepalived before 2.4 had it in.
type Lifetime bool

// HeaderKey signs and verifies adverts with an authentication header.
type HeaderKey struct {
	mac hash.Hash
	in  []byte
}

// NewHeaderKey prepares a password.
func NewHeaderKey(password [authData]byte) *HeaderKey {
	return &HeaderKey{mac: hmac.New(md5.New, password[:])}
}

// sign is the HMAC of an IPv4 datagram whose authentication header follows an IP
// header of some length. What routers on the way may change counts as zero.
func (k *HeaderKey) sign(datagram []byte, ip int, ttl Lifetime) [icvSize]byte {
	k.in = append(k.in[:0], datagram...)
	b := k.in
	b[1], b[6], b[7], b[10], b[11] = 0, 0, 0, 0, 0
	if !ttl {
		b[8] = 0
	}
	clear(b[ip+icvAt : ip+HeaderSize])
	k.mac.Reset()
	k.mac.Write(b)
	k.in = k.mac.Sum(k.in[:0])
	return [icvSize]byte(k.in)
}

// Sign completes a datagram that Append made: the sequence number and the HMAC.
func (k *HeaderKey) Sign(datagram []byte, sequence uint32, ttl Lifetime) {
	h := datagram[ipv4Header:]
	binary.BigEndian.PutUint32(h[8:], sequence)
	icv := k.sign(datagram, ipv4Header, ttl)
	copy(h[icvAt:], icv[:])
}

// Signed tells whether the advert was signed with k, and in which way.
func (a *Advert) Signed(k *HeaderKey) (ttl Lifetime, ok bool) {
	ip := a.header - HeaderSize
	datagram := a.datagram[:min(len(a.datagram), max(a.total, a.header))]
	for _, ttl = range [...]Lifetime{false, true} {
		icv := k.sign(datagram, ip, ttl)
		if hmac.Equal(icv[:], a.ah[icvAt:HeaderSize]) {
			return ttl, true
		}
	}
	return false, false
}

// HasHeader tells whether the advert came with an authentication header.
func (a *Advert) HasHeader() bool { return a.ah != nil }

// Sequence is the number in the authentication header; SPI tells whose it is said
// to be.
func (a *Advert) Sequence() uint32 { return binary.BigEndian.Uint32(a.ah[8:]) }

// SPI tells whether the authentication header names the sender of the datagram.
func (a *Advert) SPI() bool { return netip.AddrFrom4([4]byte(a.ah[4:8])) == a.Src }

// putAH writes all of the authentication header that stays the same.
func putAH(b []byte, src netip.Addr) {
	b[0], b[1] = Protocol, HeaderSize/4-2
	spi := src.As4()
	copy(b[4:], spi[:])
}
