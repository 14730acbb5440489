package bus

import (
	"maps"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"holdfast/internal/vrrp"
)

// interfaces is how the names of keepalived's begin. They stay the same whatever the
// service is called.
const interfaces = "org.keepalived.Vrrp1."

// handler finds objects when they are called: there is nothing to register.
type handler struct{ b *Bus }

// LookupObject implements dbus.Handler. What is not there answers too, with an error.
func (h handler) LookupObject(path dbus.ObjectPath) (dbus.ServerObject, bool) {
	return object{h.b, string(path)}, true
}

// object is one of the bus.
type object struct {
	b    *Bus
	path string
}

// LookupInterface implements dbus.ServerObject.
func (o object) LookupInterface(name string) (dbus.Interface, bool) { return face{o, name}, true }

// face is an interface of an object.
type face struct {
	object
	name string
}

// LookupMethod implements dbus.Interface.
func (f face) LookupMethod(name string) (dbus.Method, bool) { return method{f, name}, true }

// method is one of an interface.
type method struct {
	face
	member string
}

// DecodeArguments implements dbus.ArgumentDecoder: they are judged by who is called.
func (m method) DecodeArguments(_ *dbus.Conn, _ string, _ *dbus.Message, args []any) ([]any, error) {
	return args, nil
}

// The rest of dbus.Method is not asked for, as the arguments are not decoded by it.
func (m method) NumArguments() int     { return 0 }
func (m method) NumReturns() int       { return 0 }
func (m method) ArgumentValue(int) any { return nil }
func (m method) ReturnValue(int) any   { return nil }

// Call implements dbus.Method.
func (m method) Call(args ...any) ([]any, error) {
	switch m.name {
	case "org.freedesktop.DBus.Introspectable":
		if m.member == "Introspect" {
			return []any{m.introspection()}, nil
		}
	case "org.freedesktop.DBus.Properties":
		return m.properties(args)
	case interfaces + "Vrrp", interfaces + "Instance", "":
		return nil, m.command(args)
	}
	return nil, m.unknown()
}

// command is one of keepalived's methods; none has an argument.
func (m method) command(args []any) error {
	i, isInstance := m.instance()
	act := m.commands()[m.member]
	switch {
	case m.path == m.b.config.Root+"/Vrrp" && act != nil:
	case isInstance && m.member == "SendGarp":
		act = func() { m.b.control.SendGARP(i.Name) }
	default:
		return m.unknown()
	}
	if len(args) > 0 {
		return invalid("Type of message, “(" + dbus.SignatureOf(args...).String() + ")”, does not match expected type “()”")
	}
	act()
	return nil
}

func (m method) commands() map[string]func() {
	c := m.b.control
	return map[string]func(){"PrintData": c.PrintData, "PrintStats": c.PrintStats, "PrintStatsClear": c.PrintStatsClear, "ReloadConfig": c.ReloadConfig}
}

func invalid(why string) error {
	return dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", []any{why})
}

// unknown is what answers for a method that there is not, or that nobody has.
func (m method) unknown() error {
	text := "No such method “" + m.member + "”"
	if !m.exists() {
		text = "Object does not exist at path “" + m.path + "”"
	}
	return dbus.NewError("org.freedesktop.DBus.Error.UnknownMethod", []any{text})
}

// instance is the one that the object shows.
func (o object) instance() (i *Instance, ok bool) {
	rest, below := strings.CutPrefix(o.path, o.b.config.Root+"/Instance/")
	if !below {
		return nil, false
	}
	o.b.mu.Lock()
	defer o.b.mu.Unlock()
	i, ok = o.b.instances[rest]
	return i, ok
}

func (o object) exists() bool {
	_, ok := o.instance()
	return ok || o.path == o.b.config.Root+"/Vrrp"
}

// properties answers Get, GetAll and Set.
func (m method) properties(args []any) ([]any, error) {
	if !m.exists() {
		return nil, m.unknown()
	}
	words := make([]string, 2)
	for n := range min(len(args), 2) {
		words[n], _ = args[n].(string)
	}
	all := m.values(words[0])
	value, has := all[words[1]]
	switch {
	case m.member == "GetAll":
		return []any{all}, nil
	case m.member != "Get" && m.member != "Set":
		return nil, m.unknown()
	case !has:
		return nil, invalid("No such property “" + words[1] + "”")
	case m.member == "Set":
		return nil, invalid("Property “" + words[1] + "” is not writable")
	}
	return []any{value}, nil
}

