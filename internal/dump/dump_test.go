package dump_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/dump"
	"holdfast/internal/golden"
	"holdfast/internal/mono"
	"holdfast/internal/notify"
	"holdfast/internal/router"
	"holdfast/internal/status"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// source is a node with the configuration of testdata, as it stands after a while:
// numbers that differ, so that none can stand in another's place.
func source(t *testing.T, layout uint8) *dump.Source {
	t.Helper()
	text, err := os.ReadFile("testdata/k.conf")
	if err != nil {
		t.Fatal(err)
	}
	tree, found := conf.Parse(conf.MemoryFiles{"k.conf": string(text)}, "k.conf", conf.Options{})
	c, more := config.Build(tree, config.Options{HostName: "node"})
	for _, d := range append(found, more...) {
		if d.Severity == conf.Error {
			t.Fatal(d)
		}
	}
	c.Global.Paths.JSONVersion = layout
	return &dump.Source{
		Router: snapshot(), Wall: time.Date(2026, 3, 1, 12, 0, 0, 5000, time.UTC), Wanted: router.Part(c), Global: &c.Global,
		Scripts: c.Scripts, Files: c.Files, Processes: c.Processes, TrackGroups: c.TrackGroups, Untracked: untracked(c), Instances: instances(c), Groups: groups(c),
		Tallies: map[string]tracker.Tally{"web": {N: 2, Good: true}, "db": {N: 7, Changing: true}},
		Owner:   func(c *notify.Command) string { return "uid:gid 0:0" },
	}
}

func instances(c *config.Config) map[string]dump.Told {
	all := map[string]dump.Told{}
	for i := range c.Instances {
		inst := &c.Instances[i]
		all[inst.VRRP.Name] = dump.Told{Scripts: inst.Notify, NoAccept: inst.NoAccept, Promote: inst.PromoteSecondaries}
	}
	return all
}

func groups(c *config.Config) map[string]dump.Told {
	all := map[string]dump.Told{}
	for i := range c.Groups {
		all[c.Groups[i].Name] = dump.Told{Scripts: c.Groups[i].Notify}
	}
	return all
}

func at(d time.Duration) mono.Instant { return mono.Instant(d) }

