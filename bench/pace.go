package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/checker"
	"holdfast/internal/checker/http"
	engine "holdfast/internal/checker/run"
	"holdfast/internal/checker/tcp"
)

// paceWord is the first argument with which this command is the process that
// makes the checks.
const paceWord = "pace"

// How many servers are checked, how often, and for how long it is watched after
// each was checked once.
const (
	paceServers = 20_000
	paceLoop    = 5 * time.Second
	paceWatch   = 10 * time.Second
)

// paced is what the process that makes the checks tells.
type paced struct {
	Made   uint64
	Latest time.Duration // that a check began after it was due
	CPU    time.Duration
	RSS    int64 // KiB, at most
}

// pace measures the engine of health checks by itself, against servers with
// addresses of their own on loopback. keepalived makes none without IPVS: the rows
// of virtual servers compare the two.
func (b *bench) pace(ctx context.Context, program int) error {
	if program == 0 {
		return nil
	}
	for _, kind := range []string{"TCP_CHECK", "HTTP_GET", "TCP_CHECK without answer"} {
		p, err := b.paceOf(ctx, kind)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%d servers every %v, %s: ", paceServers, paceLoop, kind)
		b.record(program, name+"latest check", "ms", within(100), ms(p.Latest))
		b.record(program, name+"CPU per check", "ms", none(), ms(p.CPU)/float64(max(p.Made, 1)))
		b.record(program, name+"memory", "MiB", none(), float64(p.RSS)/1024)
	}
	return nil
}

// paceOf lets a process make checks of one kind for a while.
func (b *bench) paceOf(ctx context.Context, kind string) (p paced, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	l, err := farmhouse(ctx, kind)
	if err != nil {
		return p, err
	}
	defer l.Close()
	self, err := os.Executable()
	if err != nil {
		return p, err
	}
	cmd := exec.CommandContext(ctx, self, paceWord, kind, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return p, fmt.Errorf("make checks: %w", err)
	}
	return p, json.Unmarshal(out, &p)
}

// farmhouse is all servers at once: one port on every address of loopback. The
// silent one has room for nobody.
func farmhouse(ctx context.Context, kind string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp4", "0.0.0.0:0")
	if err != nil {
		return nil, err
	}
	if kind == "TCP_CHECK without answer" {
		raw, err := l.(*net.TCPListener).SyscallConn()
		if err != nil {
			return nil, err
		}
		var failed error
		if err := raw.Control(func(fd uintptr) { failed = unix.Listen(int(fd), 0) }); err != nil {
			return nil, err
		}
		return l, failed
	}
	go welcome(l, kind == "HTTP_GET")
	return l, nil
}

func welcome(l net.Listener, speaks bool) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if !speaks {
			_ = c.Close()
			continue
		}
		go func() {
			defer c.Close()
			for r := bufio.NewReaderSize(c, 256); ; {
				if line, err := r.ReadString('\n'); err != nil || line == "\r\n" {
					break
				}
			}
			_, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")
		}()
	}
}

// makeChecks is the process that makes the checks.
func makeChecks(kind, port string) error {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	var probe checker.Probe = tcp.Connect{}
	if kind == "HTTP_GET" {
		probe = &http.Get{Path: "/", Version: "1.0", Whole: true}
	}
	var jobs []*checker.Job
	for i := range paceServers {
		jobs = append(jobs, &checker.Job{ID: checker.ID(i), Steps: []checker.Probe{probe}, Timeout: paceLoop,
			Rules:  checker.Rules{DelayLoop: paceLoop, DownLoop: paceLoop, Warmup: paceLoop, DelayBeforeRetry: time.Second},
			Target: checker.Target{Addr: netip.AddrFrom4([4]byte{127, byte(1 + i>>16), byte(i >> 8), byte(i)}), Port: uint16(n)}})
	}
	r := engine.New(engine.Room(), func(checker.Report) {}, func(string) {})
	r.Apply(jobs)
	time.Sleep(paceLoop + time.Second)
	before, _ := r.Pace()
	spent := processorTime()
	time.Sleep(paceWatch)
	made, latest := r.Pace()
	p := paced{Made: made - before, Latest: latest, CPU: processorTime() - spent, RSS: usage().Maxrss}
	return json.NewEncoder(os.Stdout).Encode(p)
}

func usage() (u unix.Rusage) {
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return u
}

func processorTime() time.Duration {
	u := usage()
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
