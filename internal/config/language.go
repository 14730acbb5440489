package config

import (
	"iter"
	"slices"
)

// language is the page of what may stand on any line: words of the language
// itself, which package conf reads before a keyword is looked at.
type language struct{}

func (language) title() string { return "(anywhere)" }

// words are none: nothing of the language is a keyword of a block.
func (language) words() iter.Seq[string] { return func(func(string) bool) {} }

func (l language) entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for _, e := range slices.Concat(l.includes(), l.lines(), l.parameters()) {
			e.Block = l.title()
			if !yield(e) {
				return
			}
		}
	}
}

func (language) includes() []Entry {
	const glob = "a file name with * ? [ ] and {a,b}, relative to the file it stands in; it goes to the end of the line"
	return []Entry{
		{Word: "include", Args: "PATTERN", Range: glob,
			Meaning: "Reads the files that match, in sorted order, in place of the line; directories and executable files are passed over, and problems are logged only, unless include_check says otherwise."},
		{Word: "includer", Args: "PATTERN", Range: glob,
			Meaning: "Like include; a match that is a directory, executable or unreadable is an error."},
		{Word: "includem", Args: "PATTERN", Range: glob,
			Meaning: "Like includer; a name without wildcards that is not there is an error too."},
		{Word: "includew", Args: "PATTERN", Range: glob,
			Meaning: "Like includem; a wildcard that matches nothing is an error too."},
		{Word: "includeb", Args: "PATTERN", Range: glob,
			Meaning: "Like includer; an alternative in braces that matches nothing is an error too."},
		{Word: "includea", Args: "PATTERN", Range: glob,
			Meaning: "Like include; every problem that one of the other forms checks is an error."},
	}
}

func (language) lines() []Entry {
	const id = "the config id: option -i, or the host name up to its first dot; compared exactly"
	const numbers = "decimal, 0x hexadecimal or 0 octal; END is reached only if the steps hit it"
	return []Entry{
		{Word: "@ID", Args: "TEXT", Range: id,
			Meaning: "Reads the rest of the line only where ID is the config id; otherwise the line is gone, with its braces, definitions and includes."},
		{Word: "@^ID", Args: "TEXT", Range: id,
			Meaning: "Reads the rest of the line only where ID is not the config id."},
		{Word: "$NAME=", Args: "VALUE", Range: "letters, digits and _, no digit first; no blank before the =",
			Meaning: "Defines a parameter, which stands for its value from here on as ${NAME} anywhere, or as $NAME before a blank, a comma, a closing parenthesis or the end of the line; a backslash at the end goes on with the next line."},
		{Word: "~SEQ", Args: "(NAME, [START, [STEP,]] END) TEXT", Range: numbers, Default: "START 1, STEP 1; to an END below START in steps of -1",
			Meaning: "Reads the rest of the line once per number, which the parameter NAME stands for."},
		{Word: "~SEQx", Args: "(NAME, [START, [STEP,]] END) TEXT", Range: numbers, Default: "START 1, STEP 1",
			Meaning: "Like ~SEQ, with the numbers written in hexadecimal, without 0x."},
		{Word: "~LST", Args: "(NAME, VALUE, ...) TEXT or ({NAME,NAME}, {VALUE,VALUE}, ...) TEXT", Range: "values without blanks, commas, ) and }; missing ones are empty",
			Meaning: "Reads the rest of the line once per value, or per tuple of values, which the parameters stand for."},
	}
}

func (language) parameters() []Entry {
	return []Entry{
		{Word: "${_PWD}", Meaning: "Stands for the directory of the file that is being read."},
		{Word: "${_INSTANCE}", Default: "the host name up to its first dot", Meaning: "Stands for the config id (option -i); the keyword instance does not change it."},
		{Word: "${_RANDOM}", Args: "[MIN [MAX]] inside the braces", Range: "digits only; MAX not below MIN", Default: "0 and 32767",
			Meaning: "Stands for a random number, a new one at each use; what random_seed says changes nothing."},
		{Word: "${_ENV}", Args: "VARIABLE inside the braces", Range: "one name", Default: "empty, where there is no such variable", Meaning: "Stands for the value of an environment variable of the daemon."},
		{Word: "${_HASH}", Meaning: "Stands for #; where it is not in quotes or behind a backslash it begins a comment like one that was written."},
		{Word: "${_BANG}", Meaning: "Stands for !; where it is not in quotes or behind a backslash it begins a comment like one that was written."},
	}
}
