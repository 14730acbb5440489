package netlink

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"holdfast/internal/host"
)

// Adding a thousand addresses in one go, against `ip -batch`. It needs root.
func BenchmarkAdd1000(b *testing.B) {
	for family, ops := range map[string][]host.Op{"IPv4": thousand(false), "IPv6": thousand(true)} {
		b.Run(family+"/holdfast", func(b *testing.B) {
			namespace(b)
			k := open(b)
			run(b, func() {
				for i, err := range k.Do(ops) {
					if err != nil {
						b.Fatal(ops[i], err)
					}
				}
			})
		})
		b.Run(family+"/ip-batch", func(b *testing.B) {
			namespace(b)
			var script strings.Builder
			for _, op := range ops {
				fmt.Fprintln(&script, strings.TrimPrefix(op.String(), "ip "))
			}
			run(b, func() {
				ip := exec.Command("ip", "-batch", "-")
				ip.Stdin = strings.NewReader(strings.ReplaceAll(script.String(), " proto 18", ""))
				if out, err := ip.CombinedOutput(); err != nil {
					b.Fatal(err, string(out))
				}
			})
		})
	}
}

func run(b *testing.B, work func()) {
	for b.Loop() {
		work()
		b.StopTimer()
		ip(b, "-4 addr flush dev v0")
		ip(b, "-6 addr flush dev v0")
		b.StartTimer()
	}
}

func thousand(v6 bool) (ops []host.Op) {
	for i := range 1000 {
		prefix := fmt.Sprintf("10.0.%d.%d/32", i/256, i%256)
		if v6 {
			prefix = fmt.Sprintf("2001:db8::%x/128", i+1)
		}
		ops = append(ops, add("v0", prefix, func(w *host.Wish) { w.NoDAD = v6 }))
	}
	return ops
}
