package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	holdfast "holdfast/internal/status"
)

// refusal is why a command is refused, and its exit status.
func refusal(args ...string) (why string, code int) {
	var out bytes.Buffer
	c := tree()
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(&out)
	err := c.ExecuteContext(context.Background())
	var s status
	switch {
	case errors.As(err, &s):
		return out.String(), int(s)
	case err != nil:
		return err.Error(), 1
	}
	return out.String(), 0
}

// mistakes has a wrong way to write each command, and what is to be read then.
func mistakes() map[string][][]string {
	return map[string][][]string{
		"holdfast":        {{"statsu", "did you mean status?"}, {"nothing", "`holdfast --help` lists them"}, {"--loud", "`holdfast --help` says more"}},
		"run":             {{"run", "x", "write `holdfast run"}, {"run", "--log-style", "loud", "write one of keepalived, text, json"}, {"run", "--strict", "--lenient", "[lenient strict]"}},
		"check":           {{"check", "write `holdfast check [NAME=]FILE..."}, {"check", "--colour", "x", "`holdfast check --help`"}},
		"format":          {{"format", "--x", "`holdfast format --help`"}},
		"explain":         {{"explain", "write `holdfast explain WORD..."}, {"explain", "priorty", "did you mean priority"}},
		"status":          {{"status", "V", "write `holdfast status"}, {"status", "--node", "a", "write NAME=SOCKET or NAME=URL"}, {"status", "--watch", "--json", "[json watch]"}},
		"why":             {{"why", "write `holdfast why INSTANCE"}, {"why", "A", "B", "write `holdfast why INSTANCE"}},
		"events":          {{"events", "x", "write `holdfast events"}, {"events", "--after", "x", "`holdfast events --help`"}},
		"web":             {{"web", "x", "write `holdfast web"}, {"web", "--listen", "0.0.0.0:80", "write ADDRESS:PORT with an address that this machine alone reaches"}, {"web", "--node", "a", "write NAME=SOCKET or NAME=URL"}},
		"handover":        {{"handover", "name instances, or --all"}, {"handover", "V", "--all", "name instances, or --all"}},
		"maintenance":     {{"maintenance", "perhaps", "write `holdfast maintenance [on|off]"}},
		"server":          {{"server", "drian", "did you mean drain?"}, {"server", "open", "`holdfast server --help` lists them"}},
		"server drain":    {{"server", "drain", "write `holdfast server drain ADDRESS:PORT"}, {"server", "drain", "web1", "write ADDRESS:PORT"}},
		"server enable":   {{"server", "enable", "write `holdfast server enable ADDRESS:PORT"}, {"server", "enable", "10.0.0.1", "write ADDRESS:PORT"}},
		"server weight":   {{"server", "weight", "10.0.0.1:80", "write `holdfast server weight ADDRESS:PORT WEIGHT"}, {"server", "weight", "10.0.0.1:80", "-1", "--help` says more"}, {"server", "weight", "10.0.0.1:80", "much", "write a number from 0 to 65535"}},
		"server recheck":  {{"server", "recheck", "web1", "write ADDRESS:PORT"}, {"server", "recheck", "a", "b", "write `holdfast server recheck [ADDRESS:PORT]"}},
		"plan":            {{"plan", "a", "b", "write `holdfast plan [FILE]"}},
		"reload":          {{"reload", "x", "write `holdfast reload"}, {"reload", "--confirm", "soon", "`holdfast reload --help`"}, {"reload", "--node", "a=b", "--node", "c=d", "write --node once"}, {"reload", "--node", "a=ftp://x", "write https://HOST:PORT"}},
		"ipvs":            {{"ipvs", "x", "write `holdfast ipvs"}},
		"simulate":        {{"simulate", "--help` says more"}},
		"realserver":      {{"realserver", "on", "`holdfast realserver --help`"}},
		"realserver up":   {{"realserver", "up", "write `holdfast realserver up ADDRESS..."}, {"realserver", "up", "vip", "write it without a length"}},
		"realserver down": {{"realserver", "down", "name addresses, or --all"}},
		"lab":             {{"lab", "--bogus", "`holdfast lab --help` says more"}, {"lab", "/nowhere.conf", "open /nowhere.conf: no such file or directory"}},
		"doctor":          {{"doctor", "--x", "`holdfast doctor --help`"}},
		"hash":            {{"hash", "--x", "-h"}},
		"completion":      {{"completion", "tcsh", "write `holdfast completion"}},
		"manual":          {{"manual", "write `holdfast manual DIR"}},
	}
}

