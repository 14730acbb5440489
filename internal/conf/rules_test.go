package conf_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/conf"
)

// rule is one row of the specification of the language: what a text becomes and
// what is said of it.
type rule struct {
	name     string
	text     string
	tree     string
	findings string
}

func (c rule) check(t *testing.T, files conf.MemoryFiles) {
	t.Helper()
	if files == nil {
		files = conf.MemoryFiles{}
	}
	files["main.conf"] = c.text
	tree, findings := read(files)
	if diff := cmp.Diff(c.tree, tree); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(c.findings, strings.TrimSuffix(findings, "\n")); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// Section 1 of the specification: from bytes to logical lines.
func TestRulesOfLines(t *testing.T) {
	long := strings.Repeat("x", 1021)
	for _, c := range []rule{
		{"rule 1.1: a line of 1023 bytes is taken", "a " + long, "a " + long, ""},
		{"rule 1.1: a longer one is left out", "a x" + long + "\nb", "b",
			"main.conf:1:1: complaint: the line is longer than 1023 bytes and is left out"},
		{"rule 1.2: a line with a NUL byte is left out", "a\nb\x00c\nd\x00\ne", "a\ne",
			"main.conf:2:2: complaint: a NUL byte: every line that holds one is left out"},
		{"rule 1.3: CR before LF is no part of the line", "virtual_router_id 7\r\nx {\r\n}\r\n", "virtual_router_id 7\nx {\n}", ""},
		{"rule 1.4: blanks of six kinds, and before a line", "\t \f\vpriority\t 9 \v", "priority 9", ""},
		{"rule 1.5: # and ! start a comment within a word", "router_id a!b\nx c#d", "router_id a\nx c",
			"main.conf:1:11: advice: the word ends before the !, which begins a comment\nmain.conf:2:3: advice: the word ends before the #, which begins a comment"},
		{"rule 1.6: not behind a backslash", `smtp_helo_name \#a\!b # x`, `smtp_helo_name \#a\!b`, ""},
		{"rule 1.7: not in quotes", `router_id "r#x y"`, `router_id "r#x y"`, ""},
		{"rule 1.8: a comment sign from a parameter starts one", "router_id a${_HASH}b\nx c${_BANG}d", "router_id a\nx c", ""},
		{"rule 1.8: not in quotes", `router_id "a${_HASH}b"`, `router_id "a#b"`, ""},
		{"rule 1.8: not behind a backslash", `router_id a\${_HASH}b`, `router_id a\#b`, ""},
		{"rule 1.8: a brace in such a comment is gone", "a b${_HASH}c {\n}", "a b", "main.conf:2:1: error: this } closes nothing"},
		{"rule 1.9: the rest of a line is lost from an odd quote on", "router_id \"x y\nb", "router_id \"x y\nb",
			"main.conf:1:11: complaint: the quote is not closed; the rest of the line is lost"},
		{"rule 1.9: a backslash does not hide a quote", `a "b\" c"`, `a "b\" c"`,
			"main.conf:1:9: complaint: the quote is not closed; the rest of the line is lost"},
		{"rule 1.10: a backslash at the end sticks to the last word", "interface eth0 \\\npriority 1", "interface eth0\\\npriority 1",
			"main.conf:1:16: advice: a backslash continues a line only in a definition; here it becomes part of the word before it"},
		{"rule 1.10: also where a comment follows it", "a b \\ # c\nd", "a b\\\nd",
			"main.conf:1:5: advice: a backslash continues a line only in a definition; here it becomes part of the word before it"},
		{"rule 1.10: alone it is a word", "\\\nb", "\\\nb",
			"main.conf:1:1: advice: a backslash continues a line only in a definition; here it becomes part of the word before it"},
		{"section 1: ; is a word", "a ; b;", "a ; b;", ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, nil) })
	}
}

