package netns

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/test/need"
)

const (
	// takeOver is more than three intervals and the skew (3.64 s with the
	// priorities of the scenarios), with room for a busy machine.
	takeOver = 7 * time.Second
	// quick is more than the skew that follows an advert with priority 0.
	quick = 2500 * time.Millisecond
	// group is vrrp_mcast_group4 in most scenarios.
	group = "224.0.0.111"
)

// inner and outer are the two networks of most scenarios.
func inner(link, host string) map[string]string {
	return map[string]string{link: "172.16.8." + host + "/24"}
}

func twoNetworks(outside, inside, host string) map[string]string {
	return map[string]string{outside: "10.16.8." + host + "/24", inside: "172.16.8." + host + "/24"}
}

func TestScenario01ActiveStandby(t *testing.T) {
	c := scenario(t, "01-active-standby", inner("eth0", "200"),
		spec{"ka67", inner("eth0", "10")}, spec{"ka68", inner("eth0", "11")})
	ka67, ka68, eth0 := c.member("ka67"), c.member("ka68"), c.wires["eth0"]
	const vip = "172.16.8.100/32 scope global eth0"
	onKa67, onKa68 := map[string]string{vip: "ka67"}, map[string]string{vip: "ka68"}

	since := time.Now()
	record := c.record("eth0")
	ka67.start()
	c.on(takeOver, onKa67)
	ka68.start()
	c.toldInOrder("ka68", "backup")
	eth0.sees(since, quick, advert("172.16.8.10", group, 103, 100))
	eth0.announced(since, ka67, "eth0", "172.16.8.100")
	probe := c.probe("172.16.8.100")
	record.adverts("172.16.8.10", group, "103", "100")

	since = time.Now()
	ka67.die()
	c.eventually(takeOver, "ka68 takes over from the dead", func() bool { return ka68.holds(vip) })
	eth0.sees(since, quick, advert("172.16.8.11", group, 103, 95))
	eth0.announced(since, ka68, "eth0", "172.16.8.100")
	if d := outage(probe, since, "172.16.8.100"); d < 2500*time.Millisecond || d > 4*time.Second {
		t.Errorf("outage after a dead master: %s, want three intervals and the skew (2.6 s to 3.7 s)", d)
	}

	since = time.Now()
	ka67.boot()
	c.on(takeOver, onKa67)
	eth0.announced(since, ka67, "eth0", "172.16.8.100")

	since = time.Now()
	ka67.stop()
	c.on(quick, onKa68)
	eth0.sees(since, time.Second, advert("172.16.8.10", group, 103, 0))
	limit := 900 * time.Millisecond
	if holdfastRuns() {
		limit = 100 * time.Millisecond
	}
	if d := outage(probe, since, "172.16.8.100"); d > limit {
		t.Errorf("outage after SIGTERM: %s, want at most %s", d, limit)
	}

	ka67.start()
	c.on(takeOver, onKa67)
	since = time.Now()
	must(t, ka67.Unplug("eth0"))
	c.on(takeOver, onKa68)
	eth0.announced(since, ka68, "eth0", "172.16.8.100")
	must(t, ka67.Plug("eth0"))
	c.on(takeOver, onKa67)

	c.toldInOrder("ka67", "backup master backup master backup master fault backup master")
	c.toldInOrder("ka68", "backup master backup master backup master backup")
}

// toldInOrder expects exactly these calls of the notify script.
func (c *cluster) toldInOrder(name, want string) {
	c.t.Helper()
	c.eventually(quick, name+" was told "+want, func() bool {
		return strings.Join(c.member(name).told(), " ") == want
	})
}

