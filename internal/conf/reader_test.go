package conf_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/conf"
)

// read parses files of which the first is main.conf and answers the tree as
// text and the findings, a line each.
func read(files conf.MemoryFiles) (tree, findings string) {
	t, diags := conf.Parse(files, "main.conf", conf.Options{
		ID:  "foo",
		Env: func(name string) (string, bool) { return map[string]string{"COLOUR": "red"}[name], name == "COLOUR" },
	})
	for _, d := range diags {
		findings += d.Line() + "\n"
	}
	return strings.TrimSpace(conf.Print(t)), findings
}

func TestText(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"CRLF ends lines", "virtual_router_id 7\r\nx\r\n", "virtual_router_id 7\nx"},
		{"blanks of every kind", "\t \f\vpriority\t 9 \v", "priority 9"},
		{"no newline at the end", "a 1\nb 2", "a 1\nb 2"},
		{"a comment in the middle of a word", "router_id a!b", "router_id a"},
		{"an escaped comment sign is plain", `smtp_helo_name \#a\!b # x`, `smtp_helo_name \#a\!b`},
		{"quotes protect comment signs", `router_id "r#x y"`, `router_id "r#x y"`},
		{"a comment sign from a parameter starts a comment", "router_id a${_HASH}b", "router_id a"},
		{"but not in quotes", `router_id "a${_HASH}b"`, `router_id "a#b"`},
		{"and not behind a backslash", `router_id a\${_HASH}b`, `router_id a\#b`},
		{"a backslash at the end sticks to the last word", "interface eth0 \\\npriority 1", "interface eth0\\\npriority 1"},
		{"non-ASCII text", "router_id knoten-ä", "router_id knoten-ä"},
		{"a quoted keyword", `"priority" 9`, "priority 9"},

		{"a block on one line", "track_script { x }", "track_script {\n    x\n}"},
		{"a brace on the next line", "a\n{\nb\n}", "a {\n    b\n}"},
		{"a brace glued to the word", "unicast_peer{\n1.1.1.1\n}", "unicast_peer {\n    1.1.1.1\n}"},
		{"an empty block", "a {}", "a {\n}"},
		{"a comment straight behind a brace", "a {#text\nb\n}", "a {\n    b\n}"},
		{"a word behind a brace belongs to the block", "vrrp_instance B { interface eth1\n}", "vrrp_instance B {\n    interface eth1\n}"},
		{"braces in quotes are text", `a "{ b }"`, `a "{ b }"`},
		{"a script with quotes behind backslashes", `script "/x \"a\" #b" root`, `script "/x \"a\" #b" root`},

		{"a condition that holds", "@foo a 1\n@bar a 2\n@^bar b 1\n@^foo b 2", "a 1\nb 1"},
		{"a condition without name drops the line", "@ a\n@^ b\nc", "c"},
		{"a condition before a brace", "a {\n@foo }\nb", "a {\n}\nb"},
		{"a definition of several lines that is left out", "@bar $Q=a\\\n b\\\n c\nd $Q", "d $Q"},
		{"a condition before a definition", "@^bar $Q=12\n@^foo $Q=13\nx $Q", "x 12"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, findings := read(conf.MemoryFiles{"main.conf": c.text})
			if got != c.want {
				t.Errorf("got\n%s\nwant\n%s\nfindings\n%s", got, c.want, findings)
			}
		})
	}
}

