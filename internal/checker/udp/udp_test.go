package udp

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/internal/checker"
	"holdfast/test/space"
)

const short = 300 * time.Millisecond

// server answers each datagram on loopback as answer says; nil is silence.
func server(t *testing.T, network, addr string, answer func([]byte) []byte) checker.Target {
	t.Helper()
	c, err := net.ListenPacket(network, net.JoinHostPort(addr, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, from, err := c.ReadFrom(buffer)
			if err != nil {
				return
			}
			if out := answer(buffer[:n]); out != nil {
				_, _ = c.WriteTo(out, from)
			}
		}
	}()
	at := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return checker.Target{Addr: at.Addr().Unmap(), Port: at.Port()}
}

func probe(t *testing.T, a Ask, target checker.Target) (checker.Result, time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), short)
	defer cancel()
	start := time.Now()
	return a.Probe(ctx, target), time.Since(start)
}

// Reference, section 8.6.
func TestAsk(t *testing.T) {
	echo := func(b []byte) []byte { return b }
	silent := func([]byte) []byte { return nil }
	says := func(text string) func([]byte) []byte { return func([]byte) []byte { return []byte(text) } }
	wants := func(reply, mask string, min, max int) Ask {
		return Ask{Require: true, Reply: reply, Mask: mask, Min: min, Max: max}
	}
	all := "\xff\xff\xff"
	for _, c := range []struct {
		name   string
		ask    Ask
		answer func([]byte) []byte
		want   string // of the reason; empty: it passes
	}{
		{"silence is good", Ask{}, silent, ""},
		{"any answer is good", Ask{}, says("?"), ""},
		{"silence is not good where an answer is required", Ask{Require: true}, silent, "no answer in time"},
		{"any answer is good where one is required", Ask{Require: true}, says("?"), ""},
		{"an empty answer is one", Ask{Require: true}, says(""), ""},
		{"an answer of any length is good", Ask{Require: true, Min: 9, Max: 9}, says("?"), ""},
		{"the payload arrives", wants2("abc"), echo, ""},
		{"the answer that is required", wants("abc", all, 0, 255), says("abc"), ""},
		{"more than is required", wants("abc", all, 0, 255), says("abcdef"), ""},
		{"less than is required", wants("abc", all, 0, 255), says("ab"), ""},
		{"another answer", wants("abc", all, 0, 255), says("abd"), "answers 3 bytes, not the reply that is required"},
		{"another answer where it does not count", wants("abc", "\xff\xff\x00", 0, 255), says("abd"), ""},
		{"half a byte that does not count", wants("abc", "\xff\xff\xf0", 0, 255), says("abd"), ""},
		{"too short an answer", wants("abc", all, 3, 255), says("ab"), "answers 2 bytes"},
		{"as short as allowed", wants("abc", all, 2, 255), says("ab"), ""},
		{"as long as allowed", wants("abc", all, 0, 4), says("abcd"), ""},
		{"too long an answer", wants("abc", all, 0, 4), says("abcde"), "answers 5 bytes"},
		{"an answer of many kilobytes", wants("abc", all, 0, 255), says("abc" + strings.Repeat("x", 60000)), "answers 256 bytes"},
		{"an answer of many kilobytes that is allowed", wants("abc", all, 60003, 65535), says("abc" + strings.Repeat("x", 60000)), ""},
	} {
		for network, addr := range map[string]string{"udp4": "127.0.0.1", "udp6": "::1"} {
			t.Run(c.name+" by "+network, func(t *testing.T) {
				t.Parallel()
				r, _ := probe(t, c.ask, server(t, network, addr, c.answer))
				if passed := r.Outcome == checker.Passed; passed != (c.want == "") || !strings.Contains(r.Why, c.want) {
					t.Errorf("%+v, want %q", r, c.want)
				}
			})
		}
	}
}

// wants2 sends what it wants back.
func wants2(text string) Ask {
	return Ask{Payload: text, Require: true, Reply: text, Mask: strings.Repeat("\xff", len(text)), Max: 255}
}

func TestAPortThatNobodyHasFailsAtOnce(t *testing.T) {
	target := server(t, "udp4", "127.0.0.1", nil)
	target.Port = 1
	r, took := probe(t, Ask{}, target)
	if r.Outcome != checker.Failed || !strings.Contains(r.Why, "connection refused") || took >= short {
		t.Errorf("%+v after %v", r, took)
	}
}

func TestAnAddressThatIsNotOursIsAFailure(t *testing.T) {
	target := server(t, "udp4", "127.0.0.1", func(b []byte) []byte { return b })
	target.From.Link = "none0"
	if r, _ := probe(t, Ask{}, target); r.Outcome != checker.Failed {
		t.Errorf("%+v: a datagram that cannot be sent is a failure", r)
	}
}

// A router that answers host unreachable: a socket waits that out unless it is told
// to heed it.
func TestAnUnreachableHostFailsAtOnce(t *testing.T) {
	space.Own(t)
	router := command(t, "sleep", "20")
	for _, line := range []string{
		"ip link add name ours type veth peer name theirs",
		"ip link set theirs netns " + router, "ip addr add 10.0.0.1/24 dev ours", "ip link set ours up", "ip route add 10.9.0.0/16 via 10.0.0.2",
		"nsenter -n -t " + router + " sh -c 'ip link set lo up; ip addr add 10.0.0.2/24 dev theirs; ip link set theirs up; echo 1 >/proc/sys/net/ipv4/ip_forward; ip route add unreachable 10.9.0.0/16'",
	} {
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
	}
	target := checker.Target{Addr: netip.MustParseAddr("10.9.0.1"), Port: 9}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if r := (&Ask{}).Probe(ctx, target); r.Outcome != checker.Failed || !strings.Contains(r.Why, "no route to host") {
		t.Errorf("%+v", r)
	}
}

// command starts a program in a network of its own and returns its pid.
func command(t *testing.T, argv ...string) string {
	t.Helper()
	cmd := exec.Command("unshare", append([]string{"-n", "--"}, argv...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	pid := strconv.Itoa(cmd.Process.Pid)
	ours, _ := os.Readlink("/proc/thread-self/ns/net")
	for range 500 {
		if theirs, _ := os.Readlink("/proc/" + pid + "/ns/net"); theirs != ours {
			return pid
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("no network of its own in time")
	return ""
}

func FuzzGood(f *testing.F) {
	f.Add([]byte("abc"), "abc", 0, 255)
	f.Add([]byte(""), "\x00", 1, 2)
	f.Fuzz(func(t *testing.T, answer []byte, reply string, min, max int) {
		a := Ask{Require: true, Reply: reply, Mask: strings.Repeat("\xff", len(reply)), Min: min, Max: max}
		if a.good(answer) && reply != "" && (len(answer) < min || len(answer) > max) {
			t.Errorf("%d bytes are good", len(answer))
		}
	})
}