// Section 2: words. Tokens are shown by their number, since quotes are gone.
func TestRulesOfWords(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"quotes make one word", `a "b c" d`, []string{"a", "b c", "d"}},
		{"quotes do not glue", `ab"c d"e`, []string{"ab", "c d", "e"}},
		{"a keyword may be quoted", `"priority" 9`, []string{"priority", "9"}},
		{"a name may be quoted", `vrrp_instance "A B" {}`, []string{"vrrp_instance", "A B"}},
		{"there are no escapes in quotes", `a "b\" c "d"`, []string{"a", `b\`, "c", "d"}},
		{"single quotes are letters", `a 'b c'`, []string{"a", "'b", "c'"}},
		{"an empty word", `a ""`, []string{"a", ""}},
		{"braces in quotes are letters", `a "{b}"`, []string{"a", "{b}"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree, _ := conf.Parse(conf.MemoryFiles{"a": c.text}, "a", conf.Options{})
			if diff := cmp.Diff(c.want, shapes(tree.Nodes)[0].Words); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What the keywords that split a line on their own are given: all that follows
// the keyword, quotes and backslashes kept.
func TestRulesOfScripts(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"quotes of both kinds and glue", `script 'a b'"c d"e root`, `'a b'"c d"e root`},
		{"backslashes", `script "/x/n.sh 'b c' #h d\x41 \103 \"zz\""`, `"/x/n.sh 'b c' #h d\x41 \103 \"zz\""`},
		{"an unclosed quote", `script "/x y`, `"/x y`},
		{"up to the brace", `script /x { y`, `/x`},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree, _ := conf.Parse(conf.MemoryFiles{"a": c.text}, "a", conf.Options{})
			if got := tree.Nodes[0].Raw; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Section 3, the part that needs no keyword: braces.
func TestRulesOfBlocks(t *testing.T) {
	for _, c := range []rule{
		{"on one line", "virtual_ipaddress { 10.0.0.5/24 }", "virtual_ipaddress {\n    10.0.0.5/24\n}", ""},
		{"{ on a line of its own", "a\n{\nb\n}", "a {\n    b\n}", ""},
		{"{ after blank lines and comments", "a\n\n# x\n{\nb\n}", "a {\n    b\n}", ""},
		{"what follows { belongs to the block", "vrrp_instance B { interface eth1\n}", "vrrp_instance B {\n    interface eth1\n}", ""},
		{"glued braces", "unicast_peer{1.1.1.1}b", "unicast_peer {\n    1.1.1.1\n}\nb", ""},
		{"a comment straight after {", "a {#b\nc }", "a {\n    c\n}", ""},
		{"an empty block", "a {}", "a {\n}", ""},
		{"a surplus }", "a\n}\nb", "a\nb", "main.conf:2:1: error: this } closes nothing"},
		{"a { that opens nothing", "{\na\n}", "a", "main.conf:1:1: error: this { opens nothing"},
		{"a missing }", "a {\n b", "a {\n    b\n}", "main.conf:1:1: error: this block is not closed: a } is missing"},
		{`a { behind \"`, `a "b \"{c}\""`, "a \"b \\\" {\n    c\n}\n\\ \"\"",
			`main.conf:1:8: error: \" ends quoted text, so this { is outside of it and begins a block`},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, nil) })
	}
}

// Section 4: include.
func TestRulesOfInclude(t *testing.T) {
	files := func() conf.MemoryFiles {
		return conf.MemoryFiles{"b": "c 1", "b2": "c 2", "d/x": "include y", "d/y": "c ${_PWD}", "b e": "blank", "z": "$P=9\n{ }"}
	}
	for _, c := range []rule{
		{"in a value list", "v {\n1.1.1.1\ninclude b\n}", "v {\n    1.1.1.1\n    c 1\n}", ""},
		{"behind }", "a {\n} include b", "a {\n}\nc 1", ""},
		{"behind {", "a { include b\n}", "a {\n    c 1\n}", ""},
		{"up to the end of the line", "include b e", "blank", ""},
		{"blanks around the name do not count", "include \t b \t", "c 1", ""},
		{"a comment ends the name", "include b # x", "c 1", ""},
		{"a pattern of each kind", "include b[2-3]\ninclude ?\ninclude {b2,b}", "c 2\nc 1\nc 2\nc 1",
			"main.conf:2:1: error: z:2:1"},
		{"relative to the file it stands in", "include d/x", "c d", ""},
		{"a parameter in the name", "$J=2\ninclude b${J}", "c 2", ""},
		{"behind a condition", "@foo include b\n@bar include b2", "c 1", ""},
		{"quotes belong to the name", `include "b"`, "", `main.conf:1:1: complaint: there is no file "b"`},
		{"without a name", "include\nb", "b", "main.conf:1:1: complaint: include without the name of a file is ignored"},
		{"blocks may begin in one file and end in another", "x\ninclude z\ny $P", "x {\n}\ny 9", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := files()
			if c.name == "a pattern of each kind" {
				delete(f, "z")
				c.findings = ""
			}
			c.check(t, f)
		})
	}
}

// Section 4: include_check.
func TestRulesOfIncludeCheck(t *testing.T) {
	for _, c := range []struct {
		name, words, include string
		exit                 int
	}{
		{"nothing is checked", "x", "none", 0},
		{"without words everything is", "include_check", "none", 6},
		{"read", "include_check read", "dir", 6},
		{"read is not match", "include_check read", "none", 0},
		{"match", "include_check match", "none", 6},
		{"wildcard_match", "include_check wildcard_match", "none*", 6},
		{"brace_match", "include_check brace_match", "{b,none}", 6},
		{"two words", "include_check read match", "none", 6},
		{"taken away", "include_check\ninclude_check -match", "none", 0},
		{"added", "include_check read\ninclude_check +match", "none", 6},
		{"a new list replaces", "include_check match\ninclude_check read", "none", 0},
		{"the word of the manual is unknown", "include_check readable", "dir", 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := kinds{conf.MemoryFiles{"main.conf": c.words + "\ninclude " + c.include, "b": ""}, map[string]conf.Kind{"dir": conf.Directory}}
			_, diags := conf.Parse(files, "main.conf", conf.Options{})
			if got := conf.ExitStatus(diags, false); got != c.exit {
				t.Errorf("exit %d, want %d: %v", got, c.exit, diags)
			}
		})
	}
}