func TestParameters(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"braces", "$P=10.0.0\nx ${P}.1/24", "x 10.0.0.1/24"},
		{"without braces before a blank or the end", "$P=1\nx $P y $P", "x 1 y 1"},
		{"without braces before anything else", "$PFX=1\nx $PFX/24 a$PFX.b", "x $PFX/24 a$PFX.b"},
		{"before a comma and a parenthesis", "$P=1\nx ($P,$P)", "x (1,1)"},
		{"expansion happens at use", "$J=5\n$P=$J\n$J=6\nx $P", "x 6"},
		{"blanks behind = are skipped", "$P=   a b\nx $P", "x a b"},
		{"quotes are kept in the value", "$M=\"a b\" c\nx ${M}", `x "a b" c`},
		{"an empty value", "$E=\nx a${E}b", "x ab"},
		{"in keywords and names", "$K=prio\n${K}rity 7", "priority 7"},
		{"in quotes", "$K=a b\nx \"1 ${K} 2\"", `x "1 a b 2"`},
		{"the config id", "x ${_INSTANCE}", "x foo"},
		{"the directory", "x ${_PWD}", "x ."},
		{"the environment", "x ${_ENV COLOUR}y", "x redy"},
		{"an unset variable of the environment is empty", "x a${_ENV NO}b", "x ab"},
		{"a random number between equal bounds", "x ${_RANDOM 7 7}", "x 7"},
		{"several lines", "$B=a {\\\n b 1\\\n c \\ # comment\n}\n$B", "a {\n    b 1\n    c\n}"},
		{"several lines, the first empty", "$B=\\\n a 1\\\n b 2\nx\n${B}", "x\na 1\nb 2"},
		{"several lines behind a word", "$B={\\\n b\\\n}\na $B", "a {\n    b\n}"},
		{"several lines used with other values", "$V=i ${N} {\\\n p ${N}${N}\\\n}\n$N=1\n$V\n$N=2\n$V",
			"i 1 {\n    p 11\n}\ni 2 {\n    p 22\n}"},
		{"an undefined one stays a word", "x ${NO}\ny", "x ${NO}\ny"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, findings := read(conf.MemoryFiles{"main.conf": c.text})
			if got != c.want {
				t.Errorf("got\n%s\nwant\n%s\nfindings\n%s", got, c.want, findings)
			}
		})
	}
}

func TestRepetition(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"up to the end", "~SEQ(X,2) $X", "1\n2"},
		{"down to the end", "~SEQ(X,-2) $X", "-1\n-2"},
		{"from a start", "~SEQ(X,20,22) $X", "20\n21\n22"},
		{"with a step", "~SEQ(X,3,-2,1) $X", "3\n1"},
		{"octal and downwards", "~SEQ(X,9,010) $X", "9\n8"},
		{"hexadecimal", "~SEQx(X,9,11) $X", "9\na\nb"},
		{"a step that never gets there", "~SEQ(X,11,12,-1) $X\ny", "y"},
		{"nested, the first outermost", "~SEQ(X,2) ~SEQ(Y,2) ${X}${Y}", "11\n12\n21\n22"},
		{"with a parameter", "$N=2\n~SEQ(X,$N) a${X}", "a1\na2"},
		{"a list", "~LST(X,a,b) x$X", "x$X\nx$X"},
		{"a list of tuples", "~LST({X,Y},{1,2},{3}) h${X}${Y}", "h12\nh3"},
		{"a list with several lines", "$VI=vrrp_instance ${N} {\\\n virtual_router_id ${V}\\\n}\n~LST({N,V},{C,11},{D,12}) $VI",
			"vrrp_instance C {\n    virtual_router_id 11\n}\nvrrp_instance D {\n    virtual_router_id 12\n}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, findings := read(conf.MemoryFiles{"main.conf": c.text})
			want := strings.ReplaceAll(c.want, "x$X\nx$X", "xa\nxb")
			if got != want {
				t.Errorf("got\n%s\nwant\n%s\nfindings\n%s", got, want, findings)
			}
		})
	}
}

func TestInclude(t *testing.T) {
	for _, c := range []struct {
		name  string
		files conf.MemoryFiles
		want  string
	}{
		{"at any depth", conf.MemoryFiles{"main.conf": "a {\ninclude b\n}", "b": "c 1"}, "a {\n    c 1\n}"},
		{"behind a brace", conf.MemoryFiles{"main.conf": "a {\n} include b", "b": "c 1"}, "a {\n}\nc 1"},
		{"behind a condition", conf.MemoryFiles{"main.conf": "@foo include b\n@bar include b", "b": "c 1"}, "c 1"},
		{"with a parameter", conf.MemoryFiles{"main.conf": "$J=2\ninclude b${J}", "b2": "c 1"}, "c 1"},
		{"a pattern, sorted", conf.MemoryFiles{"main.conf": "include *.x", "b.x": "b", "a.x": "a"}, "a\nb"},
		{"alternatives", conf.MemoryFiles{"main.conf": "include {b,a}.x", "b.x": "b", "a.x": "a"}, "b\na"},
		{"relative to the file it stands in", conf.MemoryFiles{"main.conf": "include d/a", "d/a": "include b", "d/b": "c"}, "c"},
		{"definitions stay", conf.MemoryFiles{"main.conf": "include b\nx $P", "b": "$P=1"}, "x 1"},
		{"blanks belong to the name", conf.MemoryFiles{"main.conf": "include a.conf extra", "a.conf extra": "c"}, "c"},
		{"a repetition", conf.MemoryFiles{"main.conf": "~SEQ(I,2) include b${I}", "b1": "c", "b2": "d"}, "c\nd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, findings := read(c.files)
			if got != c.want || findings != "" {
				t.Errorf("got\n%s\nwant\n%s\nfindings\n%s", got, c.want, findings)
			}
		})
	}
}

