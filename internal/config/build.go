package config

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/notify"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// Options is what a configuration may depend on beside its text.
type Options struct {
	// HostName is the default of router_id.
	HostName string
	// Names looks a name up in the tables of iproute2: kind is the name of the
	// file, rt_tables, rt_scopes, rt_protos, rt_realms, rt_dsfield or group. Nil
	// knows what iproute2 comes with.
	Names func(kind, name string) (number uint32, known bool)
	// Portable tells of each word that keepalived does not know.
	Portable bool
}

// builder makes a Config from a tree. It lives for one Build.
type builder struct {
	opt      Options
	voc      *vocabulary
	cfg      *Config
	diags    []conf.Diag
	template *conf.Template
	within   []*conf.Node
	strings  map[string]string
	commands map[string]*notify.Command

	globals  globals
	defined  [tracker.Check + 1]map[string]*definition
	groups   []groupDraft
	names    map[string]*conf.Node // of instances
	index    map[string]int        // of instances in cfg, by name
	grouped  map[string]*conf.Node // sync groups by name
	sessions map[string]*conf.Node // of bfd_instance, by name
	paths    map[path][]int        // sessions in cfg

	trackGroups   map[string]*conf.Node
	groupsTracked []trackGroupDraft
	grouping      map[string]*conf.Node // the garp_group of an interface
	linkbeatAt    map[string]int        // of interfaces in cfg
	delayAt       map[string]int
	keys          map[vrrp.Key]*conf.Node
	facts         []facts               // one per instance of cfg
	devices       map[string]*conf.Node // that instances make, by name
	stations      map[station]*conf.Node
	parents       map[string]parent
	inUse         conf.Span
	anyUse        bool
	filtered      conf.Span // the first instance that strict mode would shield
	// sections: it was said that the file is of another kind, with headings and lines
	// outside of blocks.
	sections bool
	// following: what is reported follows from the rest of a block.
	following bool

	// hooks are the webhooks of Config, hooked where they are named.
	hooks  []*conf.Node
	hooked []conf.Token

	// Used again from block to block.
	instance instance
	address  addressDraft
	aRoute   routeDraft
	aRule    ruleDraft
	words    []conf.Token
	lvs      lvs
	seen     map[netip.Addr]bool
	// nextPreference is what the next rule without a preference gets less than
	// 16384, by family.
	nextPreference [2]uint32
}

// Build types a tree: every default filled in, every contradiction settled. The
// Config is complete whatever was found; whether to run it is for the caller to
// decide by the severities. The findings are in the order of their places.
func Build(tree *conf.Tree, opt Options) (*Config, []conf.Diag) {
	b := &builder{
		opt: opt, voc: newVocabulary(), cfg: &Config{},
		strings: map[string]string{}, commands: map[string]*notify.Command{},
		names: map[string]*conf.Node{}, linkbeatAt: map[string]int{}, delayAt: map[string]int{},
		grouped: map[string]*conf.Node{}, keys: map[vrrp.Key]*conf.Node{},
		index: map[string]int{}, seen: map[netip.Addr]bool{}, template: &tree.Template,
		lvs: newLVS(),
	}
	b.reserve(tree)
	b.readGlobals(tree)
	b.readServerGroups(tree)
	b.voc.root.read(b, tree.Nodes, b)
	b.finishGroups()
	b.finishServerGroups()
	b.finishTrackers()
	b.finishTrackGroups()
	b.finishHooks()
	b.checkSyncDaemon()
	b.finishGlobals()
	b.judgeOrder(tree.Nodes)
	b.finishTemplate(tree.Nodes)
	return b.cfg, conf.Sort(b.diags)
}

// reserve makes room for all instances and virtual servers at once: they are the
// bulk of large files.
func (b *builder) reserve(tree *conf.Tree) {
	instances, servers := 0, 0
	for _, node := range tree.Nodes {
		switch node.Keyword.Text {
		case "vrrp_instance":
			instances++
		case "virtual_server":
			servers++
		}
	}
	if servers > 0 {
		b.cfg.VirtualServers = make([]VirtualServer, 0, servers)
	}
	if instances == 0 {
		return
	}
	b.cfg.Instances, b.facts = make([]Instance, 0, instances), make([]facts, 0, instances)
	b.names, b.index = make(map[string]*conf.Node, instances), make(map[string]int, instances)
	b.keys = make(map[vrrp.Key]*conf.Node, instances)
}

// ExitStatus is what keepalived's configuration test (-t) answers for findings
// (conf.ExitStatus also knows its option -e). Scripts that are on this machine
// and run without script security raise it to 6; that is not seen from here.
func ExitStatus(diags []conf.Diag) int { return conf.ExitStatus(diags, false) }

