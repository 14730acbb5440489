package lint

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// vridKey is what two instances of a file share that could be taken for one.
type vridKey struct {
	vrid uint8
	v6   bool
}

// instance looks at a vrrp_instance. What did not become one is judged by its
// text alone.
func (l *linter) instance(n *conf.Node) {
	l.lengths(n)
	l.commands(n)
	in := l.instances[arg(n)]
	l.tracks(n, in == nil || in.VRRP.Priority != 255)
	if in == nil {
		return
	}
	l.failback(n, in)
	l.vrid(n, in)
	l.password(n, in)
	l.owner(n, in)
	l.weights(n, in)
	l.size(n, in)
}

// lengths finds addresses without one.
func (l *linter) lengths(n *conf.Node) {
	for _, list := range n.Body {
		if w := list.Keyword.Text; w != "virtual_ipaddress" && w != "virtual_ipaddress_excluded" {
			continue
		}
		for _, line := range list.Body {
			a, err := netip.ParseAddr(line.Keyword.Text)
			if err == nil && !hasWord(line, "peer") {
				l.report("vip-length", line.Keyword.Span, fmt.Sprintf("%s has no prefix length and is added as /%d", a, a.BitLen()),
					"write the length of the network behind it, "+line.Keyword.Text+"/"+usualLength(a))
			}
		}
	}
}

// usualLength is an example for the length of a network.
func usualLength(a netip.Addr) string {
	if a.Is6() {
		return "64"
	}
	return "24"
}

func hasWord(n *conf.Node, word string) bool {
	for _, a := range n.Args {
		if a.Text == word {
			return true
		}
	}
	return false
}

// failback speaks of a MASTER that takes its addresses back at once.
func (l *linter) failback(n *conf.Node, in *config.Instance) {
	state := child(n, "state")
	if arg(state) != "MASTER" || !in.VRRP.StartMaster || in.VRRP.Priority == 255 || child(n, "nopreempt", "preempt_delay") != nil {
		return
	}
	l.report("failback", state.Span(), "with the highest priority, "+in.VRRP.Name+" takes its addresses back as soon as it returns",
		"otherwise write state BACKUP on both nodes, and here preempt_delay SECONDS or nopreempt")
}

// sampleVRID is the number in the sample file.
const sampleVRID = 51

func (l *linter) vrid(n *conf.Node, in *config.Instance) {
	at := child(n, "virtual_router_id")
	if at == nil {
		return
	}
	if in.VRRP.VRID == sampleVRID {
		l.report("sample-vrid", at.Span(), "virtual_router_id 51 is that of the sample file and of many other clusters",
			fmt.Sprintf("write another number on all nodes, for example %d, above all on a network shared with others", l.free(in)))
	}
	key := vridKey{in.VRRP.VRID, in.VRRP.V6}
	first := l.first[key]
	if first == nil {
		l.first[key] = n
		return
	}
	l.report("same-vrid", at.Span(), fmt.Sprintf("virtual_router_id %d is also that of %s", key.vrid, first.Title()),
		"right while the two networks are separate; a number of its own is safer")
}

// free suggests a VRID: the last byte of the first address, which on its network
// is unique, or else one that this file does not use.
func (l *linter) free(in *config.Instance) int {
	if len(in.VRRP.VIPs) > 0 {
		b := in.VRRP.VIPs[0].AsSlice()
		if n := int(b[len(b)-1]); n > 1 && n != 10 && n != 100 && !l.vrids[n] { // those are in many files, too
			return n
		}
	}
	n := 101
	for l.vrids[n] && n < 255 {
		n++
	}
	return n
}

func (l *linter) password(n *conf.Node, in *config.Instance) {
	if !in.VRRP.HasPass {
		return
	}
	auth := child(n, "authentication")
	if auth == nil {
		return
	}
	if pass := child(auth, "auth_pass"); pass != nil && known(arg(pass)) {
		l.report("known-password", pass.Keyword.Span, "the password is one that everybody tries first: it protects against accidents only", "take one of this cluster's own, up to 8 characters")
	}
}

