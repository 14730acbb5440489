// Package index finds values by large keys which they have in themselves. A map of hashes
// leads to them, so that thousands of keys are not kept a second time.
package index

import (
	"encoding/binary"
	"iter"
	"net/netip"
)

// Index finds values by their keys. Make one with New.
type Index[K, V comparable] struct {
	hash   func(K) Hash
	key    func(V) K
	values map[Hash]V
	rest   map[K]V // those whose hash another has: hardly ever one
}

// New makes an empty Index. Equal keys have equal hashes; the key of a value stays.
func New[K, V comparable](hash func(K) Hash, key func(V) K) *Index[K, V] {
	return &Index[K, V]{hash: hash, key: key, values: map[Hash]V{}, rest: map[K]V{}}
}

// Get finds the value of a key.
func (x *Index[K, V]) Get(k K) (v V, ok bool) {
	if v, ok = x.values[x.hash(k)]; ok && x.key(v) == k {
		return v, true
	}
	v, ok = x.rest[k]
	return v, ok
}

// Put adds a value, in place of one that has its key.
func (x *Index[K, V]) Put(v V) {
	k := x.key(v)
	h := x.hash(k)
	if other, taken := x.values[h]; taken && x.key(other) != k {
		x.rest[k] = v
		return
	}
	delete(x.rest, k)
	x.values[h] = v
}

// Delete removes the value of a key, if there is one.
func (x *Index[K, V]) Delete(k K) {
	h := x.hash(k)
	if v, ok := x.values[h]; ok && x.key(v) == k {
		delete(x.values, h)
		return
	}
	delete(x.rest, k)
}

// Values are all of them, in no order.
func (x *Index[K, V]) Values() iter.Seq[V] {
	return func(yield func(V) bool) {
		for _, v := range x.values {
			if !yield(v) {
				return
			}
		}
		for _, v := range x.rest {
			if !yield(v) {
				return
			}
		}
	}
}

// Hash is made of the parts of a key, one after the other.
type Hash uint64

// Of is the hash of a text (FNV-1a).
func Of(text string) Hash {
	const offset, prime = 14695981039346656037, 1099511628211
	h := Hash(offset)
	for i := range len(text) {
		h = (h ^ Hash(text[i])) * prime
	}
	return h
}

// With adds a number.
func (h Hash) With(n uint64) Hash {
	const golden = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio: its product spreads what is near
	h = (h ^ Hash(n)) * golden
	return h ^ h>>32
}

// WithAddr adds an address. That of no address is none of an address.
func (h Hash) WithAddr(a netip.Addr) Hash {
	if !a.IsValid() {
		return h.With(0)
	}
	b := a.As16()
	return h.With(1).With(binary.BigEndian.Uint64(b[:8])).With(binary.BigEndian.Uint64(b[8:]))
}
