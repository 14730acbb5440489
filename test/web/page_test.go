// Package web looks at the page in a real browser: what it shows, what it lets somebody do, and
// that nothing which comes from a configuration is more than text.
package web

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"holdfast/internal/api"
	"holdfast/internal/status"
	"holdfast/test/browser"
	"holdfast/test/show"
	"holdfast/test/stand"
)

func TestMain(m *testing.M) { os.Exit(stand.Main(m.Run)) }

// patience is how long the page may take to show what is so.
const patience = 20 * time.Second

// scene is a browser that looks at nodes.
type scene struct {
	*browser.Browser
	url     string
	daemons []*show.Daemon
}

// looking shows nodes, and what happened on them, on a board.
func looking(t *testing.T, nodes []status.Node, past map[string][]status.Event) *scene {
	t.Helper()
	t.Parallel()
	s := &scene{}
	var members []api.Member
	for _, n := range nodes {
		d := show.NewDaemon(n.Snapshot, past[n.Name])
		client := d.Answer(t)
		s.daemons = append(s.daemons, d)
		members = append(members, api.Member{Name: n.Name, Client: func() (api.Client, error) { return client, nil }})
	}
	b := api.NewBoard(members)
	b.Acts = true
	go b.Follow(t.Context())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = b.Serve(l) }() // until it is closed
	t.Cleanup(func() { _ = l.Close() })
	s.url = "http://" + l.Addr().String() + "/"
	s.Browser = browser.Start(t)
	s.Go(s.url)
	s.True(patience, "it is live", `document.querySelector('#link').textContent === 'Live' && document.querySelector('#instances tbody')`)
	return s
}

// pair is a scene of two nodes.
func pair(t *testing.T) *scene {
	t.Helper()
	at := time.Now()
	s := looking(t, show.Pair(at), show.Events(at))
	s.True(patience, "the events are there", `document.querySelectorAll('#events li').length === 26`)
	return s
}

// press presses the button with a name.
func (s *scene) press(name string) {
	s.Helper()
	s.True(patience, "there is a button "+name, fmt.Sprintf(`(() => {
		const all = [...document.querySelectorAll('button')].filter(b => b.checkVisibility() && (b.getAttribute('aria-label') ?? b.textContent) === %q)
		all.at(-1)?.click()
		return all.length
	})()`, name))
}

// says waits until a part of the page says something.
func (s *scene) says(selector, want string) {
	s.Helper()
	s.True(patience, selector+" says "+want, fmt.Sprintf(`document.querySelector(%q)?.innerText.replace(/\s+/g, ' ').includes(%q)`, selector, want))
}

// clean says that nothing was thrown or refused.
func (s *scene) clean() {
	s.Helper()
	for _, c := range s.Complaints() {
		s.Errorf("the browser complains: %s", c)
	}
}

func TestThePageShowsWhoHasWhatAndWhy(t *testing.T) {
	s := pair(t)
	for selector, want := range map[string][]string{
		"#summary":   {"2 of 2 nodes", "MASTER 3", "BACKUP 3"},
		"#attention": {"lb1 has db with priority 70 of 150", "lb1 says script chk_postgres is bad: exited with status 1", "lb1 has 10.0.1.13:443 of 192.0.2.100:443 down: connect to 10.0.1.13:443: connection refused"},
		"#cluster":   {"lb1 ● present", "lb2 ● present", "eth0", "192.0.2.1/24", "holds 192.0.2.100/24, 192.0.2.101/24 and 2 more", "holds 10.0.5.10/24", "SCHED_RR 50, late by 0.21 ms at most"},
		"#instances": {"web VRID 51 on eth0", "web6 VRID 51 on eth0, IPv6", "70 of 150", "preempted by 10.0.5.2 priority 100", "38 min 0"},
		"#services":  {"TCP 192.0.2.100:443", "wlc", "2 of 4 serve", "200 quorum 1", "▲ down", "drained by order", "Use again", "connect to 10.0.1.13:443: connection refused"},
		"#events":    {"lb1 tracker chk_postgres of script good → bad exited with status 1", "lb2 role db BACKUP → ● MASTER preempting 10.0.5.1 priority 70 with 100", "act servers/drain done by uid 0 (pid 4711)"},
	} {
		for _, text := range want {
			s.says(selector, text)
		}
	}
	s.clean()
}

// What is no more so is marked as such, and so is a page that nobody answers.
func TestWhatIsNotThePresentIsMarked(t *testing.T) {
	s := pair(t)
	s.daemons[0].Mute(true)
	s.says("#cluster", "lb1 ▲ STALE, seen")
	s.says("#attention", "lb1 has not answered since")
	s.says("#attention", "nobody is there")
	s.says("#summary", "1 of 2 nodes")
	s.True(patience, "its roles are marked", `document.querySelectorAll('#instances tr.stale').length === 3`)
	s.daemons[0].Mute(false)
	s.says("#cluster", "lb1 ● present")
	s.clean()
}

