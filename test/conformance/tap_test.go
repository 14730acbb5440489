package conformance

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// frame is one frame from the other machine, with the kernel's instant.
type frame struct {
	at    time.Time
	bytes []byte
}

// tap is the tester's end of the cable: it sends any frame and keeps all that
// the other machine sent.
type tap struct {
	mac    [6]byte
	fd     int
	closed chan struct{}
	done   chan struct{}

	mu     sync.Mutex
	frames []frame
}

// openTap must be called in the tester's namespace.
func openTap(name string) (*tap, error) {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return nil, err
	}
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all)
	if err != nil {
		return nil, fmt.Errorf("open a packet socket: %w", err)
	}
	t := &tap{mac: [6]byte(link.HardwareAddr), fd: fd, closed: make(chan struct{}), done: make(chan struct{})}
	if err := t.prepare(link.Index); err != nil {
		unix.Close(fd)
		return nil, err
	}
	go t.listen()
	return t, nil
}

func (t *tap) prepare(index int) error {
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8
	if err := unix.SetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return fmt.Errorf("ask for instants: %w", err)
	}
	pause := unix.NsecToTimeval(int64(50 * time.Millisecond))
	if err := unix.SetsockoptTimeval(t.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &pause); err != nil {
		return fmt.Errorf("set the pause of reading: %w", err)
	}
	if err := unix.Bind(t.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index}); err != nil {
		return fmt.Errorf("bind the packet socket: %w", err)
	}
	return nil
}

func (t *tap) listen() {
	defer close(t.done)
	buffer, extra := make([]byte, 2048), make([]byte, 128)
	for {
		select {
		case <-t.closed:
			return
		default:
		}
		n, oob, _, from, err := unix.Recvmsg(t.fd, buffer, extra, 0)
		if ll, ok := from.(*unix.SockaddrLinklayer); err != nil || !ok || ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		f := frame{instant(extra[:oob]), slices.Clone(buffer[:n])}
		t.mu.Lock()
		t.frames = append(t.frames, f)
		t.mu.Unlock()
	}
}

// instant is when the kernel received a frame.
func instant(extra []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(extra)
	if err == nil {
		for _, m := range messages {
			if m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})) {
				return time.Unix((*unix.Timespec)(unsafe.Pointer(&m.Data[0])).Unix())
			}
		}
	}
	return time.Now()
}

func (t *tap) send(b []byte) error {
	if _, err := unix.Write(t.fd, b); err != nil {
		return fmt.Errorf("send a frame: %w", err)
	}
	return nil
}

// since is what came after an instant.
func (t *tap) since(at time.Time) []frame {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(t.frames), func(f frame) bool { return f.at.Before(at) })
}

func (t *tap) close() {
	close(t.closed)
	<-t.done
	unix.Close(t.fd)
}
