// Package web is the page that shows nodes in a browser. It is files, and the headers that keep
// everything else out of it: the page itself asks the API for all that it shows.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed page
var files embed.FS

// Page answers requests for the files.
type Page struct{ files map[string]file }

// file is one of them.
type file struct {
	text       []byte
	kind, etag string
}

// New reads the files that the program has in it.
func New() *Page {
	p := &Page{files: map[string]file{}}
	inside, err := fs.ReadDir(files, "page")
	for _, e := range inside {
		var text []byte
		if text, err = files.ReadFile("page/" + e.Name()); err != nil {
			break
		}
		p.files["/"+e.Name()] = file{text, kind(e.Name()), fmt.Sprintf(`"%x"`, sha256.Sum256(text))}
	}
	if err != nil {
		panic("web: the program lacks its page: " + err.Error())
	}
	p.files["/"] = p.files["/index.html"]
	return p
}

// kind is what a file is. What the machine believes of names does not matter.
func kind(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	panic("web: nobody knows what the file " + name + " is")
}

// Has tells whether a path is one of the page's.
func (p *Page) Has(path string) bool {
	_, ok := p.files[path]
	return ok
}

// policy lets the page run its own files and ask its own origin, and nothing else: what a
// configuration smuggles in is text, whatever it looks like.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := p.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "the page is only looked at", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	for key, value := range map[string]string{
		"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control": "no-cache", "Content-Type": f.kind, "ETag": f.etag,
	} {
		h.Set(key, value)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.text))
}
