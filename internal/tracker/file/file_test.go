package file

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"holdfast/internal/tracker"
)

// rig is a Watcher with what it reports.
type rig struct {
	*testing.T
	*Watcher
	dir  string
	news chan tracker.Sample
	said chan string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, dir: t.TempDir(), news: make(chan tracker.Sample, 100), said: make(chan string, 100)}
	r.Watcher = New(func(s tracker.Sample) { r.news <- s }, func(s string) { r.said <- s })
	t.Cleanup(r.Close)
	return r
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) write(name, text string) {
	r.Helper()
	r.must(os.WriteFile(r.path(name), []byte(text), 0o644))
}

// reports waits for the value of file F.
func (r *rig) reports(want int) {
	r.Helper()
	select {
	case got := <-r.news:
		if w := (tracker.Sample{Kind: tracker.File, Tracker: "F", State: tracker.Good, Value: want}); got != w {
			r.Fatalf("reported %+v, want %+v", got, w)
		}
	case <-time.After(5 * time.Second):
		r.Fatalf("%d is not reported", want)
	}
}

// silent says that nothing is reported of what happened so far: the value that is
// written to a second file arrives first.
func (r *rig) silent() {
	r.Helper()
	r.write("sentinel", fmt.Sprint(time.Now().Nanosecond()|1))
	select {
	case got := <-r.news:
		if got.Tracker != "S" {
			r.Errorf("reported %+v, want nothing", got)
		}
	case <-time.After(5 * time.Second):
		r.Fatal("the second file is not reported")
	}
}

// watch watches F, and S, the second file of silent.
func (r *rig) watch(path string) {
	r.Helper()
	r.Apply([]Spec{{"F", path}, {"S", r.path("sentinel")}})
}

func TestAFileIsReadAtTheStartAndAfterEachChange(t *testing.T) {
	r := newRig(t)
	r.write("f", "5\n")
	r.watch(r.path("f"))
	r.reports(5)
	<-r.news // S
	for _, c := range []struct {
		name string
		do   func() error
		want int
	}{
		{"written and closed", func() error { return os.WriteFile(r.path("f"), []byte("7"), 0o644) }, 7},
		{"replaced by a move", func() error { r.write("new", "9"); return os.Rename(r.path("new"), r.path("f")) }, 9},
		{"moved away: 0", func() error { return os.Rename(r.path("f"), r.path("away")) }, 0},
		{"moved back", func() error { return os.Rename(r.path("away"), r.path("f")) }, 9},
		{"deleted: 0", func() error { return os.Remove(r.path("f")) }, 0},
		{"created again", func() error { return os.WriteFile(r.path("f"), []byte("0x10"), 0o644) }, 16},
		{"made unparsable: 0", func() error { return os.WriteFile(r.path("f"), []byte("down"), 0o644) }, 0},
		{"a link instead", func() error {
			r.write("target", "3")
			r.must(os.Remove(r.path("f")))
			return os.Symlink("target", r.path("f"))
		}, 3},
		{"what the link leads to is written", func() error { return os.WriteFile(r.path("target"), []byte("4"), 0o644) }, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.T = t
			r.must(c.do())
			r.reports(c.want)
		})
	}
	r.T = t
}

func TestAFileCountsOnlyWhenItsWriterClosesIt(t *testing.T) {
	r := newRig(t)
	r.write("f", "5")
	r.watch(r.path("f"))
	r.reports(5)
	<-r.news
	f, err := os.OpenFile(r.path("f"), os.O_WRONLY|os.O_TRUNC, 0)
	r.must(err)
	_, err = f.WriteString("1")
	r.must(err)
	r.silent()
	_, err = f.WriteString("2")
	r.must(err)
	r.must(f.Close())
	r.reports(12)
}

func TestANewFileCountsOnlyWhenItsWriterClosesIt(t *testing.T) {
	r := newRig(t)
	r.watch(r.path("f"))
	r.reports(0)
	<-r.news
	f, err := os.Create(r.path("f"))
	r.must(err)
	_, err = f.WriteString("1")
	r.must(err)
	r.silent()
	r.must(f.Close())
	r.reports(1)
}

func TestTheSameValueIsNoNews(t *testing.T) {
	r := newRig(t)
	r.write("f", "5")
	r.watch(r.path("f"))
	r.reports(5)
	<-r.news
	r.write("f", "5 again")
	r.silent()
}