func TestTwoMastersAndNoneAreSaid(t *testing.T) {
	s := pair(t)
	s.daemons[1].Change(func(n *status.Snapshot) { n.Router.Instances[0].Role = "MASTER" })
	s.says("#instances", "web ▲ TWO MASTERS")
	s.says("#attention", "web (VRID 51 on eth0): TWO MASTERS: lb1 is MASTER, lb2 is MASTER")
	for _, d := range s.daemons {
		d.Change(func(n *status.Snapshot) { n.Router.Instances[0].Role = "FAULT" })
	}
	s.says("#instances", "web ▲ NO MASTER")
	s.clean()
}

// Two of a node may be alike but for their unicast sources, and a sorry server may be a real one too.
func TestWhatIsAlikeIsShownTwice(t *testing.T) {
	at := time.Now()
	nodes := show.Pair(at)
	for i := range nodes {
		n := nodes[i].Snapshot
		n.Router.Instances = append(n.Router.Instances, n.Router.Instances[0])
		n.Router.Instances[3].Name = "web2"
		service := &n.Balanced.Services[0]
		service.Destinations = append(service.Destinations, status.Destination{Address: "10.0.1.11:443", Health: "sorry"})
	}
	s := looking(t, nodes, nil)
	s.says("#instances-head", "Instances (4)")
	for range 2 { // and when it is drawn anew
		s.True(patience, "all are there", `document.querySelectorAll('#instances tbody tr').length === 8 && !/TWO MASTERS/.test(document.body.innerText)`)
		s.True(patience, "all servers are there", `document.querySelectorAll('#services tbody:first-of-type tr').length === 6 && /sorry/.test(document.querySelector('#services tbody:first-of-type tr:last-child').innerText)`)
		time.Sleep(1500 * time.Millisecond)
	}
	s.clean()
}

// An event is there as soon as it is told, without looking again, and is read out.
func TestEventsAreLive(t *testing.T) {
	s := pair(t)
	s.daemons[1].Add(status.Event{Time: time.Now(), Kind: status.RoleEvent, Name: "db", From: "MASTER", To: "BACKUP", Reason: "preempted by 10.0.5.1 priority 150"})
	s.says("#events li:first-child", "lb2 role db MASTER → ○ BACKUP preempted by 10.0.5.1 priority 150")
	s.True(patience, "it is read out", `document.querySelector('#heard[aria-live=polite]').textContent.startsWith('lb2 role db is BACKUP')`)
	s.clean()
}

func TestActsAreConfirmedFirst(t *testing.T) {
	s := pair(t)
	s.press("Why is web MASTER on lb1?")
	s.says("#detail", "web is MASTER since")
	s.says("#detail", "what would change that:")
	s.press("Hand over")
	s.says("#confirm", "Hand over web?")
	s.True(patience, "to leave it is what Enter does", `document.activeElement.value === 'no'`)
	s.Key("Enter")
	s.True(patience, "the question is gone", `!document.querySelector('#confirm').open`)
	if got := s.daemons[0].Acts(); got != "" {
		t.Errorf("without a yes it did %s", got)
	}
	s.press("Hand over")
	s.says("#confirm", "clients lose nothing")
	s.Key("Tab")
	s.Key("Enter")
	s.says("#outcome", "web is BACKUP: 192.0.2.2 took over after")
	s.Key("Escape")
	for _, act := range []struct{ ask, yes, outcome string }{
		{"Maintenance", "Begin the maintenance", "lb2 is under maintenance"},
		{"Drain 10.0.1.11:443 of 192.0.2.100:443", "Drain", "10.0.1.11:443 is drained"},
		{"Check 10.0.1.13:443 of 192.0.2.100:443", "Check", "TCP_CHECK of 192.0.2.100:443: failed, connection refused"},
		{"Use again 10.0.1.14:443 of 192.0.2.100:443", "Use it", "10.0.1.14:443 is used as it is configured"},
	} {
		s.press(act.ask)
		s.True(patience, "it asks", `document.querySelector('#confirm').open`)
		s.press(act.yes)
		s.says("#outcome", act.outcome)
	}
	acts := s.daemons[0].Acts() + "\n" + s.daemons[1].Acts()
	for _, want := range []string{"handover web", "maintenance true", "server 10.0.1.11:443 drain true", "recheck 10.0.1.13:443", "server 10.0.1.14:443 drain false"} {
		if !strings.Contains(acts, want) {
			t.Errorf("not done: %s; done:\n%s", want, acts)
		}
	}
	s.clean()
}
