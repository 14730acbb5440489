package command

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/notify"
	"holdfast/test/need"
)

// trusted is a directory that root alone can change all the way up, as /tmp,
// with its sticky bit, is.
func trusted(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func put(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	chmod(t, name, mode)
	return name
}

func chmod(t *testing.T, name string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func run(words ...string) Command {
	return Command{Line: strings.Join(words, " "), Argv: words, User: "root"}
}

const shebang = "#!/bin/sh\nexit 0\n"

// The rules of the reference, interfaces section 11. Each row builds its path
// in an otherwise trusted directory; paths in what is expected are relative to it.
func TestResolveJudgesThePath(t *testing.T) {
	need.Root(t, "other owners and identities")
	tests := []struct {
		name   string
		build  func(t *testing.T, dir string) Command
		policy Policy
		file   string // "" is disabled
		want   []Problem
	}{
		{"a plain script of root", func(t *testing.T, dir string) Command {
			return run(put(t, dir+"/ok.sh", shebang, 0o755))
		}, Policy{Security: true}, "/ok.sh", nil},

		{"missing", func(t *testing.T, dir string) Command { return run(dir + "/no/such.sh") }, Policy{}, "",
			[]Problem{{Severity: Disabled, Path: "/no", Text: "cannot be accessed - no such file or directory at /no", Fix: "create /no"}}},

		{"not executable", func(t *testing.T, dir string) Command {
			return run(put(t, dir+"/plain.sh", shebang, 0o644))
		}, Policy{}, "", []Problem{{Severity: Disabled, Path: "/plain.sh", Text: "is not executable for uid:gid 0:0 - disabling.", Fix: "chmod +x /plain.sh"}}},

		{"a directory", func(t *testing.T, dir string) Command {
			must(t, os.Mkdir(dir+"/d", 0o755))
			return run(dir + "/d")
		}, Policy{}, "", []Problem{{Severity: Disabled, Path: "/d", Text: "Wrong file type found in script path", Fix: "a regular file"}}},

		{"a file in the middle", func(t *testing.T, dir string) Command {
			put(t, dir+"/f", shebang, 0o755)
			return run(dir + "/f/x.sh")
		}, Policy{}, "", []Problem{{Severity: Disabled, Path: "/f", Text: "Wrong file type found in script path", Fix: "a regular file"}}},

		{"a linked directory is followed, unlike in keepalived", func(t *testing.T, dir string) Command {
			put(t, dir+"/real/x.sh", shebang, 0o755)
			must(t, os.Symlink("real", dir+"/link"))
			return run(dir + "/link/x.sh")
		}, Policy{Security: true}, "/real/x.sh", nil},

		{"use_symlink_paths runs what is written", func(t *testing.T, dir string) Command {
			put(t, dir+"/real/x.sh", shebang, 0o755)
			must(t, os.Symlink("real", dir+"/link"))
			return run(dir + "//link/./x.sh")
		}, Policy{Security: true, SymlinkPaths: true}, "/link/x.sh", nil},

		{"links in a circle", func(t *testing.T, dir string) Command {
			must(t, os.Symlink("b", dir+"/a"))
			must(t, os.Symlink("a", dir+"/b"))
			return run(dir + "/a")
		}, Policy{}, "", []Problem{{Severity: Disabled, Path: "/a", Text: "too many levels of symbolic links", Fix: "circle"}}},

		{"writable by everyone", func(t *testing.T, dir string) Command {
			return run(put(t, dir+"/x.sh", shebang, 0o757))
		}, Policy{}, "/x.sh", []Problem{{Severity: Insecure, Security: true, Path: "/x.sh", Text: "is writable by everyone", Fix: "chmod o-w /x.sh"}}},

		{"the same with script security", func(t *testing.T, dir string) Command {
			return run(put(t, dir+"/x.sh", shebang, 0o757))
		}, Policy{Security: true}, "", []Problem{{Severity: Disabled, Security: true, Path: "/x.sh", Text: " - disabling. /x.sh is writable by everyone", Fix: "chmod o-w /x.sh"}}},

		{"a directory writable by a group", func(t *testing.T, dir string) Command {
			put(t, dir+"/d/x.sh", shebang, 0o755)
			must(t, os.Chown(dir+"/d", 0, 65534))
			chmod(t, dir+"/d", 0o775)
			return run(dir + "/d/x.sh")
		}, Policy{Security: true}, "", []Problem{{Severity: Disabled, Security: true, Path: "/d", Text: "/d is writable by gid 65534", Fix: "chmod g-w /d"}}},

		{"a directory writable by root's group is trusted", func(t *testing.T, dir string) Command {
			put(t, dir+"/d/x.sh", shebang, 0o755)
			chmod(t, dir+"/d", 0o775)
			return run(dir + "/d/x.sh")
		}, Policy{Security: true}, "/d/x.sh", nil},

		{"a sticky directory is trusted", func(t *testing.T, dir string) Command {
			put(t, dir+"/d/x.sh", shebang, 0o755)
			chmod(t, dir+"/d", 0o777|os.ModeSticky)
			return run(dir + "/d/x.sh")
		}, Policy{Security: true}, "/d/x.sh", nil},

		{"owned by another", func(t *testing.T, dir string) Command {
			must(t, os.Chown(put(t, dir+"/x.sh", shebang, 0o755), 65534, 0))
			return run(dir + "/x.sh")
		}, Policy{Security: true}, "", []Problem{{Severity: Disabled, Security: true, Path: "/x.sh", Text: "is owned by uid 65534", Fix: "chown root /x.sh"}}},

		{"an unsafe directory that only a link leads through", func(t *testing.T, dir string) Command {
			put(t, dir+"/far/x.sh", shebang, 0o755)
			chmod(t, dir+"/far", 0o777)
			must(t, os.Symlink(dir+"/far/x.sh", dir+"/x.sh"))
			return run(dir + "/x.sh")
		}, Policy{Security: true}, "", []Problem{{Severity: Disabled, Security: true, Path: "/far", Text: "/far is writable by everyone", Fix: "chmod o-w /far"}}},

		{"what is unsafe for root is not for others", func(t *testing.T, dir string) Command {
			c := run(put(t, dir+"/x.sh", shebang, 0o777))
			c.User = "nobody"
			return c
		}, Policy{Security: true}, "/x.sh", nil},

		{"set-uid root is as root", func(t *testing.T, dir string) Command {
			c := run(put(t, dir+"/x", "\x7fELF", 0o777|os.ModeSetuid))
			c.User = "nobody"
			return c
		}, Policy{Security: true}, "", []Problem{{Severity: Disabled, Security: true, Path: "/x", Text: "/x is writable by everyone", Fix: "chmod o-w /x"}}},

		{"a directory the user may not enter", func(t *testing.T, dir string) Command {
			c := run(put(t, dir+"/d/x.sh", shebang, 0o755))
			chmod(t, dir+"/d", 0o700)
			c.User = "nobody"
			return c
		}, Policy{}, "", []Problem{{Severity: Disabled, Path: "/d", Text: "permission denied at /d/x.sh", Fix: "uid 65534 needs search permission (x) on /d"}}},

		{"executable for others only", func(t *testing.T, dir string) Command {
			c := run(put(t, dir+"/x.sh", shebang, 0o754))
			c.User = "nobody"
			return c
		}, Policy{}, "", []Problem{{Severity: Disabled, Path: "/x.sh", Text: "is not executable for uid:gid 65534:65534 - disabling.", Fix: "chmod +x"}}},

		{"without a first line", func(t *testing.T, dir string) Command {
			return run(put(t, dir+"/x.sh", "exit 0\n", 0o755))
		}, Policy{}, "/x.sh", []Problem{{Path: "/x.sh", Text: "Please add a #! shebang to script /x.sh", Fix: "#!/bin/sh"}}},

		{"with an interpreter that is not there", func(t *testing.T, dir string) Command {
			return run(put(t, dir+"/x.sh", "#!/no/such/shell -e\n", 0o755))
		}, Policy{}, "/x.sh", []Problem{{Path: "/no/such/shell", Text: "interpreter '/no/such/shell' of script '/x.sh' does not exist", Fix: "first line"}}},

		{"a bare name found in PATH", func(t *testing.T, dir string) Command {
			put(t, dir+"/one/tool", shebang, 0o644)
			put(t, dir+"/two/tool", shebang, 0o755)
			return run("tool", "-0")
		}, Policy{Path: "$/one:$/two"}, "/two/tool", []Problem{{Path: "/two/tool", Text: "script 'tool' resolved by path search to '/two/tool'", Fix: "full path"}}},

		{"a bare name not found", func(t *testing.T, dir string) Command { return run("no-such-tool") },
			Policy{}, "", []Problem{{Severity: Disabled, Path: "no-such-tool", Text: "'no-such-tool' not found in PATH - disabling", Fix: "full path"}}},

		{"the form that opens a file is not judged", func(t *testing.T, dir string) Command { return run("</no/such/file") },
			Policy{Security: true}, "</no/such/file", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := trusted(t)
			c := tt.build(t, dir)
			tt.policy.Path = strings.ReplaceAll(tt.policy.Path, "$", dir)
			got, problems := Resolve(c, tt.policy)
			if file := strings.ReplaceAll(fileOf(got), dir, ""); file != tt.file {
				t.Errorf("runs %q, want %q", file, tt.file)
			}
			checkProblems(t, dir, c, problems, tt.want)
		})
	}
}

func fileOf(r *Runnable) string {
	switch {
	case r == nil:
		return ""
	case r.Opens:
		return "<" + r.File
	}
	return r.File
}

// checkProblems compares problems; of texts only the given part.
func checkProblems(t *testing.T, dir string, c Command, got, want []Problem) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("problems: %v, want %v", got, want)
	}
	for i, p := range got {
		p.Path, p.Text, p.Fix = strings.ReplaceAll(p.Path, dir, ""), strings.ReplaceAll(p.Text, dir, ""), strings.ReplaceAll(p.Fix, dir, "")
		w := want[i]
		if !strings.Contains(p.Text, w.Text) || !strings.Contains(p.Fix, w.Fix) {
			t.Errorf("problem says %q, want %q with %q", p, w.Text, w.Fix)
		}
		w.Script, w.Text, w.Fix = c.Line, p.Text, p.Fix
		if diff := cmp.Diff(w, p); diff != "" {
			t.Errorf("problem (-want +got):\n%s", diff)
		}
	}
}

