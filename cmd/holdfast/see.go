package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"holdfast/internal/api"
	"holdfast/internal/cli"
	holdfast "holdfast/internal/status"
)

// The commands that look: status, why and events.

// looking is a command that may look at several nodes.
type looking struct {
	api.Client
	nodes  []string
	asJSON bool
}

func (l *looking) flags(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&l.asJSON, "json", false, "print JSON")
	return l.places(c)
}

// places are the flags that say who is asked.
func (l *looking) places(c *cobra.Command) *cobra.Command {
	c.Flags().StringArrayVar(&l.nodes, "node", nil, "ask NAME=SOCKET or NAME=URL instead, once for each node")
	return talking(c, &l.Client)
}

// clients are the nodes that are asked, by their names.
func (l *looking) clients() (names []string, clients []api.Client, err error) {
	if len(l.nodes) == 0 {
		return []string{""}, []api.Client{l.Client}, nil
	}
	for _, n := range l.nodes {
		name, client, err := node(n)
		if err != nil {
			return nil, nil, fmt.Errorf("--node %s: %w", n, err)
		}
		names, clients = append(names, name), append(clients, client)
	}
	return names, clients, nil
}

// patience is how long a node may take to answer.
const patience = 5 * time.Second

// look asks all nodes at the same time. One that does not answer stays as it was seen
// before, and is marked.
func look(ctx context.Context, clients []api.Client, nodes []holdfast.Node) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			s, err := clients[i].Snapshot(ctx)
			if err == nil {
				nodes[i].Snapshot, nodes[i].Trouble = s, ""
				return
			}
			nodes[i].Trouble = err.Error()
			if old := nodes[i].Snapshot; old != nil {
				nodes[i].Age = time.Since(old.Time)
			}
		})
	}
	all.Wait()
}

func statusCommand() *cobra.Command {
	var l looking
	watch := false
	c := &cobra.Command{
		Use:   "status",
		Short: "One screen: instances, roles, since when and why, trackers that are not good, virtual and real servers",
		Long: "Asks the running daemon how everything is: each instance with its role, for how long and why, who is MASTER; trackers\n" +
			"that are not good; BFD sessions; virtual servers, and those of their real servers that do not serve.\n\n" +
			"With --watch it is shown anew each second, cut to the screen, with what asks for attention first. With --node\n" +
			"several daemons are shown together; one that does not answer is marked, with the age of what is shown.\n\n" +
			"Exit status: 0 all answered, 1 one did not.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return l.status(c.Context(), c.OutOrStdout(), watch) },
	}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "show it anew each second, until it is interrupted")
	l.flags(c)
	c.MarkFlagsMutuallyExclusive("watch", "json")
	return c
}

// begin are the nodes that are asked, of which nothing was seen yet.
func (l *looking) begin() ([]holdfast.Node, []api.Client, error) {
	names, clients, err := l.clients()
	nodes := make([]holdfast.Node, len(names))
	for i := range nodes {
		nodes[i].Name = names[i]
	}
	return nodes, clients, err
}

func (l *looking) status(ctx context.Context, out io.Writer, watch bool) error {
	nodes, clients, err := l.begin()
	if err != nil {
		return err
	}
	if watch {
		return live(ctx, out, clients, nodes)
	}
	look(ctx, clients, nodes)
	if l.asJSON {
		err = l.printJSON(out, nodes)
	} else if len(nodes) > 1 || nodes[0].Snapshot != nil {
		_, err = fmt.Fprint(out, cli.Status(nodes, 0))
	}
	return errors.Join(err, silent(nodes))
}

// silent is the error of the nodes that did not answer.
func silent(nodes []holdfast.Node) error {
	var all error
	for i := range nodes {
		if nodes[i].Trouble != "" {
			all = errors.Join(all, errors.New(strings.TrimPrefix(nodes[i].Name+": "+nodes[i].Trouble, ": ")))
		}
	}
	return all
}

// printJSON prints the snapshot of one daemon, or an object with one for each node.
func (l *looking) printJSON(out io.Writer, nodes []holdfast.Node) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	if len(l.nodes) == 0 {
		if nodes[0].Snapshot == nil {
			return nil
		}
		return e.Encode(nodes[0].Snapshot)
	}
	type one struct {
		Snapshot *holdfast.Snapshot `json:"snapshot"`
		Trouble  string             `json:"trouble,omitempty"`
	}
	all := map[string]one{}
	for i := range nodes {
		all[nodes[i].Name] = one{nodes[i].Snapshot, nodes[i].Trouble}
	}
	return e.Encode(all)
}

