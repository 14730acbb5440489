package daemon

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/cli"
	"holdfast/internal/config"
	"holdfast/internal/load"
	"holdfast/internal/relay"
	"holdfast/internal/router"
	"holdfast/internal/status"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
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

// dumping is a worker with an instance in force, and a snapshot of that.
func dumping(t *testing.T, out *bytes.Buffer, global config.Global) (*workerProcess, *status.Router) {
	t.Helper()
	slots, err := relay.NewSlots()
	if err != nil {
		t.Fatal(err)
	}
	c := &config.Config{Global: global, Instances: []config.Instance{{VRRP: vrrp.Config{Key: vrrp.Key{Link: "eth0", VRID: 7}, Name: "V", Version: 3}}}}
	slot, err := slots.Write(0, router.Part(c))
	if err == nil {
		err = slots.Keep(*slot, telling(&load.Reading{Config: c}))
	}
	if err != nil {
		t.Fatal(err)
	}
	log := logTo(out, slog.LevelInfo)
	w := &workerProcess{log: log, slots: slots, inForce: *slot, global: global, opts: cli.Options{Umask: 0o177}, janitor: &janitor{kick: make(chan struct{}, 1)}}
	w.watchers = newWatchers(func(*relay.Down) {}, func(tracker.Sample) {}, w.logText, &tally{})
	w.balance = newBalance(w.logLine, nil, nil, nil, papers{}, nil)
	return w, &status.Router{Instances: []status.Instance{{Name: "V", Role: "MASTER"}}}
}

// Reference, interfaces section 3: where each dump goes, with which mode, and in the
// place of an older one.
func TestTheDumpsGoToTMPDIR(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	withUmask(t, 0o177)
	var out bytes.Buffer
	w, snapshot := dumping(t, &out, config.Global{Umask: config.Umask{Given: true, Mask: 0o027}})
	for range 2 {
		for _, d := range []relay.Dump{relay.DumpData, relay.DumpStats, relay.DumpAndClear, relay.DumpJSON} {
			w.dump(&relay.Up{Status: snapshot, Dump: d})
		}
	}
	files, _ := os.ReadDir(dir)
	var got []string
	for _, f := range files {
		info, _ := f.Info()
		got = append(got, fmt.Sprintf("%s %o", f.Name(), info.Mode()))
	}
	want := []string{"keepalived.data 640", "keepalived.json 600", "keepalived.stats 640", "keepalived_parent.data 640"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\nlog:\n%s", diff, out.String())
	}
}

func TestWithoutInstancesThereIsNoJSONDump(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	w, _ := dumping(t, &out, config.Global{})
	w.dump(&relay.Up{Status: &status.Router{}, Dump: relay.DumpJSON})
	if _, err := os.Stat(tempPath("keepalived.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is one: %v; log:\n%s", err, out.String())
	}
}

func TestWhereTheStateDumpGoes(t *testing.T) {
	t.Setenv("TMPDIR", "/")
	copied := config.Copy{NetNS: "blue", Instance: "two"}
	for _, c := range []struct {
		name   string
		global config.Global
		suffix string
		want   string
	}{
		{"nothing is said", config.Global{Copy: copied}, "", "/keepalived.data"},
		{"of the parent", config.Global{Copy: copied}, "_parent", "/keepalived_parent.data"},
		{"a file", config.Global{Paths: config.Paths{StateDump: "/run/state"}}, "", "/run/state"},
		{"a file, of the parent", config.Global{Paths: config.Paths{StateDump: "/run/state.x"}}, "_parent", "/run/state_parent.x"},
		{"a directory", config.Global{Paths: config.Paths{StateDump: "/run/"}}, "", "/run/keepalived.data"},
		{"a bare name", config.Global{Paths: config.Paths{StateDump: "state.txt"}}, "", "/state.txt"},
		{"with names", config.Global{Copy: copied, Paths: config.Paths{StateDump: "/run/a.b/", DumpsNamed: true}}, "_bfd", "/run/a.b/keepalived_bfd.blue_two.data"},
		{"with one name", config.Global{Copy: config.Copy{Instance: "two"}, Paths: config.Paths{StateDump: "/run/state", DumpsNamed: true}}, "", "/run/state.two"},
		{"with names that there are not", config.Global{Paths: config.Paths{DumpsNamed: true}}, "", "/keepalived.data"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := dumpPath(&c.global, c.suffix); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
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
