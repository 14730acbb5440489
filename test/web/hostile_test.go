package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"holdfast/internal/api"
	"holdfast/internal/status"
	"holdfast/test/browser"
	"holdfast/test/show"
)

// What comes from a configuration is text, wherever it is shown.
func TestNamesAreTextWhateverTheyLookLike(t *testing.T) {
	const evil = `<script>window.evil=1</script><img src=x onerror="window.evil=2">"'` + "`${window.evil=3}"
	at := time.Now()
	nodes := show.Pair(at)
	n := nodes[0].Snapshot
	for i := range n.Router.Instances {
		v := &n.Router.Instances[i]
		v.Name, v.Reason, v.Group, v.Role = evil, evil, evil, "FAULT"
	}
	n.Router.Trackers[0].Name, n.Router.Trackers[0].Why = evil, evil
	n.Build.Version, n.Router.RealTime = evil, evil
	s := n.Balanced.Services
	s[0].Address, s[0].Flags, s[0].Destinations[2].Reason, s[0].Destinations[0].Address = evil, evil, evil, evil
	nodes[0].Name = evil
	past := map[string][]status.Event{evil: {{Time: at, Kind: status.RoleEvent, Name: evil, From: evil, To: evil, Reason: evil, By: evil, Of: evil}}}
	scene := looking(t, nodes, past)
	scene.says("#instances", "<script>window.evil=1</script>")
	scene.says("#events", "<script>window.evil=1</script>")
	scene.press(fmt.Sprintf("Why is %s FAULT on %s?", evil, evil))
	scene.says("#detail", "<script>window.evil=1</script>")
	scene.Key("Escape")
	var found struct {
		Evil    any
		Scripts int
		Images  int
	}
	scene.Eval(`({Evil: window.evil ?? null, Scripts: document.scripts.length, Images: document.images.length})`, &found)
	if found.Evil != nil || found.Scripts != 1 || found.Images != 1 {
		t.Errorf("it became %+v", found)
	}
	scene.clean()
}

// A script that got into the page all the same could neither run nor talk to anybody.
func TestThePolicyHoldsInABrowser(t *testing.T) {
	s := pair(t)
	for what, attempt := range map[string]string{
		"markup is made of text":     `document.body.innerHTML = '<b>x</b>'; throw 0`,
		"text is run":                `eval('1'); throw 0`,
		"another site is asked":      `await fetch('http://localhost:9/'); throw 0`,
		"a script of another site":   `await new Promise((ok, no) => { const x = document.createElement('script'); x.onload = ok; x.onerror = no; x.src = 'http://localhost:9/x.js'; document.head.append(x) }); throw 0`,
		"a frame holds another site": `await new Promise((ok, no) => { addEventListener('securitypolicyviolation', no); const x = document.createElement('iframe'); x.src = 'http://localhost:9/'; document.body.append(x) }); throw 0`,
	} {
		var stopped bool
		s.Eval(`(async () => { try { `+attempt+` } catch (err) { return err !== 0 } })()`, &stopped)
		if !stopped {
			t.Errorf("it was not stopped: %s", what)
		}
	}
}

// 4,000 instances are there, a page at a time; the browser stays quick.
func TestFourThousandInstancesAreQuick(t *testing.T) {
	at := time.Now()
	s := looking(t, []status.Node{show.Many(4000, at)}, nil)
	s.says("#summary", "MASTER 3,999")
	s.says("#instances tbody:first-of-type", "V3999 ▲ NO MASTER")
	s.says("#instances-head", "Instances (4,000)")
	s.says("#instances", "1 to 50 of 4,000")
	s.says("#attention", "lb1 has V3999 in FAULT")
	s.True(patience, "few elements are on the page", `document.querySelectorAll('*').length < 3000`)
	s.press("Last")
	s.says("#instances", "3,951 to 4,000 of 4,000")
	s.says("#instances", "V3998") // V3999 has no master, and comes first
	s.Eval(`document.querySelector('#find').focus()`, nil)
	began := time.Now()
	s.Type("V0123")
	s.says("#instances-head", "Instances (1 of 4,000)")
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("to find one took %s", took)
	}
	var longest float64
	s.Eval(`new Promise(done => {
		let longest = 0, last = performance.now()
		const end = last + 5000
		const tick = () => {
			const now = performance.now()
			longest = Math.max(longest, now - last)
			last = now
			now < end ? setTimeout(tick) : done(longest)
		}
		tick()
	})`, &longest)
	t.Logf("the page was busy for %.0f ms at most", longest)
	if longest > 1500 {
		t.Errorf("the page was busy for %.0f ms", longest)
	}
	s.clean()
}