// known reports whether a password is a word that anybody would try: those of
// sample files, common words, one character again and again, or a row.
func known(pass string) bool {
	switch strings.TrimRight(strings.ToLower(pass), "0123456789!@#") {
	case "", "password", "passwd", "pass", "passw", "secret", "secrets", "admin", "root", "keepalive", "keepaliv", "keepalived", "vrrp", "test", "changeme", "change", "default",
		"qwerty", "cluster", "letmein", "welcome", "abc", "hello", "foo", "foobar", "user", "login", "guest", "master", "nginx", "haproxy":
		return len(pass) > 0
	}
	return row(pass)
}

// row reports whether a word is one character, or goes up or down by one.
func row(s string) bool {
	if len(s) < 2 {
		return true
	}
	step := int(s[1]) - int(s[0])
	for i := 1; i < len(s); i++ {
		if int(s[i])-int(s[i-1]) != step {
			return false
		}
	}
	return step >= -1 && step <= 1
}

func (l *linter) owner(n *conf.Node, in *config.Instance) {
	if in.VRRP.Priority != 255 {
		return
	}
	at, what := child(n, "priority"), "priority 255"
	if at == nil {
		at, what = child(n, "state"), "state MASTER without priority means 255, which"
	}
	if at == nil {
		return
	}
	l.report("owner-priority", at.Span(), what+" claims that the addresses are this machine's own: it never waits, and no weight or delay counts",
		"write 254 or less if they are virtual")
}

// weights finds those that reach no further than one or two, and sums that
// leave the range of a priority.
func (l *linter) weights(n *conf.Node, in *config.Instance) {
	up, down := int(in.VRRP.Priority), int(in.VRRP.Priority)
	for _, t := range in.Tracks {
		up += max(t.Weight, 0)
		down += min(t.Weight, 0)
	}
	at := child(n, "priority")
	if at == nil {
		return
	}
	switch {
	case in.VRRP.Priority == 255:
	case up > 254:
		l.report("weight-sum", at.Span(), fmt.Sprintf("with all its weights the priority would be %d and is cut to 254: then the last of them does not count", up), "make the priority or the weights smaller")
	case down < 1:
		l.report("weight-sum", at.Span(), fmt.Sprintf("with everything bad the priority would be %d and is cut to 1: then some failures do not count", down), "make the weights smaller")
	}
}

// tracks looks at the lines of the track lists of an instance or a group; weighed
// says whether weights count there.
func (l *linter) tracks(n *conf.Node, weighed bool) {
	for _, list := range n.Body {
		if !isTrackList(list.Keyword.Text) {
			continue
		}
		for _, line := range list.Body {
			if list.Keyword.Text == "track_bfd" {
				l.followed[line.Keyword.Text] = true
			}
			for i, a := range line.Args {
				if weighed && list.Keyword.Text != "track_file" && a.Text == "weight" && i+1 < len(line.Args) {
					l.smallWeight(line.Keyword.Text, line.Args[i+1])
				}
			}
		}
	}
}

// smallWeight speaks of a weight that bridges next to nothing.
func (l *linter) smallWeight(what string, w conf.Token) {
	n, err := strconv.Atoi(w.Text)
	if err != nil || n == 0 || n < -2 || n > 2 {
		return
	}
	n = max(n, -n)
	gap := "are equal"
	if n == 2 {
		gap = "differ by 1 at most"
	}
	l.report("small-weight", w.Span, fmt.Sprintf("a weight of %d lets %s move the addresses only if the priorities of the nodes %s", n, what, gap),
		"make it greater than the difference of the priorities")
}

// frame is how many IPv6 addresses an advert in a frame of 1500 bytes can tell:
// 40 bytes of IPv6, 8 of VRRP.
const frame = (1500 - 40 - 8) / 16

func (l *linter) size(n *conf.Node, in *config.Instance) {
	if at := child(n, "virtual_ipaddress"); at != nil && in.VRRP.V6 && len(in.VRRP.VIPs) > frame {
		l.report("advert-size", at.Span(), fmt.Sprintf("an advert of %d addresses does not fit into 1500 bytes", len(in.VRRP.VIPs)),
			"move some to virtual_ipaddress_excluded")
	}
}

// group looks at a vrrp_sync_group.
func (l *linter) group(n *conf.Node) {
	l.commands(n)
	l.tracks(n, true)
}
