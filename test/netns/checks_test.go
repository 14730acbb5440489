package netns

import (
	"strings"
	"testing"
	"time"

	"holdfast/test/need"
)

// Scenario 08 without its scripts, as examples/web-pair has it.
func TestAWebPairWithoutScripts(t *testing.T) {
	need.Programs(t, "nginx")
	ofHoldfast(t)
	link := func(host string) map[string]string { return map[string]string{"eth0": "10.0.0." + host + "/24"} }
	c := scenario(t, "../../../../examples/web-pair", link("200"), spec{"lb01", link("5")}, spec{"lb02", link("6")})
	lb01, lb02 := c.member("lb01"), c.member("lb02")
	const vip = "10.0.0.3/24 scope global secondary eth0"
	onLb01, onLb02 := map[string]string{vip: "lb01"}, map[string]string{vip: "lb02"}
	for _, m := range []*member{lb01, lb02} {
		m.restartsNginx()
		m.serve("return 200 " + m.Name + ";")
		m.start()
	}
	c.on(takeOver, onLb01)

	// A dead nginx is started again, and nothing moves.
	lb01.killNginx()
	c.logs("lb01", "VRRP_Check(web) failed (connect to 127.0.0.1:80: connection refused), trying to repair it")
	c.eventually(quick, "nginx runs again", func() bool { return lb01.runs("nginx") })
	c.stays(3*time.Second, onLb01)

	// One that cannot be started lets the address move, and come back.
	lb01.sh("rm /run/nginx.conf")
	lb01.killNginx()
	c.on(takeOver, onLb02)
	lb01.serve("return 200 lb01;")
	c.on(takeOver, onLb01)

	// Lost adverts are no dead master.
	must(t, lb02.DropVRRP(1))
	c.eventually(takeOver, "lb02 is held back", func() bool {
		return strings.Contains(lb02.log.String(), "(VI_1) Not taking over from a silent master: a check finds it alive")
	})
	c.stays(5*time.Second, onLb01)
	lb01.die()
	c.eventually(takeOver, "lb02 takes over from the dead", func() bool { return lb02.holds(vip) })
}

// restartsNginx writes into the configuration of a node how nginx is started
// where there is no systemd.
func (m *member) restartsNginx() {
	m.c.t.Helper()
	text, err := m.ReadFile(configPath)
	must(m.c.t, err)
	text = strings.Replace(text, "/usr/bin/systemctl restart nginx", "/usr/sbin/nginx -c /run/nginx.conf", 1)
	must(m.c.t, m.WriteFile(configPath, text, 0o644))
}

// runs reports whether a program runs on the node.
func (m *member) runs(program string) bool {
	_, err := m.Output(m.c.t.Context(), "killall", "-0", program)
	return err == nil
}
