package config

import (
	"fmt"

	"holdfast/internal/conf"
	"holdfast/internal/tracker"
)

// File is one track_file. The integer at the beginning of its content is its value.
type File struct {
	Name string
	Path string
	// Weight is what the value is multiplied by where a track gives no weight,
	// -254..254; with 0 a value other than 0 is a fault. Reverse negates it.
	Weight  int
	Reverse bool
	// Init says whether the file is written at the start, InitValue with what.
	Init      FileInit
	InitValue int
}

// FileInit says when a track_file is written at the start of the daemon.
type FileInit uint8

// The choices: never, when it is not there, whatever is there.
const (
	InitNever FileInit = iota
	InitMissing
	InitAlways
)

// String is the word as a file has it; empty for never.
func (f FileInit) String() string {
	return [...]string{"", "init_file", "init_file overwrite"}[f]
}

// fileDraft is a track_file while it is read.
type fileDraft struct {
	File
	b *builder
	definition
}

func fileTable() *block[fileDraft] {
	type row = keyword[fileDraft]
	return table("track_file",
		row{word: "file", form: loose(text("PATH")), once: true, note: "required",
			meaning: "The file that is watched; its first integer is the value, and a file that is missing or says no number has 0.",
			set:     func(f *fileDraft, v value) { f.Path = v.text }},
		row{word: "weight", form: loose(weight(between(-254, 254))), once: true, def: "1",
			meaning: "What the value is multiplied by where the track gives no weight; with 0, any value but 0 means FAULT.",
			set: func(f *fileDraft, v value) {
				f.setWeight(v)
				f.Weight, f.Reverse = v.n, f.reverse
			}},
		row{word: "init_file", form: words("[VALUE] [overwrite]"), note: "off; VALUE 0",
			meaning: "The file is written at the start, with overwrite even when it is there already; never by a reload or a test.",
			set:     (*fileDraft).initially},
	)
}

// initially reads what is written at the start.
func (f *fileDraft) initially(v value) {
	f.Init, f.InitValue = InitMissing, 0
	for _, w := range v.words {
		if w.Text == "overwrite" {
			f.Init = InitAlways
			continue
		}
		c := call{word: conf.Token{Text: "init_file", Span: v.at}}
		n, ok := f.b.number(c, w, between(-1<<31, 1<<31-1))
		if !ok {
			continue
		}
		f.InitValue = int(n)
		if n < -254 || n > 254 {
			f.b.complain(w.Span, fmt.Sprintf("init_file %d: no weight makes sense of so large a value", n), "write a value of -254..254")
		}
	}
}

func (b *builder) readFile(v value) {
	name, ok := b.trackerName(v)
	if !ok {
		return
	}
	d := &fileDraft{b: b}
	d.Name, d.node = name, v.node
	b.enter(v.node)
	defer b.leave()
	b.voc.file.defaults(b, d)
	b.voc.file.read(b, v.node.Body, d)
	if d.Path == "" {
		b.complain(v.node.Span(), fmt.Sprintf("%s %s names no file and is left out", v.node.Keyword.Text, name), "write file PATH")
		return
	}
	d.index = len(b.cfg.Files)
	b.cfg.Files = append(b.cfg.Files, d.File)
	b.define(tracker.File, name, &d.definition)
}
