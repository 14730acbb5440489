package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestBoundsJudge(t *testing.T) {
	for _, row := range []struct {
		name               string
		bound              bound
		reference, subject []float64
		want               string
	}{
		{"for information", none(), []float64{1}, []float64{9}, ""},
		{"nothing measured", atMost(1, 0), []float64{1}, nil, ""},
		{"ratio held by the median", atMost(0.6, 0), []float64{10, 1, 20}, []float64{6, 5, 90}, "pass"},
		{"ratio missed", atMost(0.6, 0), []float64{10}, []float64{6.1}, "FAIL"},
		{"ratio held with slack", atMost(1, 2), []float64{10}, []float64{12}, "pass"},
		{"ratio held, limit missed", atMost(1, 0).and(3), []float64{10}, []float64{4}, "FAIL"},
		{"ratio missed, limit held", atMost(1, 0).and(3), []float64{1}, []float64{2}, "FAIL"},
		{"ratio and limit held", atMost(1, 0).and(3), []float64{10}, []float64{3}, "pass"},
		{"limit held by the median", medianWithin(5), nil, []float64{1, 5, 9}, "pass"},
		{"limit missed by one run", within(5), nil, []float64{1, 5, 9}, "FAIL"},
		{"limit of zero held", within(0), nil, []float64{0, 0}, "pass"},
		{"limit of zero missed", within(0), nil, []float64{0, 1}, "FAIL"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.bound.verdict(row.reference, row.subject); got != row.want {
				t.Errorf("verdict %q, want %q", got, row.want)
			}
		})
	}
}

func TestTableShowsBothProgramsAndTheRatio(t *testing.T) {
	var tab table
	for _, v := range []float64{9, 10, 12} {
		tab.add(0, "CPU per advert", "us", atMost(0.6, 0), v)
		tab.add(1, "CPU per advert", "us", atMost(0.6, 0), v/2)
	}
	var out strings.Builder
	tab.markdown(&out)
	want := "| CPU per advert | us | 10 (9..12) | 5 (4.50..6) | 0.50 | ≤ 0.600 × | pass |"
	if !strings.Contains(out.String(), want) || tab.failed() != 0 {
		t.Errorf("got %s\nwant a line %s", out.String(), want)
	}
}

// The addresses of a farm are all different, and its file has a line for each word.
func TestFarm(t *testing.T) {
	text := farm{virtual: 600, real: 20, delay: 6, check: tcpCheck}.text()
	if n := strings.Count(text, "\n"); n != 600*(6+20*8) {
		t.Errorf("%d lines", n)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if words[0] != "real_server" && words[0] != "virtual_server" {
			continue
		}
		if seen[words[1]] || netip.MustParseAddr(words[1]).IsUnspecified() {
			t.Fatalf("%s twice", words[1])
		}
		seen[words[1]] = true
	}
	if len(seen) != 600*21 {
		t.Errorf("%d addresses", len(seen))
	}
}

func TestThePageIsFilledIn(t *testing.T) {
	page := fmt.Sprintf(pageText(), "THE MACHINE", "THE TABLE")
	if strings.Contains(page, "%!") || !strings.HasSuffix(page, "THE MACHINE\n\nTHE TABLE") {
		t.Errorf("the page reads\n%s", page)
	}
}

func TestLeftOutProbes(t *testing.T) {
	for _, row := range []struct {
		sent, skipped int
		want          float64
	}{{0, 0, 0}, {100, 0, 0}, {95, 5, 5}, {0, 3, 100}} {
		if got := leftOut(row.sent, row.skipped); got != row.want {
			t.Errorf("%d sent, %d left out: %v %%, want %v", row.sent, row.skipped, got, row.want)
		}
	}
}

func TestCrowdFillsLinkByLink(t *testing.T) {
	members := crowdOf(4000, 200, time.Second)
	seen := map[string]bool{}
	for _, m := range members {
		seen[m.link+m.addresses[0].String()] = true
	}
	last := members[3999]
	if len(seen) != 4000 || links(4000) != 16 || last.link != "eth15" || last.vrid != 175 {
		t.Errorf("%d different routers on %d links, the last one is %+v", len(seen), links(4000), last)
	}
}

func TestConfigurationAndDownTimer(t *testing.T) {
	fast := sharedRouter(100, 10*time.Millisecond)
	text := configuration(fast)
	for _, line := range []string{"    version 3\n", "    advert_int 0.01\n", "    virtual_router_id 51\n", "        192.0.2.100\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
	if got := fast.downTimer(); got != 36093750*time.Nanosecond {
		t.Errorf("down timer of 10 ms adverts at priority 100 is %v", got)
	}
	if got := sharedRouter(200, time.Second).downTimer(); got != 3218750*time.Microsecond {
		t.Errorf("down timer of version 2 at priority 200 is %v", got)
	}
}

// heeded reports whether a router with the VRID that floods are about would
// have to believe a frame: the checks of RFC 9568, section 7.1.
func heeded(frame []byte) bool {
	ip, v := frame[14:34], frame[34:]
	if ip[8] != 255 || len(v) < 8 || v[1] != victim || v[0] != 3<<4|1 || len(v) != 8+4*int(v[3]) {
		return false
	}
	pseudo := append(addresses(), 0, 112, 0, 0)
	binary.BigEndian.PutUint16(pseudo[10:], uint16(len(v)))
	return checksum(append(pseudo, v...)) == 0
}

func TestNoPacketOfAFloodMayBeHeeded(t *testing.T) {
	if !heeded(frame(sealed(version3(victim), 0), 255)) {
		t.Fatal("the check refuses a good packet")
	}
	r := rand.New(rand.NewPCG(112, 9568))
	for range 1 << 13 {
		if p := badPacket(r); heeded(p) {
			t.Errorf("this one has to be believed: %x", p)
		}
	}
}

// The first router follows every script and every process, the others nothing.
func TestWatchingNamesEverything(t *testing.T) {
	text := watching(crowdOf(watchers, strong, watchersInterval))
	for words, want := range map[string]int{"    script /bin/true\n": scripts, "        s": scripts, "    process job": jobs, "        job": jobs, "vrrp_instance": watchers} {
		if got := strings.Count(text, words); got != want {
			t.Errorf("%q %d times, want %d", words, got, want)
		}
	}
}