// Section 5: conditional lines. The id is foo.
func TestRulesOfConditions(t *testing.T) {
	never := "advice: a condition without a name never holds: the line is left out"
	for _, c := range []rule{
		{"the id", "@foo a\n@bar b", "a", ""},
		{"any other id", "@^foo a\n@^bar b", "b", ""},
		{"case matters", "@FOO a", "", ""},
		{"the whole id", "@fo a\n@foox b", "", ""},
		{"@ and a blank", "@ a {\nb", "b", "main.conf:1:1: " + never},
		{"@^ and a blank", "@^ a {\nb", "b", "main.conf:1:1: " + never},
		{"before a brace", "a {\n@foo }\n@bar }\nb", "a {\n}\nb", ""},
		{"before a block", "@foo global_defs {\n}", "global_defs {\n}", ""},
		{"before a definition", "@foo $P=240\na $P", "a 240", ""},
		{"the example", "@^bar $Q=12\n@^foo $Q=13\na $Q", "a 12", ""},
		{"one for each line", "@foo @foo a", "\"@foo\" a", ""},
		{"glued to another", "@foo@bar a", "", ""},
		{"with nothing behind it", "@foo", "", ""},
		{"before a repetition", "@foo ~SEQ(X,2) a $X\n@bar ~SEQ(X,2) b $X", "a 1\na 2", ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, nil) })
	}
}

