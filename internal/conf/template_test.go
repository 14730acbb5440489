package conf_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/conf"
)

// places are the marks of a template, as LINE:COLUMN-END.
func places(text string) (out []string) {
	tree, _ := conf.Parse(conf.MemoryFiles{"a": text}, "a", conf.Options{ID: "foo"})
	for _, p := range tree.Template.Places {
		out = append(out, fmt.Sprintf("%d:%d-%d", p.Line, p.Col, p.End))
	}
	return out
}

func TestMarksOfTemplates(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"braces", "priority {{ PRIO }}\nx {{y}}", []string{"1:10-20", "2:3-8"}},
		{"what a webhook fills in", "  template \"{{.Name}} is <x>\"\ntemplates {{x}}", []string{"2:11-16"}},
		{"statements", "{% if x %}\na\n{% endif %}", []string{"1:1-11", "3:1-12"}},
		{"brackets", "interface <IF>\nx <your address>/24", []string{"1:11-15", "2:3-17"}},
		{"percent", "interface %IF%", []string{"1:11-15"}},
		{"at", "interface @IF@\nx @prefix@/bin", []string{"1:11-15", "2:3-11"}},
		{"underscores", "interface __IF__", []string{"1:11-17"}},
		{"hashes", "interface #IF#", []string{"1:11-15"}},
		{"parameters of nobody", "interface ${IF}\n10.0.0.1 dev ${IF}", []string{"1:11-16", "2:14-19"}},
		{"in quotes", `router_id "{{ name }}"` + "\n" + `x "<NAME>"`, []string{"1:12-22", "2:4-10"}},
		{"one within another", "x {{ __A__ }}", []string{"1:3-14"}},

		{"in comments", "# {{ a }} <b> %CC% @dd@ __E__ ${F}\nx 1 # {{ a }}", nil},
		{"a parameter where others are defined", "$A=1\ninterface ${IF}", nil},
		{"a parameter of a shell", `script "/bin/sh -c 'echo ${X}'"`, nil},
		{"a format of another program", `script "/usr/bin/docker inspect -f '{{.State.Running}}' web"`, nil},
		{"another format", `script "/usr/bin/docker ps --format '{{json .Names}}'"`, nil},
		{"a date", `script "/x +%H%M%S %Y%m%d"`, nil},
		{"HTML", `script "/bin/grep <title>OK</title>"`, nil},
		{"mail", "notification_email_from <root@example.org>\nx a@b.c d@e.f", nil},
		{"a redirection", `script "/bin/cat </run/flag >/dev/null"`, nil},
		{"a flag file", `script "</run/flag"`, nil},
		{"a condition", "@foo x\n@^bar y", nil},
		{"words with signs", "router_id a__b__c\nx a@b@c", nil},
		{"a comment behind a word", "x 1 #NAME#2", nil},
		{"a line of hashes", "#####\n#HEAD#\nx", nil},
		{"braces that are blocks", "a { b { c } }", nil},
		{"a list of tuples", "~LST({A,B},{1,2}) x ${A}", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, places(c.text)); diff != "" {
				t.Errorf("places (-want +got):\n%s", diff)
			}
		})
	}
}

// What the marks would cause is not told beside them, and the rest is.
func TestATemplateHasOneFinding(t *testing.T) {
	text := "vrrp_instance A {\n interface {{ iface }}\n @ x\n virtual_ipaddress {\n  {{ vip }} dev {{ iface }}\n }\n}\nx ${Y}\n"
	tree, diags := conf.Parse(conf.MemoryFiles{"a": text}, "a", conf.Options{})
	if got := conf.Print(tree); got != "vrrp_instance A {\n    interface {{ iface }}\n    virtual_ipaddress {\n        \"{{ vip }}\" dev {{ iface }}\n    }\n}\nx ${Y}\n" {
		t.Errorf("tree\n%s", got)
	}
	if len(diags) != 1 || diags[0].Span.Line != 3 {
		t.Errorf("findings %v", diags)
	}
	d, found := tree.Template.Finding()
	if want := "a:2:12: error: this is a template: fill in 4 places"; !found || d.Line() != want {
		t.Errorf("got %s", d)
	}
	if d.Class != conf.Faulty {
		t.Errorf("class %d", d.Class)
	}
}
