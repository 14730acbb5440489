package config

import (
	"iter"
	"slices"

	"holdfast/internal/conf"
)

// Entry is one keyword as people read of it: what `explain`, completion and the
// manual are made from.
type Entry struct {
	Block string // "vrrp_instance", "global_defs", "" for the top level
	// Word is in angle brackets where a line has something in a place of its own
	// and not behind a keyword: "<ADDR[/LEN]>".
	Word string
	Args string // as the manual writes them; empty for a flag
	// Range is what values are legal, with the unit and what happens to others.
	Range   string
	Default string
	// Meaning is one sentence.
	Meaning string
	// Instead is what to write in place of a deprecated spelling.
	Instead string
	// Opens names the block whose keywords may follow in braces.
	Opens string
	// Once: the first one in a block counts, a second is ignored.
	Once bool
	// Own: a word of holdfast, which keepalived does not know.
	Own bool
}

// keyword is one row of a keyword table: the only description of a keyword. The
// reader is driven by it.
type keyword[T any] struct {
	word string
	form form
	// def is a default written as it would be in a file; it is set through form
	// and set when a block begins. note says in words what else the default is.
	def, note string
	meaning   string
	// instead marks a deprecated spelling; quiet says that keepalived does not
	// speak of it.
	instead string
	quiet   bool
	// once: the first one wins, a second is a complaint.
	once bool
	// opens is the table of the block, or of the words of a line list, that the
	// keyword opens; set has it read.
	opens page
	set   func(*T, value)
	// own marks a word that keepalived does not know.
	own bool
}

// own are rows that keepalived does not know: all of a block of our own.
func own[T any](rows ...keyword[T]) []keyword[T] {
	for i := range rows {
		rows[i].own = true
	}
	return rows
}

// page is a table without its type, for those who only read about keywords.
type page interface {
	title() string
	entries() iter.Seq[Entry]
	words() iter.Seq[string]
}

// block is the table of one kind of block.
type block[T any] struct {
	name string
	rows []keyword[T]
	// index finds rows by word.
	index map[string]int
	// made makes the table when it is first read; nil: it is there.
	made func() *block[T]
}

// lazily is a table that is made when it is first read: most files use few.
func lazily[T any](name string, made func() *block[T]) *block[T] {
	return &block[T]{name: name, made: made}
}

// ready is the table with its rows.
func (t *block[T]) ready() *block[T] {
	if t.made != nil {
		*t = *t.made()
	}
	return t
}

// table lists the keywords of one kind of block.
func table[T any](name string, rows ...keyword[T]) *block[T] {
	t := &block[T]{name: name, rows: rows, index: make(map[string]int, len(rows))}
	for i := range rows {
		if rows[i].form.place {
			continue
		}
		if _, twice := t.index[rows[i].word]; twice {
			panic("config: " + rows[i].word + " stands twice in the table of " + name)
		}
		t.index[rows[i].word] = i
	}
	return t
}

// titled is the same table for a block of another name.
func (t *block[T]) titled(name string) *block[T] {
	return lazily(name, func() *block[T] { return table(name, slices.Clone(t.ready().rows)...) })
}

func (t *block[T]) title() string { return t.name }

func (t *block[T]) words() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range t.ready().rows {
			if !t.ready().rows[i].form.place && !yield(t.ready().rows[i].word) {
				return
			}
		}
	}
}

func (t *block[T]) entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := range t.ready().rows {
			if !yield(t.ready().rows[i].entry(t.name)) {
				return
			}
		}
	}
}

func (k *keyword[T]) entry(block string) Entry {
	e := Entry{Block: block, Word: k.word, Args: k.form.args, Range: k.form.limits, Default: k.def, Meaning: k.meaning, Instead: k.instead, Once: k.once, Own: k.own}
	if e.Default == "" {
		e.Default = k.note
	}
	if k.opens != nil {
		e.Opens = k.opens.title()
	}
	return e
}

// defaults sets every default that is written in the table.
func (t *block[T]) defaults(b *builder, to *T) {
	for i := range t.ready().rows {
		k := &t.ready().rows[i]
		if k.def == "" {
			continue
		}
		arg := conf.Token{Text: k.def}
		v, _, ok := k.form.read(b, call{word: conf.Token{Text: k.word}, args: []conf.Token{arg}, raw: k.def})
		if !ok {
			panic("config: the default of " + k.word + " is not legal")
		}
		k.set(to, v)
	}
}