// kinds are files of which some cannot be read.
type kinds struct {
	conf.MemoryFiles
	bad map[string]conf.Kind
}

func (k kinds) Read(path string) (string, conf.Kind, error) {
	if kind, bad := k.bad[path]; bad {
		return "", kind, nil
	}
	return k.MemoryFiles.Read(path)
}

// The table of config-language section 4: which include word makes which
// problem count, as exit status of keepalived's test; -1 says nothing at all.
func TestIncludeFaults(t *testing.T) {
	words := []string{"include", "includer", "includem", "includew", "includeb", "includea"}
	for _, c := range []struct {
		name, pattern string
		want          [6]int
	}{
		{"a directory", "dir", [6]int{0, 6, 6, 6, 6, 6}},
		{"an executable", "exec", [6]int{0, 6, 6, 6, 6, 6}},
		{"a plain name that is not there", "none", [6]int{0, 0, 6, 6, 0, 6}},
		{"a wildcard without match", "none*", [6]int{-1, -1, -1, 6, -1, 6}},
		{"one alternative without match", "{there,none}", [6]int{0, 0, 0, 0, 6, 6}},
	} {
		for i, word := range words {
			t.Run(word+" "+c.name, func(t *testing.T) {
				files := kinds{
					conf.MemoryFiles{"main.conf": word + " " + c.pattern, "there": "a"},
					map[string]conf.Kind{"dir": conf.Directory, "exec": conf.Executable},
				}
				_, diags := conf.Parse(files, "main.conf", conf.Options{})
				got := conf.ExitStatus(diags, false)
				if len(diags) == 0 {
					got = -1
				}
				if got != c.want[i] {
					t.Errorf("got %d, want %d: %v", got, c.want[i], diags)
				}
			})
		}
	}
}

