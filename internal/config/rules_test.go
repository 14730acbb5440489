package config_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
)

// rule is a row of the specification of the language that concerns values: lines
// of a vrrp_instance, what is said of them, and keepalived's exit status.
type rule struct {
	name, lines string
	findings    []string
	exit        int
	check       func(*config.Config) any
	want        any
}

// with is an instance against which nothing is said, with more lines: the first
// of them is line 5.
func with(lines string) string {
	return "vrrp_instance A {\ninterface eth0\nvirtual_router_id 7\nvirtual_ipaddress { 10.0.0.1/24 }\n" + lines + "\n}\n"
}

func TestRulesOfValues(t *testing.T) {
	priority := func(c *config.Config) any { return c.Instances[0].VRRP.Priority }
	interval := func(c *config.Config) any { return c.Instances[0].VRRP.Interval.String() }
	alert := func(c *config.Config) any { return c.Instances[0].Notify.Mail }
	second := func(c *config.Config) any {
		if len(c.Instances[0].Addrs) < 2 {
			return nil
		}
		return c.Instances[0].Addrs[1].Prefix.String()
	}
	for _, c := range []rule{
		{"a number", "priority 90", nil, 0, priority, uint8(90)},
		{"a number with a comment glued to it", "priority 90#x", nil, 0, priority, uint8(90)},
		{"a quoted number", `"priority" "90"`, nil, 0, priority, uint8(90)},
		{"a plus", "priority +90", nil, 0, priority, uint8(90)},
		{"leading zeros are decimal", "priority 010", []string{"5:10 advice: 010 is 10: a 0 at the beginning does not make it octal"}, 0, priority, uint8(10)},
		{"leading zeros that change nothing", "priority 007", nil, 0, priority, uint8(7)},
		{"hexadecimal", "priority 0x10", []string{`5:10 complaint: "0x10" is not a decimal number; priority becomes 100`}, 5, priority, uint8(100)},
		{"a minus", "priority -5", []string{"5:10 complaint: priority -5 is out of range and becomes 100"}, 5, priority, uint8(100)},
		{"too large", "priority 300", []string{"5:10 complaint: priority 300 is out of range and becomes 100"}, 5, priority, uint8(100)},
		{"far too large", "priority 99999999999999999999", []string{"5:10 complaint: priority 9223372036854775807 is out of range and becomes 100"}, 5, priority, uint8(100)},
		{"what follows the digits", "priority 90abc", []string{`5:10 complaint: "abc" does not belong to the number; 90 is taken`}, 5, priority, uint8(90)},
		{"no number", "priority high", []string{`5:10 complaint: "high" is not a decimal number; priority becomes 100`}, 5, priority, uint8(100)},
		{"no argument", "priority", []string{"5:1 error: priority needs a number"}, 2, nil, nil},
		{"the last of two wins", "priority 5\npriority 6", nil, 0, priority, uint8(6)},

		{"a time", "advert_int 2", nil, 0, interval, "2s"},
		{"a time with a fraction", "version 3\nadvert_int 0.25", nil, 0, interval, "250ms"},
		{"a time without a whole", "version 3\nadvert_int .25", nil, 0, interval, "250ms"},
		{"a time with a dot", "advert_int 2.", nil, 0, interval, "2s"},
		{"a time with a plus", "advert_int +2", nil, 0, interval, "2s"},
		{"a time with a unit", "advert_int 2s", []string{`5:12 complaint: "s" does not belong to the time; 2 is taken`}, 5, interval, "2s"},
		{"no time", "advert_int fast", []string{`5:12 complaint: "fast" is not a time in seconds; advert_int stays as it was`}, 5, interval, "1s"},

		{"an address", "virtual_ipaddress { 10.0.0.6/24 }", nil, 0, second, "10.0.0.6/24"},
		{"an address without a length", "virtual_ipaddress { 10.0.0.6 }", nil, 0, second, "10.0.0.6/32"},
		{"an address with a slash", "virtual_ipaddress { 10.0.0.6/ }", nil, 0, second, "10.0.0.6/32"},
		{"an address with zeros in its length", "virtual_ipaddress { 10.0.0.6/024 }", nil, 0, second, "10.0.0.6/24"},
		{"an address with a length out of range", "virtual_ipaddress { 10.0.0.6/33 }", []string{"5:21 complaint: the prefix length of 10.0.0.6/33 is not legal and becomes 32"}, 5, second, "10.0.0.6/32"},
		{"a range is no address", "virtual_ipaddress { 10.0.0.6-9 }", []string{`5:21 complaint: "10.0.0.6-9" is not an address; the line is dropped`}, 5, second, nil},
		{"two addresses on one line", "virtual_ipaddress { 10.0.0.6/24 10.0.0.7/24 }", []string{`5:33 complaint: "10.0.0.7/24" is unknown here and ignored`}, 5, second, "10.0.0.6/24"},
		{"an address twice", "virtual_ipaddress { 10.0.0.1/16 }", []string{"5:21 complaint: 10.0.0.1 stands in the list already; this line is dropped"}, 5, second, nil},
		{"a peer with a length", "unicast_peer { 10.0.0.9/24 }", []string{`5:16 advice: "/24" is not part of an address here and is dropped`}, 0, nil, nil},

		{"an interface of 15 bytes", "interface abcdefghijklmno", nil, 0, nil, nil},
		{"an interface of 16 bytes", "interface abcdefghijklmnop", []string{`5:11 complaint: "abcdefghijklmnop" cannot be the name of an interface`}, 5, nil, nil},

		{"a truth value", "smtp_alert yes", nil, 0, alert, true},
		{"no truth value", "smtp_alert", nil, 0, alert, true},
		{"a truth value that is false", "smtp_alert off", nil, 0, alert, false},
		{"a truth value in capitals", "smtp_alert TRUE", []string{`5:12 complaint: "TRUE" is not a truth value; smtp_alert stays as it was`}, 5, alert, false},
		{"a truth value that is a number", "smtp_alert 1", []string{`5:12 complaint: "1" is not a truth value; smtp_alert stays as it was`}, 5, alert, false},

		{"another case is another word", "PRIORITY 7", []string{`5:1 complaint: unknown keyword "PRIORITY"`}, 5, priority, uint8(100)},
		{"keywords cannot be shortened", "prio 7", []string{`5:1 complaint: unknown keyword "prio"`}, 5, priority, uint8(100)},
		{"two keywords on a line", "priority 90 nopreempt", []string{"5:13 advice: what follows priority here is ignored"}, 0, priority, uint8(90)},
		{"a flag ignores an argument", "nopreempt no", []string{"5:11 advice: what follows nopreempt here is ignored"}, 0, nil, nil},
		{"a flag that cannot be turned off", "skip_check_adv_addr no", []string{"5:1 advice: skip_check_adv_addr is on, even with false behind it"}, 0, nil, nil},
		{"a keyword with a block that it has not", "priority 90 { }", []string{"5:1 error: priority has no block"}, 5, nil, nil},
		{"a block that is missing", "authentication", []string{"5:1 error: authentication needs a block"}, 5, nil, nil},
		{"an equals sign", "priority = 90", []string{"5:10 advice: the = is read as the value of priority", `5:10 complaint: "=" is not a decimal number; priority becomes 100`}, 5, priority, uint8(100)},
		{"a backslash at the end", "interface eth1 \\", []string{"5:16 advice: a backslash continues a line only in a definition; here it becomes part of the word before it"}, 0,
			func(c *config.Config) any { return c.Instances[0].VRRP.Link }, `eth1\`},
		{"a parameter that is no number", "priority $NO", []string{"5:10 advice: $NO is not defined and stays as it is", `5:10 complaint: "$NO" is not a decimal number; priority becomes 100`}, 5, priority, uint8(100)},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, diags := buildText(with(c.lines))
			var got []string
			for _, d := range diags {
				if !strings.Contains(d.Text, "not done by this version") {
					got = append(got, strings.Replace(strings.TrimPrefix(d.Line(), "a.conf:"), ": ", " ", 1))
				}
			}
			if diff := cmp.Diff(c.findings, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if got := config.ExitStatus(diags); got != c.exit {
				t.Errorf("exit %d, want %d", got, c.exit)
			}
			if c.check != nil && c.want != nil {
				if diff := cmp.Diff(c.want, c.check(cfg)); diff != "" {
					t.Errorf("value (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// Section 11: what is given twice. The text stands below a plain instance A, whose
// end is line 6.
func TestRulesOfDuplicates(t *testing.T) {
	names := func(c *config.Config) (out []string) {
		for _, i := range c.Instances {
			out = append(out, i.VRRP.Name)
		}
		return out
	}
	b := strings.NewReplacer("vrrp_instance A", "vrrp_instance B", "id 7", "id 8", "10.0.0.1", "10.0.0.2").Replace(with(""))
	for _, c := range []struct {
		name, text string
		findings   []string
		instances  []string
	}{
		{"another name", b, nil, []string{"A", "B"}},
		{"the same name", strings.Replace(b, "B", "A", 1), []string{"there is a vrrp_instance A (line 1) already; this one is left out"}, []string{"A"}},
		{"no name", strings.Replace(b, "B", "", 1), []string{"vrrp_instance has no name and is left out"}, []string{"A"}},
		{"an empty name", strings.Replace(b, "B", `""`, 1), []string{"vrrp_instance has no name and is left out"}, []string{"A"}},
		{"two words", strings.Replace(b, "B", "B C", 1), []string{"the name of a vrrp_instance is one word; the block is left out"}, []string{"A"}},
		{"two words in quotes", strings.Replace(b, "B", `"B C"`, 1), nil, []string{"A", "B C"}},
		{"two words by glued quotes", strings.Replace(b, "B", `B"C"`, 1), []string{"the name of a vrrp_instance is one word; the block is left out"}, []string{"A"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, diags := buildText(with("") + c.text)
			var got []string
			for _, d := range diags {
				got = append(got, d.Text)
			}
			if diff := cmp.Diff(c.findings, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if got := names(cfg); !slices.Equal(got, c.instances) {
				t.Errorf("instances %q, want %q", got, c.instances)
			}
		})
	}
}

// Section 3: a start reads global_defs wherever it stands, and so does a reload.
func TestGlobalsHoldForBlocksAboveThem(t *testing.T) {
	globals := "global_defs {\nvrrp_garp_master_repeat 9\nvrrp_version 3\n}\n"
	above, _ := buildText(globals + with(""))
	below, diags := buildText(with("") + globals)
	if diff := cmp.Diff(above.Instances[0].VRRP, below.Instances[0].VRRP, cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
		t.Errorf("above and below (-above +below):\n%s", diff)
	}
	if len(diags) != 1 || diags[0].Rule != "quirk" || diags[0].Span.Line != 8 {
		t.Errorf("findings %v", diags)
	}
}
