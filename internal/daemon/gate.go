package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"reflect"
	"syscall"
	"time"

	"holdfast/internal/api"
	"holdfast/internal/config"
)

// GateWord is the only argument of the process that lets other machines in.
const GateWord = "gate"

// nobody is whom that process runs as: who has no rights, and owns no file.
const nobody = 65534

// gate is the process that lets other machines ask, as the worker sees it. What it needs it is
// given: the listener, keys and tokens. It has no capability, and may not get one.
type gate struct {
	log    *slog.Logger
	server *api.Server
	task   api.Gate // what it was started for
	at     netip.AddrPort
	end    context.CancelFunc // nil: it does not run
}

// want makes the process that which a configuration wants. One that is wanted as it is stays, with
// its connections; a file that has others in it makes another.
func (g *gate) want(c config.API, socket string) {
	if !c.Listen.IsValid() {
		g.close()
		return
	}
	task, err := errand(c, socket)
	at := netip.AddrPortFrom(c.Listen, c.Port)
	if err == nil && g.end != nil && g.at == at && reflect.DeepEqual(*task, g.task) {
		return
	}
	g.close()
	if err == nil {
		err = g.open(at, task)
	}
	if err != nil {
		g.log.Error(fmt.Sprintf("api_listen: %v; nobody is let in from other machines", err))
	}
}

// errand reads the files, which the process itself may not.
func errand(c config.API, socket string) (*api.Gate, error) {
	task := &api.Gate{Acts: c.ListenActs, Socket: socket}
	var bad error
	read := func(path string) []byte {
		if path == "" {
			return nil
		}
		text, err := os.ReadFile(path)
		bad = errors.Join(bad, err)
		return text
	}
	task.Certificate, task.Key, task.ClientCA, task.Tokens = read(c.Certificate), read(cmp.Or(c.Key, c.Certificate)), read(c.ClientCA), string(read(c.Tokens))
	if bad != nil {
		return nil, bad
	}
	return task, task.Check()
}

// open begins to listen for the process, and keeps it.
func (g *gate) open(at netip.AddrPort, task *api.Gate) error {
	inside, err := api.Listen(task.Socket)
	if err == nil {
		err = os.Chown(task.Socket, nobody, nobody)
	}
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(context.Background())
	g.task, g.at, g.end = *task, at, func() { end(); _ = inside.Close() }
	go func() { _ = g.server.Serve(inside) }() // until it is closed
	go keepGate(ctx, g.log, g.server, task, at)
	return nil
}

// close ends the process and takes its socket away.
func (g *gate) close() {
	if g.end != nil {
		g.end()
	}
	g.end = nil
}

// keepGate starts the process, and again when it dies. The address may come later, and the
// process of a worker that died may still have it.
func keepGate(ctx context.Context, log *slog.Logger, server *api.Server, task *api.Gate, at netip.AddrPort) {
	said := ""
	for ctx.Err() == nil {
		err := launch(ctx, server, task, at)
		if text := fmt.Sprint(err); ctx.Err() == nil && text != said {
			log.Error("api_listen: nobody is let in from other machines: " + text)
			said = text
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

// launch is the life of the process. Its input is its errand, and stays open for as long as it
// is wanted.
func launch(ctx context.Context, server *api.Server, task *api.Gate, at netip.AddrPort) error {
	outside, err := listen(at)
	if err != nil {
		return err
	}
	defer func() { _ = outside.Close() }()
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args, cmd.Env, cmd.Dir = []string{os.Args[0], GateWord}, []string{}, "/"
	cmd.ExtraFiles, cmd.Stderr = []*os.File{outside}, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	in, err := cmd.StdinPipe() // closed when the process has ended
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	server.Trust(cmd.Process.Pid)
	defer server.Distrust(cmd.Process.Pid)
	if err := json.NewEncoder(in).Encode(task); err != nil {
		_ = cmd.Process.Kill()
	}
	return cmd.Wait()
}

// listen opens the port, for another process.
func listen(at netip.AddrPort) (*os.File, error) {
	l, err := net.Listen("tcp", at.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.Close() }()
	return l.(*net.TCPListener).File()
}

// Guard is the life of the process that lets other machines in.
func Guard() int {
	if err := guard(); err != nil {
		fmt.Fprintf(os.Stderr, "api_listen: %v\n", err)
		return exitFatal
	}
	return exitStopped
}

func guard() error {
	if os.Geteuid() == 0 {
		return errors.New("this process is not to have rights")
	}
	if err := noNewPrivileges(); err != nil {
		return err
	}
	if err := confine(); err != nil {
		return err
	}
	var task api.Gate
	in := json.NewDecoder(os.Stdin)
	if err := in.Decode(&task); err != nil {
		return fmt.Errorf("read the errand: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(exitStopped) // the worker is gone, or wants no more of it
	}()
	l, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	return task.Serve(l)
}