// keep returns a string that does not hold the source text in memory. Equal
// strings are one.
func (b *builder) keep(s string) string {
	if s == "" {
		return ""
	}
	if k, found := b.strings[s]; found {
		return k
	}
	k := strings.Clone(s)
	b.strings[k] = k
	return k
}

// enter and leave say which block is being read.
func (b *builder) enter(n *conf.Node) { b.within = append(b.within, n) }
func (b *builder) leave()             { b.within = b.within[:len(b.within)-1] }

// diagsLimit bounds the findings of one Build; nobody reads more. Errors are
// counted apart: they decide whether the configuration can run.
const diagsLimit = 1000

// full reports whether no further complaint is told.
func (b *builder) full() bool { return len(b.diags) > diagsLimit }

func (b *builder) report(d conf.Diag) {
	if b.full() && (d.Severity != conf.Error || len(b.diags) > 2*diagsLimit) {
		return
	}
	if len(b.diags) == diagsLimit && d.Severity != conf.Error {
		d = conf.Diag{Severity: d.Severity, Class: d.Class, Span: d.Span, Text: "too many findings; more are not told"}
	}
	d.Block = b.where()
	d.Turn = max(d.Turn, b.turn(d))
	b.diags = append(b.diags, d)
}

// turn tells findings about this version from findings about the file: the exit
// status of keepalived's test is none of theirs.
func (b *builder) turn(d conf.Diag) conf.Turn {
	switch {
	case d.Severity == conf.Error && d.Class == conf.Unclassed:
		return conf.Ours
	case b.following:
		return conf.Consequence
	}
	return conf.Cause
}

// where names the innermost block that has a name, or else the innermost.
func (b *builder) where() string {
	if len(b.within) == 0 {
		return ""
	}
	for _, n := range slices.Backward(b.within) {
		if len(n.Args) > 0 {
			return n.Title()
		}
	}
	return b.within[len(b.within)-1].Title()
}

// fail reports what keepalived cannot run.
func (b *builder) fail(at conf.Span, text, fix string) {
	b.report(conf.Diag{Severity: conf.Error, Class: conf.Faulty, Span: at, Text: text, Fix: fix})
}

// complain reports what keepalived says something about, drops or changes.
func (b *builder) complain(at conf.Span, text, fix string) {
	b.report(conf.Diag{Severity: conf.Complaint, Class: conf.Faulty, Span: at, Text: text, Fix: fix})
}

// notRun reports what keepalived runs and this version cannot.
func (b *builder) notRun(at conf.Span, what, fix string) {
	b.report(conf.Diag{Severity: conf.Error, Span: at, Text: what + " is not done by this version of holdfast yet", Fix: fix})
}

// rule is a check with a name: what it finds can be acknowledged in the file.
// Package lint lists the names.
type rule struct {
	b    *builder
	name string
}

func (b *builder) rule(name string) rule { return rule{b, name} }

// complain and advise are those of the builder, under the name.
func (r rule) complain(at conf.Span, text, fix string) {
	r.b.report(conf.Diag{Severity: conf.Complaint, Class: conf.Faulty, Span: at, Text: text, Fix: fix, Rule: r.name})
}

func (r rule) advise(at conf.Span, text, fix string) {
	r.b.report(conf.Diag{Severity: conf.Advice, Span: at, Text: text, Fix: fix, Rule: r.name})
}

// advise reports what is legal and surprising.
func (b *builder) advise(at conf.Span, text, fix string) {
	b.rule("surprise").advise(at, text, fix)
}

// follow reports what another finding may have caused.
func (b *builder) follow(report func()) {
	b.following = true
	report()
	b.following = false
}

// in reports things of a block that was read earlier.
func (b *builder) in(n *conf.Node, report func()) {
	b.enter(n)
	report()
	b.leave()
}

// vocabulary is all keyword tables.
type vocabulary struct {
	root      *block[builder]
	global    *block[globals]
	script    *block[scriptDraft]
	group     *block[groupDraft]
	instance  *block[instance]
	auth      *block[instance]
	tracks    [tracker.Check + 1]*block[trackDraft]
	file      *block[fileDraft]
	oldFile   *block[fileDraft]
	process   *block[processDraft]
	vrrpCheck *block[vrrpCheckDraft]
	webhook   *block[hookDraft]
	bfd       *block[bfdDraft]
	hmac      *block[hmacDraft]
	peer      *block[vrrp.Peer]

	trackGroup     *block[trackGroupDraft]
	garpGroup      *block[garpDraft]
	linkbeat       *block[Linkbeat]
	linkbeatMethod *block[Linkbeat]
	linkDelay      *block[LinkDelay]

	// What is held while MASTER, and what is held always.
	address, excluded, staticAddress *block[addressDraft]
	route, staticRoute               *block[routeDraft]
	encap, staticEncap               *block[encapDraft]
	nexthop, staticNexthop           *block[hopDraft]
	rule, staticRule                 *block[ruleDraft]

	ssl           *block[sslDraft]
	serverGroup   *block[groupLineDraft]
	scheduler     *block[virtualDraft]
	method        *block[methodDraft]
	virtualServer *block[virtualDraft]
	realServer    *block[realDraft]
	checkTables   *checkTables // see checks
}