// Every command that is written wrongly says how it is written.
func TestEveryCommandSaysHowItIsWritten(t *testing.T) {
	for name, list := range mistakes() {
		for _, one := range list {
			args, want := one[:len(one)-1], one[len(one)-1]
			if why, code := refusal(args...); code == 0 || !strings.Contains(why, want) {
				t.Errorf("%s: %q says (%d) %s\nand not %q", name, args, code, why, want)
			}
		}
	}
	var all func(c *cobra.Command)
	all = func(c *cobra.Command) {
		name := strings.TrimSpace(strings.TrimPrefix(c.CommandPath(), "holdfast"))
		if name == "" {
			name = "holdfast"
		}
		if _, known := mistakes()[name]; !known && !slices.Contains([]string{"help"}, name) {
			t.Errorf("nobody has written `%s` wrongly", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			all(sub)
		}
	}
	all(tree())
}

// asking are the commands that ask a daemon.
func asking() [][]string {
	return [][]string{{"status"}, {"why", "V"}, {"events"}, {"events", "--follow"}, {"handover", "V"}, {"handover", "--back", "V"}, {"maintenance"}, {"maintenance", "on"}, {"maintenance", "off"},
		{"server", "drain", "10.0.0.1:80"}, {"server", "enable", "10.0.0.1:80"}, {"server", "weight", "10.0.0.1:80", "3"}, {"server", "recheck", "10.0.0.1:80"},
		{"plan"}, {"reload"}, {"reload", "--keep"}, {"ipvs"}}
}

func TestWithoutADaemonEveryCommandSaysWhereItAsked(t *testing.T) {
	for _, args := range asking() {
		why, code := refusal(append(slices.Clone(args), "--api-socket", "/nowhere/sock")...)
		if code != 1 || !strings.Contains(why, "/nowhere/sock (is it running? --api-socket names another)") {
			t.Errorf("%v says (%d) %s", args, code, why)
		}
	}
}

// strict is a daemon that does nothing for anybody.
type strict struct{}

var errNotYou = errors.New("this is for others; do that instead")

func (strict) Snapshot(context.Context) (*holdfast.Snapshot, error) { return nil, errNotYou }
func (strict) Balanced(context.Context) (*holdfast.Balanced, error) { return nil, errNotYou }
func (strict) Reload(context.Context, time.Duration) (*api.Reloaded, error) {
	return nil, errNotYou
}
func (strict) Keep(context.Context) error                      { return errNotYou }
func (strict) Plan(context.Context, string) (*api.Plan, error) { return nil, errNotYou }
func (strict) Events(context.Context, uint64, bool) ([]holdfast.Event, error) {
	return nil, errNotYou
}
func (strict) HandOver(context.Context, []string) ([]api.HandedOver, error) { return nil, errNotYou }
func (strict) TakeBack(context.Context, []string) error                     { return errNotYou }
func (strict) Maintain(context.Context, bool) ([]api.HandedOver, error)     { return nil, errNotYou }
func (strict) Serve(context.Context, api.ServerOrder) error                 { return errNotYou }
func (strict) Recheck(context.Context, netip.AddrPort, string) ([]api.Rechecked, error) {
	return nil, errNotYou
}

// answering is the socket of a daemon.
func answering(t *testing.T, c api.Control) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := api.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &api.Server{Control: c, Metrics: func(io.Writer, *holdfast.Snapshot) error { return nil }}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Serve(l) }()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	return path
}

// What a daemon says against an act is what the command says.
func TestWhatTheDaemonSaysIsPassedOn(t *testing.T) {
	path := answering(t, strict{})
	for _, args := range asking() {
		if slices.Contains(args, "--follow") {
			continue // it ends with the stream
		}
		if why, code := refusal(append(slices.Clone(args), "--api-socket", path)...); code != 1 || !strings.Contains(why, errNotYou.Error()) {
			t.Errorf("%v says (%d) %s", args, code, why)
		}
	}
}
