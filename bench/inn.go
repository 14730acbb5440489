package main

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/lab/netns"
)

// inn is every server of a farm at once: one port at all addresses of a node. It
// takes connections in batches and with few system calls, so that what a machine
// does is done by who checks.
type inn struct {
	fd      int
	page    bool         // is given to who asks
	came    func(fd int) // is told of each connection
	waiting []int        // connections that have not asked yet
	closed  atomic.Bool
	done    chan struct{}
}

const (
	innPause = 5 * time.Millisecond // between two batches
	innPage  = "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\nok\n"
)

// openInn opens the port of a node, and gives pages if the check asks for them.
func openInn(node *netns.Node, port int, check string, came func(fd int)) (*inn, error) {
	n := &inn{page: check == httpCheck, came: came, done: make(chan struct{})}
	if err := node.Do(func() error { return n.listen(port) }); err != nil {
		return nil, fmt.Errorf("open the servers of a farm: %w", err)
	}
	go n.serve()
	return n, nil
}

func (n *inn) listen(port int) (err error) {
	if n.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	_ = unix.SetsockoptInt(n.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err := unix.Bind(n.fd, &unix.SockaddrInet4{Port: port}); err != nil {
		return err
	}
	return unix.Listen(n.fd, 4096)
}

func (n *inn) close() {
	n.closed.Store(true)
	<-n.done
}

func (n *inn) serve() {
	defer close(n.done)
	for !n.closed.Load() {
		n.waiting = slices.DeleteFunc(n.waiting, n.answer)
		n.admit()
		time.Sleep(innPause)
	}
	for _, fd := range append(n.waiting, n.fd) {
		_ = unix.Close(fd)
	}
}

func (n *inn) admit() {
	for {
		fd, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(n.fd), 0, 0, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		if errno != 0 {
			return
		}
		n.came(int(fd))
		if !n.page {
			_ = unix.Close(int(fd))
		} else if !n.answer(int(fd)) {
			n.waiting = append(n.waiting, int(fd))
		}
	}
}

// answer gives a page to who has asked for it; false: it has not yet.
func (n *inn) answer(fd int) (done bool) {
	var request [1024]byte
	got, err := unix.Read(fd, request[:])
	if err == unix.EAGAIN {
		return false
	}
	if got > 0 {
		_, _ = unix.Write(fd, []byte(innPage))
	}
	_ = unix.Close(fd)
	return true
}