func TestScenario02DualActive(t *testing.T) {
	c := scenario(t, "02-dual-active", inner("eth0", "200"),
		spec{"ka67", inner("eth0", "10")}, spec{"ka68", inner("eth0", "11")})
	ka67, ka68, eth0 := c.member("ka67"), c.member("ka68"), c.wires["eth0"]
	const one, two = "172.16.8.100/32 scope global eth0", "172.16.8.101/32 scope global eth0"
	since := time.Now()
	ka67.start()
	ka68.start()
	c.on(takeOver, map[string]string{one: "ka67", two: "ka68"})
	eth0.sees(since, quick, advert("172.16.8.10", group, 191, 100))
	eth0.sees(since, quick, advert("172.16.8.11", group, 192, 100))

	since = time.Now()
	ka68.die()
	c.eventually(takeOver, "ka67 holds both", func() bool { return ka67.holds(one) && ka67.holds(two) })
	eth0.announced(since, ka67, "eth0", "172.16.8.101")
	ka68.boot()
	c.on(takeOver, map[string]string{one: "ka67", two: "ka68"})

	since = time.Now()
	ka67.stop()
	c.on(quick, map[string]string{one: "ka68", two: "ka68"})
	eth0.announced(since, ka68, "eth0", "172.16.8.100")
	ka67.start()
	c.on(takeOver, map[string]string{one: "ka67", two: "ka68"})
}

func TestScenario03TwoNetworksIndependent(t *testing.T) {
	c := scenario(t, "03-two-networks-independent", twoNetworks("eth1", "eth2", "200"),
		spec{"ka67", twoNetworks("eth1", "eth2", "10")}, spec{"ka68", twoNetworks("eth1", "eth2", "11")})
	ka67, ka68 := c.member("ka67"), c.member("ka68")
	const outside, inside = "10.16.8.100/32 scope global eth1", "172.16.8.100/32 scope global eth2"
	both := map[string]string{outside: "ka67", inside: "ka67"}
	ka67.start()
	ka68.start()
	c.on(takeOver, both)

	since := time.Now()
	must(t, ka67.Unplug("eth1"))
	c.on(takeOver, map[string]string{outside: "ka68", inside: "ka67"})
	c.stays(2*time.Second, map[string]string{outside: "ka68", inside: "ka67"})
	c.wires["eth1"].sees(since, quick, advert("10.16.8.11", group, 171, 95))
	c.wires["eth1"].announced(since, ka68, "eth1", "10.16.8.100")
	if from := c.wires["eth2"].masters(since, 191); len(from) != 1 || from["172.16.8.10"] == 0 {
		t.Errorf("adverts on eth2 came from %v, want from ka67 only", from)
	}
	must(t, ka67.Plug("eth1"))
	c.on(takeOver, both)
}

func TestScenario04TwoNetworksTogether(t *testing.T) {
	c := scenario(t, "04-two-networks-together", twoNetworks("eth1", "eth2", "200"),
		spec{"ka67", twoNetworks("eth1", "eth2", "10")}, spec{"ka68", twoNetworks("eth1", "eth2", "11")})
	ka67, ka68 := c.member("ka67"), c.member("ka68")
	const outside, inside = "10.16.8.100/32 scope global eth1", "172.16.8.100/32 scope global eth2"
	ka67.start()
	ka68.start()
	c.on(takeOver, map[string]string{outside: "ka67", inside: "ka67"})
	for _, link := range []string{"eth1", "eth2"} {
		since := time.Now()
		must(t, ka67.Unplug(link))
		c.on(takeOver, map[string]string{outside: "ka68", inside: "ka68"})
		ka68.movedTogether(since, "10.16.8.100", "172.16.8.100")
		c.wires["eth1"].announced(since, ka68, "eth1", "10.16.8.100")
		c.wires["eth2"].announced(since, ka68, "eth2", "172.16.8.100")

		since = time.Now()
		must(t, ka67.Plug(link))
		c.on(takeOver, map[string]string{outside: "ka67", inside: "ka67"})
		ka67.movedTogether(since, "10.16.8.100", "172.16.8.100")
	}
}

// fourAddresses are those of scenarios 05 and 06.
func fourAddresses(out100, out101, in100, in101 string) map[string]string {
	return map[string]string{
		"10.16.8.100/32 scope global eth1": out100, "10.16.8.101/32 scope global eth1": out101,
		"172.16.8.100/32 scope global eth2": in100, "172.16.8.101/32 scope global eth2": in101,
	}
}