// Section 6: parameters.
func TestRulesOfParameters(t *testing.T) {
	for _, c := range []rule{
		{"a blank before = makes a keyword", "$K = 9", "\"$K\" = 9", ""},
		{"a name begins with a letter", "$1=3", "\"$1=3\"", ""},
		{"blanks before the definition", "  $K=9\na $K", "a 9", ""},
		{"blanks behind =", "$K=  9\na $K", "a 9", ""},
		{"quotes are kept", "$M=\"a b\" c\nd x_${M}", `d x_"a b" c`, ""},
		{"a comment ends the value", "$M=a # b\nd $M", "d a", ""},
		{"an empty value", "$E=\nd a${E}b", "d ab", ""},
		{"again", "$E=1\n$E=2\nd $E", "d 2", ""},
		{"a predefined name", "$_INSTANCE=2\nd ${_INSTANCE}", "d 2", ""},
		{"in a block", "a {\n$E=1\n}\nd $E", "a {\n}\nd 1", ""},
		{"expansion at use", "$P=$J\n$J=6\nd $P", "d 6", ""},
		{"of itself", "$X=$X\nd $X\ne", "e", "main.conf:2:3: error: the definition of $X refers to itself"},
		{"of itself in braces", "$X=a${X}\nd ${X}\ne", "e", "main.conf:2:3: error: the definition of $X refers to itself"},
		{"of each other", "$X=$Y\n$Y=$X\nd $X\ne", "e", "main.conf:3:3: error: the definition of $Y refers to itself"},

		{"several lines", "$B=v {\\\n 10.0.0.5/24\\\n ~SEQ(I,2) 10.0.0.10${I}\\\n}\n$B", "v {\n    10.0.0.5/24\n    10.0.0.101\n    10.0.0.102\n}", ""},
		{"a comment behind the backslash", "$B=a\\ # x\nb\n$B", "a\nb", ""},
		{"a blank line ends it", "$B=a\\\n\nb\n$B", "b\na", ""},
		{"the first line empty", "$B=\\\na\\\nb\nc\n$B", "c\na\nb", ""},
		{"behind words", "$B={\\\n a\\\n}\nx $B", "x {\n    a\n}", ""},
		{"not at the end of a line", "$B=a\\\nb\nx $B c", "x $B c",
			"main.conf:3:3: complaint: $B has several lines and is replaced only at the end of a line; here it stays as it is"},
		{"with references of both kinds", "$C=c\\\nd\n$B=a ${N}\\\n$C\n$N=7\n$B", "a 7\nc\nd", ""},

		{"$NAME before what ends it", "$P=1\nx $P ($P,$P) $P", "x 1 (1,1) 1", ""},
		{"$NAME before anything else stays", "$PFX=1\nx $PFX/24", "x $PFX/24",
			`main.conf:2:3: advice: $PFX stays as it is, because "/" follows it`},
		{"$NAME in a word stays", "$PFX=1\nx a$PFX.b", "x a$PFX.b", `main.conf:2:4: advice: $PFX stays as it is, because "." follows it`},
		{"$NAME before a quote stays", "$P=1\nx \"$P\"", `x "$P"`, `main.conf:2:4: advice: $P stays as it is, because "\"" follows it`},
		{"$NAME before a brace stays", "$P=1\nx $P{}", "x $P {\n}", `main.conf:2:3: advice: $P stays as it is, because "{" follows it`},
		{"a $ that names nothing is a letter", "$P=1\nauth_pass a$b$", "auth_pass a$b$", ""},
		{"${NAME} anywhere", "$P=1\n${P}a b${P}c \"d${P}\" /e/${P}", `1a b1c "d1" /e/1`, ""},
		{"an undefined $NAME stays", "x $NO", "x $NO", "main.conf:1:3: advice: $NO is not defined and stays as it is"},
		{"an undefined ${NAME} stays", "$P=1\nx ${NO}\ny", "x ${NO}\ny",
			"main.conf:2:3: complaint: ${NO} is not defined and stays as it is; keepalived takes its braces for a block"},
		{"an undefined one in quotes is for others", "x \"${NO}\"", "x \"${NO}\"", ""},
		{"a result beyond the buffer", "$A=" + strings.Repeat("x", 600) + "\ny $A $A\nz", "z",
			"main.conf:2:1: complaint: the line is longer than 1023 bytes once its parameters are replaced, and is left out"},

		{"the directory", "x ${_PWD}", "x .", ""},
		{"the config id", "x ${_INSTANCE}", "x foo", ""},
		{"the environment", "x ${_ENV COLOUR}", "x red", ""},
		{"the environment, unset", "x a${_ENV NO}b", "x ab", ""},
		{"the environment, no name", "x ${_ENV}", "x ${_ENV}", "main.conf:1:3: complaint: _ENV takes the name of one environment variable"},
		{"the environment, two names", "x ${_ENV A B}", "x ${_ENV A B}", "main.conf:1:3: complaint: _ENV takes the name of one environment variable"},
		{"random between equal bounds", "x ${_RANDOM 7 7}", "x 7", ""},
		{"random with bounds the wrong way round", "x ${_RANDOM 9 7}", "x ${_RANDOM 9 7}", "main.conf:1:3: complaint: the bounds of _RANDOM are the wrong way round"},
		{"random of words", "x ${_RANDOM a}", "x ${_RANDOM a}", "main.conf:1:3: complaint: _RANDOM takes at most two numbers"},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, nil) })
	}
}

// Each use of _RANDOM is a new number, within its bounds, and the seed decides.
func TestRandomNumbers(t *testing.T) {
	text := "~SEQ(I,200) x ${_RANDOM} ${_RANDOM 32000} ${_RANDOM 5 9}"
	read := func(seed uint64) string {
		tree, diags := conf.Parse(conf.MemoryFiles{"a": text}, "a", conf.Options{Seed: seed})
		if len(diags) > 0 {
			t.Fatal(diags)
		}
		seen := map[string]bool{}
		for _, n := range tree.Nodes {
			seen[n.Args[0].Text] = true
			bounds := [][2]string{{"0", "32767"}, {"32000", "32767"}, {"5", "9"}}
			for i, a := range n.Args {
				if number(a.Text) < number(bounds[i][0]) || number(a.Text) > number(bounds[i][1]) {
					t.Errorf("%s is not within %v", a.Text, bounds[i])
				}
			}
		}
		if len(seen) < 150 {
			t.Errorf("only %d different numbers of 200", len(seen))
		}
		return conf.Print(tree)
	}
	if read(1) != read(1) || read(1) == read(2) {
		t.Error("the numbers do not follow from the seed")
	}
}

