package bus

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"

	"holdfast/internal/vrrp"
)

// asked notes what was asked for.
type asked struct{ list []string }

func (a *asked) PrintData()           { a.list = append(a.list, "data") }
func (a *asked) PrintStats()          { a.list = append(a.list, "stats") }
func (a *asked) PrintStatsClear()     { a.list = append(a.list, "clear") }
func (a *asked) ReloadConfig()        { a.list = append(a.list, "reload") }
func (a *asked) SendGARP(name string) { a.list = append(a.list, "garp "+name) }

func two() []Instance {
	return []Instance{{Name: "V1", Link: "eth0.10", VRID: 7}, {Name: "V6", Link: "none", VRID: 9, V6: true}}
}

func begin() (*Bus, *asked) {
	a := &asked{}
	b := New(Config{Service: "org.keepalived.Vrrp1", Root: Root("blue", "")}, a, func(string) {})
	b.Change("V1", vrrp.Backup)
	b.Started(two())
	return b, a
}

// call is a call of INTERFACE.METHOD on a path below the root of the daemon.
func call(b *Bus, path, what string, args ...any) string {
	o, _ := handler{b}.LookupObject(dbus.ObjectPath("/org/keepalived/Vrrp1/blue" + path))
	at := strings.LastIndex(what, ".")
	face, _ := o.LookupInterface(what[:max(at, 0)])
	m, _ := face.LookupMethod(what[at+1:])
	got, err := m.Call(args...)
	if e := (*dbus.Error)(nil); errors.As(err, &e) {
		return strings.TrimPrefix(e.Name, "org.freedesktop.DBus.Error.") + ": " + fmt.Sprint(e.Body...)
	}
	for i := range got {
		got[i] = plain(got[i])
	}
	return fmt.Sprint(got)
}

// plain is a value as it reads best.
func plain(v any) any {
	switch v := v.(type) {
	case dbus.Variant:
		return v.Value()
	case map[string]dbus.Variant:
		all := map[string]any{}
		for name, value := range v {
			all[name] = value.Value()
		}
		return all
	}
	return v
}

const (
	one        = "/Instance/eth0_10/7/IPv4"
	properties = "org.freedesktop.DBus.Properties."
	instances  = "org.keepalived.Vrrp1.Instance"
	daemon     = "org.keepalived.Vrrp1.Vrrp"
)

// Reference, interfaces section 13: the objects, their methods and properties, and what
// is answered for others. The words are those that the real keepalived answered.
func TestWhatObjectsAnswer(t *testing.T) {
	for _, c := range []struct {
		name, path, what string
		args             []any
		want, does       string
	}{
		{"the name", one, properties + "Get", []any{instances, "Name"}, "[{V1}]", ""},
		{"the state", one, properties + "Get", []any{instances, "State"}, "[{1 Backup}]", ""},
		{"all properties", one, properties + "GetAll", []any{instances}, "[map[Name:{V1} State:{1 Backup}]]", ""},
		{"properties of the daemon", "/Vrrp", properties + "GetAll", []any{daemon}, "[map[]]", ""},
		{"a property that there is not", one, properties + "Get", []any{instances, "Nothing"}, "InvalidArgs: No such property “Nothing”", ""},
		{"a property is set", one, properties + "Set", []any{instances, "Name", dbus.MakeVariant("x")}, "InvalidArgs: Property “Name” is not writable", ""},
		{"a property of no object", "/Instance/eth0/99/IPv4", properties + "Get", []any{instances, "Name"}, "UnknownMethod: Object does not exist at path “/org/keepalived/Vrrp1/blue/Instance/eth0/99/IPv4”", ""},
		{"announcing", one, instances + ".SendGarp", nil, "[]", "garp V1"},
		{"announcing IPv6 without interface", "/Instance/none/9/IPv6", instances + ".SendGarp", nil, "[]", "garp V6"},
		{"announcing nothing", "/Instance/eth0/99/IPv4", instances + ".SendGarp", nil, "UnknownMethod: Object does not exist at path “/org/keepalived/Vrrp1/blue/Instance/eth0/99/IPv4”", ""},
		{"the state dump", "/Vrrp", daemon + ".PrintData", nil, "[]", "data"},
		{"the statistics", "/Vrrp", daemon + ".PrintStats", nil, "[]", "stats"},
		{"the statistics, cleared", "/Vrrp", daemon + ".PrintStatsClear", nil, "[]", "clear"},
		{"a reload", "/Vrrp", daemon + ".ReloadConfig", nil, "[]", "reload"},
		{"a method with too much", "/Vrrp", daemon + ".PrintData", []any{"x"}, "InvalidArgs: Type of message, “(s)”, does not match expected type “()”", ""},
		{"a method of a build option", "/Vrrp", daemon + ".CreateInstance", []any{"x", "eth0", uint32(5), uint32(2)}, "UnknownMethod: No such method “CreateInstance”", ""},
		{"a method of the daemon on an instance", one, instances + ".PrintData", nil, "UnknownMethod: No such method “PrintData”", ""},
		{"a method without its interface", one, "SendGarp", nil, "[]", "garp V1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, a := begin()
			if got := call(b, c.path, c.what, c.args...); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if got := strings.Join(a.list, " "); got != c.does {
				t.Errorf("asked for %q, want %q", got, c.does)
			}
		})
	}
}

