package netns

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

// The virtual MAC addresses of VRID 51 (RFC 9568 section 7.3).
const mac4, mac6 = "00:00:5e:00:01:33", "00:00:5e:00:02:33"

// vmacs is a pair that runs VRID 51 of both families on devices of their own;
// ka67 has the higher priority.
func vmacs(t *testing.T) (c *cluster, ka67, ka68 *member) {
	t.Helper()
	t.Parallel()
	return vmacsAlone(t)
}

func vmacsAlone(t *testing.T) (c *cluster, ka67, ka68 *member) {
	t.Helper()
	ofHoldfast(t)
	c = alone(t, "15-vmac", inner("eth0", "200"),
		spec{"ka67", inner("eth0", "10")}, spec{"ka68", inner("eth0", "11")})
	return c, c.member("ka67"), c.member("ka68")
}

const onVMAC = "172.16.8.100/24 scope global vrrp.51"

// shows expects words in what a command prints on the node, within two seconds.
func (m *member) shows(line string, words ...string) {
	m.c.t.Helper()
	text := ""
	for _, w := range words {
		m.c.eventually(2*time.Second, fmt.Sprintf("%s: %q", line, w), func() bool {
			text = m.sh(line + " 2>&1 || true")
			return strings.Contains(text, w)
		})
	}
}

// master waits until a node holds the address on its device and the devices work.
func (m *member) master() {
	m.c.t.Helper()
	m.c.eventually(takeOver, m.Name+" is MASTER", func() bool { return m.holds(onVMAC) })
	m.shows("ip -6 -o addr show dev vrrp6.51", "2001:db8::100/64")
}

func TestAdvertsAndAnnouncementsComeFromTheVirtualMAC(t *testing.T) {
	c, ka67, _ := vmacs(t)
	since := time.Now()
	ka67.start()
	ka67.master()
	eth0 := c.wires["eth0"]
	for _, want := range []struct{ mac, pattern string }{
		{mac4, `^172.16.8.10 > 224.0.0.18: VRRPv3, Advertisement, vrid 51, prio 150`},
		{mac4, `Reply 172.16.8.100 is-at ` + mac4},
	} {
		for _, f := range eth0.sees(since, 3*time.Second, want.pattern) {
			if f.mac != want.mac {
				t.Errorf("from %s: %s", f.mac, f.text)
			}
		}
	}
	own := strings.Fields(ka67.sh("ip -6 -o addr show dev eth0 scope link"))[3]
	own, _, _ = strings.Cut(own, "/")
	for _, f := range eth0.sees(since, 3*time.Second, `IP6 fe80|^fe80.*VRRPv3, Advertisement, vrid 51`) {
		if f.mac != mac6 || !strings.HasPrefix(f.text, own+" > ") {
			t.Errorf("from %s, want %s of %s: %s", f.mac, own, mac6, f.text)
		}
	}
	ka67.shows("ip -6 addr show dev vrrp6.51", own+"/128 scope link nodad deprecated")
}

// A question in the name of the address teaches whoever hears it a MAC address: the
// MASTER's own would stay with neighbours when another node takes over.
func TestAMasterAsksForItsNeighboursInItsOwnName(t *testing.T) {
	c, ka67, _ := vmacs(t)
	ka67.start()
	ka67.master()
	c.probe("172.16.8.100")
	since := time.Now()
	ka67.sh("ip neigh flush dev eth0")
	c.wires["eth0"].sees(since, 3*time.Second, `Request who-has 172.16.8.200 .*tell 172.16.8.10,`)
	for _, f := range c.wires["eth0"].frames(since, `Request who-has 172.16.8.200 .*tell 172.16.8.100,`) {
		t.Errorf("from %s: %s", f.mac, f.text)
	}
}

// sysctls reads settings as `name value` lines.
func (m *member) sysctls() string {
	return m.sh(`cd /proc/sys/net; for f in ipv4/conf/*/arp_ignore ipv4/conf/*/arp_filter ipv4/conf/*/arp_announce ipv4/conf/*/rp_filter ipv4/conf/*/accept_local ipv4/conf/*/promote_secondaries ipv6/conf/*/addr_gen_mode ipv6/conf/*/disable_ipv6; do echo $f $(cat $f); done`)
}