func addrs(list ...string) (all []netip.Prefix) {
	for _, p := range list {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

func snapshot() *status.Router {
	ip := netip.MustParseAddr
	one := status.Instance{Name: "V1", Link: "eth0", VRID: 7, Version: 3, Role: "MASTER", Want: "MASTER", Group: "G", Since: at(3 * time.Second), Reason: "master down",
		Priority: 100, Effective: 103, Weights: 3, Interval: 500 * time.Millisecond, MasterInterval: 500 * time.Millisecond, Source: ip("10.0.0.1"),
		Deadline: at(60500 * time.Millisecond), Down: 1804687 * time.Microsecond, Repairs: 20,
		Stats: status.Stats{AdvertRcvd: 1, AdvertSent: 2, BecomeMaster: 3, ReleaseMaster: 4, PacketLenErr: 5, TTLErr: 6, InvalidTypeRcvd: 7, AdvertIntervalErr: 8,
			AddrListErr: 9, InvalidAuthtype: 10, AuthtypeMismatch: 11, AuthFailure: 12, AuthExtMissing: 13, AuthExtMalformed: 14, AuthExtUnknownKey: 15,
			AuthExtInvalidHMAC: 16, AuthExtStale: 17, AuthExtReplay: 18, PriZeroRcvd: 19, PriZeroSent: 21, VersionErr: 22, ChecksumErr: 23, Overslept: 24}}
	two := status.Instance{Name: "V2", Link: "eth1", VRID: 8, Version: 2, Role: "BACKUP", Want: "BACKUP", Since: at(4 * time.Second), Reason: "init",
		Priority: 150, Effective: 150, Interval: time.Second, MasterInterval: 2 * time.Second, Source: ip("10.0.1.1"), MasterHeard: ip("10.0.1.2"), MasterPriority: 200,
		Deadline: at(61 * time.Second), Down: 3390625 * time.Microsecond}
	six := status.Instance{Name: "V6", Link: "eth1", VRID: 9, V6: true, Version: 3, Role: "FAULT", Want: "FAULT", Since: at(5 * time.Second), Reason: "script chk failed",
		Priority: 90, Effective: 90, Faults: 1, Interval: 330 * time.Millisecond, MasterInterval: 330 * time.Millisecond, Deadline: mono.Never}
	mac := status.Instance{Name: "VM", Link: "eth1", VRID: 19, Version: 2, Role: "INIT", Want: "BACKUP", Since: at(6 * time.Second), Reason: "init", Pending: true,
		Priority: 255, Effective: 255, Interval: time.Second, MasterInterval: time.Second, Source: ip("10.0.1.1"), Deadline: mono.Never}
	return &status.Router{
		At: at(60 * time.Second), RealTime: "SCHED_RR 30", Lateness: 120 * time.Microsecond, Late: [24]uint64{3: 4, 7: 1}, Unknown: 3,
		Refused: []status.Count{{What: "too short", N: 2}}, Instances: []status.Instance{one, two, six, mac},
		Groups:   []status.Group{{Name: "G", Role: "MASTER", Members: []string{"V1"}}},
		Trackers: []status.Tracker{{Kind: "script", Name: "chk", State: "bad", Why: "exited with status 1"}, {Kind: "file", Name: "tf", State: "good", Value: 4}},
		Links: []status.Link{{Name: "eth0", Index: 2, MTU: 1500, MAC: [6]byte{2, 0, 0, 0, 0, 1}, Addrs: addrs("10.0.0.1/24"), Up: true, Carrier: true, Polled: true},
			{Name: "eth1", Index: 3, MTU: 9000, Addrs: addrs("10.0.1.1/24", "fd00::1/64", "fe80::1/64"), Up: true}},
		Ports: []status.Port{{Link: "eth0", Buffer: 4096}, {Link: "eth1", Header: true}, {Link: "eth1", V6: true}},
		Sessions: []status.Session{{Name: "peer", Neighbour: ip("192.0.2.9"), Source: ip("192.0.2.1"), MultiHop: true, TTL: 255, LeastTTL: 250,
			MinRX: 10 * time.Millisecond, MinTX: 20 * time.Millisecond, IdleTX: time.Second, Multiplier: 5, State: "Up", Diagnostic: "No Diagnostic", Discriminator: 7,
			RemoteState: "Init", RemoteDiagnostic: "Path Down", RemoteDiscriminator: 0xabcdef01, Interval: 30 * time.Millisecond, Detection: 150 * time.Millisecond,
			Heard: at(59990 * time.Millisecond)}},
	}
}

// Reference, interfaces section 3: each file, as keepalived lays it out.
func TestTheFormsOfTheDump(t *testing.T) {
	for _, c := range []struct {
		file   string
		layout uint8
		write  func(*dump.Source, io.Writer)
	}{
		{"keepalived.data", 1, (*dump.Source).Data},
		{"keepalived_parent.data", 1, (*dump.Source).Parent},
		{"keepalived_bfd.data", 1, (*dump.Source).BFD},
		{"keepalived.stats", 1, (*dump.Source).Stats},
		{"keepalived.json", 1, writeJSON},
		{"keepalived.v2.json", 2, writeJSON},
	} {
		t.Run(c.file, func(t *testing.T) {
			var out bytes.Buffer
			c.write(source(t, c.layout), &out)
			golden.Check(t, "testdata/"+c.file, out.String())
		})
	}
}

func writeJSON(s *dump.Source, out io.Writer) { _, _ = s.JSON(out) }

func TestTheJSONDumpIsJSON(t *testing.T) {
	for _, layout := range []uint8{1, 2} {
		var out bytes.Buffer
		if written, err := source(t, layout).JSON(&out); !written || err != nil || !json.Valid(out.Bytes()) {
			t.Errorf("layout %d: %v, %v:\n%s", layout, written, err, out.String())
		}
		if text := out.Bytes(); bytes.ContainsAny(text, "\t") || bytes.Count(text, []byte("\n")) != 1 {
			t.Errorf("layout %d is not one line", layout)
		}
	}
}

// Reference, interfaces section 3: nothing is written when there are no instances.
func TestWithoutInstancesThereIsNoJSON(t *testing.T) {
	s := source(t, 2)
	s.Wanted = &router.Config{}
	var out bytes.Buffer
	if written, err := s.JSON(&out); written || err != nil || out.Len() > 0 {
		t.Errorf("%v, %v: %s", written, err, out.String())
	}
}

// A reload may come between the snapshot and the dump.
func TestOnlyInstancesThatAreBothWantedAndThereAreDumped(t *testing.T) {
	s := source(t, 1)
	s.Router.Instances = slices.DeleteFunc(s.Router.Instances, func(i status.Instance) bool { return i.Name == "V1" })
	s.Wanted.Routers[1].Name = "new"
	var out bytes.Buffer
	s.Stats(&out)
	for _, gone := range []string{"V1", "V2", "new"} {
		if bytes.Contains(out.Bytes(), []byte("Instance: "+gone+"\n")) {
			t.Errorf("%s is dumped:\n%s", gone, out.String())
		}
	}
	s.Data(io.Discard)
}

// No dump tells a password or a key.
func TestNoSecretIsDumped(t *testing.T) {
	s := source(t, 2)
	s.Wanted.Routers[0].HMAC = &vrrp.HMAC{Keys: []vrrp.HMACKey{{ID: 1, Secret: "hush-hush-hush"}}}
	var out bytes.Buffer
	s.Data(&out)
	writeJSON(s, &out)
	if bytes.Contains(out.Bytes(), []byte("hush")) {
		t.Errorf("a secret is told:\n%s", out.String())
	}
}

func untracked(c *config.Config) (list []string) {
	for i := range c.Instances {
		for _, r := range c.Instances[i].Routes {
			if r.NoTrack {
				list = append(list, r.Route.String())
			}
		}
		for _, r := range c.Instances[i].Rules {
			if r.NoTrack {
				list = append(list, r.Rule.String())
			}
		}
	}
	return list
}
