// Package smtp tells people by mail, through one relay: in clear and without a
// name, as keepalived does, or encrypted and with one. It decides nothing about
// what is worth a mail beyond what package notify says.
//
// It is built on net/smtp: the text of an alert begins with "=>", which
// richer libraries send as "=3D>" to every server that does not offer 8BITMIME,
// and people have filters that look for it.
package smtp

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"os/user"
	"slices"
	"sync"
	"time"

	"holdfast/internal/notify"
)

const (
	// most letters wait at a time: thousands of instances that change state
	// together are not to fill the memory while the relay is away.
	most = 1024
	// batch is how many letters go through one connection.
	batch = 100
)

// Config is how mail leaves. It is global_defs' part about mail with its
// defaults still missing.
type Config struct {
	RouterID string   // empty: the local host name
	From     string   // empty: user@host
	To       []string // empty: no mail
	Server   string   // address or host name; empty: no mail
	Port     uint16   // 0: 25
	HELO     string   // empty: the local host name
	// Timeout is for connecting and for each reply; 0: 30 s.
	Timeout time.Duration
	// NoFault is no_email_faults.
	NoFault bool
	TLS     Encryption
	// User and Password are given to the server; an empty User: nobody's.
	User, Password string
	// Roots are who may vouch for the server; nil: whom the machine trusts.
	Roots *x509.CertPool
}

// Encryption says how the connection to the server is encrypted. The zero value
// is Never.
type Encryption string

// The ways: not at all, after asking for it in clear, from the first byte.
const (
	Never    Encryption = "never"
	StartTLS Encryption = "starttls"
	Always   Encryption = "always"
)

// withDefaults fills in what the machine knows.
func (c Config) withDefaults() Config {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	name := "root"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	c.RouterID = cmp.Or(c.RouterID, host)
	c.HELO = cmp.Or(c.HELO, host)
	c.From = cmp.Or(c.From, name+"@"+host)
	c.Port = cmp.Or(c.Port, 25)
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	return c
}

// Mailer sends mail about messages, in order. It is a notify.Sink. It has a
// goroutine only while there is something to send.
type Mailer struct {
	log func(string)
	ctx context.Context // ends when the last letters have had their time
	end context.CancelFunc
	// pauses are waited for before the relay that could not be reached is
	// tried again.
	pauses []time.Duration

	mu      sync.Mutex
	config  Config
	book    notify.Mailbook
	waiting []notify.Letter
	sending chan struct{} // closed when the goroutine ends; nil without one
	full    bool
	lost    uint64
}

// New returns a Mailer that sends nothing until Apply.
func New(log func(string)) *Mailer {
	ctx, end := context.WithCancel(context.Background())
	return &Mailer{log: log, ctx: ctx, end: end, pauses: []time.Duration{5 * time.Second, 30 * time.Second}}
}

// Apply takes a new configuration. What was last mailed is remembered.
func (m *Mailer) Apply(c Config) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.config = c.withDefaults()
}

// Deliver sends the mail about msg, if it is worth one, in the background.
func (m *Mailer) Deliver(_ context.Context, msg notify.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.config.Server == "" || len(m.config.To) == 0 {
		return nil
	}
	letter, ok := msg.Letter(m.config.RouterID)
	if !ok || !m.book.Due(msg, m.config.NoFault) {
		return nil
	}
	if msg.State == notify.Deleted {
		m.book.Forget(msg.Key())
	}
	m.post(letter)
	return nil
}

// Lost is the number of letters that could not be sent.
func (m *Mailer) Lost() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lost
}

// Close waits until what waits is sent, or until ctx ends; the rest is lost.
func (m *Mailer) Close(ctx context.Context) {
	m.mu.Lock()
	sending := m.sending
	m.mu.Unlock()
	if sending != nil {
		select {
		case <-sending:
		case <-ctx.Done():
		}
	}
	m.end()
}

func (m *Mailer) post(l notify.Letter) {
	if len(m.waiting) >= most {
		m.lost++
		if !m.full {
			m.full = true
			m.log(fmt.Sprintf("SMTP server %s is too slow, alerts are lost: %d wait", m.config.Server, most))
		}
		return
	}
	m.full = false
	m.waiting = append(m.waiting, l)
	if m.sending == nil {
		m.sending = make(chan struct{})
		go m.serve(m.sending)
	}
}

// serve sends until nothing waits.
func (m *Mailer) serve(done chan struct{}) {
	defer close(done)
	for {
		c, letters := m.take()
		if len(letters) == 0 {
			return
		}
		m.send(c, letters)
	}
}

func (m *Mailer) take() (Config, []notify.Letter) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := min(batch, len(m.waiting))
	letters := slices.Clone(m.waiting[:n])
	m.waiting = slices.Delete(m.waiting, 0, n)
	if n == 0 {
		m.waiting, m.sending = nil, nil
	}
	return m.config, letters
}

// send sends letters through one connection, and tries again when there is none.
func (m *Mailer) send(c Config, letters []notify.Letter) {
	relay, err := dial(m.ctx, c)
	for _, pause := range m.pauses {
		if err == nil || m.ctx.Err() != nil {
			break
		}
		m.log(fmt.Sprintf("%v; next try in %v", err, pause))
		m.sleep(pause)
		relay, err = dial(m.ctx, c)
	}
	if err != nil {
		m.miss(len(letters), err)
		return
	}
	defer relay.quit()
	for i, l := range letters {
		if err := relay.send(c, l, m.log); err != nil {
			m.miss(1, err)
		}
		if relay.broken {
			m.miss(len(letters)-i-1, errBroken)
			return
		}
	}
}

func (m *Mailer) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-m.ctx.Done():
	}
}

func (m *Mailer) miss(n int, err error) {
	if n == 0 {
		return
	}
	m.mu.Lock()
	m.lost += uint64(n)
	m.mu.Unlock()
	m.log(fmt.Sprintf("%v; %d alert(s) lost", err, n))
}
