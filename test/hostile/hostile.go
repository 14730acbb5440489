// Package hostile is servers that answer badly, or not, for tests of those who ask.
package hostile

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"holdfast/internal/checker"
	"holdfast/test/server"
)

// Answer is what a server does with one connection, which is closed after it.
type Answer func(net.Conn)

// Serve answers each connection on loopback.
func Serve(t testing.TB, answer Answer) checker.Target {
	t.Helper()
	at := server.Start(t, "tcp", "127.0.0.1:0", answer).(*net.TCPAddr).AddrPort()
	return checker.Target{Addr: at.Addr(), Port: at.Port()}
}

// Datagrams answers each datagram on loopback as often as answer has answers.
func Datagrams(t testing.TB, answer func(question []byte) [][]byte) checker.Target {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, from, err := c.ReadFrom(buffer)
			if err != nil {
				return
			}
			for _, b := range answer(buffer[:n]) {
				_, _ = c.WriteTo(b, from)
			}
		}
	}()
	at := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return checker.Target{Addr: at.Addr(), Port: at.Port()}
}

// Says answers a line with a text.
func Says(text string) Answer {
	return func(c net.Conn) {
		_, _ = bufio.NewReader(c).ReadString('\n')
		_, _ = io.WriteString(c, text)
	}
}

// Forever writes a text again and again after a beginning.
func Forever(beginning, text string, pause time.Duration) Answer {
	return func(c net.Conn) {
		_, _ = io.WriteString(c, beginning)
		for {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
			time.Sleep(pause)
		}
	}
}

// Waits says nothing for a while.
func Waits(d time.Duration) Answer { return func(net.Conn) { time.Sleep(d) } }

// Resets answers a line with a text and breaks the connection.
func Resets(before string) Answer {
	return func(c net.Conn) {
		Says(before)(c)
		Breaks(c)
	}
}

// Breaks resets a connection.
func Breaks(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }

// Greets says a text at once, and then what another says.
func Greets(text string, after Answer) Answer {
	return func(c net.Conn) {
		_, _ = io.WriteString(c, text)
		after(c)
	}
}

// Secure speaks TLS with a certificate, and then as answer says.
func Secure(cert tls.Certificate, answer Answer) Answer {
	return func(c net.Conn) {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}})
		if s.Handshake() == nil {
			answer(s)
		}
	}
}

// Certificate is one for www.example.org that ends at a time, and who trusts it.
func Certificate(t testing.TB, end time.Time) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Unix(0, 0), NotAfter: end,
		DNSNames: []string{"www.example.org"}, IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, pool
}