// values are the properties of an interface.
func (o object) values(name string) map[string]dbus.Variant {
	all := map[string]dbus.Variant{}
	i, ok := o.instance()
	if !ok || name != interfaces+"Instance" {
		return all
	}
	o.b.mu.Lock()
	defer o.b.mu.Unlock()
	role := o.b.roles[i.Name]
	all["Name"] = dbus.MakeVariant(struct{ Name string }{i.Name})
	all["State"] = dbus.MakeVariant(struct {
		Number uint32
		Word   string
	}{uint32(role), word(role)})
	return all
}

// word is what keepalived calls a role here.
func word(r vrrp.Role) string {
	name := r.String()
	return name[:1] + strings.ToLower(name[1:])
}

// introspection describes the object, and names those below it.
func (o object) introspection() string {
	var text strings.Builder
	text.WriteString("<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n                      \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>\n")
	switch _, isInstance := o.instance(); {
	case o.path == o.b.config.Root+"/Vrrp":
		text.WriteString(common + vrrpFace)
	case isInstance:
		text.WriteString(common + instanceFace)
	}
	for _, name := range o.below() {
		text.WriteString("  <node name=\"" + name + "\"/>\n")
	}
	text.WriteString("</node>\n")
	return text.String()
}

// below are the next elements of the paths of objects below this one.
func (o object) below() []string {
	o.b.mu.Lock()
	defer o.b.mu.Unlock()
	paths := []string{o.b.config.Root + "/Vrrp"}
	for p := range o.b.instances {
		paths = append(paths, o.b.config.Root+"/Instance/"+p)
	}
	names := map[string]bool{}
	for _, p := range paths {
		if rest, ok := strings.CutPrefix(p, strings.TrimSuffix(o.path, "/")+"/"); ok {
			name, _, _ := strings.Cut(rest, "/")
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// The interfaces, as introspection shows them.
const (
	common = `  <interface name="org.freedesktop.DBus.Properties">
    <method name="Get">
      <arg type="s" name="interface_name" direction="in"/>
      <arg type="s" name="property_name" direction="in"/>
      <arg type="v" name="value" direction="out"/>
    </method>
    <method name="GetAll">
      <arg type="s" name="interface_name" direction="in"/>
      <arg type="a{sv}" name="properties" direction="out"/>
    </method>
    <method name="Set">
      <arg type="s" name="interface_name" direction="in"/>
      <arg type="s" name="property_name" direction="in"/>
      <arg type="v" name="value" direction="in"/>
    </method>
    <signal name="PropertiesChanged">
      <arg type="s" name="interface_name"/>
      <arg type="a{sv}" name="changed_properties"/>
      <arg type="as" name="invalidated_properties"/>
    </signal>
  </interface>
  <interface name="org.freedesktop.DBus.Introspectable">
    <method name="Introspect">
      <arg type="s" name="xml_data" direction="out"/>
    </method>
  </interface>
  <interface name="org.freedesktop.DBus.Peer">
    <method name="Ping"/>
    <method name="GetMachineId">
      <arg type="s" name="machine_uuid" direction="out"/>
    </method>
  </interface>
`
	vrrpFace = `  <interface name="org.keepalived.Vrrp1.Vrrp">
    <method name="PrintData">
    </method>
    <method name="PrintStats">
    </method>
    <method name="PrintStatsClear">
    </method>
    <method name="ReloadConfig">
    </method>
    <signal name="VrrpStarted">
    </signal>
    <signal name="VrrpReloaded">
    </signal>
    <signal name="VrrpStopped">
    </signal>
  </interface>
`
	instanceFace = `  <interface name="org.keepalived.Vrrp1.Instance">
    <method name="SendGarp">
    </method>
    <signal name="VrrpStatusChange">
      <arg type="u" name="status">
      </arg>
    </signal>
    <property type="s" name="Name" access="read">
    </property>
    <property type="(us)" name="State" access="read">
    </property>
  </interface>
`
)
