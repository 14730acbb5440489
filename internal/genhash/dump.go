package genhash

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"
)

// Dump shows what comes as genhash -v does, piece by piece.
type Dump struct{ To io.Writer }

func (d *Dump) head(b []byte) {
	if d == nil {
		return
	}
	d.title("   HTTP Header Buffer   ")
	d.lines(b)
	d.title("HTTP Header Ascii Buffer")
	fmt.Fprintf(d.To, "%s\n", b)
}

// body has a title only if it came together with the header.
func (d *Dump) body(b []byte, first bool) {
	if d == nil || len(b) == 0 {
		return
	}
	if first {
		d.title("       HTML Buffer       ")
	}
	d.lines(b)
}

// End shows the digest of an answer.
func (d *Dump) End(a Answer) {
	sum, _ := hex.DecodeString(a.Digest)
	fmt.Fprintln(d.To)
	d.title("   HTML hash resulting   ")
	d.lines(sum)
	d.title("HTML hash final resulting")
	fmt.Fprintln(d.To, a.Digest)
}

// Took shows how long it took, whatever came of it.
func (d *Dump) Took(path string, took time.Duration) {
	fmt.Fprintf(d.To, "\nGlobal response time for [%s] = %d usecs\n", path, took.Microseconds())
}

func (d *Dump) title(text string) {
	const dashes = "-----------------------"
	fmt.Fprintf(d.To, "%s[ %s ]%s\n", dashes, text, dashes)
}

// lines prints sixteen bytes a line: the offset, two groups in hexadecimal, the text.
func (d *Dump) lines(b []byte) {
	for at := 0; at < len(b); at += 16 {
		part := b[at:min(at+16, len(b))]
		low, high := part[:min(8, len(part))], part[min(8, len(part)):]
		fmt.Fprintf(d.To, "%04d  %-24s- %-24s  %-16s\n", at, pairs(low), pairs(high), strings.Map(printable, text(part)))
	}
}

func pairs(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return fmt.Sprintf("% x ", b)
}

// text has a letter for every byte.
func text(b []byte) string {
	letters := make([]rune, len(b))
	for i, c := range b {
		letters[i] = rune(c)
	}
	return string(letters)
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '.'
	}
	return r
}
