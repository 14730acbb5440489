package main

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/internal/api"
	holdfast "holdfast/internal/status"
)

// remote is a daemon of another machine that lets in who shows a token.
func remote(t *testing.T, token string, begin func(*httptest.Server)) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"show a token of api_tokens"}`))
			return
		}
		switch r.URL.Path {
		case "/v1/ipvs":
			_ = json.NewEncoder(w).Encode(holdfast.Balanced{})
		case "/v1/servers/recheck":
			_ = json.NewEncoder(w).Encode([]api.Rechecked{{Server: "[10.0.0.1]:tcp:80", Virtual: "[10.0.0.9]:tcp:80", Kind: "tcp", Result: "failed", Reason: "refused", Up: true}})
		default:
			_ = json.NewEncoder(w).Encode(holdfast.Snapshot{Node: "far", Router: &holdfast.Router{}, Balanced: &holdfast.Balanced{}})
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // who does not believe it is not its trouble
	begin(s)
	t.Cleanup(s.Close)
	return s
}

func TestANodeIsAskedByURL(t *testing.T) {
	s := remote(t, "0123456789abcdefghij", (*httptest.Server).StartTLS)
	dir := t.TempDir()
	ca, token := filepath.Join(dir, "ca"), filepath.Join(dir, "token")
	put(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	put(t, token, "0123456789abcdefghij\n")
	for _, tt := range []struct {
		name string
		env  []string
		args []string
		want string
		code int
	}{
		{"nobody is believed", nil, []string{"status", "--node", "far=" + s.URL}, "HOLDFAST_CA names who has signed its certificate", 1},
		{"no token is shown", []string{"HOLDFAST_CA=" + ca}, []string{"status", "--node", "far=" + s.URL}, "show a token of api_tokens", 1},
		{"a token of the environment", []string{"HOLDFAST_CA=" + ca, "HOLDFAST_TOKEN=0123456789abcdefghij"}, []string{"status", "--node", "far=" + s.URL}, "far: holdfast", 0},
		{"a token in a file, for one node", []string{"HOLDFAST_CA=" + ca, "HOLDFAST_TOKEN_FILE_LB_1=" + token}, []string{"status", "--node", "lb-1=" + s.URL}, "lb-1: holdfast", 0},
		{"a token for another node", []string{"HOLDFAST_CA=" + ca, "HOLDFAST_TOKEN_FILE_LB_2=" + token}, []string{"status", "--node", "lb-1=" + s.URL}, "show a token of api_tokens", 1},
		{"a command that asks one", []string{"HOLDFAST_CA=" + ca, "HOLDFAST_TOKEN_FILE=" + token}, []string{"ipvs", "--node", "far=" + s.URL}, "Prot LocalAddress", 0},
		{"by the other flag", []string{"HOLDFAST_CA=" + ca, "HOLDFAST_TOKEN_FILE=" + token}, []string{"ipvs", "--api-socket", s.URL}, "Prot LocalAddress", 0},
		{"a recheck", []string{"HOLDFAST_CA=" + ca, "HOLDFAST_TOKEN_FILE=" + token}, []string{"server", "recheck", "--of", "10.0.0.9:80", "--api-socket", s.URL}, "failed  [10.0.0.1]:tcp:80  of [10.0.0.9]:tcp:80  tcp  0s  refused (stays up: it has retries left)", 2},
		{"no such file", []string{"HOLDFAST_TOKEN_FILE=/nowhere"}, []string{"status", "--node", "far=" + s.URL}, "read HOLDFAST_TOKEN_FILE: open /nowhere", 1},
		{"a secret on the command line", nil, []string{"status", "--node", "far=https://token:x@host"}, "name its file in HOLDFAST_TOKEN_FILE", 1},
		{"a token in clear", []string{"HOLDFAST_TOKEN=0123456789abcdefghij"}, []string{"status", "--node", "far=http://192.0.2.1:80"}, "write https", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, v := range tt.env {
				name, value, _ := strings.Cut(v, "=")
				t.Setenv(name, value)
			}
			if out, code := refusal(tt.args...); code != tt.code || !strings.Contains(out, tt.want) {
				t.Errorf("it says (%d) %s\nand not %q", code, out, tt.want)
			}
		})
	}
}

// One node of a cluster that answers no more is shown as it was, marked, beside the others.
func TestAStaleNodeStaysBesideTheOthers(t *testing.T) {
	t.Setenv("HOLDFAST_TOKEN", "x")
	a, b := remote(t, "x", (*httptest.Server).Start), remote(t, "x", (*httptest.Server).Start)
	l := looking{nodes: []string{"a=" + a.URL, "b=" + b.URL}}
	nodes, clients, err := l.begin()
	if err != nil {
		t.Fatal(err)
	}
	look(t.Context(), clients, nodes)
	b.Close()
	look(t.Context(), clients, nodes)
	if nodes[0].Trouble != "" || nodes[1].Trouble == "" || nodes[1].Snapshot == nil || nodes[1].Snapshot.Node != "far" {
		t.Errorf("seen is %+v", nodes)
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