func TestSysctlsOfDevicesAreSetRepairedAndGivenBack(t *testing.T) {
	_, ka67, _ := vmacs(t)
	ka67.sh("echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter")
	before := ka67.sysctls()
	ka67.start()
	ka67.master()
	all := "cd /proc/sys/net; grep . -r ipv4/conf/ ipv6/conf/"
	ka67.shows(all,
		"ipv4/conf/vrrp.51/arp_ignore:1", "ipv4/conf/vrrp.51/accept_local:1", "ipv4/conf/vrrp.51/rp_filter:0", "ipv4/conf/vrrp.51/promote_secondaries:1",
		"ipv6/conf/vrrp.51/disable_ipv6:1", "ipv6/conf/vrrp.51/addr_gen_mode:1", "ipv4/conf/vrrp6.51/arp_ignore:1", "ipv6/conf/vrrp6.51/addr_gen_mode:1",
		"ipv4/conf/eth0/arp_ignore:1", "ipv4/conf/eth0/arp_filter:1", "ipv4/conf/eth0/arp_announce:2", "ipv4/conf/eth0/rp_filter:1", "ipv4/conf/all/rp_filter:0")
	ka67.sh("echo 0 >/proc/sys/net/ipv4/conf/eth0/arp_ignore")
	time.Sleep(5 * time.Second)
	ka67.shows(all, "ipv4/conf/eth0/arp_ignore:1")
	ka67.cmd.Process.Signal(syscall.SIGKILL)
	<-ka67.exited
	ka67.start()
	ka67.master()
	time.Sleep(time.Second)
	ka67.stop()
	if after := ka67.sysctls(); after != before {
		t.Errorf("after the stop:\n%s\nbefore the start:\n%s", after, before)
	}
	if links := ka67.sh("ip -o link"); strings.Contains(links, "vrrp") {
		t.Errorf("devices are left:\n%s", links)
	}
}

func TestADeviceThatSomebodyHarmsIsPutBack(t *testing.T) {
	c, ka67, ka68 := vmacs(t)
	ka67.start()
	ka67.master()
	ka68.start()
	// The flush gives up when addresses come back faster than it removes them.
	for _, harm := range []string{"ip link del vrrp.51", "ip link set vrrp.51 address 02:00:00:00:00:99", "ip link set vrrp.51 down", "ip link set vrrp.51 group 9", "ip addr flush dev vrrp.51 || true"} {
		ka67.sh(harm)
		ka67.shows("ip -d addr show dev vrrp.51", "link/ether "+mac4, ",UP", "172.16.8.100/24", "alias holdfast", "group default")
		since := time.Now()
		c.wires["eth0"].sees(since, 1500*time.Millisecond, `^172.16.8.10 > 224.0.0.18: VRRPv3, Advertisement, vrid 51, prio 150`)
	}
	if ka68.holds(onVMAC) {
		t.Error("the other took over")
	}
}

func TestAfterACrashTheDevicesAreAdopted(t *testing.T) {
	c, ka67, _ := vmacsAlone(t)
	ka67.start()
	ka67.master()
	index := ka67.sh("cat /sys/class/net/vrrp.51/ifindex /sys/class/net/vrrp6.51/ifindex")
	probe := c.probe("172.16.8.100")
	since := time.Now()
	ka67.cmd.Process.Signal(syscall.SIGKILL)
	<-ka67.exited
	ka67.start()
	c.wires["eth0"].sees(time.Now(), 3*time.Second, `^172.16.8.10 > 224.0.0.18: VRRPv3, Advertisement, vrid 51, prio 150`)
	time.Sleep(time.Second)
	if after := ka67.sh("cat /sys/class/net/vrrp.51/ifindex /sys/class/net/vrrp6.51/ifindex"); after != index {
		t.Errorf("the devices were made anew: %q, then %q", index, after)
	}
	if d := outage(probe, since, "172.16.8.100"); d > 5*time.Millisecond {
		t.Errorf("the address was away for %s", d)
	}
}