func TestScenario05TwoNetworksIndependentDualActive(t *testing.T) {
	c := scenario(t, "05-two-networks-independent-dual-active", twoNetworks("eth1", "eth2", "200"),
		spec{"ka67", twoNetworks("eth1", "eth2", "10")}, spec{"ka68", twoNetworks("eth1", "eth2", "11")})
	ka67, ka68 := c.member("ka67"), c.member("ka68")
	home := fourAddresses("ka67", "ka68", "ka67", "ka68")
	ka67.start()
	ka68.start()
	c.on(takeOver, home)

	must(t, ka67.Unplug("eth1"))
	c.on(takeOver, fourAddresses("ka68", "ka68", "ka67", "ka68"))
	must(t, ka67.Plug("eth1"))
	c.on(takeOver, home)
	must(t, ka68.Unplug("eth2"))
	c.on(takeOver, fourAddresses("ka67", "ka68", "ka67", "ka67"))
	must(t, ka68.Plug("eth2"))
	c.on(takeOver, home)
}

func TestScenario06TwoNetworksTogetherDualActive(t *testing.T) {
	c := scenario(t, "06-two-networks-together-dual-active", twoNetworks("eth1", "eth2", "200"),
		spec{"ka67", twoNetworks("eth1", "eth2", "10")}, spec{"ka68", twoNetworks("eth1", "eth2", "11")})
	ka67, ka68 := c.member("ka67"), c.member("ka68")
	home := fourAddresses("ka67", "ka68", "ka67", "ka68")
	ka67.start()
	ka68.start()
	c.on(takeOver, home)

	since := time.Now()
	must(t, ka67.Unplug("eth1"))
	c.on(takeOver, fourAddresses("ka68", "ka68", "ka68", "ka68"))
	ka68.movedTogether(since, "10.16.8.100", "172.16.8.100")
	if at := ka68.moves.times(since, "10.16.8.101", false); len(at) != 0 {
		t.Errorf("the other group moved as well")
	}
	since = time.Now()
	must(t, ka67.Plug("eth1"))
	c.on(takeOver, home)
	ka67.movedTogether(since, "10.16.8.100", "172.16.8.100")

	since = time.Now()
	must(t, ka68.Unplug("eth2"))
	c.on(takeOver, fourAddresses("ka67", "ka67", "ka67", "ka67"))
	ka67.movedTogether(since, "10.16.8.101", "172.16.8.101")
	must(t, ka68.Plug("eth2"))
	c.on(takeOver, home)
}

// nginxConf serves on one port and passes requests on to the two web servers
// behind, all from one process group of the node.
const nginxConf = `pid /run/nginx.pid;
error_log /run/nginx.error.log;
events {}
http {
	access_log off;
	client_body_temp_path /run/nginx-body;
	proxy_temp_path /run/nginx-proxy;
	fastcgi_temp_path /run/nginx-fastcgi;
	uwsgi_temp_path /run/nginx-uwsgi;
	scgi_temp_path /run/nginx-scgi;
	upstream web { server 10.16.8.8:80; server 10.16.8.9:80; }
	server { listen 80; location / { SERVE } }
}
`

// serve starts a real nginx on a node.
func (m *member) serve(what string) {
	m.c.t.Helper()
	must(m.c.t, m.WriteFile("/run/nginx.conf", strings.ReplaceAll(nginxConf, "SERVE", what), 0o644))
	m.sh("nginx -c /run/nginx.conf")
}

