package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Two nodes whose instances are in a VRF: the lab has it, so they are not in FAULT.
func TestAnInstanceInAVRFTakesOver(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for i, name := range []string{"a", "b"} {
		text := fmt.Sprintf("vrrp_instance R {\nvrf red\nvirtual_router_id 7\npriority %d\nunicast_src_ip 10.0.0.%d\nunicast_peer {\n10.0.0.%d\n}\nvirtual_ipaddress {\n10.0.0.100/24 dev red0\n}\n}\n", 200-i, 1+i, 2-i)
		file := filepath.Join(dir, name+".conf")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	r := play(t, append(files, "--at", "8s", "kill a", "--at", "16s", "start a", "--for", "25s")...)
	r.after("kill a", "b takes over", holds("b", "10.0.0.100"))
	r.after("start a", "a takes it back", holds("a", "10.0.0.100"))
	r.survived("kill a")
	if r.status != 0 {
		t.Errorf("status %d", r.status)
	}
}