func TestADirectoryMayComeAndGo(t *testing.T) {
	r := newRig(t)
	r.watch(r.path("a/b/f"))
	r.reports(0)
	<-r.news
	r.must(os.MkdirAll(r.path("a/b"), 0o755))
	r.write("a/b/f", "6")
	r.reports(6)
	r.must(os.Rename(r.path("a/b"), r.path("c")))
	r.reports(0)
	r.must(os.Rename(r.path("c"), r.path("a/b")))
	r.reports(6)
	r.must(os.RemoveAll(r.path("a")))
	r.reports(0)
	r.must(os.MkdirAll(r.path("a/b"), 0o755))
	r.write("a/b/f", "8")
	r.reports(8)
}

// The way in which Kubernetes replaces all files of a directory at once.
func TestALinkOnTheWayIsFollowedWhenItIsReplaced(t *testing.T) {
	r := newRig(t)
	r.must(os.MkdirAll(r.path("v1"), 0o755))
	r.must(os.MkdirAll(r.path("v2"), 0o755))
	r.write("v1/f", "1")
	r.write("v2/f", "2")
	r.must(os.Symlink("v1", r.path("data")))
	r.must(os.Symlink("data/f", r.path("f")))
	r.watch(r.path("f"))
	r.reports(1)
	<-r.news
	r.must(os.Symlink("v2", r.path("next")))
	r.must(os.Rename(r.path("next"), r.path("data")))
	r.reports(2)
}

func TestWhatIsNoRegularFileHasTheValue0AndIsNotWaitedFor(t *testing.T) {
	for _, path := range []string{"/dev/zero", "/dev/tty", t.TempDir()} {
		if got := read(path); got != 0 {
			t.Errorf("%s has the value %d", path, got)
		}
	}
}

func TestAReloadReadsOnlyWhatIsNewAndKeepsTheRest(t *testing.T) {
	r := newRig(t)
	r.write("f", "5")
	r.write("g", "6")
	r.watch(r.path("f"))
	r.reports(5)
	<-r.news
	if got := r.Preview([]Spec{{"F", r.path("f")}}); got != nil {
		t.Errorf("a file that is watched is read ahead: %v", got)
	}
	want := tracker.Sample{Kind: tracker.File, Tracker: "F", State: tracker.Good, Value: 6}
	if got := r.Preview([]Spec{{"F", r.path("g")}}); len(got) != 1 || got[0] != want {
		t.Errorf("read ahead: %v, want %v", got, want)
	}
	r.watch(r.path("f"))
	r.silent()
	r.watch(r.path("g"))
	r.reports(6)
	r.Apply(nil)
	if r.changes != nil {
		t.Error("inotify is kept although no file is watched")
	}
}

func TestALinkInACircleEnds(t *testing.T) {
	r := newRig(t)
	r.must(os.Symlink("f", r.path("f")))
	r.watch(r.path("f"))
	r.reports(0)
}

func TestAFileOfTheKernelIsToldToBeUnheard(t *testing.T) {
	r := newRig(t)
	r.watch("/proc/loadavg")
	<-r.news
	if got := <-r.said; got != "track_file F: /proc/loadavg is on proc, which does not report all changes; put it on a local file system, as in /run" {
		t.Errorf("said %q", got)
	}
}

func TestInitFile(t *testing.T) {
	for _, c := range []struct {
		name, before string
		overwrite    bool
		want         string
	}{
		{"a missing file is written", "", false, "12\n"},
		{"one that is there stays", "3\n", false, "3\n"},
		{"overwrite writes it anew", "3456\n", true, "12\n"},
		{"overwrite writes a missing one", "", true, "12\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			if c.before != "" {
				r.write("f", c.before)
			}
			r.must(Init(r.path("f"), 12, c.overwrite))
			if got, err := os.ReadFile(r.path("f")); err != nil || string(got) != c.want {
				t.Errorf("the file has %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestInitFileDoesNotFollowALink(t *testing.T) {
	r := newRig(t)
	r.write("secret", "1")
	r.must(os.Symlink("secret", r.path("f")))
	if err := Init(r.path("f"), 5, true); err == nil {
		t.Error("a link was followed")
	}
	if got, _ := os.ReadFile(r.path("secret")); string(got) != "1" {
		t.Errorf("what it leads to was written: %q", got)
	}
}