func TestScenario07NginxWatched(t *testing.T) {
	need.Programs(t, "nginx")
	c := scenario(t, "07-nginx-watched", twoNetworks("eth1", "eth0", "200"),
		spec{"ka67", twoNetworks("eth1", "eth0", "10")}, spec{"ka68", twoNetworks("eth1", "eth0", "11")})
	ka67, ka68 := c.member("ka67"), c.member("ka68")
	c.webServer("web8", "10.16.8.8/24")
	c.webServer("web9", "10.16.8.9/24")
	home := fourWatched("ka67", "ka68", "ka67", "ka68")
	for _, m := range []*member{ka67, ka68} {
		m.serve("proxy_pass http://web;")
		m.start()
	}
	c.on(takeOver+4*time.Second, home)
	c.served("web8", "web9")

	since := time.Now()
	ka67.killNginx()
	c.wires["eth0"].sees(since, 8*time.Second, advert("172.16.8.10", group, 191, 90))
	c.on(takeOver, fourWatched("ka68", "ka68", "ka68", "ka68"))
	if d := ka68.moves.times(since, "172.16.8.100", true)[0].Sub(since); d < 1500*time.Millisecond {
		t.Errorf("the address moved after %s, before two checks can have failed", d)
	}
	c.wires["eth1"].sees(since, quick, advert("10.16.8.11", group, 171, 95))
	c.wires["eth0"].announced(since, ka68, "eth0", "172.16.8.100")
	c.served("web8", "web9")

	since = time.Now()
	ka67.serve("proxy_pass http://web;")
	c.on(takeOver+5*time.Second, home)
	if d := ka67.moves.times(since, "172.16.8.100", true)[0].Sub(since); d < 1500*time.Millisecond {
		t.Errorf("the address returned after %s, before two checks can have succeeded", d)
	}
	c.served("web8", "web9")
}

func fourWatched(out100, out101, in100, in101 string) map[string]string {
	return map[string]string{
		"10.16.8.100/32 scope global eth1": out100, "10.16.8.101/32 scope global eth1": out101,
		"172.16.8.100/32 scope global eth0": in100, "172.16.8.101/32 scope global eth0": in101,
	}
}

// killNginx kills nginx and waits until nothing of it is left, but what somebody has
// started anew.
func (m *member) killNginx() {
	m.c.t.Helper()
	m.sh("p=$(pgrep -x nginx); kill -9 $p; for i in $p; do while [ -d /proc/$i ]; do sleep 0.01; done; done")
}

// webServer adds a node with nginx that answers with its own name.
func (c *cluster) webServer(name, addr string) {
	c.t.Helper()
	n, err := c.world.Node(name)
	must(c.t, err)
	m := &member{Node: n, c: c}
	must(c.t, n.Attach("eth1", "eth1", mustPrefix(addr)))
	m.serve("return 200 " + name + ";")
}

// served expects that each address passes requests on to both web servers.
func (c *cluster) served(names ...string) {
	c.t.Helper()
	for _, addr := range []string{"10.16.8.100", "10.16.8.101", "172.16.8.100", "172.16.8.101"} {
		var got []string
		for range 4 {
			body, err := c.get(addr)
			if err != nil {
				c.t.Errorf("request to %s: %v", addr, err)
				return
			}
			got = append(got, body)
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, names) {
			c.t.Errorf("%s was answered by %v, want %v", addr, got, names)
		}
	}
}

func TestScenario09NoPreemption(t *testing.T) {
	need.Programs(t, "nginx")
	link := func(host string) map[string]string { return map[string]string{"eth0": "192.168.15." + host + "/24"} }
	c := scenario(t, "09-no-preemption", link("200"), spec{"lb01", link("5")}, spec{"lb02", link("6")})
	lb01, lb02, eth0 := c.member("lb01"), c.member("lb02"), c.wires["eth0"]
	const vip = "192.168.15.3/32 scope global eth0"
	for _, m := range []*member{lb01, lb02} {
		must(t, m.WriteFile("/etc/keepalived/checkng.sh", checkNginx, 0o755))
		m.serve("return 200 " + m.Name + ";")
	}
	lb01.start()
	c.on(takeOver, map[string]string{vip: "lb01"})
	lb02.start()

	time.Sleep(time.Second)
	since := time.Now()
	lb01.stop()
	c.on(quick, map[string]string{vip: "lb02"})
	eth0.sees(since, quick, advert("192.168.15.6", "224.0.0.18", 50, 100))
	lb01.start()
	c.stays(5*time.Second, map[string]string{vip: "lb02"})
	if from := eth0.masters(time.Now().Add(-3*time.Second), 50); from["192.168.15.5"] != 0 {
		t.Errorf("the stronger node preempted: adverts from %v", from)
	}

	// The check starts the web server again, and nothing moves.
	lb02.killNginx()
	c.eventually(takeOver+time.Second, "nginx was started again", func() bool {
		_, err := lb02.Output(t.Context(), "killall", "-0", "nginx")
		return err == nil
	})
	c.stays(time.Second, map[string]string{vip: "lb02"})
	// Where that does not help, it ends the daemon, and the other node has the address.
	lb02.sh("rm /run/nginx.conf")
	lb02.killNginx()
	c.on(takeOver+2*time.Second, map[string]string{vip: "lb01"})
	eth0.sees(since, quick, advert("192.168.15.6", "224.0.0.18", 50, 0))
}

