// Package service has what stands for real servers in a lab: small programs that
// say who they are to whoever asks, and a client that asks all the time.
package service

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// Server is one real server.
type Server struct {
	Name string
	// Own are the addresses that it answers for beside those that choose themselves.
	Own    []netip.Addr
	Offers []Offer
}

// Offer is what is there at one port.
type Offer struct {
	Protocol string // TCP or UDP
	Port     uint16
	Mail     bool            // TCP: it speaks first, as mail servers do
	Names    bool            // UDP: it answers questions as name servers do
	Reply    string          // UDP: what its answer to others begins with
	Pages    map[string]Page // TCP: those that are not as all others
}

// Page is one page of a web server.
type Page struct {
	Status int
	Body   string
}

// header is where a page says which server it is from.
const header = "X-Lab-Server"

// question is what the client asks by UDP, and signature begins the answer.
const (
	question  = "who is there?\n"
	signature = "here is "
)

// Word reads a Server as String wrote it.
func Word(text string) (s Server, err error) {
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, fmt.Errorf("what is to be served: %w", err)
	}
	return s, nil
}

// String writes s as one word.
func (s Server) String() string {
	b, err := json.Marshal(s)
	if err != nil {
		panic("service: " + err.Error())
	}
	return string(b)
}

// Run serves until an error.
func (s Server) Run() error {
	failed := make(chan error)
	for _, o := range s.Offers {
		run, err := s.open(o)
		if err != nil {
			return fmt.Errorf("serve %s at port %d: %w", o.Protocol, o.Port, err)
		}
		for _, f := range run {
			go func() { failed <- f() }()
		}
	}
	return <-failed
}

// open listens, so that whoever comes afterwards is answered.
func (s Server) open(o Offer) ([]func() error, error) {
	if o.Protocol == "UDP" {
		return s.openUDP(o)
	}
	l, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(int(o.Port))))
	if err != nil {
		return nil, err
	}
	if o.Mail {
		return []func() error{func() error { return s.greetAll(l) }}, nil
	}
	c, err := certificate(s.Name)
	if err != nil {
		return nil, err
	}
	web := http.Server{Handler: s.pages(o), ReadHeaderTimeout: patience, IdleTimeout: patience}
	return []func() error{func() error { return web.Serve(either{l, &tls.Config{Certificates: []tls.Certificate{c}}}) }}, nil
}

// patience is how long a client may be silent.
const patience = time.Minute

// openUDP listens at each own address too: an answer leaves from where it was asked.
func (s Server) openUDP(o Offer) (all []func() error, err error) {
	for _, a := range append([]netip.Addr{{}}, s.Own...) {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, o.Port)))
		if err != nil {
			return nil, err
		}
		all = append(all, func() error { return s.answerAll(c, o) })
	}
	return all, nil
}

func (s Server) answerAll(c *net.UDPConn, o Offer) error {
	b := make([]byte, 1<<16)
	for {
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil {
			return err
		}
		_, _ = c.WriteToUDPAddrPort(s.reply(b[:n], o), from) // who asked may be gone
	}
}

func (s Server) reply(asked []byte, o Offer) []byte {
	switch {
	case string(asked) == question:
		return []byte(signature + s.Name + "\n")
	case o.Names && len(asked) >= 12: // the same message, as an answer without records (RFC 1035, section 4.1.1)
		asked[2] |= 0x80
		asked[3] = 0x80
		return asked
	}
	return []byte(o.Reply + signature + s.Name + "\n")
}

// pages answers every path. A page that a check compares is the same on all servers,
// so who answers is told beside it.
func (s Server) pages(o Offer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := o.Pages[r.RequestURI]
		if !ok {
			p = Page{http.StatusOK, s.Name + "\n"}
		}
		w.Header().Set(header, s.Name)
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(p.Status)
		_, _ = io.WriteString(w, p.Body)
	})
}

func (s Server) greetAll(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			s.greet(c)
		}()
	}
}

// greet is a mail server as far as HELO and QUIT.
func (s Server) greet(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = fmt.Fprintf(c, "220 %s\r\n", s.Name)
	for lines := bufio.NewScanner(c); lines.Scan(); {
		if strings.EqualFold(strings.TrimSpace(lines.Text()), "QUIT") {
			_, _ = io.WriteString(c, "221 bye\r\n")
			return
		}
		_, _ = io.WriteString(c, "250 fine\r\n")
	}
}

// either takes TLS and what is none at one port: the first byte tells.
type either struct {
	net.Listener
	tls *tls.Config
}

func (e either) Accept() (net.Conn, error) {
	c, err := e.Listener.Accept()
	return &undecided{Conn: c, tls: e.tls}, err
}

// undecided is a connection whose first byte has not been seen. It is read by one at
// a time, and written to after that.
type undecided struct {
	net.Conn
	tls     *tls.Config
	decided bool
}

func (u *undecided) Read(p []byte) (int, error) {
	if !u.decided && len(p) > 0 {
		if err := u.decide(); err != nil {
			return 0, err
		}
	}
	return u.Conn.Read(p)
}

// handshake is the type of the first record of TLS (RFC 8446, section 5.1).
const handshake = 22

func (u *undecided) decide() error {
	r := bufio.NewReader(u.Conn)
	first, err := r.Peek(1)
	if err != nil {
		return err
	}
	u.decided = true
	u.Conn = &peeked{u.Conn, r}
	if first[0] == handshake {
		u.Conn = tls.Server(u.Conn, u.tls)
	}
	return nil
}

// peeked is a connection of which something was read already.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// certificate is signed by nobody else.
func certificate(name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	sheet := x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, &sheet, &sheet, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// Main is the life of a process that is a real server: text is a Server.
func Main(text string) int {
	s, err := Word(text)
	if err == nil {
		err = s.Run()
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}
