package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/vrrp"
)

// Secret is what nobody is to read: it does not print itself.
type Secret = vrrp.Secret

// HMACMode is what auth_hmac does about adverts without trailer.
type HMACMode = vrrp.HMACMode

// The modes.
const (
	Enforce     = vrrp.Enforce
	Permissive  = vrrp.Permissive
	ReceiveOnly = vrrp.ReceiveOnly
)

// HMAC is auth_hmac: adverts carry a keyed trailer.
type HMAC struct {
	// Keys verify, each by its id, 1 to 255.
	Keys []HMACKey
	// Active is the id of the key that signs.
	Active uint8
	// Window is how old or how far ahead a stamp may be, 1 to 300 s.
	Window time.Duration
	// Monotonic is anti_replay monotonic: stamps only grow, clocks do not matter.
	Monotonic bool
	Mode      HMACMode
}

// HMACKey is one key: the secret itself, 32 to 64 bytes, or the file that has it.
type HMACKey struct {
	ID     uint8
	Secret Secret
	File   string
}

// hmacDraft is an auth_hmac while it is read.
type hmacDraft struct {
	HMAC
	b      *builder
	active maybe[int]
	window maybe[time.Duration]
	mode   maybe[HMACMode]
}

func hmacTable() *block[hmacDraft] {
	type row = keyword[hmacDraft]
	return table("vrrp_instance/auth_hmac",
		row{word: "key", form: keyed(), note: "required",
			meaning: "A secret: the text itself, hex: with its digits, or file: with the path of a file that has it; every one verifies.",
			set:     (*hmacDraft).key},
		row{word: "active_key", form: integer(between(1, 255)), note: "required",
			meaning: "The key that adverts are signed with.",
			set:     func(h *hmacDraft, v value) { h.active = given(v.n, v.at) }},
		row{word: "time_window", form: duration(times(time.Second, 300*time.Second, time.Second)), note: "three advert intervals, 5 at least",
			meaning: "How old, or how far ahead, the stamp of an advert may be.",
			set:     func(h *hmacDraft, v value) { h.window = given(v.d, v.at) }},
		row{word: "anti_replay", form: choice("time", "monotonic"), note: "time",
			meaning: "With time, stamps must be recent and grow; with monotonic they must grow, and clocks need not agree.",
			set:     func(h *hmacDraft, v value) { h.Monotonic = v.text == "monotonic" }},
		row{word: "mode", form: choice("enforce", "permissive", "receive-only"), note: "enforce",
			meaning: "Adverts without trailer are dropped, accepted, or accepted while own ones have none either.",
			set:     func(h *hmacDraft, v value) { h.mode = given(HMACMode(v.n), v.at) }},
	)
}

// keyed is ID VALUE.
func keyed() form {
	return form{args: "ID hex:DIGITS|file:PATH|TEXT", limits: "ID 1..255; 32 to 64 bytes; others are left out", read: func(b *builder, c call) (value, int, bool) {
		if len(c.args) < 2 {
			return b.missing(c, "an id and a secret")
		}
		return value{at: c.word.Span.To(c.args[0].Span), words: c.args[:2]}, 2, true
	}}
}

// key takes a key. What is said of it is said at its id: the source line under a
// finding shows no secret (conf.Conceal).
func (h *hmacDraft) key(v value) {
	id, err := strconv.ParseUint(v.words[0].Text, 10, 8)
	if err != nil || id == 0 {
		h.b.complain(v.words[0].Span, fmt.Sprintf("%q is not the id of a key; the key is left out", v.words[0].Text), "1 to 255")
		return
	}
	k := HMACKey{ID: uint8(id)}
	if slices.ContainsFunc(h.Keys, func(o HMACKey) bool { return o.ID == k.ID }) {
		h.b.complain(v.at, fmt.Sprintf("there is a key %d already; this one is left out", id), "give it another id")
		return
	}
	if h.secret(&k, v) {
		h.Keys = append(h.Keys, k)
	}
}

// secret reads hex:DIGITS, file:PATH or the text.
func (h *hmacDraft) secret(k *HMACKey, v value) bool {
	text := v.words[1].Text
	if path, isFile := strings.CutPrefix(text, "file:"); isFile {
		k.File = h.b.keep(path)
		if path == "" {
			h.b.complain(v.at, "file: has no path; the key is left out", "write file:PATH")
		}
		return path != ""
	}
	secret, err := KeyOf(text)
	if err != nil {
		h.b.complain(v.at, err.Error()+"; the key is left out", "32 to 64 bytes; openssl rand -hex 32 makes some for hex:")
		return false
	}
	k.Secret = secret
	return true
}

// KeyOf reads a secret: hex: and its digits, or the text itself. The error does not
// tell it.
func KeyOf(text string) (Secret, error) {
	if digits, isHex := strings.CutPrefix(text, "hex:"); isHex {
		raw, err := hex.DecodeString(digits)
		if err != nil {
			return "", errors.New("the secret is not an even number of hexadecimal digits")
		}
		text = string(raw)
	}
	if len(text) < 32 || len(text) > 64 {
		return "", fmt.Errorf("the secret has %d bytes", len(text))
	}
	return Secret(strings.Clone(text)), nil
}

// readHMAC reads auth_hmac.
func (i *instance) readHMAC(v value) {
	h := &i.hmac.value
	h.b = i.b
	i.hmac = given(*h, v.at)
	i.b.enter(v.node)
	defer i.b.leave()
	i.b.voc.hmac.read(i.b, v.node.Body, &i.hmac.value)
}

// settleHMAC settles auth_hmac when version, interval and strict mode are known.
func (i *instance) settleHMAC() {
	h := i.hmac.value
	switch {
	case !i.hmac.given:
		return
	case !h.active.given:
		i.noHMAC(i.hmac.at, "auth_hmac has no active_key")
		return
	case !slices.ContainsFunc(h.Keys, func(k HMACKey) bool { return int(k.ID) == h.active.value }):
		i.noHMAC(h.active.at, fmt.Sprintf("there is no key %d", h.active.value))
		return
	}
	h.Active = uint8(h.active.value)
	h.Window = h.window.or(min(max(3*i.VRRP.Interval, 5*time.Second), 300*time.Second))
	h.Mode = h.mode.value
	if i.VRRP.Strict && h.Mode != Enforce {
		i.b.complain(h.mode.at, "strict mode: the mode of auth_hmac becomes enforce", "write mode enforce")
		h.Mode = Enforce
	}
	settled := h.HMAC
	i.HMAC = &settled
}

func (i *instance) noHMAC(at conf.Span, why string) {
	i.b.complain(at, why+"; the instance runs without auth_hmac", "write active_key ID, the id of a key of the block")
}
