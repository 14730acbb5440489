package smtp

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/notify"
)

// server is a small real mail server: it keeps the dialogue and the messages.
type server struct {
	net.Listener
	// answers replaces the answer to a command; EHLO is refused by default, as
	// by servers that only know HELO.
	answers map[string]string

	mu       sync.Mutex
	dialogue []string
	messages []string
}

func listen(t *testing.T, answers map[string]string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l, answers: map[string]string{"EHLO": "502 what?"}}
	for k, v := range answers {
		s.answers[k] = v
	}
	go s.serve()
	t.Cleanup(func() { l.Close() })
	return s
}

func (s *server) serve() {
	for {
		conn, err := s.Accept()
		if err != nil {
			return
		}
		go s.talk(conn)
	}
}

func (s *server) talk(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewScanner(conn)
	s.say(conn, "220", "220-hello\r\n220 there")
	for in.Scan() {
		line := in.Text()
		s.mu.Lock()
		s.dialogue = append(s.dialogue, line)
		s.mu.Unlock()
		verb, _, _ := strings.Cut(line, " ")
		switch verb {
		case "DATA":
			if s.say(conn, "DATA", "354 go on") {
				s.receive(in)
				s.say(conn, ".", "250 taken")
			}
		case "QUIT":
			s.say(conn, "QUIT", "221 bye")
			return
		case "RCPT":
			s.say(conn, line, "250 ok")
		default:
			s.say(conn, verb, "250 ok")
		}
	}
}

// say answers, and reports whether with what is usual.
func (s *server) say(conn net.Conn, command, usual string) bool {
	answer, other := s.answers[command]
	if !other {
		answer = usual
	}
	if answer != "silence" {
		fmt.Fprint(conn, answer, "\r\n")
	}
	return !other
}

func (s *server) receive(in *bufio.Scanner) {
	var text strings.Builder
	for in.Scan() && in.Text() != "." {
		text.WriteString(in.Text() + "\n")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, text.String())
}

func (s *server) config() Config {
	addr := s.Addr().(*net.TCPAddr)
	return Config{RouterID: "lb1", From: "Keep Alive <ka@example.org>", To: []string{"root@localhost", "Ops <ops@example.org>"},
		Server: "127.0.0.1", Port: uint16(addr.Port), HELO: "lb1.example.org", Timeout: 5 * time.Second}
}

type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) log(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n")
}