func TestIncludeCheckChangesIncludeUpToTheEndOfTheFile(t *testing.T) {
	_, diags := conf.Parse(conf.MemoryFiles{
		"main.conf": "include a\ninclude gone1\nglobal_defs {\ninclude_check\n}\ninclude gone2",
		"a":         "global_defs {\ninclude_check read match\n}\ninclude gone3\n",
	}, "main.conf", conf.Options{})
	var got []string
	for _, d := range diags {
		got = append(got, d.Line())
	}
	want := []string{
		"a:4:1: error: there is no file gone3",
		"main.conf:2:1: complaint: there is no file gone1",
		"main.conf:6:1: error: there is no file gone2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMainFile(t *testing.T) {
	for _, c := range []struct {
		kind      conf.Kind
		allChecks bool
		exit      int
	}{
		{conf.Missing, false, 0}, {conf.Missing, true, 4}, {conf.Directory, false, 0}, {conf.Executable, false, 0},
	} {
		_, diags := conf.Parse(kinds{nil, map[string]conf.Kind{"main.conf": c.kind}}, "main.conf", conf.Options{})
		if len(diags) != 1 || diags[0].Severity != conf.Error || conf.ExitStatus(diags, c.allChecks) != c.exit {
			t.Errorf("kind %d: %v, exit %d", c.kind, diags, conf.ExitStatus(diags, c.allChecks))
		}
	}
}

func TestSeveralMainFilesAreReadInOrder(t *testing.T) {
	tree, diags := conf.Parse(conf.MemoryFiles{"b.conf": "b", "a.conf": "a"}, "*.conf", conf.Options{})
	if got := conf.Print(tree); got != "a\nb\n" || conf.ExitStatus(diags, false) != 5 {
		t.Errorf("tree %q, findings %v", got, diags)
	}
}

func TestAPathologicalTextEndsSoon(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		name  string
		files conf.MemoryFiles
		want  string
	}{
		{"a file that includes itself", conf.MemoryFiles{"main.conf": "include main.conf\ninclude main.conf"}, "includes itself"},
		{"a definition of itself", conf.MemoryFiles{"main.conf": "$X=$X\ny $X"}, "refers to itself"},
		{"a definition that grows", conf.MemoryFiles{"main.conf": "$X=a$X\ny $X"}, "refers to itself"},
		{"several lines of themselves", conf.MemoryFiles{"main.conf": "$X=a\\\n$X\n$X"}, "refers to itself"},
		{"many laughs", conf.MemoryFiles{"main.conf": "$A=a\\\na\\\na\\\na\n$B=$A\\\n$A\\\n$A\\\n$A\n$C=$B\\\n$B\\\n$B\\\n$B\n" +
			"$D=$C\\\n$C\\\n$C\\\n$C\n$E=$D\\\n$D\\\n$D\\\n$D\n$F=$E\\\n$E\\\n$E\\\n$E\n$G=$F\\\n$F\\\n$F\\\n$F\n" +
			"$H=$G\\\n$G\\\n$G\\\n$G\n$I=$H\\\n$H\\\n$H\\\n$H\n$J=$I\\\n$I\\\n$I\\\n$I\n$J\n$J\n$J\n"}, "more than 500000 lines"},
		{"ten million lines", conf.MemoryFiles{"main.conf": "~SEQ(X,10000000) a $X"}, "more than 500000 lines"},
		{"a line of a megabyte", conf.MemoryFiles{"main.conf": "a " + long}, "longer than 1023 bytes"},
		{"a line that grows beyond the buffer", conf.MemoryFiles{"main.conf": "$A=" + long[:1000] + "\nx $A $A"}, "longer than 1023 bytes"},
		{"a NUL byte", conf.MemoryFiles{"main.conf": "a\x00b"}, "NUL byte"},
		{"braces without end", conf.MemoryFiles{"main.conf": strings.Repeat("a {\n", 100000)}, "not closed"},
		{"braces without beginning", conf.MemoryFiles{"main.conf": strings.Repeat("}\n", 100000)}, "closes nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, findings := read(c.files)
			if !strings.Contains(findings, c.want) {
				t.Errorf("findings: %.500s", findings)
			}
		})
	}
}

func TestLinesAreFoundByTheirNumbers(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "# line %d\r\n", i+1)
	}
	tree, _ := conf.Parse(conf.MemoryFiles{"k.conf": text.String()}, "k.conf", conf.Options{})
	f := tree.Files[0]
	for _, n := range []int{1, 2, 63, 64, 65, 66, 128, 129, 999, 1000} {
		if got, want := f.Line(n), fmt.Sprintf("# line %d", n); got != want {
			t.Errorf("line %d is %q, want %q", n, got, want)
		}
	}
	for _, n := range []int{-1, 0, 1001, 1002, 100_000} {
		if got := f.Line(n); got != "" {
			t.Errorf("line %d is %q, want nothing", n, got)
		}
	}
}

// One mistake in what is read several times has one finding; two written ones have two.
func TestAMistakeThatIsRepeatedIsToldOnce(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       int
	}{
		{"a repetition", "~SEQ(I,1,3) a${I} b \"c\n", 1},
		{"a definition of several lines", "$B=\\\nx \"y\\\nz\na $B\nb $B\n", 1},
		{"two mistakes of a repetition", "$B=1\n~SEQ(I,1,3) a${I} $B/ \"c\n", 2},
		{"written twice", "a \"b\na \"b\n", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, diags := conf.Parse(conf.MemoryFiles{"k": tt.text}, "k", conf.Options{})
			if len(diags) != tt.want {
				t.Errorf("%d findings, want %d: %v", len(diags), tt.want, diags)
			}
		})
	}
}
