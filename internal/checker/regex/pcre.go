//go:build linux && (amd64 || arm64 || arm || 386 || riscv64)

package regex

import (
	"bytes"
	"errors"
	"runtime"
	"unsafe"

	"go.elara.ws/pcre/lib"
	"modernc.org/libc"
)

// Limits of one search. The first is what PCRE2 has itself: about a second; the
// second, in KiB, is less, because many searches may be under way.
const (
	steps = 10_000_000
	heap  = 8 << 10
)

// foreign is a pattern of PCRE2, in memory that the garbage collector does not
// know.
type foreign struct{ code uintptr }

func compile(text string, options uint32) (*foreign, error) {
	tls := libc.NewTLS()
	defer tls.Close()
	pattern := append([]byte(text), 0)
	var failed struct {
		offset lib.Tsize_t
		code   int32
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	pins.Pin(&pattern[0])
	pins.Pin(&failed)
	code := lib.Xpcre2_compile_8(tls, uintptr(unsafe.Pointer(&pattern[0])), lib.Tsize_t(len(text)), options,
		uintptr(unsafe.Pointer(&failed.code)), uintptr(unsafe.Pointer(&failed.offset)), 0)
	if code == 0 {
		return nil, message(tls, failed.code)
	}
	f := &foreign{code}
	runtime.AddCleanup(f, release, code)
	return f, nil
}

// release gives the memory of a pattern back.
func release(code uintptr) {
	tls := libc.NewTLS()
	defer tls.Close()
	lib.Xpcre2_code_free_8(tls, code)
}

// message is what PCRE2 says of an error.
func message(tls *libc.TLS, code int32) error {
	text := make([]byte, 256)
	var pins runtime.Pinner
	defer pins.Unpin()
	pins.Pin(&text[0])
	lib.Xpcre2_get_error_message_8(tls, code, uintptr(unsafe.Pointer(&text[0])), lib.Tsize_t(len(text)))
	text, _, _ = bytes.Cut(text, []byte{0})
	return errors.New(string(text))
}

// match searches for a match that begins from min on and, unless max is 0, before
// max.
func (f *foreign) match(subject []byte, min, max uint32) (bool, error) {
	defer runtime.KeepAlive(f)
	tls := libc.NewTLS()
	defer tls.Close()
	how := lib.Xpcre2_match_context_create_8(tls, 0)
	defer lib.Xpcre2_match_context_free_8(tls, how)
	found := lib.Xpcre2_match_data_create_from_pattern_8(tls, f.code, 0)
	defer lib.Xpcre2_match_data_free_8(tls, found)
	lib.Xpcre2_set_match_limit_8(tls, how, steps)
	lib.Xpcre2_set_heap_limit_8(tls, how, heap)
	if max != 0 {
		lib.Xpcre2_set_offset_limit_8(tls, how, lib.Tsize_t(max-1))
	}
	if len(subject) == 0 {
		subject = make([]byte, 0, 1) // there is something to point at
	}
	var pins runtime.Pinner
	defer pins.Unpin()
	at := unsafe.SliceData(subject)
	pins.Pin(at)
	code := lib.Xpcre2_match_8(tls, f.code, uintptr(unsafe.Pointer(at)), lib.Tsize_t(len(subject)), lib.Tsize_t(min), 0, found, how)
	switch {
	case code >= 0:
		return true, nil
	case code == lib.DPCRE2_ERROR_NOMATCH:
		return false, nil
	}
	return false, message(tls, code)
}
