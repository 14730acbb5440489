package daemon

import (
	"bytes"
	"flag"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/cli"
	"holdfast/internal/config"
	"holdfast/internal/mono"
	"holdfast/internal/relay"
	"holdfast/internal/status"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(stated(t, path), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// snapshot is a node with a backup that has seen much and a master that has not.
func snapshot() *status.Router {
	backup := status.Instance{
		Name: "VI_1", Link: "eth0", VRID: 51, Version: 2, Role: "BACKUP", Since: mono.Instant(time.Second),
		Reason: "preempted by 192.0.2.2 priority 150", Priority: 100, Effective: 90,
		Interval: time.Second, MasterInterval: 2 * time.Second, Source: netip.MustParseAddr("192.0.2.1"),
		MasterHeard: netip.MustParseAddr("192.0.2.2"), MasterPriority: 150,
		Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.100/24"), netip.MustParsePrefix("192.0.2.101/24")},
		// Numbers that differ, so that none can stand in another's place.
		Excluded: []netip.Prefix{netip.MustParsePrefix("2001:db8::100/64")}, Repairs: 20,
		Stats: status.Stats{AdvertRcvd: 1, AdvertSent: 2, BecomeMaster: 3, ReleaseMaster: 4, PriZeroRcvd: 5, PriZeroSent: 6,
			PacketLenErr: 7, TTLErr: 8, VersionErr: 9, Overslept: 21, ChecksumErr: 10, InvalidTypeRcvd: 11, AdvertIntervalErr: 12, AddrListErr: 13,
			InvalidAuthtype: 100, AuthtypeMismatch: 200, AuthFailure: 300},
	}
	master := status.Instance{Name: "VI_6", Link: "eth1", VRID: 6, V6: true, Version: 3, Role: "MASTER", Since: mono.Instant(61500 * time.Millisecond),
		Reason: "master down", Priority: 255, Effective: 255, Interval: 10 * time.Millisecond, MasterInterval: 10 * time.Millisecond,
		Source: netip.MustParseAddr("fe80::1")}
	session := status.Session{Name: "peer", Neighbour: netip.MustParseAddr("192.0.2.9"), Source: netip.MustParseAddr("192.0.2.1"), MultiHop: true, TTL: 255, LeastTTL: 250,
		MinRX: 10 * time.Millisecond, MinTX: 20 * time.Millisecond, IdleTX: time.Second, Multiplier: 5, State: "Up", Diagnostic: "No Diagnostic", Discriminator: 7,
		RemoteState: "Init", RemoteDiagnostic: "Path Down", RemoteDiscriminator: 0xabcdef01, Interval: 30 * time.Millisecond, Detection: 150 * time.Millisecond,
		Heard: mono.Instant(61740 * time.Millisecond)}
	return &status.Router{At: mono.Instant(61750 * time.Millisecond), RealTime: "SCHED_RR 30", Lateness: 120 * time.Microsecond,
		Instances: []status.Instance{backup, master}, Sessions: []status.Session{session}}
}

func TestTheStateDump(t *testing.T) {
	var out bytes.Buffer
	writeData(&out, snapshot())
	golden(t, "keepalived.data", out.String())
}

func TestTheStateDumpGoesToTMPDIR(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	withUmask(t, 0o177)
	var out bytes.Buffer
	w := &workerProcess{log: logTo(&out, slog.LevelInfo), opts: cli.Options{Umask: 0o177}}
	for range 2 { // a second one replaces the first
		w.dump(&relay.Up{Status: snapshot(), Dump: relay.DumpData})
	}
	golden(t, "keepalived.data", stated(t, filepath.Join(dir, "keepalived.data")))
	files, _ := os.ReadDir(dir)
	if info, _ := files[0].Info(); len(files) != 1 || info.Mode() != fs.FileMode(0o600) {
		t.Errorf("%d files are left; mode %v", len(files), info.Mode())
	}
}

func TestWhereTheStateDumpGoes(t *testing.T) {
	t.Setenv("TMPDIR", "/")
	copied := config.Copy{NetNS: "blue", Instance: "two"}
	for _, c := range []struct {
		name   string
		global config.Global
		want   string
	}{
		{"nothing is said", config.Global{Copy: copied}, "/keepalived.data"},
		{"a file", config.Global{Paths: config.Paths{StateDump: "/run/state"}}, "/run/state"},
		{"a directory", config.Global{Paths: config.Paths{StateDump: "/run/"}}, "/run/keepalived.data"},
		{"a bare name", config.Global{Paths: config.Paths{StateDump: "state.txt"}}, "/state.txt"},
		{"with names", config.Global{Copy: copied, Paths: config.Paths{StateDump: "/run/a.b/", DumpsNamed: true}}, "/run/a.b/keepalived.blue_two.data"},
		{"with one name", config.Global{Copy: config.Copy{Instance: "two"}, Paths: config.Paths{StateDump: "/run/state", DumpsNamed: true}}, "/run/state.two"},
		{"with names that there are not", config.Global{Paths: config.Paths{DumpsNamed: true}}, "/keepalived.data"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := dumpPath(&c.global); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestTheStateDumpKeepsToTheUmask(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	var out bytes.Buffer
	w := &workerProcess{log: logTo(&out, slog.LevelInfo), opts: cli.Options{Umask: 0o177},
		global: config.Global{Umask: config.Umask{Given: true, Mask: 0o027}, Paths: config.Paths{StateDump: path}}}
	w.dump(&relay.Up{Status: snapshot(), Dump: relay.DumpData})
	if info, err := os.Stat(path); err != nil || info.Mode() != fs.FileMode(0o640) {
		t.Errorf("%v, %v; log: %s", info, err, out.String())
	}
}

func TestTheConfigurationDumpHasNoPasswords(t *testing.T) {
	path := write(t, "k.conf", `
global_defs {
    enable_script_security
    script_user root
}
vrrp_script chk {
    script "/bin/true -x"
    interval 2
    fall 3
}
vrrp_sync_group G {
    group {
        A
        B
    }
}
`+instance("authentication {\nauth_type PASS\nauth_pass hush\n}\ntrack_script {\nchk\n}")+`
vrrp_instance B {
    interface eth1
    virtual_router_id 2
    priority 150
    version 3
    advert_int 0.25
    virtual_ipaddress {
        10.0.1.1/24
        10.0.1.2/24 dev eth2
    }
}
`)
	r := readConfig(&cli.Options{ConfigFile: path}, &config.Global{}, func(s string) { t.Log(s) })
	if r.Failed() {
		t.Fatal(r.Findings)
	}
	var out bytes.Buffer
	dumpConfig(logTo(&out, slog.LevelInfo), r.Config)
	golden(t, "configuration.log", out.String())
}
