package http

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/test/hostile"
)

// openssl runs the program of that name on a key.
func openssl(t *testing.T, key []byte, args ...string) []byte {
	t.Helper()
	in := filepath.Join(t.TempDir(), "key")
	write(t, in, key)
	out, err := exec.Command("openssl", append(args, "-in", in)...).Output()
	if err != nil {
		t.Fatalf("openssl %v: %v", args, err)
	}
	return out
}

func TestIdentity(t *testing.T) {
	own, _ := hostile.Certificate(t, time.Now().Add(time.Hour))
	der, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	wrapped := func(args ...string) []byte {
		return openssl(t, key, append([]string{"pkcs8", "-topk8", "-passout", "pass:secret"}, args...)...)
	}
	for _, c := range []struct {
		name          string
		key           []byte
		password, why string // empty: it is good
	}{
		{"a key", key, "", ""},
		{"a key that needs no password", key, "secret", ""},
		{"behind a certificate in one file", append(cert, key...), "", ""},
		{"in the form of OpenSSL", openssl(t, key, "ec"), "", ""},
		{"encrypted in that form", openssl(t, key, "ec", "-aes256", "-passout", "pass:secret"), "secret", ""},
		{"encrypted in that form, another password", openssl(t, key, "ec", "-aes256", "-passout", "pass:secret"), "x", "key"},
		{"encrypted", wrapped(), "secret", ""},
		{"encrypted with AES-128 and SHA-1", wrapped("-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"), "secret", ""},
		{"encrypted, another password", wrapped(), "x", "key"},
		{"encrypted with triple DES", wrapped("-v2", "des3"), "secret", ""},
		{"encrypted in a way of its own", wrapped("-scrypt"), "secret", "not known here"},
		{"no key", cert, "", "there is no key in PEM"},
		{"nothing", nil, "", "there is no key in PEM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Identity(cert, c.key, c.password)
			switch {
			case c.why == "" && err != nil:
				t.Error(err)
			case c.why == "" && !got.PrivateKey.(*ecdsa.PrivateKey).Equal(own.PrivateKey):
				t.Error("it is another key")
			case c.why != "" && (err == nil || !strings.Contains(err.Error(), c.why)):
				t.Errorf("%v, want %q", err, c.why)
			}
		})
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add([]byte{0x30, 0})
	f.Fuzz(func(_ *testing.T, der []byte) {
		if len(der) < 4096 {
			_, _ = unwrap(der, []byte("secret"))
		}
	})
}
