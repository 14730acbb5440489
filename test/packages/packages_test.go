// Package packages tests what is built for distributions: the files that are in the packages, and
// what they do on machines in miniature that have Debian's files and a systemd of their own.
package packages

import (
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/golden"
	"holdfast/test/need"
)

// packagesVariable names the directory of the packages under test, made once for all tests.
const packagesVariable = "HOLDFAST_TEST_PACKAGES"

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "holdfast-packages-")
	if err == nil {
		err = os.Setenv(packagesVariable, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	return m.Run()
}

// pack builds the packages of the sources at a place into a directory, as 1.2.3 of an instant.
func pack(t *testing.T, sources, into string, env ...string) {
	t.Helper()
	c := exec.Command(filepath.Join(sources, "packaging/build"), into)
	c.Env = append(append(os.Environ(), "VERSION=1.2.3", "SOURCE_DATE_EPOCH=1700000000"), env...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", c, err, out)
	}
}

// packages are those of these sources.
func packages(t *testing.T) string {
	t.Helper()
	need.Time(t)
	need.Programs(t, "dpkg-deb", "rpm")
	dir := os.Getenv(packagesVariable)
	if files, _ := filepath.Glob(dir + "/*"); len(files) == 0 {
		pack(t, "../..", dir)
	}
	return dir
}

const (
	deb = "holdfast_1.2.3-1_amd64.deb"
	rpm = "holdfast-1.2.3-1.x86_64.rpm"
)

func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestThePackagesHaveTheseFiles(t *testing.T) {
	dir := packages(t)
	list, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		list[i] = filepath.Base(list[i])
	}
	want := []string{"holdfast-1.2.3-1.aarch64.rpm", rpm, deb, "holdfast_1.2.3-1_arm64.deb"}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Fatal(diff)
	}
	golden.Check(t, "testdata/deb.txt", output(t, "dpkg-deb", "-f", filepath.Join(dir, deb), "Package", "Version", "Architecture", "Section", "Depends", "Conflicts", "Description")+
		fields(output(t, "dpkg-deb", "-c", filepath.Join(dir, deb))))
	golden.Check(t, "testdata/rpm.txt", output(t, "rpm", "-qp", "--queryformat", "%{NAME} %{VERSION} %{RELEASE} %{ARCH}\n%{LICENSE}\n%{SUMMARY}\n[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]", filepath.Join(dir, rpm)))
}

// fields are mode, owner and path of a list of tar, without the directories of others.
func fields(list string) string {
	var b strings.Builder
	for line := range strings.Lines(list) {
		if w := strings.Fields(line); !strings.HasSuffix(line, "/\n") || strings.Contains(line, "holdfast") {
			fmt.Fprintln(&b, w[0], w[1], strings.Join(w[5:], " "))
		}
	}
	return b.String()
}

func TestTheProgramsNeedNoLibrary(t *testing.T) {
	dir := packages(t)
	for name, machine := range map[string]elf.Machine{deb: elf.EM_X86_64, "holdfast_1.2.3-1_arm64.deb": elf.EM_AARCH64} {
		root := t.TempDir()
		output(t, "dpkg-deb", "-x", filepath.Join(dir, name), root)
		f, err := elf.Open(filepath.Join(root, "usr/bin/holdfast"))
		if err != nil {
			t.Fatal(err)
		}
		if f.Machine != machine {
			t.Errorf("%s: the program is for %v", name, f.Machine)
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Errorf("%s: the program is linked dynamically: %v", name, p.Type)
			}
		}
		_ = f.Close()
	}
}

// The same sources in another place, built by somebody else in another zone, are the same bytes.
func TestTwoBuildsAreTheSameBytes(t *testing.T) {
	first := packages(t)
	copied, second := filepath.Join(t.TempDir(), "elsewhere"), t.TempDir()
	output(t, "sh", "-c", "cd ../.. && mkdir "+copied+" && git ls-files -co --exclude-standard -z | xargs -0 cp --parents -t "+copied)
	output(t, "sh", "-c", "find "+copied+" -exec touch -d 2020-02-02 {} +")
	pack(t, copied, second, "TZ=Pacific/Kiritimati", "LC_ALL=C", "HOSTNAME=other")
	files, _ := filepath.Glob(first + "/*")
	if len(files) != 4 {
		t.Fatalf("there are %d packages", len(files))
	}
	for _, file := range files {
		if sum(t, file) != sum(t, filepath.Join(second, filepath.Base(file))) {
			t.Errorf("%s has other bytes when it is built again", filepath.Base(file))
		}
	}
}

func sum(t *testing.T, file string) [sha256.Size]byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(text)
}

func TestTheScriptsAreGoodShell(t *testing.T) {
	need.Programs(t, "shellcheck")
	scripts, _ := filepath.Glob("../../packaging/scripts/*")
	output(t, "shellcheck", append(scripts, "../../packaging/build", "../../packaging/holdfast-switch", "testdata/boot")...)
}

func TestTheProfileOfAppArmorIsGood(t *testing.T) {
	need.Programs(t, "apparmor_parser")
	output(t, "apparmor_parser", "-QKS", "../../packaging/apparmor/usr.bin.holdfast")
}