const (
	readToken = "0123456789abcdefghij"
	actToken  = "jihgfedcba9876543210"
)

// gated is a node behind the gate that lets other machines in, and its address.
func gated(t *testing.T, acts bool) (*show.Daemon, string) {
	t.Helper()
	n := show.Pair(time.Now())[0]
	d := show.NewDaemon(n.Snapshot, show.Events(time.Now())[n.Name])
	client := d.AnswerGate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	certificate, key := selfSigned(t)
	g := &api.Gate{Certificate: certificate, Key: key, Tokens: "read ops " + readToken + "\nact deploy " + actToken + "\n", Acts: acts, Socket: client.Socket}
	go func() { _ = g.Serve(l) }() // until it is closed
	t.Cleanup(func() { _ = l.Close() })
	return d, "https://" + l.Addr().String() + "/"
}

func selfSigned(t *testing.T) (certificate, key []byte) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	plan := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lb1"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IPAddresses: []net.IP{netip.MustParseAddr("127.0.0.1").AsSlice()}}
	der, err := x509.CreateCertificate(rand.Reader, plan, plan, own.Public(), own)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// token shows a token, as who opens the page has to.
func (s *scene) token(text string) {
	s.Helper()
	s.True(patience, "it asks for a token", `document.querySelector('#ask').open && document.activeElement.id === 'token'`)
	s.Type(text)
	s.Key("Enter")
}

// Where api_listen asks for a token, the page asks for it: nothing is shown before, acts are offered
// to a token that may act, and the token is in no URL and in no place that outlives the tab.
func TestThePageAsksForAToken(t *testing.T) {
	t.Parallel()
	d, url := gated(t, true)
	s := &scene{Browser: browser.Start(t, "--ignore-certificate-errors"), url: url}
	s.Go(url)
	s.token("wrong" + readToken)
	s.says("#ask-why", "show a token")
	if text := s.Text("main"); strings.Contains(text, "192.0.2.1") {
		t.Errorf("without a token it shows:\n%s", text)
	}
	s.token(readToken)
	s.says("#cluster", "lb1 ● present")
	s.says("#link", "Live")
	s.says("#events", "role web")
	s.True(patience, "the past is in the graphs", `document.querySelector('#instances .strip rect.FAULT')`)
	s.True(patience, "no act is offered", `![...document.querySelectorAll('button')].some(b => /Maintenance|Drain/.test(b.textContent))`)
	s.press("Forget the token")
	s.token(actToken)
	s.says("#cluster", "Maintenance")
	s.press("Maintenance")
	s.press("Begin the maintenance")
	s.says("#outcome", "lb1 is under maintenance")
	if got := d.Acts(); got != "maintenance true" {
		t.Errorf("done is %q", got)
	}
	var kept string
	s.Eval(`location.href + JSON.stringify(localStorage) + document.cookie + performance.getEntriesByType('resource').map(r => r.name).join()`, &kept)
	if strings.Contains(kept, actToken) || strings.Contains(kept, readToken) {
		t.Errorf("the token is in %s", kept)
	}
	s.Go(url)
	s.says("#cluster", "lb1 ● present") // the tab still knows it
}

// Where nobody may act from other machines, nothing is offered, whatever the token.
func TestNoActIsOfferedWhereNobodyMayAct(t *testing.T) {
	t.Parallel()
	_, url := gated(t, false)
	s := &scene{Browser: browser.Start(t, "--ignore-certificate-errors"), url: url}
	s.Go(url)
	s.token(actToken)
	s.says("#cluster", "lb1 ● present")
	s.says("#services", "down")
	s.True(patience, "no act is offered", `![...document.querySelectorAll('button')].some(b => /Maintenance|Drain|Use/.test(b.textContent))`)
	s.press("Why is web MASTER on lb1?")
	s.says("#detail", "what would change that:")
	s.True(patience, "nor here", `!/Hand over/.test(document.querySelector('#detail').innerText)`)
}

