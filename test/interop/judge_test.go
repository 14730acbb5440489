package interop

import (
	"bufio"
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"strings"
)

// complaint matches what keepalived logs when it does not like what it hears or
// is told, as far as a peer can be the cause.
func complaint() *regexp.Regexp {
	return regexp.MustCompile(`(?i)` + strings.Join([]string{
		`invalid`, `incorrect`, `mismatch`, `bogus`, `malformed`, `unexpected`, `wrong`,
		`checksum`, `passwd`, `authentication`, `length`, `too short`, `TTL`, `hop limit`,
		`expected \d+ VIPs but received`, `advertised VIPs`, `not in (the )?(received|configured)`,
		`advertisement interval`, `CONFIGURATION ERROR`, `Unknown VRID`, `not a peer`,
		`thread timer expired`, `with lower priority`, `forcing new election`, `same priority`,
		`Netlink reflector reports IP`, `died`, `Respawning`, `error`, `fail`, `\bignor`, `unable`, `unknown`,
	}, "|"))
}

// harmless matches lines with such words that are about other things.
func harmless() *regexp.Regexp {
	return regexp.MustCompile(`NOTICE: setting config option max_auto_priority|Command line:|Configuration file`)
}

func (s *stage) judgeLogs() {
	s.Helper()
	for i, p := range s.programs {
		if p.Name != "keepalived" {
			continue
		}
		for lines := bufio.NewScanner(strings.NewReader(s.logs[i])); lines.Scan(); {
			if line := lines.Text(); complaint().MatchString(line) && !harmless().MatchString(line) {
				s.Errorf("keepalived on %s complains: %s", s.nodes[i].Name, line)
			}
		}
	}
}

// judgePackets asks tshark about every advert that was on the wire.
func (s *stage) judgePackets() {
	s.Helper()
	out, err := exec.CommandContext(s.Context(), "tshark", "-r", s.file, "-o", "ip.check_checksum:TRUE", "-Tfields", "-Eseparator=;",
		"-eip.src", "-eipv6.src", "-evrrp.version", "-evrrp.virt_rtr_id", "-evrrp.prio", "-evrrp.checksum.status", "-e_ws.expert.message", "-e_ws.malformed", "-eip.checksum.status", "-eip.ttl", "-eipv6.hlim").Output()
	must(s.T, err)
	counts := map[string]int{}
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		f := strings.Split(lines.Text(), ";")
		if fault := s.fault(f); fault != "" {
			s.Errorf("tshark: %s: %s", fault, lines.Text())
		}
		counts[f[0]+f[1]+" priority "+f[4]]++
	}
	s.Logf("adverts: %v", counts)
	if len(counts) < 3 {
		s.Errorf("too few kinds of adverts on the wire: %v", counts)
	}
}

// fault says what is wrong with the fields of one advert.
func (s *stage) fault(f []string) string {
	const good = "1"
	switch {
	case len(f) != 11:
		return fmt.Sprintf("%d fields", len(f))
	case f[2] != fmt.Sprint(s.version):
		return "version"
	case f[3] != fmt.Sprint(vrid):
		return "virtual router"
	case f[4] != fmt.Sprint(strong) && f[4] != fmt.Sprint(weak) && f[4] != "0":
		return "priority"
	case f[5] != good:
		return "VRRP checksum"
	case f[6] != "" || f[7] != "":
		return "expert"
	case f[8] != "" && f[8] != good:
		return "header checksum"
	case !s.unicast && f[9]+f[10] != "255":
		return "TTL"
	case !s.sentBy(f[0] + f[1]):
		return "source"
	}
	return ""
}

// sentBy reports whether an address is a node's own: the configured one, or
// over IPv6 a link-local one.
func (s *stage) sentBy(source string) bool {
	a, err := netip.ParseAddr(source)
	if err != nil {
		return false
	}
	return a == s.nodesAddr(0) || a == s.nodesAddr(1) || a.IsLinkLocalUnicast() && !s.unicast
}

func (s *stage) nodesAddr(node int) netip.Addr { return s.dialect.nodes[node].Addr() }