func newVocabulary() *vocabulary {
	v := &vocabulary{
		global: globalTable(), script: scriptTable(), auth: authenticationTable(), tracks: trackTables(), peer: peerTable(),
		address: addressTable("vrrp_instance/virtual_ipaddress/ADDRESS"),
		hmac:    lazily("vrrp_instance/auth_hmac", hmacTable),
		file:    lazily("track_file", fileTable), process: lazily("vrrp_track_process", processTable), vrrpCheck: lazily("vrrp_check", vrrpCheckTable), webhook: lazily("webhook", webhookTable), bfd: lazily("bfd_instance", bfdTable),
		trackGroup: trackGroupTable(), garpGroup: garpGroupTable(), linkDelay: linkDelayTable(), linkbeatMethod: linkbeatMethodTable(),
	}
	v.oldFile = v.file.titled("vrrp_track_file")
	v.linkbeat = linkbeatTable(v.linkbeatMethod)
	v.excluded = v.address.titled("vrrp_instance/virtual_ipaddress_excluded/ADDRESS")
	v.addHoldings()
	v.addVirtual()
	v.group = groupTable(v)
	v.instance = instanceTable(v)
	v.root = rootTable(v)
	return v
}

// addHoldings adds the tables of what is held beside virtual addresses.
func (v *vocabulary) addHoldings() {
	const routes, static = "vrrp_instance/virtual_routes/ROUTE", "static_routes/ROUTE"
	v.encap = lazily(routes+"/encap", func() *block[encapDraft] { return encapTable(routes + "/encap") })
	v.staticEncap = v.encap.titled(static + "/encap")
	v.nexthop = lazily(routes+"/nexthop", func() *block[hopDraft] { return nexthopTable(routes+"/nexthop", v.encap) })
	v.staticNexthop = lazily(static+"/nexthop", func() *block[hopDraft] { return nexthopTable(static+"/nexthop", v.staticEncap) })
	v.route = lazily(routes, func() *block[routeDraft] { return routeTable(routes, v.encap, v.nexthop) })
	v.staticRoute = lazily(static, func() *block[routeDraft] { return staticRouteTable(static, v.staticEncap, v.staticNexthop) })
	v.rule = lazily("vrrp_instance/virtual_rules/RULE", func() *block[ruleDraft] { return ruleTable("vrrp_instance/virtual_rules/RULE") })
	v.staticRule = lazily("static_rules/RULE", func() *block[ruleDraft] { return staticRuleTable("static_rules/RULE") })
	v.staticAddress = lazily("static_ipaddress/ADDRESS", staticAddressTable)
}

// addVirtual adds the tables of the load balancer.
func (v *vocabulary) addVirtual() {
	v.ssl, v.serverGroup = lazily("SSL", sslTable), lazily("virtual_server_group", serverGroupTable)
	v.scheduler, v.method = lazily("virtual_server/lvs_sched", schedulerTable), lazily("virtual_server/lvs_method", methodTable)
	v.realServer = lazily("virtual_server/real_server", func() *block[realDraft] { return realServerTable(v) })
	v.virtualServer = lazily("virtual_server", func() *block[virtualDraft] { return virtualServerTable(v) })
}

// checks are the tables of the checks, made when they are first asked for.
func (v *vocabulary) checks() *checkTables {
	if v.checkTables == nil {
		t := newCheckTables()
		v.checkTables = &t
	}
	return v.checkTables
}

// pages lists the tables, the top level first.
func (v *vocabulary) pages() []page {
	pages := []page{
		v.root, v.global, v.script, v.file, v.oldFile, v.process, v.vrrpCheck, v.webhook, v.bfd, v.trackGroup, v.garpGroup, v.linkbeat, v.linkbeatMethod, v.linkDelay, v.group, v.instance, v.auth, v.hmac, v.address, v.excluded, v.peer,
		v.route, v.encap, v.nexthop, v.rule, v.staticAddress, v.staticRoute, v.staticEncap, v.staticNexthop, v.staticRule,
		v.ssl, v.serverGroup, v.virtualServer, v.scheduler, v.method, v.realServer,
	}
	pages = append(pages, v.checks().pages()...)
	for _, k := range kinds() {
		pages = append(pages, v.tracks[k])
	}
	return pages
}

// Keywords lists every keyword, block by block, and then the words of the
// language itself.
func Keywords() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for _, p := range append(newVocabulary().pages(), language{}) {
			for e := range p.entries() {
				if !yield(e) {
					return
				}
			}
		}
	}
}
