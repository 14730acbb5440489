package check

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Advice about very many places is one line that names the first of them.
func TestAdviceAboutManyPlacesIsToldInShort(t *testing.T) {
	for _, tt := range []struct{ links, told int }{{99, 99}, {100, 1}, {3000, 1}} {
		text := "vrrp_instance A {\n    interface eth0\n    virtual_router_id 7\n    virtual_ipaddress {\n        10.0.0.1/24\n    }\n    track_interface {\n"
		for i := range tt.links {
			text += fmt.Sprintf("        vlan%d weight 1\n", i)
		}
		file := filepath.Join(t.TempDir(), "k.conf")
		if err := os.WriteFile(file, []byte(text+"    }\n}\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		said, _ := output(t, Options{}, file)
		if n := strings.Count(said, "[small-weight]"); n != tt.told {
			t.Errorf("%d weights are told %d times\n%.2000s", tt.links, n, said)
		}
	}
}