// mail sends messages and waits until they are gone.
func mail(t *testing.T, c Config, messages ...notify.Message) (*Mailer, *journal) {
	t.Helper()
	j := &journal{}
	m := New(j.log)
	m.pauses = nil
	m.Apply(c)
	for _, msg := range messages {
		if err := m.Deliver(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	m.Close(ctx)
	if ctx.Err() != nil {
		t.Error("the mail is not gone after ten seconds")
	}
	return m, j
}

var at = time.Date(2021, 3, 1, 9, 44, 8, 0, time.UTC)

func vi(state string) notify.Message { return notify.Message{At: at, Name: "VI_1", State: state} }

func TestTheDialogueAndTheMessage(t *testing.T) {
	s := listen(t, nil)
	_, j := mail(t, s.config(), vi(notify.Master))
	want := []string{"EHLO lb1.example.org", "HELO lb1.example.org", "MAIL FROM:<ka@example.org>",
		"RCPT TO:<root@localhost>", "RCPT TO:<ops@example.org>", "DATA", "QUIT"}
	if diff := cmp.Diff(want, s.dialogue); diff != "" {
		t.Errorf("dialogue (-want +got):\n%s", diff)
	}
	text := `Date: Mon, 01 Mar 2021 09:44:08 +0000
From: Keep Alive <ka@example.org>
Subject: [lb1] VRRP Instance VI_1 - Entering MASTER state
X-Mailer: Keepalived
To: root@localhost,
 Ops <ops@example.org>

=> VRRP Instance is now owning VRRP VIPs <=
`
	if diff := cmp.Diff([]string{text}, s.messages); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	if j.String() != "" {
		t.Errorf("logged: %s", j)
	}
}

func TestAServerThatKnowsEHLO(t *testing.T) {
	s := listen(t, map[string]string{"EHLO": "250-hello\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 8BITMIME"})
	mail(t, s.config(), vi(notify.Master))
	if len(s.messages) != 1 || s.dialogue[1] != "MAIL FROM:<ka@example.org> BODY=8BITMIME" {
		t.Errorf("dialogue %q, %d messages; want no HELO, no STARTTLS, one message", s.dialogue, len(s.messages))
	}
}

func subjects(s *server) (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		_, rest, _ := strings.Cut(m, " - ")
		subject, _, _ := strings.Cut(rest, "\n")
		all = append(all, subject)
	}
	return all
}

func TestWhatIsMailed(t *testing.T) {
	states := []notify.Message{vi(notify.Backup), vi(notify.Backup), vi(notify.Fault), vi(notify.LowerHeard), vi(notify.Backup),
		vi(notify.Master), vi(notify.MasterPriority), vi(notify.Stop)}
	s := listen(t, nil)
	mail(t, s.config(), states...)
	if diff := cmp.Diff([]string{"Entering BACKUP state", "Entering FAULT state", "Entering BACKUP state", "Entering MASTER state", "Stopping"}, subjects(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s = listen(t, nil)
	c := s.config()
	c.NoFault = true
	mail(t, c, states...)
	if diff := cmp.Diff([]string{"Entering BACKUP state", "Entering MASTER state", "Stopping"}, subjects(s)); diff != "" {
		t.Errorf("no_email_faults (-want +got):\n%s", diff)
	}
}

func TestWithoutServerOrRecipientsNothingIsMailed(t *testing.T) {
	s := listen(t, nil)
	noServer, nobody := s.config(), s.config()
	noServer.Server, nobody.To = "", nil
	for _, c := range []Config{noServer, nobody, {}} {
		if _, j := mail(t, c, vi(notify.Master)); j.String() != "" {
			t.Errorf("logged: %s", j)
		}
	}
	if len(s.dialogue) != 0 {
		t.Errorf("dialogue %q, want none", s.dialogue)
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name     string
		answers  map[string]string
		messages int
		lost     uint64
		want     []string
	}{
		{"one recipient", map[string]string{"RCPT TO:<root@localhost>": "550 who?"}, 2, 0,
			[]string{"Error processing RCPT cmd on SMTP server ADDR. SMTP status code = 550: who?"}},
		{"all recipients", map[string]string{"RCPT TO:<root@localhost>": "550 who?", "RCPT TO:<ops@example.org>": "551 gone"}, 0, 2,
			[]string{"SMTP status code = 550", "SMTP status code = 551", "RCPT on SMTP server ADDR: no recipient was accepted; 1 alert(s) lost"}},
		{"the sender", map[string]string{"MAIL": "553 no"}, 0, 2, []string{"Error processing MAIL cmd on SMTP server ADDR. SMTP status code = 553: no; 1 alert(s) lost"}},
		{"the data", map[string]string{"DATA": "451 later"}, 0, 2, []string{"Error processing DATA cmd on SMTP server ADDR. SMTP status code = 451"}},
		{"the body", map[string]string{".": "554 spam"}, 2, 2, []string{"Error processing body cmd on SMTP server ADDR. SMTP status code = 554: spam"}},
		{"the caller", map[string]string{"220": "554 go away"}, 0, 2, []string{"Error processing connect cmd on SMTP server ADDR. SMTP status code = 554"}},
		{"the greeting", map[string]string{"HELO": "501 no"}, 0, 2, []string{"Error processing HELO cmd on SMTP server ADDR. SMTP status code = 501"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := listen(t, tt.answers)
			m, j := mail(t, s.config(), vi(notify.Backup), vi(notify.Master))
			if len(s.messages) != tt.messages || m.Lost() != tt.lost {
				t.Errorf("%d messages, %d lost; want %d, %d", len(s.messages), m.Lost(), tt.messages, tt.lost)
			}
			for _, w := range tt.want {
				if w = strings.ReplaceAll(w, "ADDR", s.Addr().String()); !strings.Contains(j.String(), w) {
					t.Errorf("log lacks %q:\n%s", w, j)
				}
			}
		})
	}
}

func TestAServerThatFallsSilent(t *testing.T) {
	s := listen(t, map[string]string{"MAIL": "silence"})
	c := s.config()
	c.Timeout = 50 * time.Millisecond
	m, j := mail(t, c, vi(notify.Backup), vi(notify.Master))
	if m.Lost() != 2 || !strings.Contains(j.String(), "i/o timeout") {
		t.Errorf("lost %d, log:\n%s\nwant 2 and a timeout", m.Lost(), j)
	}
}

func TestAServerThatIsNotThereIsTriedAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{answers: map[string]string{}}
	s.Listener = l
	c := s.config()
	l.Close()
	j := &journal{}
	m := New(j.log)
	m.pauses = []time.Duration{time.Millisecond, 2 * time.Millisecond}
	m.Apply(c)
	if err := m.Deliver(t.Context(), vi(notify.Master)); err != nil {
		t.Fatal(err)
	}
	m.Close(t.Context())
	want := fmt.Sprintf("connect to SMTP server %s: dial tcp %[1]s: connect: connection refused", l.Addr())
	if diff := cmp.Diff([]string{want + "; next try in 1ms", want + "; next try in 2ms", want + "; 1 alert(s) lost"}, j.lines); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestCloseWaitsNoLongerThanItsContext(t *testing.T) {
	s := listen(t, map[string]string{"220": "silence"})
	m := New(func(string) {})
	m.Apply(s.config())
	if err := m.Deliver(t.Context(), vi(notify.Stop)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	m.mu.Lock()
	sending := m.sending
	m.mu.Unlock()
	m.Close(ctx)
	select {
	case <-sending:
	case <-time.After(2 * time.Second):
		t.Error("the goroutine is still there")
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestTheQueueIsBounded(t *testing.T) {
	s := listen(t, map[string]string{"220": "silence"})
	j := &journal{}
	m := New(j.log)
	m.Apply(s.config())
	tell := func(n int) {
		if err := m.Deliver(t.Context(), notify.Message{Name: fmt.Sprint(n), State: notify.Master}); err != nil {
			t.Fatal(err)
		}
	}
	tell(0)
	for taken := false; !taken; time.Sleep(time.Millisecond) { // and held up by the server
		m.mu.Lock()
		taken = len(m.waiting) == 0
		m.mu.Unlock()
	}
	for n := range most + 500 {
		tell(n + 1)
	}
	if m.Lost() != 500 {
		t.Errorf("lost %d, want 500", m.Lost())
	}
	if n := strings.Count(j.String(), "too slow"); n != 1 {
		t.Errorf("logged %d times, want once", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.Close(ctx)
}

func TestManyLettersShareAConnection(t *testing.T) {
	s := listen(t, nil)
	var all []notify.Message
	for n := range 50 {
		all = append(all, notify.Message{At: at, Name: fmt.Sprint("VI_", n), State: notify.Master})
	}
	mail(t, s.config(), all...)
	if len(s.messages) != 50 {
		t.Fatalf("%d messages, want 50", len(s.messages))
	}
	for n, m := range s.messages {
		if !strings.Contains(m, fmt.Sprintf("VI_%d - ", n)) {
			t.Fatalf("message %d is %q: not in order", n, m)
		}
	}
	if n := strings.Count(strings.Join(s.dialogue, "\n"), "QUIT"); n > 3 {
		t.Errorf("%d connections", n)
	}
}

func TestDefaults(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	got := Config{}.withDefaults()
	want := Config{RouterID: host, From: got.From, HELO: host, Port: 25, Timeout: 30 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(got.From, "@"+host) || strings.HasPrefix(got.From, "@") {
		t.Errorf("sender %q, want user@%s", got.From, host)
	}
}

// A name from the configuration adds no header, and none is sent unencoded.
func TestHeadersAreSafe(t *testing.T) {
	text := string(compose(Config{From: "a@b\r\nBcc: x@y", To: []string{"c@d"}}, notify.Letter{At: at, Subject: "Büro\nX: 1", Text: "t"}))
	if strings.Contains(text, "\nBcc:") || strings.Contains(text, "\nX:") || !strings.Contains(text, "Subject: =?utf-8?q?B=C3=BCro_X:_1?=\r\n") {
		t.Errorf("message:\n%s", text)
	}
}

func TestAddress(t *testing.T) {
	for entry, want := range map[string]string{
		"a@b": "a@b", "Name <a@b>": "a@b", "<a@b>": "a@b", " root ": "root", "broken <a@b": "broken <a@b",
	} {
		if got := address(entry); got != want {
			t.Errorf("address(%q) = %q, want %q", entry, got, want)
		}
	}
}
