package manual

import (
	"encoding/json"
	"slices"
	"strings"

	"holdfast/internal/config"
)

// Answer is what the book says about a word.
type Answer struct {
	Query string
	// Entries are the keywords of that name, in the order of the book.
	Entries []config.Entry
	// Blocks are those that are called so, or that the keywords open.
	Blocks []*Block
	Rules  []Rule
	// Former says what became of a word that is no longer one.
	Former string
	// Near are words like it, when there is none of that name.
	Near []string
}

// Found reports whether the book knows the word.
func (a *Answer) Found() bool {
	return len(a.Entries)+len(a.Blocks)+len(a.Rules) > 0 || a.Former != ""
}

// Explain looks a word up: a keyword, alone or behind the end of its block's
// path, a block, or the name of a rule.
func (b *Book) Explain(query string) *Answer {
	a := &Answer{Query: query}
	for i := range b.Blocks {
		block := &b.Blocks[i]
		for _, e := range block.Entries {
			if names(block.Name+"/"+e.Word, query) || strings.Trim(e.Word, "$@^={}~") == query {
				a.Entries = append(a.Entries, e)
				a.open(b.block(e.Opens))
			}
		}
		if names(block.Name, query) {
			a.open(block)
		}
	}
	for _, r := range b.Rules {
		if r.Name == query {
			a.Rules = append(a.Rules, r)
		}
	}
	a.Former, _ = config.Former(query)
	if !a.Found() {
		a.Near = b.near(query)
	}
	return a
}

// names reports whether a path ends with a query, at a name.
func names(path, query string) bool {
	return query != "" && (path == query || strings.HasSuffix(path, "/"+query))
}

func (a *Answer) open(block *Block) {
	if block != nil && !slices.Contains(a.Blocks, block) {
		a.Blocks = append(a.Blocks, block)
	}
}

// nearLimit bounds the words that are offered.
const nearLimit = 20

