// Package census counts what the kernel's IPVS holds, cheaply enough to be asked
// every few milliseconds beside what is measured: by the socket options of
// linux/ip_vs.h, which give all services of IPv4 in one call, each with the
// number of its destinations.
package census

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of linux/ip_vs.h: IP_VS_SO_GET_INFO and IP_VS_SO_GET_SERVICES; struct
// ip_vs_getinfo; struct ip_vs_get_services, whose entries begin at services;
// struct ip_vs_service_entry and its num_dests.
const (
	getInfo, getServices = 64 + 1024 + 64 + 1, 64 + 1024 + 64 + 2
	infoSize, infoCount  = 12, 8
	services, entrySize  = 8, 104
	entryDestinations    = 44
)

// Count is how much a table holds.
type Count struct{ Services, Destinations int }

// Census is a socket in the network namespace whose table is counted.
type Census struct {
	fd     int
	buffer []byte // kept: pages that are touched for the first time are dear
}

// Open makes one in the namespace of the calling thread.
func Open() (*Census, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return nil, fmt.Errorf("open a socket for IPVS: %w", err)
	}
	return &Census{fd: fd}, nil
}

// Close closes it.
func (c *Census) Close() error { return unix.Close(c.fd) }

// Count reads the table. It changes while it is read: a service more or less
// between the two calls makes the second one fail, and both are made again.
func (c *Census) Count() (Count, error) {
	for {
		n, err := c.services()
		if err != nil || n == 0 {
			return Count{}, err
		}
		table := c.room(services + n*entrySize)
		binary.NativeEndian.PutUint32(table, uint32(n))
		err = c.get(getServices, table)
		if errors.Is(err, unix.EINVAL) {
			continue
		}
		return Count{n, destinations(table)}, err
	}
}

// room is a part of the buffer.
func (c *Census) room(size int) []byte {
	if len(c.buffer) < size {
		c.buffer = make([]byte, 2*size)
	}
	return c.buffer[:size]
}

func (c *Census) services() (int, error) {
	info := make([]byte, infoSize)
	err := c.get(getInfo, info)
	return int(binary.NativeEndian.Uint32(info[infoCount:])), err
}

func destinations(table []byte) (sum int) {
	for at := services; at < len(table); at += entrySize {
		sum += int(binary.NativeEndian.Uint32(table[at+entryDestinations:]))
	}
	return sum
}

func (c *Census) get(option uintptr, into []byte) error {
	size := uint32(len(into))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(c.fd), unix.IPPROTO_IP, option,
		uintptr(unsafe.Pointer(&into[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return fmt.Errorf("ask IPVS for its table: %w", errno)
	}
	return nil
}