func TestIntrospectionLeadsToEveryObject(t *testing.T) {
	b, _ := begin()
	var walk func(path string) []string
	walk = func(path string) (found []string) {
		text := call(b, path, "org.freedesktop.DBus.Introspectable.Introspect")
		if strings.Contains(text, "org.keepalived.Vrrp1.") {
			found = append(found, path)
		}
		for _, part := range strings.Split(text, `<node name="`)[1:] {
			name, _, _ := strings.Cut(part, `"`)
			found = append(found, walk(path+"/"+name)...)
		}
		return found
	}
	want := []string{one, "/Instance/none/9/IPv6", "/Vrrp"}
	if diff := cmp.Diff(want, walk("")); diff != "" {
		t.Error(diff)
	}
}

// Reference, interfaces section 13: VrrpStarted is sent only if there are instances, and
// then the state of each.
func TestSignals(t *testing.T) {
	sent := func(b *Bus) (list []string) {
		for _, s := range b.take() {
			list = append(list, strings.TrimSpace(fmt.Sprint(s.path, " ", s.name, " ", strings.Trim(fmt.Sprint(s.values), "[]"))))
		}
		return list
	}
	b, _ := begin()
	steps := []struct {
		name string
		do   func()
		want []string
	}{
		{"the start", func() {}, []string{"/Vrrp Vrrp.VrrpStarted", one + " Instance.VrrpStatusChange 1"}},
		{"a transition", func() { b.Change("V1", vrrp.Master) }, []string{one + " Instance.VrrpStatusChange 2"}},
		{"a transition of who is not here yet", func() { b.Change("V3", vrrp.Backup) }, nil},
		{"a reload", func() { b.Reloaded(append(two(), Instance{Name: "V3", Link: "eth0", VRID: 3})) },
			[]string{"/Vrrp Vrrp.VrrpReloaded", "/Instance/eth0/3/IPv4 Instance.VrrpStatusChange 1"}},
		{"what somebody saw", func() { b.See("V6", vrrp.Fault) }, nil},
		{"the stop", func() { b.Change("V6", vrrp.Stopped); b.Stopped() }, []string{"/Instance/none/9/IPv6 Instance.VrrpStatusChange 98", "/Vrrp Vrrp.VrrpStopped"}},
	}
	for _, s := range steps {
		s.do()
		if diff := cmp.Diff(s.want, sent(b)); diff != "" {
			t.Errorf("%s: %s", s.name, diff)
		}
	}
	none := New(Config{}, nil, nil)
	none.Started(nil)
	if got := sent(none); got != nil {
		t.Errorf("without instances: %v", got)
	}
}