// A node that comes back with a higher priority takes the addresses while the old
// MASTER still holds them: that one must not answer the announcements, nor ask
// later whether those it spoke to are still there, or the switch sends everything
// back to it until the next advert. What it says within the millisecond until it has
// heard of the new one does that as well, until the next announcement.
func TestFailBackWithVirtualMACLosesNothing(t *testing.T) {
	c, ka67, ka68 := vmacsAlone(t)
	must(t, c.observer.Address("eth0", netip.MustParsePrefix("2001:db8::200/64"), netip.MustParsePrefix("10.16.9.200/24")))
	ka68.start()
	ka68.master()
	probe, hurt := c.probe(vips()...), 0
	for round := range 4 {
		time.Sleep(time.Second)
		since := time.Now()
		ka67.start()
		ka67.master()
		time.Sleep(2 * time.Second)
		hurt += hurts(t, probe, since, fmt.Sprintf("fail-back %d", round))
		since = time.Now()
		ka67.stop()
		ka68.master()
		time.Sleep(2 * time.Second)
		hurt += hurts(t, probe, since, fmt.Sprintf("SIGTERM %d", round))
	}
	if hurt > 2 {
		t.Errorf("%d times somebody lost a probe: that is no accident", hurt)
	}
}

// vips are the addresses of the scenario. Two are the only ones of their subnet on a
// node: answers from them leave by the device, which gets to know neighbours.
func vips() []string { return []string{"172.16.8.100", "10.16.9.100", "2001:db8::100"} }

// hurts counts the times that probes were lost since an instant, which are not to
// be more than a few.
func hurts(t *testing.T, p *netns.Prober, since time.Time, when string) (n int) {
	t.Helper()
	p.Settle()
	for _, addr := range vips() {
		for _, s := range p.Since(since, netip.MustParseAddr(addr)) {
			n++
			t.Logf("%s: %s lost %d probes", when, addr, s.Lost)
			if s.Lost > 3 {
				t.Errorf("that is for %s", s.Outage(time.Now()))
			}
		}
	}
	return n
}

// Neighbour adverts of the device with the link-local address of its parent are dropped:
// neighbours would look for the node where the virtual MAC address is.
func TestNeighboursFindTheParentsAddressAtTheParent(t *testing.T) {
	c, ka67, _ := vmacs(t)
	ka67.start()
	ka67.master()
	own, _, _ := strings.Cut(strings.Fields(ka67.sh("ip -6 -o addr show dev eth0 scope link"))[3], "/")
	mac := strings.TrimSpace(ka67.sh("cat /sys/class/net/eth0/address"))
	ka67.shows("nft list table ip6 keepalived", "parent_link_local", own)
	for range 5 {
		out, err := c.observer.Output(t.Context(), "sh", "-c", "ip -6 neigh flush dev eth0; ping -c 1 -W 2 "+own+"%eth0; ip -6 neigh show "+own)
		if err != nil || !strings.Contains(out, "lladdr "+mac) {
			t.Errorf("want it at %s: %v\n%s", mac, err, out)
		}
	}
}

func TestAddressesGoOnTheDevicesThatAreAskedFor(t *testing.T) {
	ofHoldfast(t)
	c := scenario(t, "16-vmac-addresses", twoNetworks("eth1", "eth0", "200"), spec{"ka67", twoNetworks("eth1", "eth0", "10")})
	ka67, since := c.member("ka67"), time.Now()
	ka67.start()
	for link, words := range map[string][]string{
		"vm.61":  {"172.16.8.101/24", "2001:db8::102/64", "00:00:5e:00:01:3d", "vm.61@eth0"},
		"va.62":  {"172.16.8.104/24", "00:00:5e:00:01:3e", "va.62@eth0"},
		"named0": {"172.16.8.105/24", "00:00:5e:00:01:3f", "named0@eth0"},
		"va.63":  {"10.16.8.106/24", "00:00:5e:00:01:3f", "va.63@eth1"},
		"eth0":   {"2001:db8::101/64", "172.16.8.103/24"},
	} {
		ka67.shows("ip addr show dev "+link, words...)
	}
	mac := strings.TrimSpace(ka67.sh("cat /sys/class/net/eth0/address"))
	for vrid, want := range map[int]string{61: mac, 62: mac, 63: "00:00:5e:00:01:3f"} {
		for _, f := range c.wires["eth0"].sees(since, 3*time.Second, fmt.Sprintf(`Advertisement, vrid %d,`, vrid)) {
			if f.mac != want {
				t.Errorf("VRID %d: from %s, want %s", vrid, f.mac, want)
			}
		}
	}
	time.Sleep(7*time.Second - time.Since(since)) // the rounds of a new master are over
	for _, want := range []struct{ wire, addr, mac string }{{"eth0", "172.16.8.101", "00:00:5e:00:01:3d"}, {"eth1", "10.16.8.106", "00:00:5e:00:01:3f"}} {
		for range 2 {
			for _, f := range c.wires[want.wire].sees(time.Now(), 1500*time.Millisecond, "Reply "+want.addr+" is-at "+want.mac) {
				if f.mac != want.mac {
					t.Errorf("from %s: %s", f.mac, f.text)
				}
			}
		}
	}
	if again := c.wires["eth0"].frames(since.Add(7*time.Second), "172.16.8.10[345]"); len(again) > 0 {
		t.Errorf("where adverts leave is told again: %v", again)
	}
	ka67.stop()
	if links := ka67.sh("ip -o link"); strings.Contains(links, "macvlan") || strings.Contains(links, "@eth") {
		t.Errorf("devices are left:\n%s", links)
	}
}

