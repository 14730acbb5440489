package life

import (
	"bufio"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// relay is a mail server on node a that takes everything.
type relay struct {
	mu      sync.Mutex
	letters []string // subject and body
}

// relay listens on node a.
func (s *stage) relay() *relay {
	s.Helper()
	var l net.Listener
	s.Must(s.a.Do(func() (err error) { l, err = net.Listen("tcp", "127.0.0.1:25"); return err }))
	s.Cleanup(func() { _ = l.Close() })
	r := &relay{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.serve(c)
		}
	}()
	return r
}

func (r *relay) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	fmt.Fprint(c, "220 here\r\n")
	for in := bufio.NewScanner(c); in.Scan(); {
		switch word, _, _ := strings.Cut(in.Text(), " "); word {
		case "DATA":
			fmt.Fprint(c, "354 go on\r\n")
			r.take(in)
			fmt.Fprint(c, "250 taken\r\n")
		case "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			fmt.Fprint(c, "250 well\r\n")
		}
	}
}

// take reads one letter.
func (r *relay) take(in *bufio.Scanner) {
	var subject string
	var body []string
	head := true
	for in.Scan() && in.Text() != "." {
		line := in.Text()
		if rest, ok := strings.CutPrefix(line, "Subject: "); ok && head {
			subject = rest
		}
		if !head && line != "" {
			body = append(body, line)
		}
		head = head && line != ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.letters = append(r.letters, subject+" "+strings.Join(body, "|"))
}

// of are the letters about a name, in their order.
func (r *relay) of(name string) (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.letters {
		if strings.HasPrefix(l, "[R] VRRP "+name+" - ") {
			list = append(list, strings.TrimPrefix(l, "[R] VRRP "+name+" - "))
		}
	}
	return list
}

// Reference, section 13 and interfaces section 9: subjects and bodies of the letters
// about instances and groups; a group writes when it is told to, whatever its members do.
func TestSection13_MailAboutInstancesAndGroups(t *testing.T) {
	s := newStage(t)
	r := s.relay()
	global := "router_id R\n\tnotification_email {\n\t\tops@example.org\n\t}\n\tnotification_email_from k@example.org\n\tsmtp_server 127.0.0.1"
	text := instances(global, map[string]string{"A": "smtp_alert"}, "A", "B") + "vrrp_sync_group G {\n\tgroup {\n\t\tA\n\t\tB\n\t}\n\tsmtp_alert\n}\n"
	s.Sh(s.a, "mkfifo -m 644 /run/told")
	d := s.Start(s.a, text)
	s.Eventually(5*time.Second, "both are MASTER", func() bool { return d.Count(`\) Entering MASTER STATE`) >= 2 })
	time.Sleep(300 * time.Millisecond)
	s.Must(s.a.Unplug("eth0"))
	d.Says("Entering FAULT STATE")
	time.Sleep(300 * time.Millisecond)
	d.Signal(syscall.SIGTERM)
	d.Exit()
	for name, want := range map[string][]string{
		"Instance A": {
			"Entering BACKUP state => VRRP Instance is no longer owning VRRP VIPs <=",
			"Entering MASTER state => VRRP Instance is now owning VRRP VIPs <=",
			"Entering FAULT state => VRRP Instance is no longer owning VRRP VIPs <=",
			"Stopping => VRRP Instance stopping <=",
		},
		"Instance B": nil,
		"Group G": {
			"Entering BACKUP state => All VRRP group instances are now in BACKUP state <=",
			"Entering MASTER state => All VRRP group instances are now in MASTER state <=",
			"Entering FAULT state => All VRRP group instances are now in FAULT state <=",
			"Stopping => All VRRP group instances are now stopping <=",
		},
	} {
		if got := r.of(name); !slices.Equal(got, want) {
			t.Errorf("about %s were written\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
