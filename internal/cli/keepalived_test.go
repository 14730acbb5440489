package cli

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// started is what keepalived does without a word.
func started(change func(*Keepalived)) *Keepalived {
	k := &Keepalived{Options: Options{
		Syslog: true, Lenient: true, Facility: "daemon", RunDir: "/run/holdfast", Umask: 0o177, Name: "Keepalived",
		PIDFile: "/run/keepalived.pid", VRRPPIDFile: "/run/vrrp.pid", CheckersPIDFile: "/run/checkers.pid",
	}}
	change(k)
	return k
}

// The table of the reference, interfaces section 1.
func TestKeepalivedsOptions(t *testing.T) {
	t.Setenv("TMPDIR", "/no/such/dir")
	nothing := func(*Keepalived) {}
	for _, tt := range []struct {
		lines string // ways to say the same, apart by |
		want  func(*Keepalived)
	}{
		{"", nothing},
		{"-f /k.conf|-f/k.conf|--use-file /k.conf|--use-file=/k.conf|--use=/k.conf|--us /k.conf", func(k *Keepalived) { k.ConfigFile = "/k.conf" }},
		{"-f -n", func(k *Keepalived) { k.ConfigFile = "-n" }},
		{"-f=x", func(k *Keepalived) { k.ConfigFile = "=x" }},
		{"-B|--no_bfd|--no_", func(k *Keepalived) { k.NoBFD = true }},
		{"-PB", func(k *Keepalived) { k.NoServers, k.NoBFD = true, true }},
		{"-P|--vrrp", func(k *Keepalived) { k.NoServers = true }},
		{"-I|--dont-release-ipvs", func(k *Keepalived) { k.KeepIPVS = true }},
		{"--all|-X|--release-vips|--rel|--flush-log-file|--fl", nothing},
		{"-b /b.pid|--bfd_pid /b.pid|--bfd=/b.pid", nothing},
		{"-n|--dont-fork|--dont-f", func(k *Keepalived) { k.Foreground = true }},
		{"-l|--log-console", nothing}, // the console is for the foreground
		{"-n -l|-nl|-ln|--log-console --dont-fork|--log-c -n", func(k *Keepalived) { k.Foreground, k.Console = true, true }},
		{"-D|-D -D|-DD|--log-detail|--log-d --log-d", func(k *Keepalived) { k.Detail = true }},
		{"-S 3|-S3|--log-facility=3|--log-fa 3", func(k *Keepalived) { k.Facility = "3" }},
		{"-S local7", func(k *Keepalived) { k.Facility = "local7" }},
		{"-S user", func(k *Keepalived) { k.Facility = "user" }},
		{"-S local8", func(k *Keepalived) { k.Remarks = []string{`--log-facility "local8" is ignored`} }},
		{"-g|--log-file|--log-fi", func(k *Keepalived) { k.LogFile = "/tmp/keepalived.log" }},
		{"-gmine|--log-file=mine", func(k *Keepalived) { k.LogFile = "/tmp/mine" }},
		{"-g/var/log/k|--log-file=/var/log/k", func(k *Keepalived) { k.LogFile = "/var/log/k" }},
		{"-g /var/log/k|--log-file /var/log/k", func(k *Keepalived) { k.LogFile, k.Unexpected = "/tmp/keepalived.log", []string{"/var/log/k"} }},
		{"-e|--all-config|--all-c", func(k *Keepalived) { k.AllConfig = true }},
		{"-G|--no-syslog|--no-", func(k *Keepalived) { k.Syslog = false }},
		{"-u 022|--umask=022|-u 0x12|-u18|--um 18", func(k *Keepalived) { k.Umask, k.UmaskGiven = 0o22, true }},
		{"-u many", func(k *Keepalived) { k.Remarks = []string{`--umask "many" is ignored`} }},
		{"-u 01000", func(k *Keepalived) { k.Remarks = []string{`--umask "01000" is ignored`} }},
		{"-V|--dont-release-vrrp", func(k *Keepalived) { k.KeepAddresses = true }},
		{"-R|--dont-respawn|--dont-res", func(k *Keepalived) { k.NoRespawn = true }},
		{"-d|--dump-conf|--du", func(k *Keepalived) { k.DumpConfig = true }},
		{"-p /p|--pid /p|--pid=/p|--pi /p", func(k *Keepalived) { k.PIDFile = "/p" }},
		{"-r /p|--vrrp_pid /p|--vrrp_=/p", func(k *Keepalived) { k.VRRPPIDFile = "/p" }},
		{"-c /p|--checkers_pid /p|--checke=/p", func(k *Keepalived) { k.CheckersPIDFile = "/p" }},
		{"-i one|--config-id one|--config-i=one", func(k *Keepalived) { k.ConfigID = "one" }},
		{"--signum RELOAD|--signum=RELOAD|--si RELOAD", func(k *Keepalived) { k.Signum = "RELOAD" }},
		{"-t|--config-test|--config-t", func(k *Keepalived) { k.Test, k.Syslog = true, false }},
		{"-t/f|--config-test=/f|--config-t=/f", func(k *Keepalived) { k.Test, k.TestFile, k.Syslog = true, "/f", false }},
		{"-t /f", func(k *Keepalived) { k.Test, k.Syslog, k.Unexpected = true, false, []string{"/f"} }},
		{"--ignore-sigint|--ig", func(k *Keepalived) { k.IgnoreINT = true }},
		{"-v|--version|--ve", func(k *Keepalived) { k.Version = true }},
		{"-h|--help|--he", func(k *Keepalived) { k.Help = true }},

		{"-nlDf/k.conf|-nlD -f /k.conf|-D -l -n --use=/k.conf", func(k *Keepalived) {
			k.Foreground, k.Console, k.Detail, k.ConfigFile = true, true, true, "/k.conf"
		}},
		{"-nt/f", func(k *Keepalived) { k.Foreground, k.Test, k.TestFile, k.Syslog = true, true, "/f", false }},
		{"-ngest.log", func(k *Keepalived) { k.Foreground, k.LogFile = true, "/tmp/est.log" }},
		{"-test.conf", func(k *Keepalived) { k.Test, k.TestFile, k.Syslog = true, "est.conf", false }},
		{"one -n two|-n one two|-n -- one two", func(k *Keepalived) { k.Foreground, k.Unexpected = true, []string{"one", "two"} }},
		{"-- -n --vrrp", func(k *Keepalived) { k.Unexpected = []string{"-n", "--vrrp"} }},
		{"-", func(k *Keepalived) { k.Unexpected = []string{"-"} }},
	} {
		for line := range strings.SplitSeq(tt.lines, "|") {
			t.Run(line, func(t *testing.T) {
				got, err := ParseKeepalived(strings.Fields(line))
				if err != nil {
					t.Fatal(err)
				}
				want := started(tt.want)
				want.Args = strings.Fields(line)
				for i := range min(len(got.Remarks), len(want.Remarks)) {
					got.Remarks[i] = got.Remarks[i][:min(len(got.Remarks[i]), len(want.Remarks[i]))]
				}
				if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Keepalived{}), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestWhatKeepalivedRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"--fly":          "there is no option --fly",
		"-z":             "there is no option -z",
		"-nz":            "there is no option -z",
		"-\xc3\xa9":      "there is no option -",
		"--dont":         "option --dont is ambiguous: --dont-release-vrrp or --dont-release-ipvs",
		"--v":            "ambiguous",
		"-f":             "option --use-file needs an argument",
		"--pid":          "option --pid needs an argument",
		"-nf":            "option --use-file needs an argument",
		"--use-file=":    "option --use-file needs an argument that is not empty",
		"--vrrp=no":      "option --vrrp takes no argument",
		"--log-detail=2": "option --log-detail takes no argument",
		"--fly -z -n":    "there is no option -z", // all of them are told
		"-z --fly":       "there is no option --fly",
		"--debug":        "there is no option --debug", // of debugging builds
		"--perf":         "there is no option --perf",
		"-C":             "--check: health checkers are not part of this version",
		"--check":        "--check",
		"-T -s 1":        "--genhash",
		"-a":             "--address-monitoring",
		"-m":             "--core-dump",
		"-M":             "--core-dump",
		"-Mpattern":      "--core-dump",
	} {
		t.Run(line, func(t *testing.T) {
			if _, err := ParseKeepalived(strings.Fields(line)); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one that says %q", err, want)
			}
		})
	}
	if _, err := ParseKeepalived([]string{"-f", ""}); !errors.Is(err, ErrUsage) {
		t.Errorf("an empty file name: %v", err)
	}
}

func TestUsageNamesEveryOption(t *testing.T) {
	k, err := ParseKeepalived(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range []string{"-f, --use-file", "-t, --config-test", "--ignore-sigint", "-s, --namespace"} {
		if !strings.Contains(k.Usage(), option) {
			t.Errorf("no %s in\n%s", option, k.Usage())
		}
	}
}

func TestTempDir(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for set, want := range map[string]string{dir: dir, "": "/tmp", "relative": "/tmp", dir + "/missing": "/tmp", file: "/tmp"} {
		t.Setenv("TMPDIR", set)
		if got := TempDir(); got != want {
			t.Errorf("TMPDIR=%q: %s, want %s", set, got, want)
		}
	}
}

func TestACopyHasFilesOfItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		line                      string
		copy                      Copy
		runDir, parent, vrrp, chk string
	}{
		"alone":            {"", Copy{}, "/run/holdfast", "/run/keepalived.pid", "/run/vrrp.pid", "/run/checkers.pid"},
		"use_pid_dir":      {"", Copy{PIDDir: true}, "/run/holdfast", "/run/keepalived/keepalived.pid", "/run/keepalived/vrrp.pid", "/run/keepalived/checkers.pid"},
		"instance":         {"", Copy{Instance: "x"}, "/run/holdfast/x", "/run/keepalived/keepalived_x.pid", "/run/keepalived/vrrp_x.pid", "/run/keepalived/checkers_x.pid"},
		"net_namespace":    {"", Copy{NetNS: "n"}, "/run/holdfast/n", "/run/keepalived/keepalived.pid", "/run/keepalived/vrrp.pid", "/run/keepalived/checkers.pid"},
		"both":             {"", Copy{NetNS: "n", Instance: "x"}, "/run/holdfast/n_x", "/run/keepalived/keepalived_x.pid", "/run/keepalived/vrrp_x.pid", "/run/keepalived/checkers_x.pid"},
		"named by options": {"-p /p -r /r -c /c", Copy{Instance: "x"}, "/run/holdfast/x", "/p", "/r", "/c"},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := ParseKeepalived(strings.Fields(c.line))
			if err != nil {
				t.Fatal(err)
			}
			o := k.Options.Of(c.copy)
			got := []string{o.RunDir, o.PIDFile, o.VRRPPIDFile, o.CheckersPIDFile}
			if want := []string{c.runDir, c.parent, c.vrrp, c.chk}; !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestTheNamespaceOfTheCommandLine(t *testing.T) {
	for _, line := range []string{"-s blue", "--namespace=blue"} {
		k, err := ParseKeepalived(strings.Fields(line))
		if err != nil || k.Copy.NetNS != "blue" {
			t.Errorf("%s: namespace %q, error %v", line, k.Copy.NetNS, err)
		}
	}
}

// Reference, interfaces sections 1 and 10: log files and idents of copies carry their
// names, before the extension.
func TestLogsOfACopyCarryItsNames(t *testing.T) {
	for name, c := range map[string]struct {
		line        string
		copy        Copy
		file, ident string
	}{
		"alone":         {"-g/var/log/k.log", Copy{PIDDir: true}, "/var/log/k.log", "Keepalived"},
		"instance":      {"-g/var/log/k.log", Copy{Instance: "x"}, "/var/log/k_x.log", "Keepalived_x"},
		"net_namespace": {"-g/var/log/k", Copy{NetNS: "n"}, "/var/log/k_n", "Keepalived_n"},
		"both":          {"-g", Copy{NetNS: "n", Instance: "x"}, "/tmp/keepalived_n_x.log", "Keepalived_n_x"},
		"no log file":   {"", Copy{Instance: "x"}, "", "Keepalived_x"},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := ParseKeepalived(strings.Fields(c.line))
			if err != nil {
				t.Fatal(err)
			}
			if o := k.Options.Of(c.copy); o.LogFile != c.file || o.Ident() != c.ident {
				t.Errorf("got %s and %s, want %s and %s", o.LogFile, o.Ident(), c.file, c.ident)
			}
		})
	}
}
