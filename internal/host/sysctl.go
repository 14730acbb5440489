package host

import (
	"cmp"
	"slices"
	"strconv"
)

// Sysctl names a setting of a link: net.FAMILY.conf.LINK.NAME.
type Sysctl struct {
	V6   bool
	Link string // "all" and "default" among them
	Name string
}

// Path is the file of s below /proc/sys.
func (s Sysctl) Path() string {
	family := "ipv4"
	if s.V6 {
		family = "ipv6"
	}
	return "net/" + family + "/conf/" + s.Link + "/" + s.Name
}

// Settings are sysctls and their values.
type Settings map[Sysctl]string

// Settings are what makes a device behave: it answers for its own addresses only,
// takes packets from addresses of this machine, and gives itself no address. Its
// parent asks for neighbours in its own name: a question in the name of a virtual
// address would teach them the parent's MAC address for it. An ipvlan has its parent's
// MAC address anyway; what it is asked may be answered by the parent.
func (d Device) Settings(to Settings) {
	v4 := func(link, name, value string) { to[Sysctl{Link: link, Name: name}] = value }
	v6 := func(name, value string) { to[Sysctl{V6: true, Link: d.Name, Name: name}] = value }
	if d.IPVLAN != NoIPVLAN {
		v4(d.Name, "rp_filter", "0")
		v4(d.Parent, "arp_announce", "2") // an answer to an address of the ipvlan would go there
		return
	}
	v4(d.Name, "arp_ignore", "1")
	v6("addr_gen_mode", "1") // IN6_ADDR_GEN_MODE_NONE
	v4(d.Parent, "arp_ignore", "1")
	v4(d.Parent, "arp_filter", "1")
	v4(d.Parent, "arp_announce", "2")
	if d.V6 {
		return
	}
	v4(d.Name, "accept_local", "1")
	v4(d.Name, "rp_filter", "0")
	v4(d.Name, "promote_secondaries", "1")
	if !d.Dual {
		v6("disable_ipv6", "1")
	}
}

// spread moves the filter of reverse paths that holds for all links to each of
// them, where the devices can be excepted from it: the kernel takes the greater of
// the two. Links are all there are, found what was read of them.
func spread(to Settings, links []string, found Settings) {
	all := Sysctl{Link: "all", Name: "rp_filter"}
	strict := found[all]
	if strict == "" || strict == "0" {
		return
	}
	to[all] = "0"
	for _, link := range append(slices.Clone(links), "default") {
		s := Sysctl{Link: link, Name: "rp_filter"}
		if _, ours := to[s]; !ours {
			to[s] = greater(found[s], strict)
		}
	}
}

func greater(a, b string) string {
	x, _ := strconv.Atoi(a)
	y, _ := strconv.Atoi(b)
	return strconv.Itoa(max(x, y))
}

// Setting is a sysctl that is to get a value.
type Setting struct {
	Sysctl
	Value string
}

// Tuner knows what was set before holdfast set it. Before is to outlive the process.
type Tuner struct {
	Before Settings
	// Promote are links on which the other addresses of a subnet stay when its primary goes.
	Promote []string
}

// Idle reports whether nothing is set, and nothing to be given back, but for devices.
func (t *Tuner) Idle() bool { return len(t.Before)+len(t.Promote) == 0 }

// Tuning is what is to be done: Before stored if it has News, then the writing, and
// Back, what is needed no more and as it was before, to be written last and forgotten.
type Tuning struct {
	News        bool
	Write, Back []Setting
}

// Tune compares the settings that devices need, and those of the links to Promote, with
// what read finds. The device's own settings go with the device.
func (t *Tuner) Tune(devices []Device, links []string, read func(Sysctl) (string, bool)) (todo Tuning) {
	if t.Before == nil {
		t.Before = Settings{}
	}
	want := t.wanted(devices, links, read)
	for _, link := range t.Promote {
		want[Sysctl{Link: link, Name: "promote_secondaries"}] = "1"
	}
	own := map[string]bool{}
	for _, d := range devices {
		own[d.Name] = true
	}
	for s, value := range want {
		found, there := read(s)
		if !there || found == value {
			continue
		}
		if _, known := t.Before[s]; !known && !own[s.Link] {
			t.Before[s], todo.News = found, true
		}
		todo.Write = append(todo.Write, Setting{s, value})
	}
	for s, value := range t.Before {
		if _, needed := want[s]; !needed {
			todo.Back = append(todo.Back, Setting{s, value})
		}
	}
	slices.SortFunc(todo.Write, byPath)
	slices.SortFunc(todo.Back, byPath)
	return todo
}

func byPath(a, b Setting) int { return cmp.Compare(a.Path(), b.Path()) }

// Forget notes that settings were given back.
func (t *Tuner) Forget(back []Setting) {
	for _, s := range back {
		delete(t.Before, s.Sysctl)
	}
}

func (t *Tuner) wanted(devices []Device, links []string, read func(Sysctl) (string, bool)) Settings {
	want := Settings{}
	if len(devices) == 0 {
		return want
	}
	for _, d := range devices {
		d.Settings(want)
	}
	found := Settings{}
	for _, link := range append(slices.Clone(links), "all", "default") {
		s := Sysctl{Link: link, Name: "rp_filter"}
		if before, known := t.Before[s]; known {
			found[s] = before
		} else if value, there := read(s); there {
			found[s] = value
		}
	}
	spread(want, links, found)
	return want
}
