package balance

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// word is one of a virtual server or of a real server, and what it makes of the table. In want,
// @ is the address of the virtual server as ipvsadm has it.
type word struct {
	words string // of a block and in it, separated by commas
	of    string // in the virtual server, instead of what usual has of these words
	in    string // its real server
	want  []string
}

// usual is a virtual server that says no more than it must.
const usual = "lvs_sched rr\nlvs_method NAT\nprotocol TCP\n"

// dead is a check that fails: nobody listens there.
const dead = "TCP_CHECK {\nwarmup 0\nconnect_ip 10.0.1.1\nconnect_port 9\n}"

const (
	rr     = "-A @ -s rr"
	masq   = "-a @ -r 10.0.2.11:80 -m -w 1"
	sorry  = "-a @ -r 10.0.2.99:80 -m -w 1"
	tunnel = "-a @ -r 10.0.2.11:80 -i -w 1 "
)

func wordRows() (rows []word) {
	for _, name := range []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"} {
		rows = append(rows, word{"virtual_server/lvs_sched " + name, "lvs_sched " + name, "", []string{"-A @ -s " + name, masq}})
	}
	way := func(words, of, want string) word {
		return word{words, "lvs_method " + of, "", []string{rr, strings.TrimSpace(tunnel + want)}}
	}
	return append(rows,
		// What the kernel lacks, and knows by another name only.
		word{"virtual_server/lvs_sched twos", "lvs_sched twos", "", nil},
		word{"virtual_server lvs_sched", "lvs_sched lc", "", []string{"-A @ -s lc", masq}},
		word{"virtual_server lb_algo", "lb_algo wlc", "", []string{"-A @ -s wlc", masq}},
		word{"virtual_server hashed", "lvs_sched sh\nhashed", "", []string{"-A @ -s sh", masq}},
		word{"virtual_server ops", "protocol UDP\nops", "", []string{rr + " -o", masq}},
		word{"virtual_server flag-1", "flag-1", "", []string{rr + " -b flag-1", masq}},
		word{"virtual_server flag-2", "flag-2", "", []string{rr + " -b flag-2", masq}},
		word{"virtual_server flag-3", "flag-3", "", []string{rr + " -b flag-3", masq}},
		word{"virtual_server sh-port", "lvs_sched sh\nsh-port", "", []string{"-A @ -s sh -b sh-port", masq}},
		word{"virtual_server sh-fallback", "lvs_sched sh\nsh-fallback", "", []string{"-A @ -s sh -b sh-fallback", masq}},
		word{"virtual_server mh-port", "lvs_sched mh\nmh-port", "", []string{"-A @ -s mh -b mh-port", masq}},
		word{"virtual_server mh-fallback", "lvs_sched mh\nmh-fallback", "", []string{"-A @ -s mh -b mh-fallback", masq}},

		// How packets get to a real server.
		word{"virtual_server lvs_method, virtual_server/lvs_method DR", "lvs_method DR", "", []string{rr, "-a @ -r 10.0.2.11:80 -g -w 1"}},
		word{"virtual_server lb_kind", "lb_kind DR", "", []string{rr, "-a @ -r 10.0.2.11:80 -g -w 1"}},
		word{"virtual_server/lvs_method NAT", "lvs_method NAT", "", []string{rr, masq}},
		way("virtual_server/lvs_method TUN", "TUN", "--tun-type ipip"),
		way("virtual_server/lvs_method type, virtual_server/lvs_method ipip", "TUN type ipip", "--tun-type ipip"),
		way("virtual_server/lvs_method gue, virtual_server/lvs_method port", "TUN type gue port 6080", "--tun-type gue --tun-port 6080 --tun-nocsum"),
		way("virtual_server/lvs_method gre, virtual_server/lvs_method csum", "TUN type gre csum", "--tun-type gre --tun-csum"),
		way("virtual_server/lvs_method nocsum", "TUN type gre nocsum", "--tun-type gre --tun-nocsum"),
		way("virtual_server/lvs_method remcsum", "TUN type gue port 6080 remcsum", "--tun-type gue --tun-port 6080 --tun-remcsum"),
		word{"virtual_server/real_server lvs_method", "", "lvs_method TUN type gre", []string{rr, tunnel + "--tun-type gre --tun-nocsum"}},

		// How long clients stay where they are.
		word{"virtual_server persistence_timeout", "persistence_timeout 77", "", []string{rr + " -p 77", masq}},
		word{"virtual_server persistence_granularity", "persistence_granularity 255.255.255.0", "", []string{rr + " -p 360 -M 255.255.255.0", masq}},
		word{"virtual_server persistence_engine", "protocol UDP\npersistence_timeout 77\npersistence_engine sip", "", []string{rr + " -p 77 --pe sip", masq}},
		word{"virtual_server protocol", "protocol SCTP", "", []string{rr, masq}},
		word{"virtual_server ip_family", "fwmark\nip_family inet6", "fd00:2::11 80", []string{rr, "-a @ -r [fd00:2::11]:80 -m -w 1"}},

		// Who is in the table.
		word{"virtual_server real_server", "", "", []string{rr, masq}},
		word{"virtual_server weight", "weight 7", "", []string{rr, "-a @ -r 10.0.2.11:80 -m -w 7"}},
		word{"virtual_server/real_server weight", "weight 7", "weight 9", []string{rr, "-a @ -r 10.0.2.11:80 -m -w 9"}},
		word{"virtual_server/real_server uthreshold", "", "uthreshold 100", []string{rr, masq}},
		word{"virtual_server/real_server lthreshold", "", "uthreshold 100\nlthreshold 50", []string{rr, masq}},
		word{"virtual_server alpha", "alpha", dead, []string{rr}},
		word{"virtual_server/real_server alpha", "", "alpha\n" + dead, []string{rr}},
		word{"virtual_server inhibit_on_failure", "inhibit_on_failure", dead, []string{rr, "-a @ -r 10.0.2.11:80 -m -w 0"}},
		word{"virtual_server/real_server inhibit_on_failure", "inhibit_on_failure", "inhibit_on_failure no\n" + dead, []string{rr}},
		word{"virtual_server sorry_server", "sorry_server 10.0.2.99 80", dead, []string{rr, sorry}},
		word{"virtual_server sorry_server_inhibit", "sorry_server 10.0.2.99 80\nsorry_server_inhibit", "", []string{rr, masq, "-a @ -r 10.0.2.99:80 -m -w 0"}},
		word{"virtual_server sorry_server_lvs_method", "sorry_server 10.0.2.99 80\nsorry_server_lvs_method DR", dead, []string{rr, "-a @ -r 10.0.2.99:80 -g -w 1"}},
		word{"virtual_server quorum", "sorry_server 10.0.2.99 80\nweight 2\nquorum 2", "weight 3\n" + dead + "\n}\nreal_server 10.0.2.12 80 {\nweight 1", []string{rr, sorry}},
		word{"virtual_server hysteresis", "sorry_server 10.0.2.99 80\nquorum 2\nhysteresis 1", "weight 2", []string{rr, sorry}},

		// Which services a group is.
		word{"virtual_server_group IP", "10.0.8.1 80", "", []string{"-A -t 10.0.8.1:80 -s rr", "-a -t 10.0.8.1:80 -r 10.0.2.11:80 -m -w 1"}},
		word{"virtual_server_group IP-N", "10.0.8.2-3 80", "", []string{"-A -t 10.0.8.2:80 -s rr", "-a -t 10.0.8.2:80 -r 10.0.2.11:80 -m -w 1", "-A -t 10.0.8.3:80 -s rr", "-a -t 10.0.8.3:80 -r 10.0.2.11:80 -m -w 1"}},
		word{"virtual_server_group IP-IP", "10.0.8.4-10.0.8.5 80", "", []string{"-A -t 10.0.8.4:80 -s rr", "-a -t 10.0.8.4:80 -r 10.0.2.11:80 -m -w 1", "-A -t 10.0.8.5:80 -s rr", "-a -t 10.0.8.5:80 -r 10.0.2.11:80 -m -w 1"}},
		word{"virtual_server_group IP/MASK", "10.0.8.6/31 80", "", []string{"-A -t 10.0.8.6:80 -s rr", "-a -t 10.0.8.6:80 -r 10.0.2.11:80 -m -w 1", "-A -t 10.0.8.7:80 -s rr", "-a -t 10.0.8.7:80 -r 10.0.2.11:80 -m -w 1"}},
		word{"virtual_server_group fwmark", "fwmark 900", "", []string{"-A -f 900 -s rr", "-a -f 900 -r 10.0.2.11:80 -m -w 1"}},
	)
}

