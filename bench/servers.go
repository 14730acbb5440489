package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"holdfast/bench/subject"
	"holdfast/internal/lab/guest"
)

// insideWord is the first argument with which this command measures inside a
// kernel of its own.
const insideWord = "inside"

// guestTimeout bounds one round of one program with virtual servers.
const guestTimeout = 8 * time.Minute

// told is a figure that the inside tells the outside.
type told struct {
	Name, Unit string
	Value      float64
}

// serversOf measures virtual servers on a real IPVS: in User-Mode Linux, whose
// one processor is slow with system calls, for both programs alike.
func serversOf(stint int) func(*bench, context.Context, int) error {
	return func(b *bench, ctx context.Context, program int) error { return b.servers(ctx, stint, program) }
}

func (b *bench) servers(ctx context.Context, stint, program int) error {
	ctx, cancel := context.WithTimeout(ctx, guestTimeout)
	defer cancel()
	dir, err := os.MkdirTemp("", "holdfast-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	figures := filepath.Join(dir, "figures")
	var complaints bytes.Buffer
	code, err := guest.Boot(ctx, guest.Errand{
		Args:    []string{insideWord, strconv.Itoa(stint), strconv.Itoa(program), b.programs[program].Path, figures},
		Modules: []string{"ipv6", "ip_vs", "ip_vs_wlc"}, Memory: "2G",
	}, guest.Stdio{Out: io.Discard, Errs: &complaints})
	if e := b.relate(program, figures); err == nil {
		err = e
	}
	if err == nil && code != 0 {
		err = fmt.Errorf("inside: %s", strings.TrimSpace(complaints.String()))
	}
	return err
}

// relate records what the inside has told.
func (b *bench) relate(program int, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var t told
		if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
			return fmt.Errorf("read what was measured inside: %w", err)
		}
		b.record(program, t.Name, t.Unit, askedOfServers(t.Name), t.Value)
	}
	return nil
}

// The figures of virtual servers, as the table calls them after their size.
const (
	tableWhole  = "start until the table is whole"
	tableAgain  = "second start until the table is whole"
	tableGone   = "stop"
	tableLeft   = "services left by a stop"
	tableSame   = "reload, unchanged"
	tableOne    = "reload, one server added"
	tableMemory = "resident memory (sum of RSS)"
	tableGrowth = "memory after ten reloads, beside that after the first"
	checkKept   = "checks a second, of 1000"
	checkCost   = "CPU per check"
)

// askedOfServers is what a figure is held to.
func askedOfServers(name string) bound {
	_, what, _ := strings.Cut(name, ": ")
	switch what {
	case tableWhole:
		return atMost(0.5, 0)
	case tableAgain:
		return atMost(0.1, 0)
	case tableGone:
		return atMost(0.2, 0)
	case tableSame, tableOne:
		return atMost(0.25, 0)
	case tableMemory, checkCost:
		return atMost(1, 0)
	case tableLeft:
		return within(0)
	case tableGrowth:
		return within(1.1)
	}
	return none()
}

// inside is the command line of the inside: the number of a stint and of a program, the
// path of a holdfast, and the file for the figures.
func inside(ctx context.Context, args []string) error {
	n, bad := strconv.Atoi(args[0])
	p, err := subject.Keepalived()
	if args[1] == "1" {
		p, err = subject.Holdfast(args[2]), nil
	}
	if err = errors.Join(bad, err); err != nil {
		return err
	}
	f, err := os.Create(args[3])
	if err != nil {
		return err
	}
	defer f.Close()
	return measureServers(ctx, p.Balancer(), stints()[n], func(name, unit string, value float64) error {
		return json.NewEncoder(f).Encode(told{name, unit, value})
	})
}
