package smtp

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/internal/notify"
)

// certificate writes one for 127.0.0.1 and its key into files.
func certificate(t *testing.T) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	must(t, err)
	secret, err := x509.MarshalECPrivateKey(private)
	must(t, err)
	cert, key = filepath.Join(t.TempDir(), "cert"), filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public}), 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}), 0o600))
	parsed, err := x509.ParseCertificate(public)
	must(t, err)
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return cert, key, roots
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// aiosmtpd starts the mail server of that name; next is what it prints up to a line.
func aiosmtpd(t *testing.T, mode Encryption) (c Config, next func(line string) string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	must(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	must(t, l.Close())
	cert, key, roots := certificate(t)
	cmd := exec.Command("/usr/bin/python3", "testdata/server.py", fmt.Sprint(port), string(mode), cert, key)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	in := bufio.NewScanner(out)
	next = func(line string) string {
		t.Helper()
		var text strings.Builder
		for in.Scan() {
			if in.Text() == line {
				return text.String()
			}
			text.WriteString(in.Text() + "\n")
		}
		t.Fatalf("the server ended (apt install python3-aiosmtpd) after\n%s", text.String())
		return ""
	}
	next("ready")
	return Config{RouterID: "lb1", From: "Keep Alive <ka@example.org>", To: []string{"root@localhost", "Ops <ops@example.org>"},
		Server: "127.0.0.1", Port: uint16(port), HELO: "lb1.example.org", Timeout: 5 * time.Second, TLS: mode, Roots: roots}, next
}

// Reference, interfaces section 9, with a mail server of Debian.
func TestARealServerTakesTheMail(t *testing.T) {
	for _, c := range []struct {
		mode Encryption
		by   string
	}{
		{Never, "by None encrypted False\n"},
		{StartTLS, "by holdfast encrypted True\n"},
		{Always, "by holdfast encrypted "}, // what the server says of it differs by version
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			config, next := aiosmtpd(t, c.mode)
			if c.mode != Never {
				config.User, config.Password = "holdfast", "secret"
			}
			var j journal
			m := New(j.log)
			m.Apply(config)
			must(t, m.Deliver(t.Context(), notify.Message{At: time.Now(), Name: "VI_1", State: notify.Master}))
			m.Close(t.Context())
			if len(j.lines) > 0 {
				t.Fatalf("log: %v", j.lines)
			}
			got := next("end")
			for _, want := range []string{
				`^from ka@example.org to root@localhost ops@example.org\n` + c.by,
				`\nDate: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [-+]\d{4}\nFrom: Keep Alive <ka@example.org>\nSubject: \[lb1\] VRRP Instance VI_1 - Entering MASTER state\n`,
				`\nX-Mailer: Keepalived\nTo: root@localhost,\n Ops <ops@example.org>\n\n=> VRRP Instance is now owning VRRP VIPs <=\n$`,
			} {
				if !regexp.MustCompile(want).MatchString(got) {
					t.Errorf("the server printed\n%s\nwhich does not match\n%s", got, want)
				}
			}
		})
	}
}

func TestWhatARealServerOrItsCertificateRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		says   string
	}{
		{"a wrong password", func(c *Config) { c.Password = "guess" }, `Error processing AUTH cmd on SMTP server .* SMTP status code = 535`},
		{"nobody's name", func(c *Config) { c.User = "" }, `Error processing MAIL cmd on SMTP server .* SMTP status code = 530`},
		{"no encryption", func(c *Config) { c.TLS, c.User = Never, "" }, `Error processing MAIL cmd on SMTP server .* SMTP status code = 530`},
		{"a certificate nobody vouches for", func(c *Config) { c.Roots = x509.NewCertPool() }, `STARTTLS on SMTP server .*certificate signed by unknown authority`},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, _ := aiosmtpd(t, StartTLS)
			config.User, config.Password = "holdfast", "secret"
			c.change(&config)
			var j journal
			m := New(j.log)
			m.pauses = nil
			m.Apply(config)
			must(t, m.Deliver(t.Context(), notify.Message{At: time.Now(), Name: "VI_1", State: notify.Master}))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			m.Close(ctx)
			if log := strings.Join(j.lines, "\n"); !regexp.MustCompile(c.says).MatchString(log) || m.Lost() != 1 {
				t.Errorf("%d lost, log:\n%s\nwant one, and %s", m.Lost(), log, c.says)
			}
		})
	}
}