// On merged-/usr systems /bin is a link; scripts there are the most ordinary
// ones there are.
func TestResolveAcceptsBin(t *testing.T) {
	r, problems := Resolve(Command{Line: "/bin/true", Argv: []string{"/bin/true"}}, Policy{})
	if r == nil || len(problems) != 0 {
		t.Fatalf("Resolve(/bin/true) = %v, %v", r, problems)
	}
	if r.Argv[0] != "/bin/true" {
		t.Errorf("argv[0] = %q, want what is written: programs of many names look at it", r.Argv[0])
	}
}

func TestResolveIdentity(t *testing.T) {
	need.Root(t, "other owners and identities")
	file := put(t, trusted(t)+"/x.sh", shebang, 0o755)
	tests := []struct {
		name        string
		user, group string
		policy      Policy
		want        Identity
		problem     string
	}{
		{"the daemon's own by default", "", "", Policy{}, Identity{}, ""},
		{"none by default with script security", "", "", Policy{Security: true}, Identity{}, "No user for script"},
		{"explicit", "nobody", "", Policy{User: "root"}, Identity{UID: 65534, GID: 65534}, ""},
		{"explicit root with script security", "root", "", Policy{Security: true}, Identity{}, ""},
		{"explicit with a group", "nobody", "daemon", Policy{}, Identity{UID: 65534, GID: 1}, ""},
		{"script_user", "", "", Policy{User: "nobody", Group: "daemon"}, Identity{UID: 65534, GID: 1}, ""},
		{"a group goes with its own user", "nobody", "", Policy{User: "root", Group: "daemon"}, Identity{UID: 65534, GID: 65534}, ""},
		{"unknown user", "no-such-user%d", "", Policy{}, Identity{}, `Unable to resolve user "no-such-user%d" for script '` + file + `'`},
		{"unknown group", "nobody", "no-such-group", Policy{}, Identity{}, `Unable to resolve group "no-such-group"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, problems := Resolve(Command{Line: file, Argv: []string{file}, User: tt.user, Group: tt.group}, tt.policy)
			if tt.problem != "" {
				if r != nil || len(problems) != 1 || problems[0].Severity != Disabled || !strings.Contains(problems[0].Text, tt.problem) || problems[0].Fix == "" {
					t.Fatalf("got %v, %v; want it disabled with %q and a fix", r, problems, tt.problem)
				}
				return
			}
			if r == nil {
				t.Fatalf("disabled: %v", problems)
			}
			if diff := cmp.Diff(tt.want, r.Identity); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOwner(t *testing.T) {
	r := NewResolver(Policy{User: "nobody"})
	if who, problems := r.Owner("/f", "", ""); who.UID != uint32(os.Geteuid()) || problems != nil {
		t.Errorf("nobody named: %+v, %v; want the daemon's own", who, problems)
	}
	if who, problems := r.Owner("/f", "nobody", "daemon"); who.UID != 65534 || who.GID != 1 || problems != nil {
		t.Errorf("nobody and daemon named: %+v, %v", who, problems)
	}
	if _, problems := r.Owner("/f", "no-such-user", ""); len(problems) != 1 || problems[0].Script != "/f" {
		t.Errorf("unknown: %v, want a problem of /f", problems)
	}
}

// Thousands of instances may name the same script, each with arguments of its own.
func TestResolverSpeaksOnceOfAProgram(t *testing.T) {
	need.Root(t, "other owners and identities")
	file := put(t, trusted(t)+"/x.sh", shebang, 0o777)
	r := NewResolver(Policy{})
	for i, arg := range []string{"a", "a", "b"} {
		got, problems := r.Resolve(run(file, arg))
		if got == nil || !slices.Equal(got.Argv, []string{file, arg}) || got.Line != file+" "+arg || (len(problems) == 1) != (i == 0) {
			t.Errorf("call %d: %+v, %v; want arguments %s %s, and a problem the first time only", i, got, problems, file, arg)
		}
	}
	missing := run("/no/such", "a")
	if got, problems := r.Resolve(missing); got != nil || len(problems) != 1 {
		t.Errorf("missing: %v, %v", got, problems)
	}
	if got, problems := r.Resolve(missing); got != nil || problems != nil {
		t.Errorf("missing again: %v, %v; want it disabled without more words", got, problems)
	}
}

func TestResolveRefusesAnEmptyCommand(t *testing.T) {
	for _, c := range []notify.Command{{}, {Argv: []string{""}}} {
		if r, problems := Resolve(c, Policy{}); r != nil || len(problems) != 1 {
			t.Errorf("Resolve(%v) = %v, %v", c, r, problems)
		}
	}
}

func TestViolation(t *testing.T) {
	insecure := []Problem{{Severity: Notice}, {Severity: Insecure}}
	const line = "SECURITY VIOLATION - scripts are being executed but script_security not enabled."
	for _, tt := range []struct {
		policy   Policy
		scripts  int
		problems []Problem
		want     string
	}{
		{Policy{}, 0, nil, ""},
		{Policy{Security: true}, 1, insecure, ""},
		{Policy{}, 1, nil, line},
		{Policy{}, 1, insecure, line + " There are insecure scripts."},
	} {
		if got := tt.policy.Violation(tt.scripts, tt.problems); got != tt.want {
			t.Errorf("%+v with %d scripts: %q, want %q", tt.policy, tt.scripts, got, tt.want)
		}
	}
}
