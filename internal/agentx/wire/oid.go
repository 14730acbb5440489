package wire

import (
	"slices"
	"strconv"
	"strings"
)

// OID is an object identifier.
type OID []uint32

// ParseOID reads 1.3.6 and the like, as MIBs are written here: it panics for anything else.
func ParseOID(text string) OID {
	var o OID
	for word := range strings.SplitSeq(text, ".") {
		n, err := strconv.ParseUint(word, 10, 32)
		if err != nil {
			panic("wire: object identifier " + text)
		}
		o = append(o, uint32(n))
	}
	return o
}

// Compare orders identifiers as walks go.
func (o OID) Compare(p OID) int { return slices.Compare(o, p) }

// Begins reports whether p is o or below it.
func (o OID) Begins(p OID) bool { return len(p) >= len(o) && slices.Equal(o, p[:len(o)]) }

// Append is o with more behind it, in memory of its own.
func (o OID) Append(more ...uint32) OID { return append(slices.Clip(o), more...) }

// String is the dotted form.
func (o OID) String() string {
	words := make([]string, len(o))
	for i, n := range o {
		words[i] = strconv.FormatUint(uint64(n), 10)
	}
	return strings.Join(words, ".")
}