// live shows the status anew each second.
func live(ctx context.Context, out io.Writer, clients []api.Client, nodes []holdfast.Node) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, unix.SIGTERM)
	defer stop()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	const home, rest, line = "\x1b[H", "\x1b[J", "\x1b[K\n"
	for {
		look(ctx, clients, nodes)
		if ctx.Err() != nil {
			return nil
		}
		width, height := screenSize(out)
		text := cli.Watched(time.Now(), nodes, width, height)
		if height > 0 {
			text = home + strings.ReplaceAll(text, "\n", line) + rest
		}
		if _, err := fmt.Fprint(out, text); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// screenSize is that of a terminal; 0, 0: it is none.
func screenSize(out io.Writer) (width, height int) {
	f, ok := out.(*os.File)
	if !ok {
		return 0, 0
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return int(size.Col), int(size.Row)
}

func whyCommand() *cobra.Command {
	var l looking
	c := &cobra.Command{
		Use:   "why INSTANCE",
		Short: "The chain of causes behind the role of an instance, and what would change it",
		Long: "Asks the running daemon why an instance has its role: the reason, what makes its priority, what happened to it and to\n" +
			"what it tracks, and what would change its role.\n\n" +
			"Exit status: 0 explained, 1 there is no such instance, or the daemon did not answer.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return l.why(c.Context(), c.OutOrStdout(), args[0]) },
	}
	return l.flags(c)
}

func (l *looking) why(ctx context.Context, out io.Writer, instance string) error {
	names, clients, err := l.clients()
	if err != nil {
		return err
	}
	for i := range clients {
		if names[i] != "" && !l.asJSON {
			fmt.Fprintf(out, "%s:\n", names[i])
		}
		if err := l.whyOf(ctx, out, clients[i], instance); err != nil {
			return err
		}
	}
	return nil
}

func (l *looking) whyOf(ctx context.Context, out io.Writer, client api.Client, instance string) error {
	s, err := client.Snapshot(ctx)
	if err != nil {
		return err
	}
	events, err := client.Events(ctx, 0, false)
	if err != nil {
		return err
	}
	text, ok := cli.Why(s, events, instance)
	if !ok {
		return fmt.Errorf("there is no instance %q; `holdfast status` lists them", instance)
	}
	if l.asJSON {
		return json.NewEncoder(out).Encode(map[string]any{"instance": instance, "text": strings.Split(strings.TrimSuffix(text, "\n"), "\n")})
	}
	_, err = fmt.Fprint(out, text)
	return err
}

func eventsCommand() *cobra.Command {
	var l looking
	follow := false
	after := uint64(0)
	c := &cobra.Command{
		Use:   "events",
		Short: "What happened: changes of roles, trackers, servers, reloads, acts, each with its reason",
		Long: "Prints the latest events of the running daemon, oldest first: it keeps 4096 since its worker process was started.\n" +
			"With --follow it goes on with what happens, until it is interrupted. With --json each event is an object on a line.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return l.events(c.Context(), c.OutOrStdout(), after, follow) },
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what happens")
	c.Flags().Uint64Var(&after, "after", 0, "only what came after the event with this number")
	return l.flags(c)
}

func (l *looking) events(ctx context.Context, out io.Writer, after uint64, follow bool) error {
	names, clients, err := l.clients()
	if err != nil {
		return err
	}
	if follow {
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt, unix.SIGTERM)
		defer stop()
		return l.follow(ctx, out, names, clients, after)
	}
	for i := range clients {
		list, err := clients[i].Events(ctx, after, false)
		if err != nil {
			return err
		}
		for j := range list {
			l.print(out, names[i], &list[j])
		}
	}
	return nil
}

// follow prints the events of all nodes as they come.
func (l *looking) follow(ctx context.Context, out io.Writer, names []string, clients []api.Client, after uint64) error {
	var all sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for i := range clients {
		all.Go(func() {
			err := clients[i].Follow(ctx, after, func(e holdfast.Event) {
				mu.Lock()
				defer mu.Unlock()
				l.print(out, names[i], &e)
			})
			if ctx.Err() == nil {
				mu.Lock()
				defer mu.Unlock()
				failed = errors.Join(failed, err, fmt.Errorf("%s: the daemon has ended the stream", clients[i]))
			}
		})
	}
	all.Wait()
	return failed
}

func (l *looking) print(out io.Writer, node string, e *holdfast.Event) {
	switch {
	case l.asJSON && node != "":
		_ = json.NewEncoder(out).Encode(struct {
			Node string `json:"node"`
			*holdfast.Event
		}{node, e})
	case l.asJSON:
		_ = json.NewEncoder(out).Encode(e)
	case node != "":
		fmt.Fprintln(out, node+"  "+cli.EventLine(e))
	default:
		fmt.Fprintln(out, cli.EventLine(e))
	}
}
