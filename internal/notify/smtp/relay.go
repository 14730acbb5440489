package smtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/smtp"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/notify"
)

var errBroken = errors.New("SMTP connection broke")

// relay is a connection to the mail server.
type relay struct {
	*smtp.Client
	server string
	broken bool // nothing more can be sent
	free   func() bool
}

// patient is a connection on which each read and write may take so long.
type patient struct {
	net.Conn
	timeout time.Duration
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.SetReadDeadline(time.Now().Add(p.timeout)); err != nil {
		return 0, err
	}
	return p.Conn.Read(b)
}

func (p patient) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(p.timeout)); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}

// dial connects and greets: EHLO, and HELO to a server that does not know it; then
// it encrypts and gives its name as configured.
func dial(ctx context.Context, c Config) (*relay, error) {
	r := &relay{server: net.JoinHostPort(c.Server, strconv.Itoa(int(c.Port)))}
	dialer := net.Dialer{Timeout: c.Timeout}
	conn, err := dialer.DialContext(ctx, "tcp", r.server)
	if err != nil {
		return nil, fmt.Errorf("connect to SMTP server %s: %w", r.server, err)
	}
	// The end of ctx ends a dialogue that hangs.
	r.free = context.AfterFunc(ctx, func() { conn.Close() })
	if err := r.greet(patient{conn, c.Timeout}, c); err != nil {
		r.free()
		conn.Close()
		return nil, err
	}
	return r, nil
}

func (r *relay) greet(conn net.Conn, c Config) (err error) {
	secure := &tls.Config{ServerName: c.Server, RootCAs: c.Roots}
	if c.TLS == Always {
		conn = tls.Client(conn, secure)
	}
	if r.Client, err = smtp.NewClient(conn, c.Server); err != nil {
		return r.fail("connect", err)
	}
	if err := r.Hello(c.HELO); err != nil {
		return r.fail("HELO", err)
	}
	if c.TLS == StartTLS {
		if err := r.StartTLS(secure); err != nil {
			return r.fail("STARTTLS", err)
		}
	}
	return r.identify(c)
}

// identify gives the server name and password, if there are any.
func (r *relay) identify(c Config) error {
	if c.User == "" {
		return nil
	}
	if err := r.Auth(smtp.PlainAuth("", c.User, c.Password, c.Server)); err != nil {
		return r.fail("AUTH", err)
	}
	return nil
}

// send sends one letter to all recipients that the server takes.
func (r *relay) send(c Config, l notify.Letter, log func(string)) error {
	if err := r.Mail(address(c.From)); err != nil {
		return r.giveUp("MAIL", err)
	}
	taken := 0
	for _, to := range c.To {
		if err := r.Rcpt(address(to)); err != nil {
			log(r.fail("RCPT", err).Error())
			continue
		}
		taken++
	}
	if taken == 0 {
		return r.giveUp("RCPT", errors.New("no recipient was accepted"))
	}
	return r.data(compose(c, l))
}

func (r *relay) data(text []byte) error {
	w, err := r.Data()
	if err != nil {
		return r.giveUp("DATA", err)
	}
	if _, err = w.Write(text); err == nil {
		err = w.Close()
	}
	if err != nil {
		return r.giveUp("body", err)
	}
	return nil
}

// giveUp ends the present letter; the connection stays of use if the server
// answers to that.
func (r *relay) giveUp(command string, err error) error {
	r.broken = r.Reset() != nil
	return r.fail(command, err)
}

// fail words what went wrong as operators know it.
func (r *relay) fail(command string, err error) error {
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		//lint:ignore ST1005 the line is matched on
		return fmt.Errorf("Error processing %s cmd on SMTP server %s. SMTP status code = %d: %s", command, r.server, answer.Code, answer.Msg)
	}
	return fmt.Errorf("%s on SMTP server %s: %w", command, r.server, err)
}

func (r *relay) quit() {
	defer r.free()
	if r.broken || r.Quit() != nil {
		r.Close()
	}
}

// address is the part of an entry that the envelope takes: what stands in angle
// brackets, else all of it.
func address(entry string) string {
	_, rest, ok := strings.Cut(entry, "<")
	if inner, _, closed := strings.Cut(rest, ">"); ok && closed {
		return inner
	}
	return strings.TrimSpace(entry)
}

// compose writes the message with its headers in keepalived's order. The
// X-Mailer is keepalived's too, because filters look for it.
func compose(c Config, l notify.Letter) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Date: %s\r\n", l.At.Format(time.RFC1123Z))
	fmt.Fprintf(&b, "From: %s\r\n", oneLine(c.From))
	fmt.Fprintf(&b, "Subject: %s\r\n", mime.QEncoding.Encode("utf-8", oneLine(l.Subject)))
	b.WriteString("X-Mailer: Keepalived\r\n")
	fmt.Fprintf(&b, "To: %s\r\n\r\n", strings.Join(lines(c.To), ",\r\n "))
	b.WriteString(l.Text + "\r\n")
	return b.Bytes()
}

func lines(entries []string) []string {
	all := make([]string, len(entries))
	for i, e := range entries {
		all[i] = oneLine(e)
	}
	return all
}

// oneLine keeps a name from the configuration from adding headers.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return ' '
		}
		return r
	}, s)
}