// An interface may be deleted and made anew while the daemon runs.
func TestDevicesComeBackWithTheirParent(t *testing.T) {
	c, ka67, _ := vmacs(t)
	ka67.reconfigure(strings.ReplaceAll(ka67.conf(), "interface eth0", "interface far0"))
	parent := "ip link add far0 type veth peer name far1 && ip addr add 172.16.8.70/24 dev far0 && ip link set far1 up && ip link set far0 up"
	ka67.sh(parent)
	ka67.start()
	ka67.master()
	for range 2 {
		ka67.sh("ip link del far0")
		c.eventually(5*time.Second, "the devices go with it", func() bool { return !strings.Contains(ka67.sh("ip -o link"), "vrrp") })
		ka67.sh(parent)
		ka67.master()
		ka67.shows("ip -d addr show dev vrrp.51", "vrrp.51@far0", "link/ether "+mac4, "alias holdfast")
	}
}

// conf is the configuration that the node has.
func (m *member) conf() string { return m.sh("cat " + configPath) }

// reconfigure gives the node another one, and tells a daemon that runs.
func (m *member) reconfigure(text string) {
	m.c.t.Helper()
	must(m.c.t, m.WriteFile(configPath, text, 0o644))
	if m.cmd == nil {
		return
	}
	done := func() int { return strings.Count(m.log.String(), "Reload complete") }
	before := done()
	must(m.c.t, m.cmd.Process.Signal(syscall.SIGHUP))
	m.c.eventually(10*time.Second, "the reload is complete", func() bool { return done() > before })
}

// Identity is link, VRID and family: what the device is like changes under a MASTER
// that stays one. One that is there keeps its name.
func TestAReloadChangesTheDeviceOfAMaster(t *testing.T) {
	c, ka67, ka68 := vmacs(t)
	ka67.start()
	ka67.master()
	ka68.start()
	conf := ka67.conf()
	for _, step := range []struct {
		words, link string
		shows       []string
	}{
		{"use_vmac vm51", "vrrp.51", []string{"vrrp.51@eth0", mac4, "172.16.8.100/24"}},
		{"use_vmac vm51 group 9", "vrrp.51", []string{"vrrp.51@eth0", mac4, "172.16.8.100/24", "group 9"}},
		{"use_vmac vm51 02:00:00:00:00:51", "vm51", []string{"vm51@eth0", "02:00:00:00:00:51", "172.16.8.100/24", "group default"}},
		{"use_vmac", "vrrp.51", []string{"vrrp.51@eth0", mac4, "172.16.8.100/24"}},
		{"", "eth0", []string{"172.16.8.100/24"}},
		{"use_vmac", "vrrp.51", []string{"vrrp.51@eth0", mac4, "172.16.8.100/24"}},
	} {
		ka67.reconfigure(strings.Replace(conf, "use_vmac", step.words, 1))
		ka67.shows("ip -d addr show dev "+step.link, step.shows...)
		since := time.Now()
		c.wires["eth0"].sees(since, 3*time.Second, `^172.16.8.10 > 224.0.0.18: VRRPv3, Advertisement, vrid 51, prio 150`)
		if n := strings.Count(ka67.sh("ip -o -4 addr"), "172.16.8.100/24"); n != 1 {
			t.Errorf("%q: the address is there %d times", step.words, n)
		}
	}
	if ka68.holds(onVMAC) || strings.Contains(ka67.log.String(), "(V4) Entering BACKUP STATE (") && strings.Count(ka67.log.String(), "(V4) Entering") > 2 {
		t.Error("the role was lost")
	}
}

