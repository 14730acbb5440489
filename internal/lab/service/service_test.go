package service

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/test/wait"
)

// here runs what is to be done where the client is.
func here(f func() error) error { return f() }

// free is a port that nobody has.
func free(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// serving starts a server with an offer and returns where it is.
func serving(t *testing.T, o Offer) Target {
	t.Helper()
	o.Port = free(t)
	s, err := Word(Server{Name: "one", Offers: []Offer{o}}.String())
	if err != nil {
		t.Fatal(err)
	}
	runs, err := s.open(s.Offers[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range runs {
		go run() // to the end of the tests
	}
	return Target{At: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), o.Port), Protocol: o.Protocol, Mail: o.Mail}
}

func TestAServerSaysWhoItIsToTheClient(t *testing.T) {
	for name, o := range map[string]Offer{
		"a web server":                    {Protocol: "TCP"},
		"a web server with its own pages": {Protocol: "TCP", Pages: map[string]Page{"/": {Status: 503, Body: "closed"}}},
		"a mail server":                   {Protocol: "TCP", Mail: true},
		"a server of datagrams":           {Protocol: "UDP", Reply: "pong"},
		"a name server":                   {Protocol: "UDP", Names: true},
	} {
		t.Run(name, func(t *testing.T) {
			target := serving(t, o)
			if who, err := target.ask(here, time.Now().Add(5*time.Second)); who != "one" || err != nil {
				t.Errorf("%q, %v", who, err)
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, at := range map[string]netip.AddrPort{
		"a closed port":   netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), free(t)),
		"a silent server": silent.Addr().(*net.TCPAddr).AddrPort(),
	} {
		for _, mail := range []bool{false, true} {
			target := Target{At: at, Protocol: "TCP", Mail: mail}
			if who, err := target.ask(here, time.Now().Add(50*time.Millisecond)); err == nil {
				t.Errorf("%s: %q answers", name, who)
			}
		}
	}
}

// Pages are the same by TLS and without, at one port.
func TestPagesAreThoseThatChecksExpect(t *testing.T) {
	target := serving(t, Offer{Protocol: "TCP", Pages: map[string]Page{"/mrtg/?a": {Status: 404, Body: "figures\n"}}})
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	for url, want := range map[string]Page{"/mrtg/?a": {404, "figures\n"}, "/other": {200, "one\n"}} {
		for _, scheme := range []string{"http://", "https://"} {
			r, err := client.Get(scheme + target.At.String() + url)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			r.Body.Close()
			if got := (Page{r.StatusCode, string(body)}); got != want || err != nil || r.Header.Get(header) != "one" {
				t.Errorf("%s%s: %v from %q, %v", scheme, url, got, r.Header.Get(header), err)
			}
		}
	}
}

func TestDatagramsAreAnsweredAsChecksExpect(t *testing.T) {
	asked := append([]byte{7, 9, 1, 0}, make([]byte, 12)...)
	names := Server{}.reply(slices.Clone(asked), Offer{Names: true})
	if names[0] != 7 || names[1] != 9 || names[2]&0x80 == 0 || names[3]&0x0f != 0 {
		t.Errorf("a question of DNS: % x", names)
	}
	if got := string(Server{Name: "one"}.reply([]byte("ping"), Offer{Reply: "pong"})); !strings.HasPrefix(got, "pong") {
		t.Errorf("others are told %q", got)
	}
}

func TestATallyJudgesInTheOrderOfSending(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
	tl := newTally()
	take := func(n int, who string) bool { return tl.take(n, answer{who, at(n)}) }
	if take(1, "a") || len(tl.now) > 0 {
		t.Error("a later answer counts before the first request is judged")
	}
	if !take(0, Nobody) || !slices.Equal(tl.now, []string{Nobody, "a"}) {
		t.Errorf("present are %q", tl.now)
	}
	if len(tl.spans) != 1 || tl.spans[0].From != at(0) || tl.spans[0].To != at(1) || tl.spans[0].Lost != 1 {
		t.Errorf("spans: %+v", tl.spans)
	}
	for n := 2; n < 20; n++ {
		take(n, "a")
	}
	if !slices.Equal(tl.now, []string{"a"}) || tl.lost != 1 || tl.judged != 20 {
		t.Errorf("present are %q, lost %d of %d", tl.now, tl.lost, tl.judged)
	}
	take(20, Nobody)
	take(21, Nobody)
	if last := tl.spans[1]; !last.To.IsZero() || last.Lost != 2 {
		t.Errorf("the span that lasts: %+v", last)
	}
}

func TestAnAskerTellsWhoAnswersFromNowOn(t *testing.T) {
	target := serving(t, Offer{Protocol: "TCP"})
	changes := make(chan Change, 10)
	a := Ask(here, 5*time.Millisecond, func(c Change) { changes <- c }, target)
	if c := <-changes; !slices.Equal(c.Servers, []string{"one"}) || c.Target != target {
		t.Errorf("%+v", c)
	}
	wait.For(t, 5*time.Second, "it goes on asking", func() bool { return a.Counts()[0].By["one"] >= 5 })
	a.Close()
	if c := a.Counts()[0]; c.Lost != 0 || c.Requests != c.By["one"] || len(a.Spans(0)) != 0 {
		t.Errorf("%+v", c)
	}
}