// marks are the rows of a table that were read and taken.
type marks [4]uint64

func (m *marks) set(i int)      { m[i/64] |= 1 << (i % 64) }
func (m *marks) has(i int) bool { return m[i/64]&(1<<(i%64)) != 0 }

// read reads the statements of a block into to.
func (t *block[T]) read(b *builder, body []*conf.Node, to *T) { t.readOn(b, body, to, &marks{}) }

// readOn goes on with a block of which a part was read before.
func (t *block[T]) readOn(b *builder, body []*conf.Node, to *T, taken *marks) {
	for _, n := range body {
		i, known := t.ready().index[n.Keyword.Text]
		if !known {
			b.unknown(t, n)
			continue
		}
		k := &t.ready().rows[i]
		if k.once && taken.has(i) {
			b.rule("given-twice").complain(n.Span(), k.word+" is given twice; the first one counts", "delete it")
			continue
		}
		if t.statement(b, k, n, to) {
			taken.set(i)
		}
	}
}

// withBlock is what a block in place of an argument comes to: keepalived misses
// the argument first, and stops.
func (k *keyword[T]) withBlock(n *conf.Node) conf.Class {
	if len(n.Args) == 0 && k.form.args != "" && k.form.args[0] != '[' {
		return conf.Incomplete
	}
	return conf.Faulty
}

// statement reads one statement and reports whether it was taken.
func (t *block[T]) statement(b *builder, k *keyword[T], n *conf.Node, to *T) bool {
	if k.form.block && !n.Block {
		b.fail(n.Span(), k.word+" needs a block", "add { and }")
		return false
	}
	if !k.form.block && n.Block {
		b.report(conf.Diag{Severity: conf.Error, Class: k.withBlock(n), Span: n.Span(), Text: k.word + " has no block", Fix: "delete the braces"})
		return false
	}
	if k.own {
		defer b.foreign(n.Keyword)()
	}
	told := !k.form.raw && !k.form.block && b.judgeWords(n)
	v, used, ok := k.form.read(b, call{word: n.Keyword, args: n.Args, raw: n.Raw, node: n})
	if k.instead != "" {
		b.deprecated(n.Keyword, k.instead, k.quiet)
	}
	if !ok {
		return false
	}
	if used < len(n.Args) && !told {
		b.superfluous(n, used)
	}
	k.set(to, v)
	return true
}

// deprecated speaks of an old spelling.
func (b *builder) deprecated(word conf.Token, instead string, quiet bool) {
	say := b.complain
	if quiet {
		say = b.advise
	}
	say(word.Span, word.Text+" is an old spelling", "write "+instead)
}

// foreign tells, where that was asked for, of a word that keepalived does not know.
// Until the answer is called it tells of no other: what is in a block of our own is
// ours too.
func (b *builder) foreign(word conf.Token) (leave func()) {
	if !b.opt.Portable {
		return func() {}
	}
	b.opt.Portable = false
	b.rule("portable").complain(word.Span, word.Text+" is a word of holdfast's own: keepalived does not know it", "delete it where keepalived is to run the file")
	return func() { b.opt.Portable = true }
}

// superfluous speaks of words that keepalived passes over in silence.
func (b *builder) superfluous(n *conf.Node, used int) {
	at := n.Args[used].Span.To(n.Args[len(n.Args)-1].Span)
	b.advise(at, "what follows "+n.Keyword.Text+" here is ignored", "every keyword needs a line of its own")
}

// options reads words with their arguments from a line, as address lines and
// track lines have them. A bad value leaves its word without effect; a missing
// one drops the entry: then the answer is false.
func (t *block[T]) options(b *builder, words []conf.Token, to *T) bool {
	for len(words) > 0 {
		i, known := t.ready().index[words[0].Text]
		if !known {
			b.unknownWord(t, words[0])
			words = words[1:]
			continue
		}
		k := &t.ready().rows[i]
		if k.own {
			b.foreign(words[0])()
		}
		v, used, ok := k.form.read(b, call{word: words[0], args: words[1:], option: true})
		if !ok && used == 0 {
			return false
		}
		if ok {
			k.set(to, v)
		}
		words = words[1+used:]
	}
	return true
}