// checkNginx is the usual check: start the web server once, and if that does not
// help, end the daemon, so that the other node takes over.
const checkNginx = `#!/bin/sh
killall -0 nginx && exit 0
nginx -c /run/nginx.conf
sleep 1
killall -0 nginx && exit 0
kill $(cat /run/keepalived.pid /run/holdfast/holdfast.pid 2>/dev/null)
exit 1
`

func TestScenario10EqualPriority(t *testing.T) {
	link := func(host string) map[string]string { return map[string]string{"enp0s3": "10.10.10." + host + "/24"} }
	c := scenario(t, "10-equal-priority", link("200"), spec{"proxy-31", link("31")}, spec{"proxy-32", link("32")})
	lower, higher, wire := c.member("proxy-31"), c.member("proxy-32"), c.wires["enp0s3"]
	const vip = "10.10.10.30/32 scope global enp0s3"
	onLower, onHigher := map[string]string{vip: "proxy-31"}, map[string]string{vip: "proxy-32"}

	since := time.Now()
	lower.start()
	c.on(takeOver, onLower)
	c.burst(wire.sees(since, quick, garp("10.10.10.30")))
	higher.start()
	c.stays(5*time.Second, onLower)

	since = time.Now()
	lower.stop()
	c.on(quick, onHigher)
	lower.start()
	c.stays(5*time.Second, onHigher)

	must(t, lower.DropVRRP(1))
	c.eventually(takeOver, "both hold the address", func() bool { return lower.holds(vip) && higher.holds(vip) })
	c.logs("proxy-32", "(VI_1) Received advert from 10.10.10.31 with lower priority 100, ours 100")
	must(t, lower.AllowVRRP())
	c.on(quick, onHigher)
	c.logs("proxy-31", "(VI_1) Master received advert from 10.10.10.32 with same priority 100 but higher IP address than ours")
	c.stays(2*time.Second, onHigher)
	if from := wire.masters(since.Add(time.Second), 31); from["10.10.10.32"] == 0 {
		t.Errorf("adverts came from %v", from)
	}
}

// burst expects the five announcements after a take-over without a pause.
func (c *cluster) burst(frames []frame) {
	c.t.Helper()
	if len(frames) < 5 {
		time.Sleep(100 * time.Millisecond)
		frames = c.wires["enp0s3"].frames(frames[0].at, garp("10.10.10.30"))
	}
	if len(frames) < 5 || frames[4].at.Sub(frames[0].at) > 50*time.Millisecond {
		c.t.Errorf("vrrp_garp_interval 0: want five announcements at once, got %v", frames)
	}
}

// logs expects a piece of text in the log of a node.
func (c *cluster) logs(name, text string) {
	c.t.Helper()
	c.eventually(quick, name+" logs "+text, func() bool { return strings.Contains(c.member(name).log.String(), text) })
}