// Each row is a virtual server, or a group, of one file.
func TestEveryWordOfAVirtualServerHasItsEffect(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	rows := wordRows()
	everyRowIsThere(t, rows)
	var text strings.Builder
	var want [][]string
	for i, r := range rows {
		text.WriteString(r.text(i))
		want = append(want, r.table(i))
	}
	d := s.Start(n, "global_defs {\nrouter_id words\n}\n"+text.String())
	s.becomes(n, 30*time.Second, slices.Concat(want...)...)
	d.Tells(time.Second, "the kernel has no scheduler twos")
	for _, limits := range []string{"100 0", "100 50"} { // which ipvsadm -S does not print
		if n := strings.Count(s.Sh(n, "ipvsadm -Ln --thresholds | awk '{ print $3, $4 \"\" }'"), limits+"\n"); n != 1 {
			t.Errorf("%d servers have the thresholds %s", n, limits)
		}
	}
}

// text is the row in a file.
func (w *word) text(i int) string {
	name := fmt.Sprintf("virtual_server 10.0.9.%d 80", i+1)
	said, more := usual, w.of
	switch {
	case strings.HasPrefix(w.words, "virtual_server_group "):
		name, more = fmt.Sprintf("virtual_server_group G%d {\n%s\n}\nvirtual_server group G%[1]d", i, w.of), ""
	case strings.HasPrefix(w.of, "fwmark\n"):
		name, said, more = fmt.Sprintf("virtual_server fwmark %d", i+1), "lvs_sched rr\nlvs_method NAT\n", strings.TrimPrefix(w.of, "fwmark\n")
	}
	at, in := "10.0.2.11 80", w.in
	if address, rest, _ := strings.Cut(in, "\n"); strings.HasSuffix(address, " 80") {
		at, in = address, rest
	}
	return fmt.Sprintf("%s {\n%s%s\nreal_server %s {\n%s\n}\n}\n", name, besides(said, more), more, at, in)
}

