package tracker

import (
	"math"
	"strings"
)

// FileValue is what a track_file says: the integer at its beginning, in C
// notation (0x41, 010), limited to 32 bit. What begins with no number says 0.
func FileValue(content []byte) int {
	text := strings.TrimLeft(string(content), " \t\n\v\f\r")
	text, negative := sign(text)
	base, digits := radix(text)
	n := 0
	for _, c := range []byte(digits) {
		d := digit(c)
		if d >= base {
			break
		}
		n = min(n*base+d, math.MaxInt32+1)
	}
	if negative {
		return -n
	}
	return min(n, math.MaxInt32)
}

func sign(text string) (rest string, negative bool) {
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		return rest, true
	}
	return strings.TrimPrefix(text, "+"), false
}

func radix(text string) (base int, digits string) {
	switch {
	case strings.HasPrefix(text, "0x"), strings.HasPrefix(text, "0X"):
		return 16, text[2:]
	case strings.HasPrefix(text, "0"):
		return 8, text
	}
	return 10, text
}

// digit is the value of a digit of any base; more than any for what is none.
func digit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return math.MaxInt
}
