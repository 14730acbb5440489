package conf

import "slices"

// Where braces do not match, the text is read a second time, and the indentation
// says what was meant: one brace has one finding, at its place, and what follows
// it is read as it was meant and causes no others. Text that is not indented
// remains as it was read.

// mending says how braces that do not match are put right.
type mending uint8

// asWritten leaves braces as they are. A } in another column than its block
// tells that blocks lack theirs (missing), or that it was one too many (superfluous).
const (
	asWritten mending = iota
	missing
	superfluous
)

// mendsLimit is how many findings a better reading may have. If there are more,
// the indentation may mean nothing.
const mendsLimit = 2

// mended reads the files again and answers a better reading, if there is one.
func (r *reader) mended(path string) *reader {
	best := r
	if r.build.statements > mendable || r.stopped {
		return best
	}
	files := again{r.files, map[string]string{}}
	for _, f := range r.tree.Files {
		files.texts[f.Name] = f.text
	}
	for _, way := range []mending{missing, superfluous} {
		again := newReader(files, r.opt)
		again.build.mends = way
		again.all(path)
		if n := again.build.mismatched; best == r && n <= max(mendsLimit, r.build.mismatched) || n < best.build.mismatched {
			best = again
		}
	}
	return best
}

// mendable is how many statements a text may have to be read more than once.
const mendable = 100_000

// again are files of which some have been read already.
type again struct {
	Files
	texts map[string]string
}

// Read answers the text that was read before.
func (a again) Read(name string) (string, Kind, error) {
	if text := a.texts[name]; text != "" {
		return text, Regular, nil
	}
	return a.Files.Read(name)
}

// first reports whether something is the first of its line.
func (b *builder) first(at Span) bool {
	return at.Origin != nil && at.Origin.Kind != Replaced && at.Col == b.indent
}

// expect looks at a statement that begins a line. It should stand deeper than the
// block that it is in, and not deeper than a block before it.
func (b *builder) expect(n *Node) {
	at := n.Keyword.Span
	if !b.first(at) {
		return
	}
	for len(b.stack) > 0 && b.stack[len(b.stack)-1].beside(at) {
		b.unclosed()
	}
	if i := len(b.pending) - 1; i >= b.start() && b.pending[i].endedEarly(at) {
		b.reopen(b.pending[i])
	}
	b.reached = at
}

// beside reports whether a place is in a line after a block begins, and by its
// indentation outside of it.
func (f frame) beside(at Span) bool {
	return f.node != nil && f.node.Keyword.Span.Origin == at.Origin && at.Line > f.node.Keyword.Span.Line && at.Col <= f.indent
}

// away reports whether a } of the same file does not stand where the line of the
// block begins.
func (f frame) away(at Span) bool {
	return f.node != nil && f.node.Keyword.Span.Origin == at.Origin && at.Col != f.indent
}

// before reports whether a place of the same file stands deeper than the line of
// the block.
func (f frame) before(at Span) bool {
	return f.node != nil && f.node.Keyword.Span.Origin == at.Origin && at.Col > f.indent
}

// start is where the statements of the innermost block begin.
func (b *builder) start() int {
	if len(b.stack) == 0 {
		return 0
	}
	return b.stack[len(b.stack)-1].start
}

// unclosed ends the innermost block, whose } is missing.
func (b *builder) unclosed() {
	n := b.stack[len(b.stack)-1].node
	if n == nil {
		b.pop(Span{})
		return
	}
	fix := "add }"
	if b.reached.Origin == n.Keyword.Span.Origin && b.reached.Line > n.Keyword.Span.Line {
		fix = "add } behind line " + itoa(b.reached.Line)
	}
	b.pop(Span{})
	b.mismatch(n.Span(), "this block is not closed: a } is missing", fix)
}

// endedEarly reports whether a block ended with a line of its own, and what
// follows it stands deeper.
func (n *Node) endedEarly(at Span) bool {
	own := n.Keyword.Span
	return n.Block && own.Origin == at.Origin && n.Close.Origin == at.Origin && n.Close.Line > own.Line && at.Line > n.Close.Line && at.Col > own.Col
}

// reopen goes on with the last block, whose } was one too many.
func (b *builder) reopen(n *Node) {
	b.mismatch(n.Close, "this } ends "+n.Title()+", and what follows stands in it", "delete it")
	b.pending = append(b.pending[:len(b.pending)-1], n)
	b.stack = append(b.stack, frame{n, len(b.pending), n.Keyword.Span.Col})
	b.pending = append(b.pending, n.Body...)
}

// misplaced looks at a } that begins a line: it should stand where the line of
// its block begins. It answers true when that is settled.
func (b *builder) misplaced(at Span) bool {
	if !b.first(at) {
		return b.surplus(at)
	}
	if b.mends == superfluous && len(b.stack) > 0 && b.stack[len(b.stack)-1].away(at) {
		b.mismatch(at, "this } closes nothing", "delete it, or look for a missing { above")
		return true
	}
	if i := b.meant(at); i >= 0 {
		for len(b.stack) > i+1 {
			b.unclosed()
		}
		return false
	}
	if len(b.stack) > 0 && !b.stack[len(b.stack)-1].before(at) {
		return false
	}
	if i := unopened(b.pending[b.start():], at); i >= 0 {
		b.adopt(b.start()+i, at)
		return true
	}
	b.mismatch(at, "this } closes nothing", "delete it, or look for a missing { above")
	return true
}

// meant finds the open block that a } stands below; -1: none.
func (b *builder) meant(at Span) int {
	for i, f := range slices.Backward(b.stack) {
		if f.node != nil && f.node.Keyword.Span.Origin == at.Origin && f.indent == at.Col {
			return i
		}
	}
	return -1
}

// surplus speaks of a } straight behind another one that ends a block of several
// lines: it was written twice.
func (b *builder) surplus(at Span) bool {
	twice := b.reached.Line == at.Line && b.reached.Origin == at.Origin && b.reached.End == at.Col && b.reached.Col == b.indent
	if twice {
		b.mismatch(at, "this } closes nothing", "delete it: there is one before it")
	}
	return twice
}

// unopened finds the statement that a } was meant for: it stands in the same
// column, has no block, and all that follows stands deeper. It is -1 if there is
// none.
func unopened(nodes []*Node, at Span) int {
	for i, n := range slices.Backward(nodes) {
		k := n.Keyword.Span
		switch {
		case k.Origin != at.Origin || k.Line == at.Line || k.Col < at.Col || k.Col == at.Col && n.Block:
			return -1
		case k.Col == at.Col && i == len(nodes)-1:
			return -1
		case k.Col == at.Col:
			return i
		}
	}
	return -1
}

// adopt makes a block of a pending statement whose { is missing.
func (b *builder) adopt(i int, at Span) {
	n := b.pending[i]
	b.mismatch(n.Span(), "this block lacks its {: the } in line "+itoa(at.Line)+" ends it", "add {")
	n.Section = &b.blocks.take(1)[0]
	n.Block = true
	b.reached = at
	b.finish(frame{n, i + 1, 0}, at)
}
