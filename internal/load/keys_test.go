package load

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/internal/conf"
)

// keyed is a configuration whose key 1, which signs, lies in a file.
func keyed(t *testing.T, first, second string) *Reading {
	t.Helper()
	file := filepath.Join(t.TempDir(), "k.conf")
	text := "vrrp_instance V {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n  192.0.2.100\n }\n auth_hmac {\n" +
		"  key 1 file:" + first + "\n  key 2 file:" + second + "\n  active_key 1\n }\n}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := Read(Options{File: file})
	r.Judge()
	return r
}

const marker = "a-secret-of-thirty-two-bytes-123"

func keyFileWith(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestKeyFilesAreRead(t *testing.T) {
	r := keyed(t, keyFileWith(t, marker+"\n", 0o600), keyFileWith(t, "hex:"+strings.Repeat("61", 32), 0o400))
	keys := r.Config.Instances[0].HMAC.Keys
	if len(r.Findings) != 0 || string(keys[0].Secret) != marker || string(keys[1].Secret) != strings.Repeat("a", 32) {
		t.Errorf("%v, %d and %d bytes", r.Findings, len(keys[0].Secret), len(keys[1].Secret))
	}
}

func TestARelativeKeyFileIsACredential(t *testing.T) {
	path := keyFileWith(t, marker, 0o400)
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(path))
	r := keyed(t, "key", path)
	if keys := r.Config.Instances[0].HMAC.Keys; len(r.Findings) != 0 || string(keys[0].Secret) != marker {
		t.Errorf("%v", r.Findings)
	}
}

func TestKeyFilesThatAreNoGood(t *testing.T) {
	good := keyFileWith(t, marker, 0o600)
	for _, c := range []struct {
		name, first, second string
		severity            conf.Severity
		exit                int
		text                string
	}{
		{"the active one is missing", "/nonexistent/key", good, conf.Error, 5, "key 1, which signs: open /nonexistent/key: no such file or directory"},
		{"another one is missing", good, "/nonexistent/key", conf.Complaint, 5, "key 2 is left out: open /nonexistent/key: no such file or directory"},
		{"too short", good, keyFileWith(t, marker[:31], 0o600), conf.Complaint, 5, "the secret has 31 bytes"},
		{"not a file", good, "/dev/null", conf.Complaint, 5, "/dev/null is not a file"},
		{"others may read it", good, keyFileWith(t, marker, 0o640), conf.Complaint, 6, "others may read the file of key 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := keyed(t, c.first, c.second)
			if len(r.Findings) != 1 {
				t.Fatalf("%v", r.Findings)
			}
			d := r.Findings[0]
			if d.Severity != c.severity || !strings.Contains(d.Text, c.text) || conf.ExitStatus(r.Findings, false) != c.exit || d.Span == (conf.Span{}) {
				t.Errorf("%v %s, exit %d", d.Severity, d.Line(), conf.ExitStatus(r.Findings, false))
			}
			if strings.Contains(d.String()+d.Source(), marker[:31]) {
				t.Errorf("tells the key: %s", d)
			}
		})
	}
}
