package load

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hooked is what comes of a webhook.
func hooked(t *testing.T, body string) *Reading {
	t.Helper()
	file := filepath.Join(t.TempDir(), "k.conf")
	if err := os.WriteFile(file, []byte("webhook ops {\n"+body+"\n}\nglobal_defs {\nnotify_webhook ops\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := Read(Options{File: file})
	r.Judge()
	return r
}

func TestWhatOfAWebhookStandsInFilesIsRead(t *testing.T) {
	secret := keyFileWith(t, "s3cret\n", 0o600)
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(secret))
	r := hooked(t, "url file:"+keyFileWith(t, "https://x.example/y\n", 0o600)+"\nheader A Bearer file:key\nheader B file:"+secret+"\ntemplate file:"+keyFileWith(t, "{{.Name}}\n", 0o644))
	if len(r.Findings) != 0 || len(r.Config.Webhooks) != 1 {
		t.Fatalf("found is %v", r.Findings)
	}
	w := r.Config.Webhooks[0]
	if string(w.URL) != "https://x.example/y" || string(w.Headers[0].Value) != "Bearer s3cret" || string(w.Headers[1].Value) != "s3cret" || w.Template != "{{.Name}}\n" {
		t.Errorf("read is %q %q", string(w.URL), w.Headers)
	}
}

func TestAWebhookThatLacksAFileIsLeftOut(t *testing.T) {
	open := keyFileWith(t, "s3cret", 0o644)
	for _, tt := range []struct{ name, body, want string }{
		{"no file", "url http://x/\nheader A file:/nowhere", "header of webhook ops: stat /nowhere: no such file or directory; it is left out"},
		{"a directory", "url http://x/\nheader A file:/etc", "header of webhook ops: /etc is not a file; it is left out"},
		{"two lines", "url http://x/\nheader A file:" + keyFileWith(t, "a\nb", 0o600), "has not one line; it is left out"},
		{"no URL", "url file:" + keyFileWith(t, "secret", 0o600), `url of webhook ops: a URL begins with http:// or https://, and not with ":"; it is left out`},
		{"a bad template", "url http://x/\ntemplate file:" + keyFileWith(t, "{{.X}}", 0o600), "can't evaluate field X"},
		{"no certificate", "url http://x/\nca " + open, "there is no certificate in"},
	} {
		r := hooked(t, tt.body)
		if len(r.Config.Webhooks) != 0 || len(r.Findings) != 1 || !strings.Contains(r.Findings[0].Text, tt.want) || r.Findings[0].Span.Line == 0 {
			t.Errorf("%s: %v", tt.name, r.Findings)
		}
	}
	r := hooked(t, "url http://x/\nheader A file:"+open)
	if len(r.Config.Webhooks) != 1 || len(r.Findings) != 1 || !strings.Contains(r.Findings[0].Text, "others may read") {
		t.Errorf("a file that others may read: %v", r.Findings)
	}
}
