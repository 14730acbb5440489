package conf

import (
	"slices"
	"strings"
)

// Token is one word and its place. Quotes are gone.
type Token struct {
	Text string
	Span Span
}

// Node is one statement: keyword, arguments and, if it has one, its block.
type Node struct {
	Keyword Token
	Args    []Token
	// Raw is what stands behind the keyword, quotes kept: some keywords split
	// it by rules of their own.
	Raw string
	// Section is never nil: statements without a block share an empty one.
	*Section
}

// Section is what braces add to a statement. Most statements have none, so it
// stands apart.
type Section struct {
	// Block says that braces followed; Body may still be empty. Close is the
	// closing brace.
	Block bool
	Body  []*Node
	Close Span
}

// Span covers the keyword and its arguments.
func (n *Node) Span() Span {
	if len(n.Args) == 0 {
		return n.Keyword.Span
	}
	return n.Keyword.Span.To(n.Args[len(n.Args)-1].Span)
}

// ArgSpan covers the arguments, or the keyword when there are none.
func (n *Node) ArgSpan() Span {
	if len(n.Args) == 0 {
		return n.Keyword.Span
	}
	return n.Args[0].Span.To(n.Args[len(n.Args)-1].Span)
}

// Tree is a whole configuration, definitions and includes resolved.
type Tree struct {
	Nodes []*Node
	// Files are those that were read, in the order in which they were opened.
	Files []*File
	// Accepted are the comments that acknowledge findings.
	Accepted []Acceptance
	// Template tells of marks that were not filled in; its finding is left to
	// whoever types the tree, who may know of more.
	Template Template
}

// slab hands out pieces of large allocations, so that a tree of a hundred
// thousand statements is a few hundred objects.
type slab[T any] struct{ free []T }

func (s *slab[T]) take(n int) []T {
	if n == 0 {
		return nil
	}
	if len(s.free) < n {
		s.free = make([]T, max(n, 512))
	}
	out := s.free[:n:n]
	s.free = s.free[n:]
	return out
}

// frame is a block that is still open. A frame without node stems from a brace
// that opens nothing; what it holds belongs to the block around it.
type frame struct {
	node  *Node
	start int // of its statements in pending
}

// builder makes the tree from statements and braces.
type builder struct {
	report  func(Diag)
	nodes   slab[Node]
	blocks  slab[Section]
	none    Section // of all statements without a block
	tokens  slab[Token]
	bodies  slab[*Node]
	stack   []frame
	pending []*Node
	// last is the statement that a following { belongs to.
	last *Node
	// doubt is the last block of the top level whose } stood deeper than its
	// keyword: it may have been meant for a block inside that lacks its {.
	doubt doubt
}

// doubt is a block that may have ended too early, and how many statements were
// pending when it did.
type doubt struct {
	node  *Node
	after int
}

func (b *builder) statement(words []Token, raw string) {
	n := &b.nodes.take(1)[0]
	n.Keyword, n.Raw, n.Section = words[0], raw, &b.none
	n.Args = b.tokens.take(len(words) - 1)
	copy(n.Args, words[1:])
	b.pending = append(b.pending, n)
	b.last = n
}

func (b *builder) open(at Span) {
	if b.last == nil || b.last.Block {
		b.report(finding(Error, Faulty, at, "this { opens nothing", "a keyword is missing before it", b.within()))
		b.stack = append(b.stack, frame{nil, len(b.pending)})
		return
	}
	b.last.Section = &b.blocks.take(1)[0]
	b.last.Block = true
	b.stack = append(b.stack, frame{b.last, len(b.pending)})
	b.last = nil
}

func (b *builder) close(at Span) {
	b.last = nil
	if len(b.stack) == 0 {
		b.surplus(at)
		return
	}
	top := b.stack[len(b.stack)-1]
	b.stack = b.stack[:len(b.stack)-1]
	b.finish(top, len(b.pending), at)
	if n := top.node; n != nil && len(b.stack) == 0 && at.Line > n.Keyword.Span.Line && at.Col > n.Keyword.Span.Col {
		b.doubt = doubt{n, len(b.pending)}
	}
}

