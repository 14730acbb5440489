// Package netlink reads the kernel's table of virtual servers and applies plans
// of package ipvs to it. It decides nothing. IPVS reports no changes: who wants
// to know them asks again.
package netlink

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/ipvs"
)

// Kernel is the IPVS of the namespace it was opened in. Its methods may be
// called from anywhere and take turns. They block while the kernel works: some
// microseconds for an operation.
type Kernel struct {
	mu        sync.Mutex
	namespace string
	socket    *socket
	family    uint16
	services  []service // of the last look
}

// ErrNoIPVS says that the kernel has none.
var ErrNoIPVS = errors.New("this kernel has no IPVS: it needs the module ip_vs (CONFIG_IP_VS)")

// Open finds IPVS, and loads its module where it is one. Modules of schedulers
// and of persistence engines the kernel loads itself. The table is that of the network
// namespace whose file is named; empty: of this process.
func Open(ctx context.Context, namespace string) (*Kernel, error) {
	s, err := newSocketIn(namespace)
	if err != nil {
		return nil, fmt.Errorf("open a socket to IPVS: %w", err)
	}
	k := &Kernel{namespace: namespace, socket: s}
	if k.family, err = s.resolve("IPVS"); errors.Is(err, unix.ENOENT) {
		loadModule(ctx)
		k.family, err = s.resolve("IPVS")
	}
	switch {
	case err == nil:
		return k, nil
	case errors.Is(err, unix.ENOENT):
		err = ErrNoIPVS
	}
	return nil, errors.Join(err, k.socket.close())
}

// loadModule asks the program that the kernel itself would ask. Whether it
// worked shows itself.
func loadModule(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	program := "/sbin/modprobe"
	if b, err := os.ReadFile("/proc/sys/kernel/modprobe"); err == nil && len(b) > 1 {
		program = strings.TrimSpace(string(b))
	}
	_ = exec.CommandContext(ctx, program, "-q", "--", "ip_vs").Run()
}

// resolve finds the number of a generic netlink family.
func (s *socket) resolve(name string) (id uint16, err error) {
	start := s.begin(unix.GENL_ID_CTRL, unix.CTRL_CMD_GETFAMILY, unix.NLM_F_ACK)
	s.out = appendText(s.out, unix.CTRL_ATTR_FAMILY_NAME, name)
	s.end(start)
	err = s.ask(func(b []byte) error {
		id = uint16(number(inside(b, unix.CTRL_ATTR_FAMILY_ID)))
		return nil
	})
	return id, err
}

// Close closes the socket.
func (k *Kernel) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.socket.close()
}

// Observe reads the services for which mine says so, or all when it is nil, with
// their destinations.
func (k *Kernel) Observe(mine func(ipvs.Key) bool) (ipvs.Table, error) {
	t := ipvs.Table{}
	err := k.Each(mine, func(key ipvs.Key, p ipvs.Pool) {
		p.Servers = slices.Clone(p.Servers)
		t[key] = p
	})
	return t, err
}

// Each does so one by one: a pool is to be used at once. The destinations of each
// service take a question of their own, and asking several at once would gain
// nothing: the kernel works within the call that asks.
func (k *Kernel) Each(mine func(ipvs.Key) bool, take func(ipvs.Key, ipvs.Pool)) error {
	var list []ipvs.Server
	return k.walk(mine, func(s service, servers []server) {
		list = list[:0]
		for _, d := range servers {
			list = append(list, ipvs.Server{At: d.At, Destination: d.Destination})
		}
		list = ipvs.Sorted(list)
		take(s.Key, ipvs.Pool{Service: s.Service, Servers: list})
	})
}

// Statistics reads the counters of all services and destinations.
func (k *Kernel) Statistics() ([]ipvs.Usage, error) {
	var all []ipvs.Usage
	err := k.walk(nil, func(s service, servers []server) {
		u := ipvs.Usage{Key: s.Key, Counters: s.Counters}
		for _, d := range servers {
			u.Servers = append(u.Servers, d.ServerUsage)
		}
		all = append(all, u)
	})
	return all, err
}

func (k *Kernel) walk(mine func(ipvs.Key) bool, take func(service, []server)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.list(mine); err != nil {
		return k.lost("list services", err)
	}
	var servers []server
	var err error
	for _, s := range k.services {
		if servers, err = k.servers(servers[:0], s.Key); err != nil {
			return k.lost("list destinations of "+s.Key.String(), err)
		}
		take(s, servers)
	}
	return nil
}

// list reads the services for which mine says so, into a list that stays: it is made
// every other second.
func (k *Kernel) list(mine func(ipvs.Key) bool) error {
	k.services = k.services[:0]
	return k.ask(cmdGetService, unix.NLM_F_DUMP, nil, func(b []byte) error {
		s, err := decodeService(b)
		if mine == nil || mine(s.Key) {
			k.services = append(k.services, s)
		}
		return err
	})
}

