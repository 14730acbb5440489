package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/host"
)

// FuzzBuild: whatever the text, a Config comes out that has a name and an
// identity for every instance and only members that exist, and it can be
// compared and told.
func FuzzBuild(f *testing.F) {
	for _, pattern := range []string{"testdata/scenarios/*/*.conf", "testdata/findings/*.conf", "../conf/testdata/*.conf"} {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Add(skeleton)
	f.Fuzz(func(t *testing.T, text string) {
		c, diags := buildText(text)
		for _, d := range diags {
			_ = d.String()
		}
		known := map[string]bool{}
		for _, i := range c.Instances {
			known[i.VRRP.Name] = true
			if i.VRRP.Name == "" || i.VRRP.VRID == 0 || i.VRRP.Interval <= 0 || i.VRRP.Priority == 0 {
				t.Errorf("instance %+v", i.VRRP)
			}
			if i.VRRP.Link == "" && !conf.Has(diags, conf.Error) && !i.VRRP.From.IsValid() {
				t.Errorf("no link and no error: %v", diags)
			}
		}
		for _, g := range c.Groups {
			for _, m := range g.Members {
				if !known[m] {
					t.Errorf("group %s has the unknown member %s", g.Name, m)
				}
			}
		}
		for _, v := range c.VirtualServers {
			if len(v.RealServers) == 0 || v.Scheduler == "" || v.Netmask > 128 && v.V6 || strings.Contains(v.Forwarding.Method.String(), "unknown") {
				t.Errorf("virtual server %+v", v)
			}
			for _, r := range v.RealServers {
				if !r.Addr.IsValid() || slices.ContainsFunc(r.Checks, strangeCheck) {
					t.Errorf("real server %+v", r)
				}
			}
		}
		for _, r := range heldRoutes(c) {
			if !r.Dst.IsValid() || r.Type == 0 || r.String() == "" || strange(r.Hop, r.V6()) {
				t.Errorf("route %+v", r)
			}
			for _, h := range r.Hops {
				if h.Weight < 1 || h.Weight > 256 || strange(h, r.V6()) {
					t.Errorf("next hop %+v", h)
				}
			}
		}
		for _, r := range heldRules(c) {
			if r.Action == 0 || r.String() == "" || r.From.IsValid() && r.From.Addr().Is6() != r.V6 {
				t.Errorf("rule %+v", r)
			}
		}
		for _, ch := range config.Diff(&config.Config{}, c) {
			_ = ch.String()
		}
	})
}

// heldRoutes lists the routes of a configuration.
func heldRoutes(c *config.Config) []config.Route {
	all := c.StaticRoutes
	for i := range c.Instances {
		all = append(all, c.Instances[i].Routes...)
	}
	return all
}

// heldRules lists the rules of a configuration.
func heldRules(c *config.Config) []config.Rule {
	all := c.StaticRules
	for i := range c.Instances {
		all = append(all, c.Instances[i].Rules...)
	}
	return all
}

// strange reports whether a way is of another family than its route.
func strange(h host.NextHop, v6 bool) bool { return h.Via.IsValid() && h.Via.Is6() != v6 }

// strangeCheck tells a check that has not what its kind needs, or more.
func strangeCheck(c *config.Check) bool {
	has := map[config.CheckKind]bool{
		config.CheckHTTP: c.HTTP != nil, config.CheckSMTP: c.SMTP != nil, config.CheckDNS: c.DNS != nil, config.CheckUDP: c.UDP != nil,
		config.CheckMisc: c.Misc != nil, config.CheckFile: c.File != nil, config.CheckBFD: c.BFD != "",
	}
	kind := c.Kind
	if kind == config.CheckSSL {
		kind = config.CheckHTTP
	}
	for k, there := range has {
		if there != (k == kind) {
			return true
		}
	}
	timeless := kind == config.CheckFile || kind == config.CheckBFD
	probing := !timeless && kind != config.CheckMisc
	return timeless != (c.DelayLoop == 0) || probing != (c.Probe.Timeout > 0) || kind == config.CheckHTTP && len(c.HTTP.URLs) == 0
}
