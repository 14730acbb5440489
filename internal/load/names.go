package load

import (
	"cmp"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// nameTables looks names up in the tables of iproute2: the file of a kind in the one
// directory or else in the other, and what FILE.d of both adds. A table is read when
// it is first asked for.
type nameTables struct {
	etc, usr string
	tables   map[string]map[string]uint32
}

// newNameTables knows the directories that a configuration names, or else those of
// iproute2, whose own tables are below /usr in newer versions.
func newNameTables(tree *conf.Tree) *nameTables {
	etc, usr := config.NameDirs(tree)
	if usr == "" {
		usr = "/usr/share/iproute2"
		if _, err := os.Stat(usr); err != nil {
			usr = "/usr/lib/iproute2"
		}
	}
	return &nameTables{cmp.Or(etc, "/etc/iproute2"), usr, map[string]map[string]uint32{}}
}

// lookup answers the number of a name.
func (n *nameTables) lookup(kind, name string) (uint32, bool) {
	table, read := n.tables[kind]
	if !read {
		table = n.read(kind)
		n.tables[kind] = table
	}
	number, known := table[name]
	return number, known
}

func (n *nameTables) read(kind string) map[string]uint32 {
	table := map[string]uint32{}
	if !addNames(table, filepath.Join(n.etc, kind)) {
		addNames(table, filepath.Join(n.usr, kind))
	}
	mine, _ := filepath.Glob(filepath.Join(n.etc, kind+".d", "*.conf"))
	theirs, _ := filepath.Glob(filepath.Join(n.usr, kind+".d", "*.conf"))
	replaced := map[string]bool{}
	for _, file := range mine {
		replaced[filepath.Base(file)] = true
	}
	for _, file := range theirs {
		if !replaced[filepath.Base(file)] {
			addNames(table, file)
		}
	}
	for _, file := range mine {
		addNames(table, file)
	}
	return table
}

// addNames reads lines of a number and a name. It answers false for a file that
// cannot be read.
func addNames(table map[string]uint32, file string) bool {
	text, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		if number, err := strconv.ParseUint(words[0], 0, 32); err == nil {
			table[words[1]] = uint32(number)
		}
	}
	return true
}
