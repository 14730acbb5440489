package daemon

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// What each process may do, and why not less, is decision 12.

// routerRights are the capabilities that the loop and the reconciler act with.
func routerRights() []uint {
	return []uint{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_SYS_NICE, unix.CAP_IPC_LOCK, unix.CAP_SYS_RESOURCE}
}

// workerRights are those with which the worker starts scripts as other users, reads the files
// that a configuration names, checks servers, and keeps IPVS in a namespace.
func workerRights() []uint {
	return append(routerRights(), unix.CAP_NET_BIND_SERVICE, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_KILL, unix.CAP_CHOWN, unix.CAP_FOWNER,
		unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH, unix.CAP_SYS_PTRACE, unix.CAP_SYS_ADMIN)
}

// keepRights gives up all capabilities of this process but some. What root starts gets its
// own from the bounding set, which stays: it is the service manager's to say what scripts of
// root may do. Others would get nothing back: they keep what they were given.
func keepRights(keep []uint) error {
	if os.Geteuid() != 0 {
		return nil
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var set [2]unix.CapUserData
	if err := unix.Capget(&head, &set[0]); err != nil {
		return fmt.Errorf("ask for the capabilities: %w", err)
	}
	var mask [2]uint32
	for _, c := range keep {
		mask[c/32] |= 1 << (c % 32)
	}
	for i := range set {
		set[i].Permitted &= mask[i]
		set[i].Effective &= mask[i]
		set[i].Inheritable = 0
	}
	err := allThreads(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&set[0])), 0)
	if err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	return nil
}

// crashAsSignal has a crash end this process by a signal, and not with the status that means a
// configuration that cannot be run. Nothing of its memory, where keys are, is written to a file.
func crashAsSignal() {
	debug.SetTraceback("crash")
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) // it cannot fail
}

// noNewPrivileges has no program that this process starts get more rights than it has.
func noNewPrivileges() error {
	if err := allThreads(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	return nil
}

// confine closes to this process whatever it does not need to answer who comes in: what is
// open stays so. An old kernel has no Landlock, a rare processor no filter of its own here;
// then the user alone keeps it out.
func confine() error {
	if err := closeFiles(); err != nil {
		return fmt.Errorf("close the file system: %w", err)
	}
	if err := closeCalls(); err != nil {
		return fmt.Errorf("close system calls: %w", err)
	}
	return nil
}

// closeFiles closes the file system, and TCP to others than those who come in.
func closeFiles() error {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno == unix.ENOSYS || errno == unix.EOPNOTSUPP {
		return nil
	}
	closed := closedBy(int(abi))
	set, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&closed)), unsafe.Sizeof(closed), 0)
	if errno != 0 {
		return errno
	}
	defer func() { _ = unix.Close(int(set)) }()
	return allThreads(unix.SYS_LANDLOCK_RESTRICT_SELF, set, 0, 0)
}

// closedBy is all that a kernel can close (landlock(7)), but for connections to sockets in the file
// system: there is the daemon.
func closedBy(abi int) unix.LandlockRulesetAttr {
	files := uint64(unix.LANDLOCK_ACCESS_FS_MAKE_SYM)<<1 - 1 // all of the first version
	for _, later := range []struct {
		abi   int
		right uint64
	}{{2, unix.LANDLOCK_ACCESS_FS_REFER}, {3, unix.LANDLOCK_ACCESS_FS_TRUNCATE}, {5, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV}} {
		if abi >= later.abi {
			files |= later.right
		}
	}
	a := unix.LandlockRulesetAttr{Handled_access_fs: files}
	if abi >= 4 {
		a.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	return a
}

// closeCalls refuses system calls by which programs are started, other processes looked into,
// and sockets opened that are not Unix ones: Landlock knows of TCP only.
func closeCalls() error {
	arch := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]
	if arch == 0 {
		return nil
	}
	raw, err := bpf.Assemble(callFilter(arch))
	if err != nil {
		panic("daemon: the filter of system calls does not assemble: " + err.Error())
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	switch errno {
	case 0, unix.ENOSYS, unix.EINVAL: // a kernel without filters
		return nil
	}
	return errno
}

// refusedCalls are those that end with "operation not permitted".
func refusedCalls() []uint32 {
	return []uint32{
		unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD,
		unix.SYS_BPF, unix.SYS_IO_URING_SETUP, unix.SYS_USERFAULTFD, unix.SYS_PERF_EVENT_OPEN, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
		unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_BIND, unix.SYS_LISTEN,
	}
}

// callFilter judges a struct seccomp_data: number, architecture, instruction, arguments.
func callFilter(arch uint32) []bpf.Instruction {
	const number, architecture, firstArgument, foreign = 0, 4, 16, 0x40000000 // foreign: of x32
	refuse := bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)}
	prog := []bpf.Instruction{
		bpf.LoadAbsolute{Off: architecture, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: arch, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		bpf.LoadAbsolute{Off: number, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: foreign, SkipFalse: 1},
		refuse,
	}
	for _, call := range refusedCalls() {
		prog = append(prog, bpf.JumpIf{Cond: bpf.JumpEqual, Val: call, SkipFalse: 1}, refuse)
	}
	return append(prog,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_SOCKET, SkipFalse: 3},
		bpf.LoadAbsolute{Off: firstArgument, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_UNIX, SkipTrue: 1},
		refuse,
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW})
}

// errLinked: with C libraries there may be threads that the runtime does not know.
var errLinked = errors.New("this program was built with cgo; build it with CGO_ENABLED=0")

// allThreads makes a system call in every thread of this process. What addresses among its
// arguments point to stays where it is.
//
//go:uintptrescapes
func allThreads(call, a, b, c uintptr) error {
	_, _, errno := syscall.AllThreadsSyscall(call, a, b, c)
	switch errno {
	case 0:
		return nil
	case syscall.ENOTSUP:
		return errLinked
	}
	return errno
}