// vmac_xmit_base: sent and received on the parent; unicast demands it.
func TestUnicastWithAVirtualMACGoesByTheParent(t *testing.T) {
	for _, words := range []string{"unicast_src_ip 172.16.8.10\n unicast_peer {\n 172.16.8.11\n }", "vmac_xmit_base"} {
		t.Run(strings.Fields(words)[0], func(t *testing.T) {
			c, ka67, ka68 := vmacs(t)
			ka67.reconfigure(strings.Replace(ka67.conf(), "use_vmac", "use_vmac\n "+words, 1))
			ka68.reconfigure(strings.Replace(ka68.conf(), "use_vmac", "use_vmac\n "+strings.NewReplacer("8.10", "8.11", "8.11", "8.10").Replace(words), 1))
			since := time.Now()
			ka67.start()
			ka68.start()
			ka67.master()
			mac := strings.TrimSpace(ka67.sh("cat /sys/class/net/eth0/address"))
			ka67.shows("ip addr show dev vrrp.51", mac4, "172.16.8.100/24")
			if strings.HasPrefix(words, "vmac") {
				for _, f := range c.wires["eth0"].sees(since, 6*time.Second, `^172.16.8.10 > 224.0.0.18: VRRPv3, Advertisement, vrid 51, prio 150`) {
					if f.mac != mac {
						t.Errorf("from %s, want %s: %s", f.mac, mac, f.text)
					}
				}
			}
			time.Sleep(2 * time.Second)
			if ka68.holds(onVMAC) {
				t.Error("the BACKUP does not hear the MASTER")
			}
		})
	}
}

func TestDevicesAreSeenInTheDump(t *testing.T) {
	_, ka67, _ := vmacs(t)
	ka67.start()
	ka67.master()
	ka67.sh("ip link del vrrp.51")
	ka67.master()
	must(t, ka67.cmd.Process.Signal(syscall.SIGUSR1))
	ka67.shows("cat /tmp/keepalived.data /run/keepalived.data", "Use VMAC, i/f name vrrp.51, is_up = true, xmit_base = false", "Device = vrrp.51@eth0", "Device = vrrp6.51@eth0")
	ka67.c.eventually(5*time.Second, "the repair is told", func() bool {
		return strings.Contains(ka67.log.String(), "interface vrrp.51@eth0 was changed or deleted by somebody else: put back")
	})
}

// Two copies in one network namespace have names, and each removes what is its own.
func TestCopiesLeaveEachOthersDevices(t *testing.T) {
	_, ka67, _ := vmacs(t)
	conf := ka67.conf()
	ka67.reconfigure("instance one\n" + conf)
	ka67.start()
	ka67.master()
	ka67.shows("ip -d link show dev vrrp.51", "alias holdfast:one")
	other := "instance two\n" + strings.NewReplacer("router_id 51", "router_id 52", "8.100", "8.102", "9.100", "9.102", "::100", "::102").Replace(conf)
	must(t, ka67.WriteFile("/etc/keepalived/two.conf", other, 0o644))
	cmd := exec.Command(stand.Program(), "run", "-f", "/etc/keepalived/two.conf")
	cmd.Stdout, cmd.Stderr = ka67.log, ka67.log
	must(t, ka67.Start(cmd))
	ka67.c.eventually(takeOver, "the other is MASTER", func() bool { return ka67.holds("172.16.8.102/24 scope global vrrp.52") })
	ka67.shows("ip -d addr show dev vrrp.52", "alias holdfast:two")
	ka67.shows("ip -d addr show dev vrrp.51", "alias holdfast:one", "172.16.8.100/24")
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	cmd.Wait()
	if links := ka67.sh("ip -o link"); strings.Contains(links, "vrrp.52") || !strings.Contains(links, "vrrp.51") || !strings.Contains(links, "vrrp6.51") {
		t.Errorf("after the end of the other there are\n%s", links)
	}
}
