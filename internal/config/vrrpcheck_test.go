package config_test

import (
	"strings"
	"testing"

	"holdfast/internal/config"
	"holdfast/internal/tracker"
)

// checkOf reads a vrrp_check that is tracked as the line says, and answers what
// came of it and what was found in it.
func checkOf(body, line string) (*config.Config, string) {
	c, diags := buildText("vrrp_check c {\n" + body + "\n}\nvrrp_instance A {\n" + plain + "no_virtual_ipaddress\ntrack_check {\n" + line + "\n}\n}\n")
	var found []string
	for _, d := range diags {
		if d.Rule != "script-security" {
			found = append(found, d.Severity.String()+": "+d.Text)
		}
	}
	return c, strings.Join(found, "\n")
}

func TestWhatACheckAsks(t *testing.T) {
	const ignored = "; the line is ignored"
	for _, c := range []struct{ name, line, want, finding string }{
		{"a page", "http http://10.0.0.3", "http http://10.0.0.3:80/", ""},
		{"with a port, a path and a query", "http http://10.0.0.3:8080/a/b?c=d", "http http://10.0.0.3:8080/a/b?c=d", ""},
		{"by TLS, of IPv6", "http https://[2001:db8::1]/\nvirtualhost a", "http https://[2001:db8::1]:443/", ""},
		{"a page of a name", "http http://localhost/", "", "names are not looked up, and \"localhost\" is not an address" + ignored},
		{"a page of another scheme", "http ftp://10.0.0.3/", "", `"ftp://10.0.0.3/" is not a URL that can be asked for`},
		{"a page without scheme", "http 10.0.0.3/", "", `"10.0.0.3/" is not a URL that can be asked for`},
		{"a page with a password", "http http://a:b@10.0.0.3/", "", "is not a URL that can be asked for"},
		{"a page on port 0", "http http://10.0.0.3:0/", "", `"0" is not a port` + ignored},
		{"a certificate for an address", "http https://10.0.0.3/", "http https://10.0.0.3:443/", "advice: the certificate must be for the address 10.0.0.3"},
		{"a port", "tcp 10.0.0.3 25", "tcp 10.0.0.3 25", ""},
		{"a port that is none", "tcp 10.0.0.3 70000", "", `"70000" is not a port` + ignored},
		{"a port that is missing", "tcp 10.0.0.3", "", "tcp takes an address and a port" + ignored},
		{"a machine", "ping 2001:db8::1", "ping 2001:db8::1", ""},
		{"a link-local machine", "ping fe80::1\nbind_if eth0", "ping fe80::1", ""},
		{"a link-local machine somewhere", "ping fe80::1", "", "fe80::1 means nothing without an interface; the check is left out"},
		{"a resolver", "dns 10.0.0.3 example.org", "dns 10.0.0.3 example.org 1", ""},
		{"a resolver for another type", "dns 10.0.0.3 example.org. aaaa", "dns 10.0.0.3 example.org. 28", ""},
		{"a resolver for a number", "dns 10.0.0.3 . 6", "dns 10.0.0.3 . 6", ""},
		{"a resolver for an unknown type", "dns 10.0.0.3 example.org B", "", `"B" is not a type of record` + ignored},
		{"a resolver without a name", "dns 10.0.0.3", "", "dns takes an address, a name and perhaps a type" + ignored},
		{"a resolver for no name", "dns 10.0.0.3 a..b", "", `"a..b" has an empty label` + ignored},
		{"a process", "process nginx", "process nginx", ""},
		{"a unit of systemd", "systemd nginx", "systemd nginx.service", ""},
		{"a unit with its suffix", "systemd a.socket", "systemd a.socket", ""},
		{"two things", "process a\nprocess b", "process a", "asks one thing, and this one asks by process already; the line is ignored"},
		{"nothing", "interval 2", "", "vrrp_check c asks nothing and is left out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, found := checkOf(c.line, "c")
			got := ""
			if len(cfg.Checks) > 0 {
				got = cfg.Checks[0].Ask.String()
			}
			if got != c.want {
				t.Errorf("it asks %q, want %q; found %s", got, c.want, found)
			}
			if c.finding == "" && found != "" || !strings.Contains(found, c.finding) {
				t.Errorf("found %q, want %q", found, c.finding)
			}
		})
	}
}

func TestWordsThatSayNothingToACheck(t *testing.T) {
	for _, c := range []struct{ name, body, finding string }{
		{"words of pages", "tcp 10.0.0.3 25\nvirtualhost a", "advice: virtualhost says nothing without http"},
		{"a status that is none", "http http://10.0.0.3/\nstatus_code 700", `complaint: "700" is not a status code; it is ignored`},
		{"a source of another family", "ping 10.0.0.3\nbindto 2001:db8::1", "bindto 2001:db8::1 is not of the family of 10.0.0.3 and is ignored"},
		{"a time without a repair", "ping 10.0.0.3\nrepair_time 3", "advice: repair_time says nothing without repair"},
		{"staying backup by a process", "process nginx\nstay_backup", "process asks this machine; stay_backup is ignored"},
		{"staying backup with a weight", "ping 10.0.0.3\nstay_backup\nweight 5", "weight beside stay_backup is ignored"},
		{"staying backup with a repair", "ping 10.0.0.3\nstay_backup\nrepair /bin/true", "repair beside stay_backup is ignored"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, found := checkOf(c.body, "c"); !strings.Contains(found, c.finding) {
				t.Errorf("found %q, want %q", found, c.finding)
			}
		})
	}
}

func TestTracksOfChecks(t *testing.T) {
	for _, c := range []struct {
		name, body, line string
		want             tracker.Track
		finding          string
	}{
		{"the weight of the check", "process a\nweight -20", "c", tracker.Track{Weight: -20}, ""},
		{"a weight of its own", "process a\nweight -20", "c weight 5 reverse", tracker.Track{Weight: 5, Reverse: true}, ""},
		{"staying backup", "ping 10.0.0.3\nstay_backup", "c", tracker.Track{Hold: true}, ""},
		{"staying backup with a weight", "ping 10.0.0.3\nstay_backup", "c weight 5", tracker.Track{Hold: true}, "c says stay_backup: a weight is ignored"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, found := checkOf(c.body, c.line)
			c.want.Kind, c.want.Name = tracker.Check, "c"
			if got := cfg.Instances[0].Tracks; len(got) != 1 || got[0] != c.want {
				t.Errorf("tracks %+v, want %+v", got, c.want)
			}
			if c.finding == "" && found != "" || !strings.Contains(found, c.finding) {
				t.Errorf("found %q, want %q", found, c.finding)
			}
		})
	}
}

func TestACheckThatNobodyTracksIsLeftOut(t *testing.T) {
	c, diags := buildText("vrrp_check c {\nprocess a\n}\n")
	if len(c.Checks) != 0 || len(diags) != 1 || diags[0].Rule != "untracked" {
		t.Errorf("checks %v, findings %v", c.Checks, diags)
	}
}