func TestScenario11MulticastSource(t *testing.T) {
	link := func(host string) map[string]string { return map[string]string{"eth0": "172.16.1." + host + "/24"} }
	c := scenario(t, "11-mcast-source", link("200"), spec{"master", link("102")}, spec{"backup", link("103")})
	master, backup, eth0 := c.member("master"), c.member("backup"), c.wires["eth0"]
	const vip = "172.16.1.101/32 scope global eth0"
	// Lower addresses that come first: adverts must not carry them.
	master.sh("ip addr del 172.16.1.102/24 dev eth0; ip addr add 172.16.1.12/24 dev eth0; ip addr add 172.16.1.102/24 dev eth0")
	master.links["eth0"] = "172.16.1.102/24"
	since := time.Now()
	master.start()
	backup.start()
	c.on(takeOver, map[string]string{vip: "master"})
	eth0.sees(since, quick, advert("172.16.1.102", "224.0.0.18", 51, 101))

	since = time.Now()
	master.die()
	c.eventually(takeOver, "backup takes over", func() bool { return backup.holds(vip) })
	eth0.sees(since, quick, advert("172.16.1.103", "224.0.0.18", 51, 100))
	eth0.announced(since, backup, "eth0", "172.16.1.101")
	c.steady(eth0, since, "172.16.1.103")
	since = time.Now()
	master.boot()
	c.on(takeOver, map[string]string{vip: "master"})
	c.steady(eth0, since, "172.16.1.102")
	if from := eth0.masters(time.Time{}, 51); len(from) != 2 {
		t.Errorf("adverts came from %v, want from the two configured sources only", from)
	}
}

// steady expects the adverts of a master one second apart from the first on,
// although its mail finds no server.
func (c *cluster) steady(w *wire, since time.Time, from string) {
	c.t.Helper()
	var got []frame
	c.eventually(6*time.Second, "four adverts from "+from, func() bool {
		got = w.frames(since, "^"+from+" > .* prio [1-9]")
		return len(got) >= 4
	})
	for i := range got[1:] {
		if gap := got[i+1].at.Sub(got[i].at); gap > 1200*time.Millisecond {
			c.t.Errorf("%s between two adverts of %s", gap, from)
		}
	}
}

// recording is a capture that tshark decodes.
type recording struct {
	c    *cluster
	file string
	cmd  *exec.Cmd
}

// record captures VRRP on a link to a file.
func (c *cluster) record(link string) *recording {
	c.t.Helper()
	need.Programs(c.t, "tshark")
	r := &recording{c: c, file: filepath.Join(c.t.TempDir(), "vrrp.pcap")}
	r.cmd = exec.Command("tcpdump", "-Z", "root", "-U", "--immediate-mode", "-w", r.file, "-i", link, "proto 112")
	must(c.t, c.observer.Start(r.cmd))
	c.eventually(5*time.Second, "tcpdump records", func() bool { _, err := os.Stat(r.file); return err == nil })
	return r
}

// adverts ends the recording and expects what a node sent to be adverts of
// one priority, with TTL 255 and right checksums (status 1), as tshark decodes them.
func (r *recording) adverts(from, to, vrid, prio string) {
	r.c.t.Helper()
	time.Sleep(1100 * time.Millisecond)
	r.cmd.Process.Signal(os.Interrupt)
	r.cmd.Wait()
	out, err := exec.Command("tshark", "-r", r.file, "-o", "ip.check_checksum:TRUE", "-T", "fields", "-E", "separator=/s",
		"-e", "ip.src", "-e", "ip.dst", "-e", "ip.ttl", "-e", "ip.checksum.status", "-e", "vrrp.version", "-e", "vrrp.virt_rtr_id",
		"-e", "vrrp.prio", "-e", "vrrp.auth_type", "-e", "vrrp.adver_int", "-e", "vrrp.checksum.status", "-e", "vrrp.ip_addr").Output()
	must(r.c.t, err)
	want := strings.Join([]string{from, to, "255", "1", "2", vrid, prio, "1", "1", "1", "172.16.8.100"}, " ")
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return !strings.HasPrefix(line, from+" ") })
	if lines = slices.Compact(lines); !slices.Equal(lines, []string{want}) {
		r.c.t.Errorf("tshark decodes %q, want %q", lines, want)
	}
}