// The page is used with keys alone, and a screen reader is told what is what.
func TestThePageIsUsedByKeysAndRead(t *testing.T) {
	s := pair(t)
	s.Key("Tab")
	s.True(patience, "the first stop leads to the instances", `document.activeElement.matches('a.skip[href="#instances"]')`)
	reached := map[string]bool{}
	for range 60 {
		s.Key("Tab")
		var at struct {
			Name string
			Seen bool
		}
		s.Eval(`(() => { const a = document.activeElement; const style = getComputedStyle(a)
			return { Name: a.id || a.getAttribute('aria-label') || a.textContent, Seen: a === document.body || style.outlineStyle !== 'none' } })()`, &at)
		reached[at.Name] = true
		if !at.Seen {
			t.Errorf("nobody sees that the focus is on %q", at.Name)
		}
	}
	for _, want := range []string{"theme", "find", "role", "span", "Maintenance", "Why is web MASTER on lb1?", "Drain 10.0.1.11:443 of 192.0.2.100:443", "kind", "hold"} {
		if !reached[want] {
			t.Errorf("keys do not reach %q", want)
		}
	}
	s.Eval(`[...document.querySelectorAll('button')].find(b => b.ariaLabel === 'Why is db BACKUP on lb1?').focus()`, nil)
	s.Key("Enter")
	s.says("#detail", "what would change that:")
	time.Sleep(2500 * time.Millisecond) // it is drawn anew meanwhile
	s.True(patience, "the focus is within", `document.querySelector('#detail').contains(document.activeElement)`)
	s.Key("Escape")
	s.True(patience, "the focus is back", `document.activeElement.ariaLabel === 'Why is db BACKUP on lb1?'`)
	said := map[browser.Thing]bool{}
	for _, one := range s.Tree() {
		said[one] = true
	}
	for _, want := range []browser.Thing{
		{Role: "banner"}, {Role: "main"}, {Role: "heading", Name: "holdfast"}, {Role: "heading", Name: "Attention"}, {Role: "heading", Name: "Cluster"}, {Role: "heading", Name: "Instances (3)"},
		{Role: "region", Name: "Events"}, {Role: "region", Name: "Virtual servers (4)"}, {Role: "search", Name: "Instances"},
		{Role: "table", Name: "Nodes, and the links that connect them"}, {Role: "table", Name: "Virtual routers, with a row for each node"}, {Role: "columnheader", Name: "Because"}, {Role: "rowheader", Name: "eth0"},
		{Role: "button", Name: "Why is web MASTER on lb1?"}, {Role: "image", Name: "FAULT 8 min 56 s, then BACKUP 4.0 s, then MASTER"},
	} {
		if !said[want] && !partly(said, want) {
			t.Errorf("a screen reader is not told of a %s %q", want.Role, want.Name)
		}
	}
	s.clean()
}

// partly tells whether there is a thing of a role with a name in its own.
func partly(said map[browser.Thing]bool, want browser.Thing) bool {
	for one := range said {
		if one.Role == want.Role && strings.Contains(one.Name, want.Name) {
			return true
		}
	}
	return false
}

// Every text can be read: against what is behind it, in light and dark, it has the contrast that WCAG
// asks for (4.5 to 1).
func TestEveryTextHasContrast(t *testing.T) {
	s := pair(t)
	s.daemons[1].Mute(true)
	s.says("#cluster", "lb2 ▲ STALE")
	for _, colours := range []string{"light", "dark"} {
		s.Prefer("prefers-color-scheme", colours)
		var faint []string
		s.Eval(contrast, &faint)
		for _, one := range faint {
			t.Errorf("%s: %s", colours, one)
		}
	}
}

// contrast lists the texts that have too little.
const contrast = `(() => {
	const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
	const rgb = colour => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); return [...pen.getImageData(0, 0, 1, 1).data] }
	const light = c => { const [r, g, b] = c.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b }
	const behind = at => { for (; at; at = at.parentElement) { const c = rgb(getComputedStyle(at).backgroundColor); if (c[3] > 250) return c } return [255, 255, 255] }
	const faint = new Set()
	const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
	while (words.nextNode()) {
		const at = words.currentNode.parentElement
		if (!words.currentNode.data.trim() || !at.checkVisibility() || at.closest('.unseen, .skip, noscript, option, :disabled')) continue
		let solid = 1
		for (let up = at; up; up = up.parentElement) solid *= getComputedStyle(up).opacity
		const back = behind(at)
		const front = rgb(getComputedStyle(at).color).map((v, i) => v * solid + back[i] * (1 - solid))
		const [a, b] = [light(front.slice(0, 3)), light(back.slice(0, 3))].sort((x, y) => y - x)
		const ratio = (a + 0.05) / (b + 0.05)
		if (ratio < 4.5) faint.add(at.tagName + '.' + at.className + ' ' + ratio.toFixed(2) + ': ' + words.currentNode.data.trim().slice(0, 40))
	}
	return [...faint]
})()`
