package subject

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/lab/netns"
)

// configFile is where the configuration lies, as the node sees it.
const configFile = "/run/bench.conf"

// Daemon is a program that runs on a node, which it has to itself: every other
// process of the node counts as part of it.
type Daemon struct {
	Program
	Node *netns.Node
	Log  *Log
	// Started is the instant just before the program was executed.
	Started time.Time

	cmd    *exec.Cmd
	exited chan struct{}
}

// Start writes the configuration and starts the program.
func Start(node *netns.Node, p Program, config string) (*Daemon, error) {
	d := &Daemon{Program: p, Node: node, Log: newLog()}
	if err := d.write(config); err != nil {
		return nil, err
	}
	if err := d.removePidFiles(); err != nil {
		return nil, err
	}
	return d, d.Revive()
}

// pidFiles are where keepalived is told to put its process numbers. One that a
// killed run left would keep the next from starting whenever another process of
// the node has its number, which in a small node is soon.
func pidFiles() []string { return []string{"/run/main.pid", "/run/vrrp.pid", "/run/checkers.pid"} }

func (d *Daemon) removePidFiles() error {
	return d.Node.Do(func() error {
		for _, file := range pidFiles() {
			if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
		return nil
	})
}

func (d *Daemon) write(config string) error {
	if err := d.Node.WriteFile(configFile, config, 0o644); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

// Revive starts the program again with the same configuration and log, as a
// supervisor does.
func (d *Daemon) Revive() error {
	argv := d.argv(configFile)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = d.Log, d.Log
	cmd.WaitDelay = time.Second
	started, exited := time.Now(), make(chan struct{})
	if err := d.Node.Start(cmd); err != nil {
		return fmt.Errorf("start %s: %w", d.Name, err)
	}
	d.cmd, d.Started, d.exited = cmd, started, exited
	go func() {
		cmd.Wait()
		close(exited)
	}()
	return nil
}

// Alive reports whether the first process runs.
func (d *Daemon) Alive() bool {
	select {
	case <-d.exited:
		return false
	default:
		return true
	}
}

// Pids lists all processes of the program, the first one first.
func (d *Daemon) Pids() []int {
	pids := d.Node.Pids()
	slices.SortFunc(pids, func(a, b int) int { return d.order(a) - d.order(b) })
	return pids
}

func (d *Daemon) order(pid int) int {
	if pid == d.cmd.Process.Pid {
		return 0
	}
	return pid
}

// Reload replaces the configuration and sends SIGHUP; the instant just before
// the signal is returned.
func (d *Daemon) Reload(config string) (time.Time, error) {
	if err := d.write(config); err != nil {
		return time.Time{}, err
	}
	at := time.Now()
	return at, d.signal(unix.SIGHUP)
}

func (d *Daemon) signal(sig unix.Signal) error {
	if err := unix.Kill(d.cmd.Process.Pid, sig); err != nil {
		return fmt.Errorf("send %v to %s: %w", sig, d.Name, err)
	}
	return nil
}

// Terminate sends SIGTERM to the first process and does not wait.
func (d *Daemon) Terminate() error { return d.signal(unix.SIGTERM) }

// Wait waits until the first process has ended.
func (d *Daemon) Wait(ctx context.Context) error {
	select {
	case <-d.exited:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s does not end: %w", d.Name, ctx.Err())
	}
}

// Kill kills all processes with SIGKILL as if at once: they are stopped first,
// so that none lives to see another die, starts it again or says good-bye.
func (d *Daemon) Kill() {
	pids := d.Pids()
	for _, sig := range []unix.Signal{unix.SIGSTOP, unix.SIGKILL} {
		for _, pid := range pids {
			unix.Kill(pid, sig)
		}
	}
	d.Node.Kill()
}

// KillVRRP kills the process that speaks VRRP with SIGKILL. What follows is
// the business of its supervisor: the first process of keepalived, and for
// holdfast the caller, with Revive.
func (d *Daemon) KillVRRP() error {
	for _, pid := range d.Pids() {
		if d.forks != (pid == d.cmd.Process.Pid) {
			return unix.Kill(pid, unix.SIGKILL)
		}
	}
	return errors.New("no process speaks VRRP")
}

// Stop ends the program in good order, or by force if it takes too long.
func (d *Daemon) Stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if d.Terminate() == nil {
		d.Wait(ctx)
	}
	d.Kill()
}
