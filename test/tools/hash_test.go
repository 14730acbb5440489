package tools

import (
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

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"holdfast/test/need"
)

// answers are what odd servers say, and how they end: they close, or they reset.
func answers() map[string]server {
	const ok = "HTTP/1.1 200 OK\r\n"
	return map[string]server{
		"a page":                    {say: ok + "Content-Length: 12\r\n\r\nhello world\n"},
		"a longer one than said":    {say: "HTTP/1.1 500 Bad\r\nContent-Length: 5\r\n\r\nhello world\n"},
		"a shorter one than said":   {say: ok + "Content-Length: 500\r\n\r\nhello world\n"},
		"an unknown length":         {say: ok + "\r\nhello world\n"},
		"a length in small letters": {say: ok + "content-length: 3\r\n\r\nhello world\n"},
		"nothing but a header":      {say: ok + "\r\n"},
		"every byte":                {say: ok + "\r\n" + everyByte()},
		"chunks as they come":       {say: ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
		"a body that comes later":   {say: ok + "\r\n", later: strings.Repeat("0123456789", 900)},
		"no header":                 {say: "garbage"},
		"nothing":                   {},
		"too long a header":         {say: ok + "X: " + strings.Repeat("a", 5000) + "\r\n\r\nhello"},
		"a reset":                   {say: ok + "Content-Length: 40\r\n\r\nabc", reset: true},
	}
}

func everyByte() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

// server answers every connection the same way.
type server struct {
	say, later string
	reset      bool
}

// serve returns the port.
func (s server) serve(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.answer(c.(*net.TCPConn))
		}
	}()
	return port(l)
}

func (s server) answer(c *net.TCPConn) {
	defer c.Close()
	c.Read(make([]byte, 4096))
	fmt.Fprint(c, s.say)
	if s.later != "" {
		time.Sleep(50 * time.Millisecond)
		fmt.Fprint(c, s.later)
	}
	if s.reset {
		time.Sleep(50 * time.Millisecond)
		c.SetLinger(0)
	}
}

func port(l net.Listener) string {
	_, p, _ := net.SplitHostPort(l.Addr().String())
	return p
}

// took is what differs from run to run.
func took(text string) string {
	return regexp.MustCompile(`= \d+ usecs`).ReplaceAllString(text, "= N usecs")
}

// both runs genhash and our program, again if that was not in one second: servers tell
// the time.
func both(t *testing.T, ours string, args ...string) (want, got outcome) {
	t.Helper()
	for range 5 {
		began := time.Now().Unix()
		want, got = run(t, "genhash", args...), run(t, ours, args...)
		if want.Out == got.Out || time.Now().Unix() == began {
			break
		}
	}
	return want, got
}

// same asserts that genhash and holdfast under its name say the same, byte by byte.
func same(t *testing.T, ours string, args ...string) {
	t.Helper()
	want, got := both(t, ours, args...)
	if diff := cmp.Diff(took(want.Out), took(got.Out)); diff != "" || got.Status != want.Status {
		t.Errorf("%v: status %d, genhash %d (-genhash +holdfast):\n%s", args, got.Status, want.Status, diff)
	}
	if (got.Errors == "") != (want.Errors == "") {
		t.Errorf("%v: on standard error %q, genhash %q", args, got.Errors, want.Errors)
	}
}

func TestHashSaysWhatGenhashSaysOfOddAnswers(t *testing.T) {
	need.Nodes(t, "genhash")
	ours := build(t, "genhash")
	for name, s := range answers() {
		t.Run(name, func(t *testing.T) {
			page := []string{"-s", "127.0.0.1", "-p", s.serve(t), "-u", "/x"}
			same(t, ours, page...)
			if s.later == "" && name != "no header" && name != "nothing" && name != "too long a header" {
				same(t, ours, append(page, "-v")...)
			}
		})
	}
}

func TestHashSaysWhatGenhashSaysOfConnections(t *testing.T) {
	need.Nodes(t, "genhash")
	ours := build(t, "genhash")
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer silent.Close()
	plain := server{say: "HTTP/1.1 400 Bad\r\n\r\nno TLS here"}.serve(t)
	closed := server{}.serve(t)
	for name, args := range map[string]string{
		"nobody listens":     "-p 1",
		"nobody answers":     "-t 1 -p " + port(silent),
		"no TLS":             "-S -p " + plain,
		"TLS and nothing":    "-S -p " + closed,
		"TLS and no answer":  "-S -t 1 -p " + port(silent),
		"nobody, verbose":    "-v -p 1",
		"a port that is not": "-p 70000",
		"port 0":             "-p 0",
		"a word of no use":   "-p 1 more",
		"no such option":     "-p 1 -q",
		"another protocol":   "-p 1 -P 2",
		"a mark of letters":  "-p 1 -m abc",
		"help":               "-h",
	} {
		t.Run(name, func(t *testing.T) {
			same(t, ours, append([]string{"-s", "127.0.0.1", "-u", "/"}, strings.Fields(args)...)...)
		})
	}
	same(t, ours, "-s", "localhost", "-p", "1", "-u", "/")
	same(t, ours, "-s", "127.0.0.1", "-p", "1")
}