// surplus speaks of a } that closes nothing. Where a block has ended in doubt,
// that is the place to look at, and what followed it belongs to it.
func (b *builder) surplus(at Span) {
	d := b.doubt
	b.doubt = doubt{}
	if d.node == nil || at.Col > d.node.Keyword.Span.Col || at.Origin != d.node.Close.Origin {
		b.report(finding(Error, Faulty, at, "this } closes nothing", "delete it, or look for a missing { above", ""))
		return
	}
	b.report(finding(Error, Faulty, d.node.Close, "this } ends "+d.node.Title(), "is a { missing above it? the } in line "+itoa(at.Line)+" closes nothing", ""))
	d.node.Body = append(d.node.Body, b.pending[d.after:]...)
	b.pending = b.pending[:d.after]
	d.node.Close = at
}

// finish gives a block the pending statements up to end.
func (b *builder) finish(f frame, end int, at Span) {
	if f.node == nil {
		return
	}
	f.node.Close = at
	f.node.Body = b.bodies.take(end - f.start)
	copy(f.node.Body, b.pending[f.start:end])
	b.pending = append(b.pending[:f.start], b.pending[end:]...)
}

// within names the innermost open block that has a name, or else the innermost.
func (b *builder) within() string {
	title := ""
	for i := len(b.stack) - 1; i >= 0; i-- {
		n := b.stack[i].node
		if n != nil && len(n.Args) > 0 {
			return n.Title()
		}
		if n != nil && title == "" {
			title = n.Title()
		}
	}
	return title
}

// end closes what is still open and returns the statements of the top level.
// Only one finding tells of it, at the block that most likely lacks its brace.
func (b *builder) end() []*Node {
	reported := false
	for len(b.stack) > 0 {
		f := b.stack[len(b.stack)-1]
		b.stack = b.stack[:len(b.stack)-1]
		if f.node == nil {
			continue
		}
		stop := b.strayed(f)
		if !reported && (stop < len(b.pending) || len(b.stack) == 0) {
			b.report(b.unclosed(f, stop))
			reported = true
			stop = b.rescue(f, stop)
		}
		b.finish(f, stop, Span{})
	}
	return b.pending
}

// strayed finds the first statement in an unclosed block that by its
// indentation stands beside the block and not in it.
func (b *builder) strayed(f frame) int {
	for i := f.start; i < len(b.pending); i++ {
		k := b.pending[i].Keyword.Span
		own := f.node.Keyword.Span
		if k.Origin == own.Origin && k.Line > own.Line && k.Col <= own.Col {
			return i
		}
	}
	return len(b.pending)
}

// unclosed speaks of a block that lacks its }: the one that is open at the end,
// or one inside it that has taken its }.
func (b *builder) unclosed(f frame, stop int) Diag {
	d := finding(Error, Faulty, f.node.Span(), "this block is not closed: a } is missing", "", "")
	if stop < len(b.pending) {
		d.Fix = "it should end before line " + itoa(b.pending[stop].Keyword.Span.Line)
	}
	for _, n := range b.pending[f.start:stop] {
		if n.Block && n.Close.Line > n.Keyword.Span.Line && n.Close.Col < n.Keyword.Span.Col {
			d.Span = n.Span()
			d.Fix = "the } in line " + itoa(n.Close.Line) + " stands where the block around it would end"
			break
		}
	}
	return d
}

// rescue takes out of the first block that has taken the } of the one around it
// the statements that by their indentation stand beside it, and answers where
// the block around it ends now.
func (b *builder) rescue(f frame, stop int) int {
	for i := f.start; i < stop; i++ {
		n := b.pending[i]
		out := slices.IndexFunc(n.Body, func(child *Node) bool {
			k, own := child.Keyword.Span, n.Keyword.Span
			return k.Origin == own.Origin && k.Line > own.Line && k.Col <= own.Col
		})
		if out >= 0 && n.Close.Col < n.Keyword.Span.Col {
			b.pending = slices.Insert(b.pending, i+1, n.Body[out:]...)
			stop += len(n.Body) - out
			n.Body = n.Body[:out]
			return stop
		}
	}
	return stop
}

// Title names a block as findings do: keyword, arguments and line.
func (n *Node) Title() string {
	var b strings.Builder
	b.WriteString(n.Keyword.Text)
	for _, a := range n.Args {
		b.WriteByte(' ')
		b.WriteString(a.Text)
	}
	b.WriteString(" (line ")
	b.WriteString(itoa(n.Keyword.Span.Line))
	b.WriteByte(')')
	return b.String()
}
