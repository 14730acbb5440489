package genhash

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
	"testing"
)

// digest takes an answer in pieces of a size.
func digest(answer []byte, size int) (digest string, length int64, err error) {
	r := reader{sum: md5.New(), left: -1}
	for len(answer) > 0 {
		n := min(size, len(answer))
		if err := r.take(answer[:n]); err != nil {
			return "", 0, err
		}
		answer = answer[n:]
	}
	return hex.EncodeToString(r.sum.Sum(nil)), r.size, nil
}

// What a server says may come in pieces of any size, and be anything.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		"", "garbage", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello world",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 5000) + "\r\n\r\nhello",
	} {
		f.Add([]byte(seed), uint8(7))
	}
	f.Fuzz(func(t *testing.T, answer []byte, size uint8) {
		want, length, err := digest(answer, len(answer))
		got, have, err2 := digest(answer, max(1, int(size)))
		if err == nil && err2 == nil && (got != want || have != length) {
			t.Errorf("in pieces of %d: %s of %d, whole: %s of %d", size, got, have, want, length)
		}
		if length > int64(len(answer)) {
			t.Errorf("%d bytes of %d", length, len(answer))
		}
	})
}