func TestHashOfARealServerPlainAndByTLS(t *testing.T) {
	need.Nodes(t, "genhash", "nginx")
	ours := build(t, "genhash")
	secure := startNginx(t)
	for name, args := range map[string]string{
		"plain":               "-p %[1]s -u /",
		"another page":        "-p %[1]s -u /other",
		"no page":             "-p %[1]s -u /none",
		"a virtual host":      "-p %[1]s -u / -V second.example",
		"HTTP 1.1":            "-p %[1]s -u / -P 1.1",
		"HTTP 1.0, to close":  "-p %[1]s -u / -P 1.0c",
		"marked":              "-p %[1]s -u / -m 7",
		"long options":        "--port=%[1]s --url / --proto 1.1",
		"verbose":             "-p %[1]s -u /fixed -v",
		"TLS":                 "-S -p %[2]s -u /",
		"TLS, a virtual host": "-S -p %[2]s -u / -V second.example",
		"TLS with its name":   "-S -I -p %[2]s -u / -V second.example",
		"TLS, HTTP 1.1":       "-S -p %[2]s -u / -P 1.1",
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(args, "%[1]s") {
				args += "%.0[2]s"
			} else {
				args += "%.0[1]s"
			}
			same(t, ours, append([]string{"-s", "127.0.0.1"}, strings.Fields(fmt.Sprintf(args, secure.plain, secure.tls))...)...)
		})
	}
	holdfast := filepath.Join(filepath.Dir(ours), "holdfast")
	must(t, os.Symlink(ours, holdfast))
	page := []string{"-s", "127.0.0.1", "-p", secure.plain, "-u", "/other"}
	if got, want := run(t, holdfast, append([]string{"hash"}, page...)...), run(t, "genhash", page...); got != want {
		t.Errorf("holdfast hash: %+v, genhash %+v", got, want)
	}
	if got := run(t, holdfast, append([]string{"hash", "--json"}, page...)...); !strings.Contains(got.Out, `"bytes":15`) {
		t.Errorf("as JSON: %+v", got)
	}
	if got := run(t, holdfast, "hash", "-s", "127.0.0.1", "-p", "1", "-u", "/"); got.Status != 1 || got.Out != "" || !strings.Contains(got.Errors, "connection refused") {
		t.Errorf("of nobody: %+v", got)
	}
	keepalived := filepath.Join(filepath.Dir(ours), "keepalived")
	must(t, os.Symlink(ours, keepalived))
	if got, want := run(t, keepalived, append([]string{"-T"}, page...)...), run(t, "genhash", page...); got != want {
		t.Errorf("keepalived -T: %+v, genhash %+v", got, want)
	}
}

// ports are those of a web server.
type ports struct{ plain, tls string }

// startNginx starts a real nginx on free ports, with a certificate of its own.
func startNginx(t *testing.T) ports {
	t.Helper()
	dir := t.TempDir()
	certify(t, dir)
	var free []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		free = append(free, port(l))
		l.Close()
	}
	config := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/errors;
events {}
http {
  access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/key.pem;
  server { listen 127.0.0.1:%[2]s default_server; listen 127.0.0.1:%[3]s ssl default_server;
    location = / { return 200 "first, asked for as $http_host by $server_protocol $ssl_server_name\n"; }
    location = /other { return 200 "the other page\n"; }
    location = /fixed { return 200 "body"; } }
  server { listen 127.0.0.1:%[2]s; listen 127.0.0.1:%[3]s ssl; server_name second.example;
    location = / { return 200 "second $ssl_server_name\n"; } }
}
`, dir, free[0], free[1])
	file := filepath.Join(dir, "nginx.conf")
	must(t, os.WriteFile(file, []byte(config), 0o644))
	cmd := exec.Command("nginx", "-c", file, "-p", dir)
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	must(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+free[1]); err == nil {
			c.Close()
			return ports{free[0], free[1]}
		}
		if time.Now().After(deadline) {
			t.Fatal("nginx does not listen")
		}
	}
}

func certify(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	secret, err := x509.MarshalECPrivateKey(key)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}), 0o600))
}
