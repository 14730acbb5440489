// Package relay carries plain messages between the router process and the
// worker process: a stream of gob values over a socket pair, and configurations
// through anonymous memory files that both processes hold open. It knows
// what the messages are, and nothing of what they lead to.
package relay

import (
	"bufio"
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/bfd"
	"holdfast/internal/mono"
	"holdfast/internal/router"
	"holdfast/internal/status"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// Up goes from the router to the worker.
type Up struct {
	// Changes, Signals and Notes are to be told.
	Changes []vrrp.Change
	Signals []vrrp.Signal
	Notes   []vrrp.Note
	// The same of BFD. Verdicts are for those who follow sessions in the worker: each
	// change, and all of them at the start, at a reload (before Accepted, and of new
	// sessions too), and when a worker replaces a dead one. A session that was not
	// spoken of is down. Followed says what they mean to instances.
	BFDChanges []bfd.Change
	BFDNotes   []bfd.Note
	Verdicts   []bfd.Verdict
	Followed   []router.Followed
	// Lines are log lines of the router process itself.
	Lines []Line
	// Lost counts messages that were not kept because the worker was too slow.
	Lost int
	// Load asks for the configuration to be read, at the start and on SIGHUP.
	Load bool
	// Adopt is the memory file with the configuration in force, for a worker
	// that replaces a dead one.
	Adopt *Slot
	// Trial goes with Adopt and Accepted: the configuration is in force until it is
	// confirmed; nil: it needs no confirmation.
	Trial *Trial
	// Kept says that the configuration on trial was confirmed in time.
	Kept bool
	// Accepted says that the router now runs the configuration it was given last.
	Accepted bool
	// Rejected says that it cannot read it.
	Rejected bool
	// Present answers Down.Look.
	Present *router.Present
	// Status answers Down.Ask or a signal; Dump says where it is to go.
	Status *status.Router
	Dump   Dump
	// Stop asks the worker to finish what is queued and to end.
	Stop bool
}

// Line is one log line.
type Line struct {
	Text   string // or several, with line feeds between them
	Detail bool   // only with detailed logging
	Bad    bool   // something is wrong
}

// Dump is a file that a signal asked for.
type Dump uint8

// The dumps.
const (
	NoDump Dump = iota
	DumpData
	// DumpStats is SIGUSR2: the counters.
	DumpStats
	// DumpJSON is SIGRTMIN+2.
	DumpJSON
	// DumpAndClear is SIGRTMAX-1: the counters, which begin again at 0.
	DumpAndClear
	// DumpBefore and DumpAfter are what config_save_dir keeps of a reload.
	DumpBefore
	DumpAfter
)

// Down goes from the worker to the router.
type Down struct {
	Samples []tracker.Sample
	// Config is a new configuration to be run: for Confirm, unless it is confirmed by
	// then; 0: for good.
	Config  *Slot
	Confirm time.Duration
	// Keep confirms the configuration on trial.
	Keep bool
	// Ask asks for the status, for Dump; Look for what a rehearsal begins with.
	Ask, Look bool
	Dump      Dump
	// Announce names an instance whose addresses are to be announced once more.
	Announce string
	// Reloading says that the worker begins a reload of its own accord.
	Reloading bool
	// HandOver names instances that are to hand over, TakeBack those that are to take part
	// in elections again; Maintain begins and ends the maintenance of the node.
	HandOver, TakeBack []string
	Maintain           Maintenance
	// Refused says that the configuration that Load asked for cannot be run;
	// Exit is the status to end with if there is none in force.
	Refused bool
	Exit    int
	// Settled says that the worker too has taken over an accepted configuration.
	Settled bool
}

// Maintenance is what is wanted of it.
type Maintenance uint8

// The wishes.
const (
	MaintenanceAsItIs Maintenance = iota
	MaintenanceOn
	MaintenanceOff
)

// Trial is a configuration in force that has not been confirmed: at Until the one in
// Back returns.
type Trial struct {
	Back  Slot
	Until mono.Instant
}

// Slot is one of the memory files. Size is how long the router's part in it
// is; the worker's follows it.
type Slot struct {
	Number int
	Size   int64
}

// Conn is one end. In is what comes, Out what goes.
type Conn[In, Out any] struct {
	file *os.File
	enc  *gob.Encoder
	dec  *gob.Decoder
}

// NewConn speaks over a stream socket.
func NewConn[In, Out any](f *os.File) *Conn[In, Out] {
	return &Conn[In, Out]{file: f, enc: gob.NewEncoder(f), dec: gob.NewDecoder(bufio.NewReader(f))}
}

// Send writes one message. It may wait for the other side; the loops hand
// their messages to a goroutine that may.
func (c *Conn[In, Out]) Send(m *Out) error { return c.enc.Encode(m) }

// Receive waits for the next message. It returns io.EOF when the other side is gone.
func (c *Conn[In, Out]) Receive() (In, error) {
	var m In
	err := c.dec.Decode(&m)
	return m, err
}

// Close ends both directions.
func (c *Conn[In, Out]) Close() error { return c.file.Close() }

// Slots are the memory files. The configuration in force stays in one, that which
// may return in another, while the next is written to the third.
type Slots [3]*os.File

// NewSlots makes the files; they live in memory and end with their last user.
func NewSlots() (Slots, error) {
	var s Slots
	for i := range s {
		fd, err := unix.MemfdCreate(fmt.Sprintf("holdfast-config-%d", i), unix.MFD_CLOEXEC)
		if err != nil {
			return s, fmt.Errorf("create memory file for the configuration: %w", err)
		}
		s[i] = os.NewFile(uintptr(fd), "configuration")
	}
	return s, nil
}

// NewSlotsIn makes the files in a directory. They have no names, and end with their
// last user too.
func NewSlotsIn(dir string) (Slots, error) {
	var s Slots
	for i := range s {
		f, err := os.CreateTemp(dir, "holdfast-config-*")
		if err != nil {
			return s, err
		}
		s[i] = f
		if err := os.Remove(f.Name()); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Write puts the router's part of a configuration into slot number n.
func (s Slots) Write(n int, c *router.Config) (*Slot, error) {
	f, b := s[n], encode(c)
	if err := f.Truncate(int64(len(b))); err != nil { // what was kept behind is void
		return nil, fmt.Errorf("size configuration slot %d: %w", n, err)
	}
	if _, err := f.WriteAt(b, 0); err != nil {
		return nil, fmt.Errorf("write configuration slot %d: %w", n, err)
	}
	return &Slot{Number: n, Size: int64(len(b))}, nil
}

// Read decodes the router's part.
func (s Slots) Read(slot Slot) (*router.Config, error) {
	b := make([]byte, slot.Size)
	if _, err := s[slot.Number].ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("read configuration slot %d: %w", slot.Number, err)
	}
	c, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("decode configuration slot %d: %w", slot.Number, err)
	}
	return c, nil
}

// Keep puts what the worker needs of a configuration behind the router's part:
// for itself, and for the worker that may have to replace it.
func (s Slots) Keep(slot Slot, v any) error {
	w := bufio.NewWriterSize(io.NewOffsetWriter(s[slot.Number], slot.Size), 1<<16)
	if err := gob.NewEncoder(w).Encode(v); err != nil {
		return fmt.Errorf("keep the configuration: %w", err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("keep the configuration: %w", err)
	}
	return nil
}

// Recall reads what was kept.
func (s Slots) Recall(slot Slot, v any) error {
	r := bufio.NewReader(io.NewSectionReader(s[slot.Number], slot.Size, 1<<40))
	if err := gob.NewDecoder(r).Decode(v); err != nil {
		return fmt.Errorf("recall the configuration: %w", err)
	}
	return nil
}

// Pair makes a connected pair of stream sockets.
func Pair() (router, worker *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make the relay's socket pair: %w", err)
	}
	for _, fd := range fds {
		if err := unix.SetNonblock(fd, true); err != nil { // so that Go waits for it without a thread
			return nil, nil, fmt.Errorf("make the relay non-blocking: %w", err)
		}
	}
	return os.NewFile(uintptr(fds[0]), "relay"), os.NewFile(uintptr(fds[1]), "relay"), nil
}
