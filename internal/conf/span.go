package conf

import "strings"

// File is one text that was read.
type File struct {
	// Name is the path by which the text was asked for.
	Name string
	text string
	// marks are where every stride-th line begins, once a line was asked for: a
	// large file can have thousands of findings.
	marks []int
}

const stride = 64

// Line returns the n-th line, counted from 1, without its line end; it is empty
// when the file has no such line.
func (f *File) Line(n int) string {
	if f.marks == nil {
		f.mark()
	}
	if n < 1 || (n-1)/stride >= len(f.marks) {
		return ""
	}
	rest := f.text[f.marks[(n-1)/stride]:]
	for n = (n-1)%stride + 1; n > 1; n-- {
		_, after, found := strings.Cut(rest, "\n")
		if !found {
			return ""
		}
		rest = after
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimRight(line, "\r")
}

func (f *File) mark() {
	f.marks = append(f.marks, 0)
	for line, at := 1, 0; ; line++ {
		end := strings.IndexByte(f.text[at:], '\n')
		if end < 0 {
			return
		}
		at += end + 1
		if line%stride == 0 {
			f.marks = append(f.marks, at)
		}
	}
}

// OriginKind says how text came to stand where it was read.
type OriginKind uint8

// The ways of text into a configuration.
const (
	// Main is the file that was asked for.
	Main OriginKind = iota
	// Included came by an include line.
	Included
	// Replaced stands where a parameter was used in a line.
	Replaced
	// Expanded is a line of a definition of several lines, put in where the
	// definition was used.
	Expanded
)

// Origin is how a text was reached. Every inclusion of a file has an Origin of
// its own.
type Origin struct {
	File *File
	Kind OriginKind
	// Name is that of the definition; empty for files.
	Name string
	// From is the include line for Included, the definition for Replaced and
	// the use for Expanded.
	From Span
	// Up is the origin of the line in which a Replaced text stands.
	Up *Origin
	// seq orders several main files.
	seq int
}

// from is the origin one step nearer to the main file, or nil.
func (o *Origin) from() *Origin {
	switch o.Kind {
	case Main:
		return nil
	case Replaced:
		return o.Up
	}
	return o.From.Origin
}

// Span is a piece of one line. Lines and columns count from 1, columns count
// bytes, End is the column after the last. The zero Span is nowhere.
type Span struct {
	Origin *Origin
	Line   uint32
	Col    uint16
	End    uint16
}

// File returns the name of the file, or "" for the zero Span.
func (s Span) File() string {
	if s.Origin == nil || s.Origin.File == nil {
		return ""
	}
	return s.Origin.File.Name
}

// To returns the span from the beginning of s to the end of e, or s alone when
// they are not on one line.
func (s Span) To(e Span) Span {
	if s.Line == e.Line && s.Origin != nil && e.Origin != nil && s.Origin.File == e.Origin.File && e.End > s.Col {
		s.End = e.End
	}
	return s
}

// step is one place on the way from the main file to a span.
type step struct {
	seq  int
	line uint32
	col  uint16
}

// way lists the places through which a span was reached, outermost first.
func (s Span) way() []step {
	o := s.Origin
	if o != nil && o.Kind == Replaced {
		o = o.Up
	}
	if o == nil {
		return []step{{line: s.Line, col: s.Col}}
	}
	var up []step
	if o.Kind != Main {
		up = o.From.way()
	}
	return append(up, step{o.seq, s.Line, s.Col})
}

// compareWays orders places as a reader meets them.
func compareWays(a, b step) int {
	switch {
	case a.seq != b.seq:
		return a.seq - b.seq
	case a.line != b.line:
		return int(a.line) - int(b.line)
	}
	return int(a.col) - int(b.col)
}
