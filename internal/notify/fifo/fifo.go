// Package fifo writes state changes into named pipes and looks after the
// programs that read them. It never waits for a reader.
package fifo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/command"
	"holdfast/internal/notify"
)

const (
	mode = 0o644
	// room is how much a pipe is asked to hold: 4,000 instances that change
	// state together write 140 kB before a reader has had its first turn.
	room = 1 << 20
	// readerPatience is how long a reader may take to read the last lines, and
	// then to obey TERM.
	readerPatience = time.Second
)

// Spec is one notify_fifo of the configuration.
type Spec struct {
	Path string
	// UID and GID own the pipe.
	UID, GID uint32
	// Reader is started with the path as its last argument; nil: none.
	Reader *command.Runnable
}

// Equal reports whether s and o are the same pipe with the same reader, so that
// a reload can leave both alone.
func (s Spec) Equal(o Spec) bool {
	if s.Reader == nil || o.Reader == nil {
		return s == o
	}
	return s.Path == o.Path && s.UID == o.UID && s.GID == o.GID && s.Reader.Equal(o.Reader)
}

// FIFO is an open pipe. It is a notify.Sink.
type FIFO struct {
	spec    Spec
	log     func(string)
	created bool
	reader  *command.Process

	mu   sync.Mutex
	fd   int // closed when it is -1
	lost uint64
	full bool
}

// Open makes the pipe if there is none, opens it and starts the reader. What is
// wrong with the reader is logged; the pipe is of use without one. What is
// wrong with the pipe is the error.
func Open(spec Spec, starter *command.Starter, log func(string)) (*FIFO, error) {
	f := &FIFO{spec: spec, log: log, fd: -1}
	if err := f.create(); err != nil {
		return nil, err
	}
	if err := f.open(); err != nil {
		f.remove()
		return nil, err
	}
	f.read(starter)
	return f, nil
}

// Renew is for a reload: it returns old as it is when spec asks for the same
// pipe, so that its reader loses nothing, and else closes old and opens what
// spec asks for. Both old and spec may be nil, for none.
func Renew(old *FIFO, spec *Spec, starter *command.Starter, log func(string)) (*FIFO, error) {
	if old != nil && spec != nil && old.spec.Equal(*spec) {
		return old, nil
	}
	if old != nil {
		old.Close()
	}
	if spec == nil {
		return nil, nil
	}
	return Open(*spec, starter, log)
}

// Spec is what f was opened with.
func (f *FIFO) Spec() Spec { return f.spec }

func (f *FIFO) create() error {
	err := unix.Mkfifo(f.spec.Path, mode)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("create FIFO %s: %w", f.spec.Path, err)
	}
	f.created = err == nil
	return nil
}

// open opens the pipe for reading too, so that it keeps what is written while
// nobody reads. What is there must be a pipe of ours or of its owner, and not a
// link to one: everything else would be written to on somebody's behalf.
func (f *FIFO) open() error {
	fd, err := unix.Open(f.spec.Path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open FIFO %s: %w", f.spec.Path, err)
	}
	if err := errors.Join(f.inspect(fd), f.endow(fd)); err != nil {
		unix.Close(fd)
		return err
	}
	_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, room)
	f.fd = fd
	return nil
}

// endow gives a pipe that was made here its mode, of which the umask took some
// bits, and its owner.
func (f *FIFO) endow(fd int) error {
	if !f.created {
		return nil
	}
	if err := errors.Join(unix.Fchmod(fd, mode), unix.Fchown(fd, int(f.spec.UID), int(f.spec.GID))); err != nil {
		return fmt.Errorf("give FIFO %s to uid %d: %w", f.spec.Path, f.spec.UID, err)
	}
	return nil
}

func (f *FIFO) inspect(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("open FIFO %s: %w", f.spec.Path, err)
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFIFO:
		return fmt.Errorf("%s exists and is not a FIFO, it is not used; remove it or name another path", f.spec.Path)
	case st.Uid != f.spec.UID && st.Uid != uint32(os.Geteuid()):
		return fmt.Errorf("FIFO %s is owned by uid %d, it is not used; chown it to uid %d", f.spec.Path, st.Uid, f.spec.UID)
	}
	return nil
}

// Deliver writes the line of m. It fails only when f is closed: a line that
// finds the pipe full is lost and counted, and the first of a row is logged.
func (f *FIFO) Deliver(_ context.Context, m notify.Message) error {
	return f.Write(m.Line())
}

// Write writes one line, its end included, or nothing of it.
func (f *FIFO) Write(line string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fd < 0 {
		return os.ErrClosed
	}
	// A write of up to PIPE_BUF bytes is whole or not at all, pipe(7).
	_, err := unix.Write(f.fd, []byte(line))
	if errors.Is(err, unix.EAGAIN) {
		f.overflow()
		return nil
	}
	f.full = false
	return err
}

// Lost is the number of lines that found the pipe full.
func (f *FIFO) Lost() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

func (f *FIFO) overflow() {
	f.lost++
	if !f.full {
		f.full = true
		f.log(fmt.Sprintf("FIFO %s is full, lines are lost until somebody reads it", f.spec.Path))
	}
}

// Close closes the pipe, lets the reader read what is in it and end, removes
// the pipe if Open created it, and ends a reader that stays.
func (f *FIFO) Close() {
	f.mu.Lock()
	if f.fd >= 0 {
		unix.Close(f.fd)
		f.fd = -1
	}
	f.mu.Unlock()
	f.dismiss()
	f.remove()
}

func (f *FIFO) read(starter *command.Starter) {
	if f.spec.Reader == nil {
		return
	}
	p, err := starter.Start(f.spec.Reader, f.spec.Path)
	if err != nil {
		f.log(fmt.Sprintf("FIFO script '%s': %v", f.spec.Reader.Line, err))
		return
	}
	f.reader = p
	go f.mourn(p)
}

// mourn logs the end of the reader if it comes while the pipe is in use.
func (f *FIFO) mourn(p *command.Process) {
	exit := p.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fd >= 0 {
		f.log(fmt.Sprintf("FIFO script '%s' ended (%s); a reload starts it again", f.spec.Reader.Line, exit))
	}
}

// dismiss waits for the reader, who sees the end of the file once it has read
// all, and then makes it end.
func (f *FIFO) dismiss() {
	if f.reader == nil {
		return
	}
	select {
	case <-f.reader.Done():
	case <-time.After(readerPatience):
		f.reader.End(readerPatience)
	}
}

func (f *FIFO) remove() {
	if f.created {
		_ = os.Remove(f.spec.Path)
	}
}
