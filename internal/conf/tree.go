package conf

import (
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
	// indent is the column in which the line of the keyword begins.
	indent uint16
}

// builder makes the tree from statements and braces.
type builder struct {
	report  func(Diag)
	stop    func() // ends the reading
	nodes   slab[Node]
	blocks  slab[Section]
	none    Section // of all statements without a block
	tokens  slab[Token]
	bodies  slab[*Node]
	stack   []frame
	pending []*Node
	// last is the statement that a following { belongs to.
	last *Node
	// opened says that the last thing was a {.
	opened bool
	// indent is the column in which the line that is read begins, and begun that
	// in which the line of last did.
	indent, begun uint16
	mends         mending
	// mismatched counts the findings about braces.
	mismatched int
	// reached is the last line in which something stood.
	reached    Span
	statements int
}

// Limits of what a text may hold. A file of 5,000 virtual servers with 20 real
// servers each has 600,000 statements, three blocks deep.
const (
	statementsLimit = 2_000_000
	blocksLimit     = 100
)

func (b *builder) statement(words []Token, raw string) {
	if b.statements++; b.statements > statementsLimit {
		b.report(finding(Error, Faulty, words[0].Span, "more than 2000000 statements; what follows is not read", "", ""))
		b.stop()
		return
	}
	n := &b.nodes.take(1)[0]
	n.Keyword, n.Raw, n.Section = words[0], raw, &b.none
	n.Args = b.tokens.take(len(words) - 1)
	copy(n.Args, words[1:])
	if b.mends != asWritten {
		b.expect(n)
	}
	b.pending = append(b.pending, n)
	b.last, b.begun, b.opened = n, b.indent, false
}

func (b *builder) open(at Span) {
	if len(b.stack) >= blocksLimit {
		b.report(finding(Error, Faulty, at, "blocks lie more than 100 deep in one another; what follows is not read", "is a } missing above?", ""))
		b.stop()
		return
	}
	if b.last == nil || b.last.Block {
		b.mismatch(at, "this { opens nothing", "a keyword is missing before it")
		if b.mends == asWritten || !b.opened { // else it was written twice
			b.stack = append(b.stack, frame{start: len(b.pending)})
		}
		return
	}
	b.last.Section = &b.blocks.take(1)[0]
	b.last.Block = true
	b.stack = append(b.stack, frame{b.last, len(b.pending), b.begun})
	b.last, b.opened = nil, true
}

func (b *builder) close(at Span) {
	b.last, b.opened = nil, false
	if b.mends != asWritten && b.misplaced(at) {
		return
	}
	b.reached = at
	if len(b.stack) == 0 {
		b.mismatch(at, "this } closes nothing", "delete it, or look for a missing { above")
		return
	}
	b.pop(at)
}

// pop ends the innermost block.
func (b *builder) pop(at Span) {
	top := b.stack[len(b.stack)-1]
	b.stack = b.stack[:len(b.stack)-1]
	b.finish(top, at)
}

// mismatch speaks of braces.
func (b *builder) mismatch(at Span, text, fix string) {
	b.mismatched++
	b.report(finding(Error, Faulty, at, text, fix, b.within()))
}

// end closes what is still open and returns the statements of the top level.
// Only one finding tells of it, unless the indentation says which blocks they are.
func (b *builder) end() []*Node {
	if b.mends != asWritten {
		for len(b.stack) > 0 {
			b.unclosed()
		}
		return b.pending
	}
	outermost := b.stack
	for len(b.stack) > 0 {
		b.pop(Span{})
	}
	if len(outermost) > 0 && outermost[0].node != nil {
		b.mismatch(outermost[0].node.Span(), "this block is not closed: a } is missing", "add }")
	}
	return b.pending
}

// finish gives a block the statements that are pending.
func (b *builder) finish(f frame, at Span) {
	if f.node == nil {
		return
	}
	f.node.Close = at
	f.node.Body = b.bodies.take(len(b.pending) - f.start)
	copy(f.node.Body, b.pending[f.start:])
	b.pending = b.pending[:f.start]
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
