package config_test

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// crowd is a configuration of n instances, 255 to an interface.
func crowd(n int) string {
	var b strings.Builder
	b.WriteString("global_defs {\n    router_id node\n    vrrp_garp_master_refresh 60\n}\n")
	for i := range n {
		fmt.Fprintf(&b, `
vrrp_instance VI_%d {
    state BACKUP
    interface eth%d
    virtual_router_id %d
    priority 100
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass secret%d
    }
    virtual_ipaddress {
        10.%d.%d.1/32
    }
}
`, i, i/255, i%255+1, i%10, i/250, i%250)
	}
	return b.String()
}

// BenchmarkFourThousand reads, types and checks 4,000 instances; it has to take
// well under 100 ms, because a reload waits for it.
func BenchmarkFourThousand(b *testing.B) {
	files := conf.MemoryFiles{"a.conf": crowd(4000)}
	b.ReportAllocs()
	for b.Loop() {
		tree, _ := conf.Parse(files, "a.conf", conf.Options{})
		c, _ := config.Build(tree, config.Options{})
		if len(c.Instances) != 4000 {
			b.Fatalf("%d instances", len(c.Instances))
		}
	}
}

// BenchmarkParse is the language alone.
func BenchmarkParse(b *testing.B) {
	files := conf.MemoryFiles{"a.conf": crowd(4000)}
	b.ReportAllocs()
	for b.Loop() {
		conf.Parse(files, "a.conf", conf.Options{})
	}
}