// servers appends to all those of a service. One that went meanwhile has none.
func (k *Kernel) servers(all []server, key ipvs.Key) ([]server, error) {
	fill := func(b []byte) []byte {
		return nested(b, attrService, func(b []byte) []byte { return appendKey(b, key) })
	}
	err := k.ask(cmdGetDest, unix.NLM_F_DUMP, fill, func(b []byte) error {
		d, err := decodeServer(b, key.Is6())
		all = append(all, d)
		return err
	})
	return all, err
}

// ask sends one command and passes the answers to take.
func (k *Kernel) ask(command uint8, flags uint16, fill func([]byte) []byte, take func([]byte) error) error {
	start := k.socket.begin(k.family, command, flags)
	if fill != nil {
		k.socket.out = fill(k.socket.out)
	}
	k.socket.end(start)
	return k.socket.ask(take)
}

// tell carries out one command that is no part of a plan.
func (k *Kernel) tell(what string, command uint8, fill func([]byte) []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.ask(command, unix.NLM_F_ACK, fill, nil); err != nil {
		return k.lost(what, err)
	}
	return nil
}

// lost names what failed, and opens the socket anew: an answer may still be on
// its way, and the kernel answers no dump while another is under way.
func (k *Kernel) lost(what string, err error) error {
	err = fmt.Errorf("%s: %w", what, explained(err))
	s, again := newSocketIn(k.namespace)
	if again != nil {
		return errors.Join(err, again)
	}
	_ = k.socket.close()
	k.socket = s
	return err
}

// Timeouts reads those of connections.
func (k *Kernel) Timeouts() (t ipvs.Timeouts, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err = k.ask(cmdGetConfig, unix.NLM_F_ACK, nil, func(b []byte) error {
		t.TCP, t.TCPFin, t.UDP = uint32(number(inside(b, attrTCP))), uint32(number(inside(b, attrTCPFin))), uint32(number(inside(b, attrUDP)))
		return nil
	})
	if err != nil {
		return t, k.lost("read the timeouts of connections", err)
	}
	return t, nil
}

// SetTimeouts sets those of connections that are not 0.
func (k *Kernel) SetTimeouts(t ipvs.Timeouts) error {
	return k.tell("set the timeouts of connections", cmdSetConfig, func(b []byte) []byte {
		b = appendUint32(b, attrTCP, t.TCP)
		b = appendUint32(b, attrTCPFin, t.TCPFin)
		return appendUint32(b, attrUDP, t.UDP)
	})
}

// Daemons lists the synchronisation daemons that run: none, one, or one of each role.
func (k *Kernel) Daemons() (all []ipvs.Daemon, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	err = k.ask(cmdGetDaemon, unix.NLM_F_DUMP, nil, func(b []byte) error {
		d, err := decodeDaemon(b)
		all = append(all, d)
		return err
	})
	if err != nil {
		return nil, k.lost("list synchronisation daemons", err)
	}
	return all, nil
}

// StartDaemon starts a synchronisation daemon. One of its role must not run yet.
func (k *Kernel) StartDaemon(d ipvs.Daemon) error {
	return k.tell(fmt.Sprintf("start the %s synchronisation daemon on %s", d.Role, d.Interface), cmdNewDaemon, func(b []byte) []byte {
		return nested(b, attrDaemon, func(b []byte) []byte { return appendDaemon(b, d) })
	})
}

// StopDaemon stops the synchronisation daemon of a role. Of one that has not run
// yet the kernel says EINTR, which netlink keeps to itself: then the list tells.
func (k *Kernel) StopDaemon(r ipvs.Role) error {
	err := k.tell(fmt.Sprintf("stop the %s synchronisation daemon", r), cmdDelDaemon, func(b []byte) []byte {
		return nested(b, attrDaemon, func(b []byte) []byte { return appendUint32(b, daemonState, uint32(r)) })
	})
	if !errors.Is(err, errSilent) {
		return err
	}
	left, listing := k.Daemons()
	if listing == nil && !slices.ContainsFunc(left, func(d ipvs.Daemon) bool { return d.Role == r }) {
		return nil
	}
	return errors.Join(err, listing)
}

// Zero sets all counters to 0.
func (k *Kernel) Zero() error { return k.tell("zero the counters of IPVS", cmdZero, nil) }

// Flush removes all services, those of others too. Nothing but the wish of an
// operator is a reason: what is added again after it is added slowly.
func (k *Kernel) Flush() error { return k.tell("remove all services of IPVS", cmdFlush, nil) }
