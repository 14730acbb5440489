package lab

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/test/wait"
)

// lockedBuffer is written to by one and read by others.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// terminal makes a terminal of a size: the side that a person sits at, and the other.
func terminal(t *testing.T, columns, rows uint16) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(person.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close(); _ = program.Close() })
	return person, program
}

// On a terminal it is live: keys are obeyed inside the guest, whose screen has the
// size of the terminal, and the terminal is as before in the end.
func TestTheLiveScreenWorks(t *testing.T) {
	person, program := terminal(t, 120, 40)
	before, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(t, scenario("14-lvs-nat-rr", "gateway.conf")...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen lockedBuffer
	go func() {
		b := make([]byte, 1<<16)
		for {
			n, err := person.Read(b)
			if err != nil {
				return
			}
			_, _ = seen.Write(b[:n])
		}
	}()
	sees := func(text string) {
		t.Helper()
		wait.For(t, time.Minute, "the screen shows "+text, func() bool { return strings.Contains(seen.String(), text) }, seen.String)
	}
	press := func(keys string) {
		t.Helper()
		if _, err := person.WriteString(keys); err != nil {
			t.Fatal(err)
		}
	}
	sees("10.0.3.15:80/tcp") // beyond the 80 columns of a terminal without a size
	sees("is answered by 10.10.10.11, 10.10.10.12;")
	press("2k")
	sees("---- kill 10.10.10.11")
	press("q")
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	sees("requests,")
	after, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil || *after != *before {
		t.Errorf("the terminal was %+v and is %+v (%v)", before, after, err)
	}
}
