package load

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"holdfast/internal/conf"
)

// tables writes the tables of two directories and answers a configuration that
// names them.
func tables(t *testing.T, files map[string]string) *conf.Tree {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text := fmt.Sprintf("global_defs {\niproute_etc_dir %s/etc\niproute_usr_dir %s/usr\n}\n", dir, dir)
	tree, _ := conf.Parse(conf.MemoryFiles{"a.conf": text}, "a.conf", conf.Options{})
	return tree
}

func TestNamesOfIproute2(t *testing.T) {
	tree := tables(t, map[string]string{
		"etc/rt_tables":               "# reserved\n0x64\tred\n 101 green # a comment\nnonsense blue\n200\n",
		"usr/rt_tables":               "300 hidden\n",
		"usr/rt_tables.d/more.conf":   "400 more\n",
		"usr/rt_tables.d/same.conf":   "500 theirs\n",
		"etc/rt_tables.d/same.conf":   "501 mine\n",
		"etc/rt_tables.d/red.conf":    "102 red\n",
		"etc/rt_tables.d/README":      "600 readme\n",
		"usr/rt_dsfield":              "0x28 AF11\n",
		"etc/rt_dsfield.d/local.conf": "0x04 low\n",
	})
	n := newNameTables(tree)
	for _, c := range []struct{ what, kind, name, want string }{
		{"a name in etc", "rt_tables", "green", "101 true"},
		{"a file of the directory beside it counts more", "rt_tables", "red", "102 true"},
		{"a line that is none is passed over", "rt_tables", "blue", "0 false"},
		{"etc replaces usr", "rt_tables", "hidden", "0 false"},
		{"the directory in usr adds to it", "rt_tables", "more", "400 true"},
		{"a file of the same name in etc replaces it", "rt_tables", "theirs", "0 false"},
		{"and is read", "rt_tables", "mine", "501 true"},
		{"other files are not", "rt_tables", "readme", "0 false"},
		{"usr serves where etc has no file", "rt_dsfield", "AF11", "40 true"},
		{"with the directory in etc", "rt_dsfield", "low", "4 true"},
		{"a kind without file", "rt_realms", "cosmos", "0 false"},
	} {
		number, known := n.lookup(c.kind, c.name)
		if got := fmt.Sprint(number, known); got != c.want {
			t.Errorf("%s: got %s, want %s", c.what, got, c.want)
		}
	}
}

// A configuration that names tables of its own is read with them.
func TestConfigurationsUseTheNames(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "keepalived.conf")
	text := fmt.Sprintf("static_routes {\n10.9.0.0/16 dev eth0 table red\n}\nglobal_defs {\niproute_etc_dir %s\n}\n", dir)
	for name, text := range map[string]string{file: text, filepath.Join(dir, "rt_tables"): "77 red\n"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := Read(Options{File: file})
	if len(r.Config.StaticRoutes) != 1 || r.Config.StaticRoutes[0].Table != 77 {
		t.Errorf("got %v, %v", r.Config.StaticRoutes, r.Findings)
	}
}
