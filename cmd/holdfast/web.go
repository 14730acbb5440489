package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"holdfast/internal/api"
)

// browsing is the command that shows nodes in a browser.
type browsing struct {
	looking
	listen string
	acts   bool
}

func webCommand() *cobra.Command {
	var b browsing
	c := &cobra.Command{
		Use:   "web",
		Short: "Several nodes in one page of a browser on this machine, live, until it is interrupted",
		Long: "Shows the nodes in a browser on this machine: who has what since when and why, virtual servers, events as they\n" +
			"happen, and what asks for attention. A node that does not answer stays as it was seen, and is marked.\n\n" +
			"The page asks for the token that is printed at the start, for other users of this machine may open it too. What\n" +
			"the page may see and do is what the user may who runs this command; it acts only with --acts.",
		Example: "  holdfast web --node lb1=https://lb1:9443 --node lb2=https://lb2:9443",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return b.run(c.Context(), c.OutOrStdout()) },
	}
	c.Flags().StringVar(&b.listen, "listen", "127.0.0.1:9180", "the `ADDRESS:PORT` of this machine where the page is; port 0: one that is free")
	c.Flags().BoolVar(&b.acts, "acts", false, "let the page hand over, drain and begin maintenance")
	return b.places(c)
}

func (b *browsing) run(ctx context.Context, out io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, unix.SIGTERM)
	defer stop()
	members, names, err := b.members()
	if err != nil {
		return err
	}
	l, err := api.ListenHere(b.listen)
	if err != nil {
		return err
	}
	board := api.NewBoard(members)
	board.Token, board.Acts = rand.Text(), b.acts
	fmt.Fprintf(out, "http://%s/ shows %s; it asks for the token %s\n", l.Addr(), strings.Join(names, ", "), board.Token)
	context.AfterFunc(ctx, func() { _ = l.Close() })
	go func() { _ = board.Serve(l) }() // until it is closed
	board.Follow(ctx)
	return nil
}

// members are the nodes that are asked. One without a name is this machine.
func (b *browsing) members() (members []api.Member, names []string, err error) {
	names, clients, err := b.clients()
	if err != nil {
		return nil, nil, err
	}
	for i, client := range clients {
		if names[i] == "" {
			if names[i], err = os.Hostname(); err != nil {
				return nil, nil, fmt.Errorf("name this node: %w", err)
			}
		}
		members = append(members, api.Member{Name: names[i], Client: func() (api.Client, error) { return client, nil }})
	}
	return members, names, nil
}
