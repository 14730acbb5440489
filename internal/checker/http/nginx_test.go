package http

import (
	"context"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/checker"
	"holdfast/test/hostile"
	"holdfast/test/need"
)

// web is a real nginx on loopback.
type web struct {
	plain, secure, picky checker.Target // picky demands the client's certificate
	own                  tls.Certificate
	log                  string
}

const site = `
daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error;
events {}
http {
	log_format all '$request "$http_host" "$http_user_agent" "$http_connection" $ssl_server_name $status';
	access_log %[1]s/access all;
	client_body_temp_path %[1]s/t; proxy_temp_path %[1]s/t; fastcgi_temp_path %[1]s/t; uwsgi_temp_path %[1]s/t; scgi_temp_path %[1]s/t;
	ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/key.pem;
	gzip on; gzip_min_length 1; gzip_types text/plain;
	root %[1]s;
	server { listen 127.0.0.1:%[2]d default_server; server_name other; location = / { return 200 "this is another site\n"; } location = /moved { return 302 /; } }
	server { listen 127.0.0.1:%[2]d; server_name www.example.org; location = / { return 200 "status: healthy\nqueue: 17\n"; } location = /gone { return 404 "gone"; } }
	server { listen 127.0.0.1:%[3]d ssl default_server; server_name _; ssl_reject_handshake on; location = / { return 200 "by address\n"; } }
	server { listen 127.0.0.1:%[3]d ssl; server_name www.example.org; location = / { return 200 "status: healthy\n"; } }
	server { listen 127.0.0.1:%[4]d ssl; ssl_client_certificate %[1]s/cert.pem; ssl_verify_client on; location = / { return 200 "known\n"; } }
}
`

// nginx starts one, with a page of many megabytes beside those of its site.
func nginx(t *testing.T) *web {
	t.Helper()
	dir := t.TempDir()
	w := &web{log: filepath.Join(dir, "access")}
	w.own, _ = hostile.Certificate(t, time.Now().Add(time.Hour))
	key, err := x509.MarshalPKCS8PrivateKey(w.own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.own.Certificate[0]}))
	write(t, filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	write(t, filepath.Join(dir, "big.txt"), []byte(strings.Repeat("0123456789abcdef", 1<<18)))
	w.plain, w.secure, w.picky = free(t), free(t), free(t)
	write(t, filepath.Join(dir, "conf"), fmt.Appendf(nil, site, dir, w.plain.Port, w.secure.Port, w.picky.Port))
	need.Programs(t, "nginx")
	cmd := exec.Command("nginx", "-p", dir, "-c", filepath.Join(dir, "conf"), "-e", filepath.Join(dir, "error"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("start nginx: %v", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	listens(t, w.picky)
	return w
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// free is a port that nobody listens at.
func free(t *testing.T) checker.Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return checker.Target{Addr: netip.MustParseAddr("127.0.0.1"), Port: l.Addr().(*net.TCPAddr).AddrPort().Port()}
}

func listens(t *testing.T, at checker.Target) {
	t.Helper()
	for range 500 {
		if c, err := net.Dial("tcp", at.String()); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nginx does not listen in time")
}

func TestAgainstNginx(t *testing.T) {
	w := nginx(t)
	body := "status: healthy\nqueue: 17\n"
	sum := md5.Sum([]byte(body))
	big := md5.Sum([]byte(strings.Repeat("0123456789abcdef", 1<<18)))
	named := func(name string) *tls.Config { return &tls.Config{ServerName: name, InsecureSkipVerify: true} }
	known := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{w.own}}
	for _, c := range []struct {
		name   string
		target checker.Target
		get    Get
		want   string // of the reason; empty: it passes
	}{
		{"a page in the old version", w.plain, Get{Path: "/", Version: "1.0"}, ""},
		{"a page of a site", w.plain, Get{Path: "/", Host: "www.example.org", Digest: hex.EncodeToString(sum[:])}, ""},
		{"the same in the new version", w.plain, Get{Path: "/", Host: "www.example.org", Version: "1.1", Close: true, Digest: hex.EncodeToString(sum[:])}, ""},
		{"the page of another site", w.plain, Get{Path: "/", Digest: hex.EncodeToString(sum[:])}, "the page has the digest"},
		{"a page that matches", w.plain, Get{Path: "/", Host: "www.example.org", Pattern: pattern(t, `(?m)^queue: \d{1,2}$`)}, ""},
		{"a page that matches and must not", w.plain, Get{Path: "/", Host: "www.example.org", Pattern: pattern(t, "healthy"), Unwanted: true}, "matches the pattern"},
		{"a page that is gone", w.plain, Get{Path: "/gone", Host: "www.example.org"}, "status 404"},
		{"a page that is to be gone", w.plain, Get{Path: "/gone", Host: "www.example.org", Status: []Range{{404, 404}}}, ""},
		{"a redirection", w.plain, Get{Path: "/moved"}, "status 302"},
		{"a page of megabytes", w.plain, Get{Path: "/big.txt", Digest: hex.EncodeToString(big[:])}, ""},
		{"a page of megabytes of which nothing is wanted", w.plain, Get{Path: "/big.txt"}, ""},
		{"by TLS with its name", w.secure, Get{Path: "/", TLS: named("www.example.org")}, ""},
		{"by TLS with its name, to the end", w.secure, Get{Path: "/", Version: "1.0", TLS: named("www.example.org"), Goodbye: true}, ""},
		{"by TLS with another name", w.secure, Get{Path: "/", TLS: named("mail.example.org")}, "TLS with"},
		{"by TLS without a name", w.secure, Get{Path: "/", TLS: named("")}, "TLS with"},
		{"plain where TLS is spoken", w.secure, Get{Path: "/"}, "status 400"},
		{"TLS where it is not spoken", w.plain, Get{Path: "/", TLS: named("x")}, "TLS with"},
		{"with a certificate of our own", w.picky, Get{Path: "/", TLS: known}, ""},
		{"without one", w.picky, Get{Path: "/", TLS: named("x")}, "status 400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.get.Whole = true
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			r := c.get.Probe(ctx, c.target)
			if passed := r.Outcome == checker.Passed; passed != (c.want == "") || !strings.Contains(r.Why, c.want) {
				t.Errorf("%+v, want %q", r, c.want)
			}
		})
	}
	logged, err := os.ReadFile(w.log)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		fmt.Sprintf(`GET / HTTP/1.0 "127.0.0.1:%d" "KeepAliveClient" "-" - 200`, w.plain.Port),
		`GET / HTTP/1.1 "www.example.org" "KeepAliveClient" "close" - 200`,
		fmt.Sprintf(`GET / HTTP/1.0 "127.0.0.1:%d" "KeepAliveClient" "-" www.example.org 200`, w.secure.Port),
	} {
		if !strings.Contains(string(logged), line) {
			t.Errorf("nginx has not logged %q:\n%s", line, logged)
		}
	}
}
