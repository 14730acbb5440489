package systemd

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/checker"
	"holdfast/test/need"
	"holdfast/test/server"
)

const patience = 500 * time.Millisecond

// serve is a bus that answers each connection as speak says.
func serve(t *testing.T, speak func(net.Conn)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bus")
	server.Start(t, "unix", path, speak)
	return path
}

// answer is a message that answers a call with a text in a variant.
func answer(kind byte, serial uint32, failure, text string) []byte {
	var body, head writer
	signature := "s"
	if kind == methodReturn {
		signature = "v"
		body.signature("s")
	}
	body.text(text)
	head.b = append(head.b, 'l', kind, 0, 1)
	head.number(uint32(len(body.b)))
	head.number(9)
	head.number(0)
	head.align(8)
	head.b = append(head.b, fieldReplySerial)
	head.signature("u")
	head.number(serial)
	if failure != "" {
		head.field(fieldErrorName, 's', failure)
	}
	head.field(fieldDestination, 's', ":1.1")
	head.field(fieldSignature, 'g', signature)
	binary.LittleEndian.PutUint32(head.b[12:], uint32(len(head.b)-16))
	head.align(8)
	return append(head.b, body.b...)
}

// manager is a systemd in which units are in a state.
func manager(state string, before ...[]byte) func(net.Conn) {
	return func(c net.Conn) {
		r := bufio.NewReader(c)
		_, _ = r.ReadString('\n')
		_, _ = io.WriteString(c, "OK 0123\r\n")
		_, _ = r.ReadString('\n')
		_, _ = c.Write(answer(methodReturn, 1, "", ":1.1"))
		time.Sleep(20 * time.Millisecond)
		for _, b := range before {
			_, _ = c.Write(b)
		}
		_, _ = c.Write(answer(methodReturn, 2, "", state))
		_, _ = io.Copy(io.Discard, r)
	}
}

func TestActive(t *testing.T) {
	says := func(text string) func(net.Conn) {
		return func(c net.Conn) { _, _ = io.WriteString(c, text); time.Sleep(2 * patience) }
	}
	refused := func(c net.Conn) {
		manager("", answer(methodError, 2, "org.freedesktop.DBus.Error.ServiceUnknown", "nobody has this name"))(c)
	}
	huge := answer(methodReturn, 1, "", "x")
	binary.LittleEndian.PutUint32(huge[4:], 1<<31)
	for _, c := range []struct {
		name  string
		speak func(net.Conn)
		want  checker.Outcome
		why   string
	}{
		{"an active unit", manager("active"), checker.Passed, ""},
		{"a unit that reloads", manager("reloading"), checker.Passed, ""},
		{"a unit that starts", manager("activating"), checker.Failed, "nginx.service is activating"},
		{"a unit that failed", manager("failed"), checker.Failed, "nginx.service is failed"},
		{"answers to others before", manager("active", answer(methodReturn, 7, "", "failed"), answer(4, 0, "", "signal")), checker.Passed, ""},
		{"a bus without systemd", refused, checker.Trouble, "ask systemd for nginx.service: org.freedesktop.DBus.Error.ServiceUnknown nobody has this name"},
		{"a bus that refuses us", says("REJECTED EXTERNAL\r\n"), checker.Trouble, `the bus refuses us: "REJECTED EXTERNAL"`},
		{"a bus that says nothing", says(""), checker.Trouble, "no answer in time"},
		{"a bus that does not end its line", says(strings.Repeat("x", 5000)), checker.Trouble, "the bus does not speak D-Bus"},
		{"a bus that is gone in the middle", func(c net.Conn) { _, _ = io.WriteString(c, "OK\r\nl") }, checker.Trouble, "ask systemd"},
		{"a message of gigabytes", says("OK\r\n" + string(huge)), checker.Trouble, "a message of unlikely size"},
		{"another byte order", says("OK\r\nB" + strings.Repeat("\x00", 20)), checker.Trouble, "another byte order"},
		{"a message that is cut short", says("OK\r\n" + "l\x02\x00\x01\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00" + strings.Repeat("\xff", 8)), checker.Trouble, "ends too early"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			a := &Active{Unit: "nginx.service", Bus: serve(t, c.speak)}
			if r := a.Probe(ctx, checker.Target{}); r.Outcome != c.want || !strings.Contains(r.Why, c.why) {
				t.Errorf("%+v, want %d %q", r, c.want, c.why)
			}
		})
	}
}

func TestABusThatIsNotThereIsTroubleOfThisMachine(t *testing.T) {
	r := (&Active{Unit: "a.service", Bus: "/nowhere"}).Probe(t.Context(), checker.Target{})
	if r.Outcome != checker.Trouble || !strings.Contains(r.Why, "connect to /nowhere: no such file or directory") {
		t.Errorf("%+v", r)
	}
}

// The real bus understands what is sent, and is understood.
func TestARealBus(t *testing.T) {
	need.Programs(t, "dbus-daemon")
	path := filepath.Join(t.TempDir(), "bus")
	cmd := exec.Command("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address", "--address=unix:path="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	_, _ = bufio.NewReader(out).ReadString('\n') // it listens
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	a := &Active{Unit: "nginx.service", Bus: path}
	b, err := a.connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	const name = "org.freedesktop.DBus"
	if id, err := b.call(message{destination: name, path: "/org/freedesktop/DBus", inter: name, member: "GetId"}); err != nil || len(id) != 32 {
		t.Errorf("the bus has the id %q: %v", id, err)
	}
	if r := a.Probe(ctx, checker.Target{}); r.Outcome != checker.Trouble || !strings.Contains(r.Why, "NameHasNoOwner") {
		t.Errorf("without systemd: %+v", r)
	}
}

func TestEscape(t *testing.T) {
	for unit, want := range map[string]string{"nginx.service": "nginx_2eservice", "a-b@1.service": "a_2db_401_2eservice", "9p.mount": "_39p_2emount"} {
		if got := escape(unit); got != want {
			t.Errorf("%s is %s, want %s", unit, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(answer(methodReturn, 1, "", "active"))
	f.Add(answer(methodError, 1, "org.example.Error", "text"))
	f.Add((&message{destination: "a", path: "/", inter: "b", member: "c", args: []string{"d"}}).encode(1))
	f.Fuzz(func(t *testing.T, p []byte) {
		r, err := decode(p)
		if err == nil && len(r.text) > len(p) {
			t.Errorf("%x has the text %q", p, r.text)
		}
	})
}
