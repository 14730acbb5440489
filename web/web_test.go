package web

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func asked(method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	New().ServeHTTP(w, r)
	return w
}

func TestTheFilesOfThePage(t *testing.T) {
	for _, tt := range []struct {
		path, kind string
	}{
		{"/", "text/html; charset=utf-8"}, {"/index.html", "text/html; charset=utf-8"}, {"/style.css", "text/css; charset=utf-8"},
		{"/main.js", "text/javascript; charset=utf-8"}, {"/view.js", "text/javascript; charset=utf-8"}, {"/icon.svg", "image/svg+xml"},
	} {
		w := asked(http.MethodGet, tt.path)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != tt.kind {
			t.Errorf("%s: %d %s", tt.path, w.Code, w.Header().Get("Content-Type"))
		}
		if again := asked(http.MethodGet, tt.path, "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified {
			t.Errorf("%s once more: %d", tt.path, again.Code)
		}
	}
	for path, code := range map[string]int{"/page": 404, "/page/main.js": 404, "/../web.go": 404, "/web.go": 404} {
		if w := asked(http.MethodGet, path); w.Code != code {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := asked(http.MethodPost, "/"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("to post: %d", w.Code)
	}
}

func TestEveryFileIsUnderAStrictPolicy(t *testing.T) {
	p := New()
	for path := range p.files {
		h := asked(http.MethodGet, path).Header()
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(h.Get("Content-Security-Policy"), want) {
				t.Errorf("%s lacks %s", path, want)
			}
		}
		if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s has %v", path, h)
		}
	}
}

// The page works without the internet, and has no script or style but its files.
func TestThePageAsksNobodyElse(t *testing.T) {
	elsewhere := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9-]+\.[a-z]|\son[a-z]+=|<style|style=|innerHTML|<script>|javascript:|eval\(`)
	err := fs.WalkDir(files, "page", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		for line := range strings.Lines(strings.ReplaceAll(string(text), "http://www.w3.org/2000/svg", "")) {
			if found := elsewhere.FindString(line); found != "" {
				t.Errorf("%s has %q", path, found)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
