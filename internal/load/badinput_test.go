package load

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// badInput is what should not be given as a configuration, and what is said of it.
type badInput struct {
	name string
	// text is the main file; make makes what is not a file with a text.
	text func() string
	make func(path string) error
	want string
	// memory is how much it may take, in kB, if that is more than others may.
	memory int64
}

func badInputs() []badInput {
	text := func(s string) func() string { return func() string { return s } }
	times := func(s string, n int) func() string { return func() string { return strings.Repeat(s, n) } }
	const mega = 1 << 20
	return []badInput{
		{"no file", nil, func(string) error { return nil }, "the file does not exist", 0},
		{"a file as a directory", nil, func(path string) error { return os.Symlink("/etc/passwd/x", path) }, "the file does not exist", 0},
		{"a directory", nil, func(path string) error { return os.Mkdir(path, 0o755) }, "the file is a directory", 0},
		{"a FIFO", nil, func(path string) error { return unix.Mkfifo(path, 0o644) }, "the file is not a regular file", 0},
		{"a device", nil, func(path string) error { return os.Symlink("/dev/zero", path) }, "the file is not a regular file", 0},
		{"a terminal", nil, func(path string) error { return os.Symlink("/dev/tty", path) }, "the file is not a regular file", 0},
		{"links in a circle", nil, func(path string) error { return os.Symlink(path, path) }, "the file cannot be read", 0},
		{"a program", nil, func(path string) error { return os.WriteFile(path, nil, 0o755) }, "the file is executable", 0},
		{"a file without end", nil, func(path string) error {
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				return err
			}
			return os.Truncate(path, 1<<40)
		}, "larger than 256 MiB", 0},

		{"NUL bytes", times("\x00", 20*mega), nil, "longer than 1023 bytes", 0},
		{"lines of NUL bytes", times("\x00\n", 10*mega), nil, "1:1: complaint: a NUL byte", 0},
		{"UTF-16", text("\xff\xfeg\x00l\x00\n\x00"), nil, "1:1: error: the file is text in UTF-16", 0},
		{"a byte order mark", text("\ufeffglobal_defs {\n}\n"), nil, "1:1: complaint: the file begins with a byte order mark", 0},
		{"bytes that are no text", times("\xc3\x28\xff ", 5*mega), nil, "longer than 1023 bytes", 0},
		{"lines that are no text", times("\xc3\x28\xff\n", 200_000), nil, "too many findings", 0},
		{"a line of a megabyte", func() string { return "a " + strings.Repeat("x", mega) }, nil, "1:1: complaint: the line is longer than 1023 bytes", 0},
		{"twenty lines of a megabyte", func() string { return strings.Repeat(strings.Repeat("x", mega)+"\n", 20) }, nil, "20:1: complaint: the line is longer than 1023 bytes", 0},

		{"a file that includes itself", text("include k.conf\ninclude k.conf\n"), nil, "1:1: error: k.conf includes itself", 0},
		{"a file that includes all", text("include *\n"), nil, "includes itself", 0},
		{"a definition of itself", text("$X=$X\na $X\n"), nil, "2:3: error: the definition of $X refers to itself", 0},
		{"a definition of itself in lines", text("$X=\\\n$X\\\n$X\na $X\n$X\n"), nil, "refers to itself", 0},
		{"a definition of itself that grows", text("$X=a${X}${X}\na $X\n"), nil, "2:3: error: the definition of $X refers to itself", 0},
		{"a repetition of ten million", text("~SEQ(X,10000000) a $X\n"), nil, "1:1: error: definitions and repetitions make more than 500000 lines", 0},
		{"repetitions in repetitions", text("~SEQ(X,1000) ~SEQ(Y,1000) ~SEQ(Z,1000) a $X\n"), nil, "make more than 500000 lines", 0},
		{"as many lines as may be", text("~SEQ(X,700) ~SEQ(Y,700) a $X\n"), nil, "too many findings", 0},
		{"many laughs", func() string { return laughs("%s\\\n%s\\\n%s\\\n%s\\\n%s\\\n%s\\\n%s\\\n%s\\\n%s\\\n%s") }, nil, "make more than 500000 lines", 0},
		{"many laughs in a line", func() string { return laughs("%s%s%s%s%s%s%s%s%s%s") }, nil, "is longer than 1023 bytes", 0},
		{"nothing, many times", func() string { return laughs("%s%s%s%s%s%s%s%s%s%s", "") }, nil, "is made of more than 10000 definitions", 0},

		{"{ without end", times("{", 20*mega), nil, "longer than 1023 bytes", 0},
		{"lines of {", times("{\n", 10*mega), nil, "1:1: error: this { opens nothing", 0},
		{"lines of }", times("}\n", 10*mega), nil, "1:1: error: this } closes nothing", 0},
		{"blocks in blocks", times("a {\n", 3*mega), nil, "blocks lie more than 100 deep", 0},
		{"blocks in blocks in lines", times(strings.Repeat("a{", 500)+"\n", 10000), nil, "blocks lie more than 100 deep", 0},
		{"statements without end", times("a\n", 10*mega), nil, "2000001:1: error: more than 2000000 statements", 500_000},
		{"quotes without end", times("a \"\n", 200_000), nil, "the quote is not closed", 0},
		{"marks of a template without end", times("a {{ b }}\n", 200_000), nil, "this is a template", 0},
		{"conditions without end", times("@ a\n", 200_000), nil, "a condition without a name never holds", 0},
		{"parameters without definition", times("a ${X} ${Y} ${Z}\n", 200_000), nil, "this is a template", 0},
		{"alternatives without end", text("include " + strings.Repeat("{a,b}", 150) + "\n"), nil, "no file matches", 0},
	}
}