// besides drops the lines whose word others begin with.
func besides(text, others string) (left string) {
	for line := range strings.Lines(text) {
		word, _, _ := strings.Cut(line, " ")
		if !strings.Contains("\n"+others, "\n"+word+" ") {
			left += line
		}
	}
	return left
}

// table is what ipvsadm -Sn says of the row.
func (w *word) table(i int) (lines []string) {
	at := fmt.Sprintf("-t 10.0.9.%d:80", i+1)
	switch {
	case strings.Contains(w.of, "protocol UDP"):
		at = strings.Replace(at, "-t", "-u", 1)
	case strings.Contains(w.of, "protocol SCTP"):
		at = strings.Replace(at, "-t", "--sctp-service", 1)
	case strings.HasPrefix(w.of, "fwmark\n"):
		at = fmt.Sprintf("-f %d -6", i+1)
	}
	for _, line := range w.want {
		lines = append(lines, strings.Replace(line, "@", at, 1))
	}
	return lines
}

// everyRowIsThere compares the rows with the page that says which words this test holds.
func everyRowIsThere(t *testing.T, rows []word) {
	t.Helper()
	page, err := os.ReadFile("../../../doc/behaviour-tests.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range rows {
		for w := range strings.SplitSeq(r.words, ", ") {
			seen[w] = true
		}
	}
	for line := range strings.Lines(string(page)) {
		head, held, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		block, words, _ := strings.Cut(head, ": ")
		for w := range strings.FieldsSeq(words) {
			if name := block + " " + w; strings.Contains(held, "."+t.Name()+"`") && !seen[name] {
				t.Errorf("no row shows the effect of %s", name)
			} else {
				delete(seen, name)
			}
		}
	}
	for w := range seen {
		t.Errorf("the page does not say that a row shows the effect of %s", w)
	}
}
