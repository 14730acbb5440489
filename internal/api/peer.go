package api

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Asker is who is on the other end of the socket, as the kernel says. The zero Asker is
// nobody knows whom.
type Asker struct {
	Known    bool
	UID, PID int
	Groups   []uint32
}

// String is how the log calls it.
func (a Asker) String() string {
	if !a.Known {
		return "somebody"
	}
	return fmt.Sprintf("uid %d (pid %d)", a.UID, a.PID)
}

// key is whose requests are counted together.
func (a Asker) key() string { return strconv.Itoa(a.UID) }

// Access are the groups whose members may ask.
type Access struct {
	Act, Read []uint32
}

// right is what somebody may do.
type right uint8

const (
	nothing right = iota
	reading
	acting
)

// right is what somebody may do: root and whom the daemon runs as, everything.
func (a *Access) right(who Asker) right {
	if !who.Known {
		return nothing
	}
	in := func(list []uint32) bool {
		return slices.ContainsFunc(list, func(g uint32) bool { return slices.Contains(who.Groups, g) })
	}
	switch {
	case who.UID == 0 || who.UID == os.Geteuid(), a != nil && in(a.Act):
		return acting
	case a != nil && in(a.Read):
		return reading
	}
	return nothing
}

// asker is the key of the Asker in the context of a request.
type asker struct{}

// askerOf is who asks.
func askerOf(r *http.Request) Asker {
	who, _ := r.Context().Value(asker{}).(Asker)
	return who
}

// withPeer notes who is on the other end.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	if l, ok := c.(*counted); ok {
		c = l.Conn
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return ctx
	}
	_ = raw.Control(func(fd uintptr) {
		if who, err := peer(int(fd)); err == nil {
			ctx = context.WithValue(ctx, asker{}, who)
		}
	})
	return ctx
}

func peer(fd int) (Asker, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Asker{}, err
	}
	return Asker{Known: true, UID: int(cred.Uid), PID: int(cred.Pid), Groups: append(peerGroups(fd), cred.Gid)}, nil
}

// peerGroups are the supplementary groups (Linux 4.13); as many as fit.
func peerGroups(fd int) []uint32 {
	groups := make([]uint32, 1024)
	size := uint32(len(groups) * 4)
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS, uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return nil
	}
	return groups[:size/4]
}
