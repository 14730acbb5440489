package subject

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"holdfast/internal/lab/netns"
)

// Cost is what one run of a program took, from its start to its end.
type Cost struct {
	CPU, Wall time.Duration // CPU is user and system time
	RSS       int64         // largest resident memory, in KiB
	Status    int           // the exit status
}

// CostWord is the first argument with which this command is its own child, that
// runs a program and accounts for it.
const CostWord = "cost-of"

// Test has a program test a configuration on a node, as keepalived's -t and
// `holdfast check` do: it reads everything and runs nothing.
//
// A small process in between starts it: until a new process has executed its
// program, its memory is that of its parent, and the kernel counts that too.
func (p Program) Test(ctx context.Context, node *netns.Node, config string) (Cost, error) {
	var c Cost
	if err := node.WriteFile(configFile, config, 0o644); err != nil {
		return c, err
	}
	self, err := os.Executable()
	if err != nil {
		return c, err
	}
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, self, append([]string{CostWord}, p.test(configFile)...)...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := node.Start(cmd); err != nil {
		return c, err
	}
	if err := cmd.Wait(); err != nil {
		return c, fmt.Errorf("account for %s: %w: %s", p.Name, err, said.String())
	}
	if err := json.Unmarshal(out.Bytes(), &c); err != nil {
		return c, fmt.Errorf("account for %s: %w", p.Name, err)
	}
	if c.Status < 0 || c.Status > p.tested {
		return c, fmt.Errorf("%s ends with status %d: %s", p.Name, c.Status, firstLines(said.String(), 5))
	}
	return c, nil
}

// Account runs a command and prints its Cost as JSON; what the command prints goes
// to standard error.
func Account(argv []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	start := time.Now()
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		return err
	}
	s := cmd.ProcessState
	return json.NewEncoder(os.Stdout).Encode(Cost{
		CPU: s.UserTime() + s.SystemTime(), Wall: time.Since(start),
		RSS: s.SysUsage().(*syscall.Rusage).Maxrss, Status: s.ExitCode(),
	})
}

// firstLines are the first n lines of a text.
func firstLines(text string, n int) string {
	lines := strings.SplitN(text, "\n", n+1)
	return strings.Join(lines[:min(n, len(lines))], "\n")
}