// laughs is a definition of ten of another, ten deep; the last is of word.
func laughs(ten string, word ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$A=%s\n", strings.Join(append(word, "ha")[:1], ""))
	for c := 'B'; c <= 'J'; c++ {
		fmt.Fprintf(&b, "$%c=%s\n", c, strings.ReplaceAll(ten, "%s", "${"+string(c-1)+"}"))
	}
	return b.String() + "a\n$J\n"
}

// summary is what the helper process reports.
type summary struct {
	Lines []string
	// Memory is the most that the process had, in kB.
	Memory int64
}

// TestMain reads a configuration and tells of it where it is asked to: that
// happens in a process of its own, whose memory can be measured.
func TestMain(m *testing.M) {
	if path := os.Getenv("HOLDFAST_TEST_READ"); path != "" {
		r := Read(Options{File: path})
		var s summary
		for _, d := range r.Findings {
			_ = d.String()
			s.Lines = append(s.Lines, d.Line())
		}
		s.Memory = highest()
		_ = json.NewEncoder(os.Stdout).Encode(s)
		return
	}
	os.Exit(m.Run())
}

// highest is the VmHWM of this process, in kB. That of the resources a parent is
// told counts the parent's own memory.
func highest() (kB int64) {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Sscan(after, &kB)
	return kB
}

// The limits of the specification are a second and 200 MB. Slower machines get ten
// seconds of their processors, whatever else they do at the same time.
const (
	secondsLimit = 10 * time.Second
	patience     = time.Minute
	memoryLimit  = 200_000 // kB
)

func TestBadInput(t *testing.T) {
	for _, c := range badInputs() {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "k.conf")
			if c.text != nil {
				c.make = func(path string) error { return os.WriteFile(path, []byte(c.text()), 0o644) }
			}
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			said, used, took := readElsewhere(t, path)
			if !strings.Contains(said, c.want) || c.want != "" && strings.Count(said, "\n") > 2500 {
				t.Errorf("findings: %.1000s", said)
			}
			if used > max(memoryLimit, c.memory) {
				t.Errorf("%d kB of memory", used)
			}
			if took > secondsLimit {
				t.Errorf("%v of the processor", took)
			}
			t.Logf("%d ms, %d kB", took.Milliseconds(), used)
		})
	}
}

// readElsewhere reads a configuration in another process and answers what it
// found, its memory in kB and the time of the processor.
func readElsewhere(t *testing.T, path string) (said string, memory int64, took time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "HOLDFAST_TEST_READ="+path)
	cmd.Dir = filepath.Dir(path)
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	begun := time.Now()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v after %v: %.2000s", err, time.Since(begun), stderrOf(err))
	}
	var s summary
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	took = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return strings.ReplaceAll(strings.Join(s.Lines, "\n"), filepath.Dir(path)+"/", ""), s.Memory, took
}

func stderrOf(err error) []byte {
	if e, is := err.(*exec.ExitError); is {
		return e.Stderr
	}
	return nil
}
