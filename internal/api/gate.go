package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"

	"holdfast/web"
)

// Gate lets programs of other machines ask by TCP. It is a process of its own, without rights: it
// speaks TLS, knows who may come in, and passes requests on to the daemon's socket.
type Gate struct {
	// Certificate and Key are those of the server, ClientCA signs those of clients: PEM.
	Certificate, Key, ClientCA []byte
	// Tokens are lines of `read NAME TOKEN` and `act NAME TOKEN`.
	Tokens string
	// Acts: who may act may do so from other machines too.
	Acts bool
	// Socket is where the daemon answers.
	Socket string
}

// askerHeader tells the daemon whom the gate let in, actsHeader whether he may act.
const (
	askerHeader = "Holdfast-Asker"
	actsHeader  = "Holdfast-Acts"
)

// token is one that lets somebody in.
type token struct {
	name string
	hash [sha256.Size]byte
	acts bool
}

// readTokens understands a file of tokens.
func readTokens(text string) (list []token, err error) {
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		case len(words) != 3 || words[0] != "read" && words[0] != "act":
			return nil, fmt.Errorf("tokens, line %d: write `read NAME TOKEN` or `act NAME TOKEN`", n+1)
		case len(words[2]) < shortestToken:
			return nil, fmt.Errorf("tokens, line %d: a token has at least %d characters", n+1, shortestToken)
		default:
			list = append(list, token{words[1], sha256.Sum256([]byte(words[2])), words[0] == "act"})
		}
	}
	return list, nil
}

// shortestToken cannot be guessed in the time that there is.
const shortestToken = 20

var errOpen = errors.New("api_listen needs api_tokens or api_client_ca: nobody is let in without")

// Check says what keeps it from letting anybody in.
func (g *Gate) Check() error {
	tokens, err := readTokens(g.Tokens)
	if err != nil {
		return err
	}
	own, err := g.tls()
	if err == nil && len(tokens) == 0 && own.ClientCAs == nil {
		err = errOpen
	}
	return err
}

// Serve answers at a TCP listener until it is closed.
func (g *Gate) Serve(l net.Listener) error {
	if err := g.Check(); err != nil {
		return err
	}
	tokens, _ := readTokens(g.Tokens)
	own, _ := g.tls() // they have been read above
	web := &http.Server{
		Handler: http.MaxBytesHandler(&doorman{gate: g, tokens: tokens, pass: g.proxy(), page: web.New()}, bodyLimit), MaxHeaderBytes: headerLimit,
		ReadTimeout: readLimit, IdleTimeout: readLimit, TLSConfig: own,
	}
	return web.ServeTLS(&limited{Listener: l, most: gated}, "", "")
}

// gated is how many connections from other machines there may be.
const gated = 128

func (g *Gate) tls() (*tls.Config, error) {
	own, err := tls.X509KeyPair(g.Certificate, g.Key)
	if err != nil {
		return nil, fmt.Errorf("api_certificate and api_key: %w", err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
	if len(g.ClientCA) == 0 {
		return c, nil
	}
	c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
	if !c.ClientCAs.AppendCertsFromPEM(g.ClientCA) {
		return nil, errors.New("api_client_ca: there is no certificate in it")
	}
	return c, nil
}

// proxy passes requests on to the daemon.
func (g *Gate) proxy() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "holdfast"}) },
		FlushInterval: -1, // events are not to wait for one another
		Transport: &http.Transport{MaxIdleConns: gated, IdleConnTimeout: readLimit / 2, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", g.Socket)
		}},
	}
}

// doorman lets those in who may come in.
type doorman struct {
	gate    *Gate
	tokens  []token
	pass    http.Handler
	page    *web.Page                  // for everybody: it has no secret, and asks for a token
	strange buckets                    // those who tried in vain, by their address
	foreign http.CrossOriginProtection // a browser shows its certificate to every page that asks
}

func (d *doorman) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from, _, _ := net.SplitHostPort(r.RemoteAddr)
	name, acts := d.knows(r)
	switch {
	case d.page.Has(r.URL.Path):
		d.page.ServeHTTP(w, r)
	case d.foreign.Check(r) != nil:
		write(w, http.StatusForbidden, failure{"a page of another site asks"})
	case name == "" && !d.strange.take(time.Now(), bucketID{from, true}):
		fail(w, busy("too many attempts: try again later"))
	case name == "":
		w.Header().Set("WWW-Authenticate", "Bearer")
		write(w, http.StatusUnauthorized, failure{"show a token of api_tokens, or a certificate that api_client_ca has signed"})
	case r.Method != http.MethodGet && !(acts && d.gate.Acts):
		write(w, http.StatusForbidden, failure{"only looking is allowed from other machines, or to this token (api_listen_acts)"})
	default:
		r.Header.Set(askerHeader, name+" at "+from)
		r.Header.Set(actsHeader, strconv.FormatBool(acts && d.gate.Acts))
		r.Header.Del("Authorization")
		allot(w, streaming(r))
		d.pass.ServeHTTP(w, r)
	}
}

// knows is who asks, and whether he may act; empty: nobody knows.
func (d *doorman) knows(r *http.Request) (name string, acts bool) {
	if shown, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		hash := sha256.Sum256([]byte(shown))
		for i := range d.tokens {
			if subtle.ConstantTimeCompare(hash[:], d.tokens[i].hash[:]) == 1 {
				return "token " + d.tokens[i].name, d.tokens[i].acts
			}
		}
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		return "certificate " + r.TLS.VerifiedChains[0][0].Subject.CommonName, true
	}
	return "", false
}