func number(s string) (n int) {
	for _, c := range s {
		n = 10*n + int(c-'0')
	}
	return n
}

// Section 7: repetition.
func TestRulesOfRepetition(t *testing.T) {
	for _, c := range []rule{
		{"up", "~SEQ(X,2) $X", "1\n2", ""},
		{"down", "~SEQ(X,-2) $X", "-1\n-2", ""},
		{"to zero", "~SEQ(X,0) $X", "1\n0", ""},
		{"from and to", "~SEQ(X,20,22) $X", "20\n21\n22", ""},
		{"from and to, down", "~SEQ(X,3,1) $X", "3\n2\n1", ""},
		{"a step", "~SEQ(X,3,-2,1) $X", "3\n1", ""},
		{"a step beyond the end", "~SEQ(X,1,3,8) $X", "1\n4\n7", ""},
		{"octal", "~SEQ(X,9,010) $X", "9\n8", ""},
		{"hexadecimal", "~SEQ(X,0x10,0x11) $X", "16\n17", ""},
		{"printed in hexadecimal", "~SEQx(X,9,11) $X", "9\na\nb", ""},
		{"blanks", "~SEQ ( X , 2 ) $X", "1\n2", ""},
		{"a step the wrong way", "~SEQ(X,11,12,-1) $X\ny", "y", "main.conf:1:1: complaint: ~SEQ: the step never reaches the end; the line is left out"},
		{"a step of nothing", "~SEQ(X,1,0,5) $X\ny", "y", "main.conf:1:1: complaint: ~SEQ: the step never reaches the end; the line is left out"},
		{"no number", "~SEQ(X,a) $X\ny", "y", `main.conf:1:1: complaint: ~SEQ: "a" is not a number; the line is left out`},
		{"no numbers", "~SEQ(X) $X\ny", "y", `main.conf:1:1: complaint: ~SEQ: one to three numbers follow the name; the line is left out`},
		{"four numbers", "~SEQ(X,1,2,3,4) $X\ny", "y", `main.conf:1:1: complaint: ~SEQ: at most three numbers follow the name; the line is left out`},
		{"no parenthesis", "~SEQ(X,2 $X\ny", "y", "main.conf:1:1: complaint: ~SEQ has no closing parenthesis; the line is left out"},
		{"negative hexadecimal", "~SEQx(X,-2) $X\ny", "y", "main.conf:1:1: complaint: ~SEQx has no negative numbers; the line is left out"},
		{"another word", "~FOO(X,2) y", "\"~FOO(X,2)\" y", ""},
		{"not at the beginning", "$X=5\na ~SEQ(X,2) b $X", "a ~SEQ(X,2) b 5", ""},
		{"nested, the first outermost", "~SEQ(X,2) ~SEQ(Y,2) ${X}${Y}", "11\n12\n21\n22", ""},
		{"parameters as arguments", "$N=2\n~SEQ(X,$N) a${X}", "a1\na2", ""},
		{"the variable is a parameter like any other", "~SEQ(X,2) a\nb $X", "a\na\nb 2", ""},
		{"a definition", "~SEQ(X,2) $P=$X\nb $P", "b 2", ""},

		{"a list", "~LST(X,a,b) x $X", "x a\nx b", ""},
		{"a list with an empty value", "~LST(X,a,,b) x${X}.", "xa.\nx.\nxb.", ""},
		{"a list of tuples", "~LST({X,Y},{1,2},{3}) h${X}${Y}", "h12\nh3", ""},
		{"a list of tuples, one without braces", "~LST({X,Y},1,{3}) h${X}_${Y}", "h1_\nh3_", ""},
		{"a list with blanks", "~LST( X , a , b ) x $X", "x a\nx b", ""},
		{"too many values", "~LST({X,Y},{1,2,3}) h\ny", "y", "main.conf:1:1: complaint: ~LST has more values than names; the line is left out"},
		{"no values", "~LST(X) h\ny", "y", "main.conf:1:1: complaint: ~LST takes a name, or names in braces, and values; the line is left out"},
		{"a block for each value", "$VI=vrrp_instance ${N} {\\\n virtual_router_id ${V}\\\n}\n~LST({N,V},{C,11},{D,12}) $VI",
			"vrrp_instance C {\n    virtual_router_id 11\n}\nvrrp_instance D {\n    virtual_router_id 12\n}", ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, nil) })
	}
}
