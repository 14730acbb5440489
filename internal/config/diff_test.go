package config_test

import (
	"bytes"
	"encoding/gob"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
)

const two = `
vrrp_instance A {
    interface eth0
    virtual_router_id 1
    priority 100
    authentication {
        auth_type PASS
        auth_pass secret
    }
    virtual_ipaddress {
        10.0.0.1/24
        10.0.0.2/24
    }
}
vrrp_instance B {
    interface eth0
    virtual_router_id 2
    virtual_ipaddress {
        10.0.0.3/24
    }
}
`

func TestDiff(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to []string // replaced in two, and by what
		want     string
	}{
		{"nothing", nil, nil, ""},
		{"a renamed instance is the same one", []string{"e B"}, []string{"e BB"}, "~ vrrp_instance BB (eth0 vrid 2): name B -> BB"},
		{"another VRID is another instance", []string{"id 2"}, []string{"id 3"},
			"- vrrp_instance B (eth0 vrid 2)\n+ vrrp_instance B (eth0 vrid 3)"},
		{"an address less", []string{"        10.0.0.2/24\n"}, []string{""}, "~ vrrp_instance A (eth0 vrid 1): - advertised 10.0.0.2; - 10.0.0.2/24 dev eth0"},
		{"another order of addresses", []string{"0.1/24", "0.2/24", "0.9/24"}, []string{"0.9/24", "0.1/24", "0.2/24"},
			"~ vrrp_instance A (eth0 vrid 1): advertised order 10.0.0.2, 10.0.0.1; order 10.0.0.2/24 dev eth0, 10.0.0.1/24 dev eth0"},
		{"a priority and a password, which is not told", []string{"priority 100", "secret"}, []string{"priority 90", "hidden"},
			"~ vrrp_instance A (eth0 vrid 1): priority 100 -> 90; auth_pass changed"},
		{"two swapped VRIDs", []string{"id 1", "id 2", "id 9"}, []string{"id 9", "id 1", "id 2"},
			"~ vrrp_instance A (eth0 vrid 2): name B -> A; - advertised 10.0.0.3; + advertised 10.0.0.1; + advertised 10.0.0.2; " +
				"auth_pass changed; - 10.0.0.3/24 dev eth0; + 10.0.0.1/24 dev eth0; + 10.0.0.2/24 dev eth0\n" +
				"~ vrrp_instance B (eth0 vrid 1): name A -> B; - advertised 10.0.0.1; - advertised 10.0.0.2; + advertised 10.0.0.3; " +
				"auth_pass changed; - 10.0.0.1/24 dev eth0; - 10.0.0.2/24 dev eth0; + 10.0.0.3/24 dev eth0"},
		{"global_defs", []string{"\nvrrp_instance A"}, []string{"\nglobal_defs {\nrouter_id x\n}\nvrrp_instance A"}, "~ global_defs: router id node -> x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := two
			for i := range c.from {
				text = strings.Replace(text, c.from[i], c.to[i], 1)
			}
			before, _ := buildText(two)
			after, _ := buildText(text)
			var got []string
			for _, ch := range config.Diff(before, after) {
				got = append(got, ch.String())
			}
			if strings.Join(got, "\n") != c.want {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), c.want)
			}
			if before.Equal(after) != (c.want == "") {
				t.Error("Equal and Diff do not agree")
			}
		})
	}
}

func TestGobCarriesAConfiguration(t *testing.T) {
	sent, _ := buildText(strings.Replace(skeleton, "#vrrp_instance\n", "notify_master \"/bin/a b\" nobody :nogroup\n", 1))
	var buf bytes.Buffer
	if err := gob.NewEncoder(&buf).Encode(sent); err != nil {
		t.Fatal(err)
	}
	got := new(config.Config)
	if err := gob.NewDecoder(&buf).Decode(got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(sent, got) {
		t.Error(cmp.Diff(sent, got, cmp.Comparer(func(a, b config.Address) bool { return a == b })))
	}
}
