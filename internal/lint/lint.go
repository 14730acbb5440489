// Package lint finds what is legal in a configuration and causes outages or
// surprises. It looks at one file and needs no machine; what keepalived itself
// complains of is found by package config.
package lint

import (
	"slices"
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// Check returns what the rules find, as they come. cfg is what became of the
// tree; elsewhere are the names of rules that are checked elsewhere and can be
// acknowledged too.
func Check(tree *conf.Tree, cfg *config.Config, elsewhere ...string) []conf.Diag {
	if len(tree.Template.Places) > 0 {
		return nil // it is no configuration yet
	}
	l := newLinter(cfg)
	for _, n := range tree.Nodes { // they concern what stands above them, too
		if n.Keyword.Text == "global_defs" {
			l.node = n
			l.globals(n)
		}
	}
	for _, n := range tree.Nodes {
		l.top(n)
	}
	l.finish()
	l.accepted(tree, elsewhere)
	if len(tree.Nodes) == 0 && len(tree.Files) > 0 {
		l.report("empty-file", conf.Span{Origin: &conf.Origin{File: tree.Files[0]}}, "nothing is configured: keepalived starts, does nothing and reports success",
			"write at least one vrrp_instance or virtual_server")
		l.diags[len(l.diags)-1].Turn = conf.Consequence
	}
	return l.diags
}

// linter is one run of all rules.
type linter struct {
	cfg   *config.Config
	rules map[string]Rule
	diags []conf.Diag
	node  *conf.Node // the block that is looked at

	instances map[string]*config.Instance
	tracked   map[string]bool        // scripts that somebody tracks
	vips      map[string]bool        // addresses of all instances, without length
	vrids     map[int]bool           // in use
	first     map[vridKey]*conf.Node // the first instance with a VRID
	sessions  []*conf.Node           // of BFD
	followed  map[string]bool        // those that somebody follows

	userless conf.Span    // the first command without a user of its own
	security *conf.Node   // enable_script_security
	user     bool         // script_user is given
	virtual  []*conf.Node // services by address
}

func newLinter(cfg *config.Config) *linter {
	l := &linter{
		cfg: cfg, rules: map[string]Rule{}, instances: map[string]*config.Instance{}, tracked: map[string]bool{},
		vips: map[string]bool{}, vrids: map[int]bool{}, first: map[vridKey]*conf.Node{},
		followed: map[string]bool{},
	}
	for _, r := range Rules() {
		l.rules[r.Name] = r
	}
	if cfg == nil {
		l.cfg = &config.Config{}
	}
	for i := range l.cfg.Scripts {
		l.tracked[l.cfg.Scripts[i].Name] = true
	}
	for i := range l.cfg.Instances {
		in := &l.cfg.Instances[i]
		l.instances[in.VRRP.Name] = in
		l.vrids[int(in.VRRP.VRID)] = true
		for _, a := range in.Addrs {
			l.vips[a.Prefix.Addr().String()] = true
		}
	}
	return l
}

// top looks at one block of the top level.
func (l *linter) top(n *conf.Node) {
	l.node = n
	switch n.Keyword.Text {
	case "vrrp_instance":
		l.instance(n)
	case "vrrp_sync_group":
		l.group(n)
	case "vrrp_script":
		l.script(n)
	case "vrrp_track_process", "vrrp_track_file", "track_file":
		l.watched(n)
	case "bfd_instance":
		if len(n.Args) > 0 {
			l.sessions = append(l.sessions, n)
		}
	case "virtual_server":
		l.virtualServer(n)
	}
}

// finish says what can be said only when all blocks were seen.
func (l *linter) finish() {
	l.node = nil
	l.noDefaultUser()
	l.unfollowed()
	l.withoutVIP()
}

// report speaks under a rule, in its severity.
func (l *linter) report(rule string, at conf.Span, text, fix string) {
	r, known := l.rules[rule]
	if !known {
		panic("lint: no rule " + rule)
	}
	d := conf.Diag{Severity: r.Severity, Span: at, Text: text, Fix: fix, Rule: rule}
	if l.node != nil && len(l.node.Body) > 0 {
		d.Block = l.node.Title()
	}
	l.diags = append(l.diags, d)
}

// accepted speaks of comments that accept what is no rule.
func (l *linter) accepted(tree *conf.Tree, elsewhere []string) {
	l.node = nil
	for _, a := range tree.Accepted {
		for _, name := range a.Rules {
			if _, known := l.rules[name.Text]; !known && !slices.Contains(elsewhere, name.Text) {
				l.report("unknown-rule", name.Span, "there is no rule "+name.Text+"; nothing is acknowledged by it", "the names stand in brackets behind the findings")
			}
		}
	}
}

// child finds the last statement of a block with one of the keywords: where a
// keyword stands twice, the last one counts in most cases.
func child(n *conf.Node, words ...string) *conf.Node {
	var found *conf.Node
	for _, c := range n.Body {
		for _, w := range words {
			if c.Keyword.Text == w {
				found = c
			}
		}
	}
	return found
}

// arg is the first argument, or "".
func arg(n *conf.Node) string {
	if n == nil || len(n.Args) == 0 {
		return ""
	}
	return n.Args[0].Text
}

// base is the last element of a path.
func base(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