// near lists words that were perhaps meant: misspelt ones, else those that hold
// what was asked for.
func (b *Book) near(query string) []string {
	word := query[strings.LastIndexByte(query, '/')+1:]
	words := b.Words()
	out := config.Near(word, words)
	for _, w := range words {
		if len(word) > 2 && strings.Contains(strings.ToLower(w), strings.ToLower(word)) && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out[:min(len(out), nearLimit)]
}

// Words lists what can be explained: keywords, the names of blocks and of rules,
// sorted.
func (b *Book) Words() []string {
	var out []string
	for _, block := range b.Blocks {
		for _, e := range block.Entries {
			out = append(out, e.Word)
		}
	}
	for _, r := range b.Rules {
		out = append(out, r.Name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Complete lists the words, and paths of words, that begin with a prefix; behind
// those of holdfast's own, after a tab, shells show that they are.
func (b *Book) Complete(prefix string) []string {
	var out []string
	paths := strings.Contains(prefix, "/")
	own := b.own(paths)
	for _, w := range b.completions(paths) {
		switch {
		case !strings.HasPrefix(w, prefix) || strings.ContainsAny(w, "<>(){}$~@^ "):
		case own[w]:
			out = append(out, w+"\tholdfast's own")
		default:
			out = append(out, w)
		}
	}
	return out
}

// own are the words, or paths of words, that keepalived knows nowhere.
func (b *Book) own(paths bool) map[string]bool {
	own := map[string]bool{}
	for _, block := range b.Blocks {
		for _, e := range block.Entries {
			word := e.Word
			if paths {
				word = block.Name + "/" + word
			}
			before, known := own[word]
			own[word] = e.Own && (before || !known)
		}
	}
	return own
}

func (b *Book) completions(paths bool) []string {
	if !paths {
		return b.Words()
	}
	var out []string
	for _, block := range b.Blocks {
		out = append(out, block.Name)
		for _, e := range block.Entries {
			out = append(out, block.Name+"/"+e.Word)
		}
	}
	return out
}

// homes are entries that say the same, each in its block.
type homes struct {
	config.Entry
	blocks []string
}

// grouped puts entries together that differ by nothing but their block.
func grouped(entries []config.Entry) []homes {
	var out []homes
	for _, e := range entries {
		home := e.Block
		e.Block = ""
		i := slices.IndexFunc(out, func(h homes) bool {
			h.Opens = e.Opens // blocks of the same words
			return h.Entry == e
		})
		if i < 0 {
			i = len(out)
			out = append(out, homes{Entry: e})
		}
		out[i].blocks = append(out[i].blocks, home)
	}
	return out
}

// Text is the answer for people, in lines of at most width columns.
func (a *Answer) Text(width int) string {
	w := &writer{width: width}
	for _, h := range grouped(a.Entries) {
		w.entry(h)
	}
	w.blocks(a.Blocks)
	for _, r := range a.Rules {
		w.rule(r)
	}
	if a.Former != "" {
		w.line("", a.Query+" is a word of older versions or of forks: "+a.Former)
	}
	return w.text.String()
}

// writer puts paragraphs on a screen.
type writer struct {
	text  strings.Builder
	width int
}

// line writes a paragraph; all its lines begin with the indentation.
func (w *writer) line(indent, text string) {
	w.hang(indent, indent, text)
}

// hang writes a paragraph whose first line begins otherwise than the others.
func (w *writer) hang(first, rest, text string) {
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			w.text.WriteString(first)
			column = len(first)
		case column+1+len(word) > w.width:
			w.text.WriteString("\n" + rest)
			column = len(rest)
		default:
			w.text.WriteByte(' ')
			column++
		}
		w.text.WriteString(word)
		column += len(word)
	}
	w.text.WriteByte('\n')
}

// gap parts one answer from the next.
func (w *writer) gap() {
	if w.text.Len() > 0 {
		w.text.WriteByte('\n')
	}
}

func (w *writer) entry(h homes) {
	w.gap()
	w.line("", Usage(h.Entry))
	places := make([]string, len(h.blocks))
	for i, b := range h.blocks {
		places[i] = strings.TrimPrefix(place(b), "in ")
	}
	w.line("  ", place(h.blocks[0])[:len(place(h.blocks[0]))-len(places[0])]+strings.Join(places, ", "))
	w.text.WriteByte('\n')
	w.line("  ", h.Meaning)
	for _, n := range notes(h.Entry) {
		w.hang("  "+n[0]+": ", "    ", n[1])
	}
}

// blocks lists the words of blocks, together where they are the same.
func (w *writer) blocks(blocks []*Block) {
	var lists, titles []string
	for _, b := range blocks {
		list := strings.Join(b.words(), " ")
		i := slices.Index(lists, list)
		if i < 0 {
			lists, titles = append(lists, list), append(titles, "Words "+b.Place())
			continue
		}
		titles[i] += ", " + strings.TrimPrefix(b.Place(), "in ")
	}
	for i, list := range lists {
		w.gap()
		w.line("", titles[i]+":")
		w.line("  ", list)
	}
}

// words are those that may begin a line of the block.
func (b *Block) words() []string {
	out := make([]string, len(b.Entries))
	for i, e := range b.Entries {
		out[i] = strings.ReplaceAll(e.Word, " ", "_")
	}
	return out
}

func (w *writer) rule(r Rule) {
	w.gap()
	w.line("", r.Name+": "+r.kind())
	w.text.WriteByte('\n')
	w.line("  ", r.Why)
	w.line("  ", r.Do)
	w.hang("  to acknowledge it: ", "    ", "# holdfast: accept "+r.Name)
}

// keywordJSON is one keyword for programs; fields are only ever added.
type keywordJSON struct {
	Block     string `json:"block"`
	Word      string `json:"word"`
	Arguments string `json:"arguments,omitempty"`
	Values    string `json:"values,omitempty"`
	Default   string `json:"default,omitempty"`
	Meaning   string `json:"meaning"`
	Instead   string `json:"instead,omitempty"`
	Opens     string `json:"opens,omitempty"`
	Once      bool   `json:"once,omitempty"`
	Own       bool   `json:"own,omitempty"`
}

type ruleJSON struct {
	Name     string `json:"name"`
	Severity string `json:"severity"`
	Nodes    bool   `json:"nodes,omitempty"`
	Why      string `json:"why"`
	Do       string `json:"do"`
}

type blockJSON struct {
	Name  string   `json:"name"`
	Words []string `json:"words"`
}

type answerJSON struct {
	Query    string        `json:"query"`
	Keywords []keywordJSON `json:"keywords"`
	Blocks   []blockJSON   `json:"blocks"`
	Rules    []ruleJSON    `json:"rules"`
	Former   string        `json:"former,omitempty"`
	Near     []string      `json:"near,omitempty"`
}

// JSON is the answer for programs.
func (a *Answer) JSON() []byte {
	out := answerJSON{Query: a.Query, Keywords: []keywordJSON{}, Blocks: []blockJSON{}, Rules: []ruleJSON{}, Former: a.Former, Near: a.Near}
	for _, e := range a.Entries {
		out.Keywords = append(out.Keywords, keywordJSON{e.Block, e.Word, e.Args, e.Range, e.Default, e.Meaning, e.Instead, e.Opens, e.Once, e.Own})
	}
	for _, b := range a.Blocks {
		block := blockJSON{Name: b.Name}
		for _, e := range b.Entries {
			block.Words = append(block.Words, e.Word)
		}
		out.Blocks = append(out.Blocks, block)
	}
	for _, r := range a.Rules {
		out.Rules = append(out.Rules, ruleJSON{r.Name, r.Severity.String(), r.Nodes, r.Why, r.Do})
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		panic("manual: " + err.Error())
	}
	return append(text, '\n')
}
