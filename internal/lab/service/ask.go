package service

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Target is a service that is asked.
type Target struct {
	At       netip.AddrPort
	Protocol string // TCP or UDP
	Mail     bool   // TCP: it speaks first
}

// String names the target, as 192.0.2.1:80/tcp.
func (t Target) String() string { return t.At.String() + "/" + strings.ToLower(t.Protocol) }

// errNobody is an answer that says not from whom it is.
var errNobody = errors.New("the answer does not say from whom it is")

// ask sends a request and returns who answers it in time. do runs a function where
// the client is.
func (t Target) ask(do func(func() error) error, until time.Time) (server string, err error) {
	var f *os.File
	if err := do(func() (err error) { f, err = t.open(); return err }); err != nil {
		return "", err
	}
	defer f.Close()
	if err := f.SetDeadline(until); err != nil {
		return "", err
	}
	switch {
	case t.Protocol == "UDP":
		return askUDP(f)
	case t.Mail:
		return askMail(f)
	}
	return askWeb(f)
}

// open makes a socket and has it connect. It does not wait for that: the first to
// read or write does.
func (t Target) open() (*os.File, error) {
	family, kind := unix.AF_INET, unix.SOCK_STREAM
	if t.At.Addr().Is6() {
		family = unix.AF_INET6
	}
	if t.Protocol == "UDP" {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, t.sockaddr()); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("connect to %s: %w", t, err)
	}
	return os.NewFile(uintptr(fd), t.String()), nil
}

func (t Target) sockaddr() unix.Sockaddr {
	if a := t.At.Addr(); a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4(), Port: int(t.At.Port())}
	}
	return &unix.SockaddrInet6{Addr: t.At.Addr().As16(), Port: int(t.At.Port())}
}

func askWeb(f *os.File) (string, error) {
	if _, err := io.WriteString(f, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(io.LimitReader(f, 1<<16))
	if err != nil {
		return "", err
	}
	for line := range bytes.Lines(answer) {
		if name, ok := strings.CutPrefix(string(line), header+": "); ok {
			return strings.TrimSpace(name), nil
		}
	}
	return "", errNobody
}

func askMail(f *os.File) (string, error) {
	line, err := bufio.NewReader(f).ReadString('\n')
	if err != nil {
		return "", err
	}
	name, ok := strings.CutPrefix(line, "220 ")
	if !ok {
		return "", errNobody
	}
	_, err = io.WriteString(f, "QUIT\r\n")
	return strings.TrimSpace(name), err
}

func askUDP(f *os.File) (string, error) {
	if _, err := io.WriteString(f, question); err != nil {
		return "", err
	}
	b := make([]byte, 512)
	n, err := f.Read(b)
	if err != nil {
		return "", err
	}
	name, ok := strings.CutPrefix(string(b[:n]), signature)
	if !ok {
		return "", errNobody
	}
	return strings.TrimSpace(name), nil
}
