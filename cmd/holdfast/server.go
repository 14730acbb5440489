package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	holdfast "holdfast/internal/status"
)

// serving are the command for real servers and its flags.
type serving struct {
	api.Client
	order    api.ServerOrder
	deadline time.Duration
}

func serverCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "server",
		Short: "A real server out and in again without touching the file",
		Long: "Changes what a real server, ADDRESS:PORT, is used for. That holds over reloads and restarts, but not over a reboot,\n" +
			"until `enable`; `holdfast ipvs` and `holdfast status` show it. What would make a virtual server lose its quorum is\n" +
			"refused unless it is forced.",
	}
	c.AddCommand(drainCommand(), enableCommand(), weightCommand(), recheckCommand())
	return c
}

// flags are those that all have.
func (s *serving) flags(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&s.order.Of, "of", "", "only in this virtual server: ADDRESS:PORT, mark or group")
	c.Flags().BoolVar(&s.order.Force, "force", false, "also if a virtual server loses its quorum")
	return talking(c, &s.Client)
}

// serve gives the order for a server.
func (s *serving) serve(ctx context.Context, server string) (err error) {
	if s.order.Server, err = serverAt(server); err != nil {
		return err
	}
	return s.Client.Serve(ctx, s.order)
}

// serverAt understands how somebody names one.
func serverAt(text string) (netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		return at, fmt.Errorf("%q is no real server: write ADDRESS:PORT, as `holdfast ipvs` lists them", text)
	}
	return at, nil
}

func drainCommand() *cobra.Command {
	s := serving{order: api.ServerOrder{Drain: true}}
	c := &cobra.Command{
		Use:   "drain ADDRESS:PORT",
		Short: "No new connections; wait until those that it has are over",
		Long: "Gives the real server weight 0, so that it gets no new connections, and waits until its connections are over, or\n" +
			"--deadline. Those of persistent clients and of schedulers by hash are moved as the kernel is set up to.\n\n" +
			"Exit status: 0 it has no connection, 2 it still has some at the deadline (it stays drained), 1 refused.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := s.serve(c.Context(), args[0]); err != nil {
				return err
			}
			return s.await(c.Context(), c.OutOrStdout())
		},
	}
	c.Flags().DurationVar(&s.deadline, "deadline", 5*time.Minute, "how long to wait for connections to end, 0 for not at all")
	return s.flags(c)
}

func enableCommand() *cobra.Command {
	var s serving
	return s.flags(&cobra.Command{
		Use: "enable ADDRESS:PORT", Short: "Use it as it is configured again", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return s.serve(c.Context(), args[0]) },
	})
}

func weightCommand() *cobra.Command {
	var s serving
	return s.flags(&cobra.Command{
		Use: "weight ADDRESS:PORT WEIGHT", Short: "Another weight than the configured one; what checks add to it stays", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			weight, err := strconv.ParseUint(args[1], 10, 16)
			if err != nil {
				return fmt.Errorf("%q is no weight: write a number from 0 to 65535", args[1])
			}
			n := int(weight)
			s.order.Weight = &n
			return s.serve(c.Context(), args[0])
		},
	})
}

// await waits until a drained server has no connection, or the deadline.
func (s *serving) await(ctx context.Context, out io.Writer) error {
	end := time.Now().Add(s.deadline)
	for {
		b, err := s.Client.Balanced(ctx)
		if err != nil {
			return err
		}
		left := connections(b, s.order.Server)
		switch {
		case left == 0:
			fmt.Fprintf(out, "%s is drained\n", s.order.Server)
			return nil
		case !time.Now().Before(end):
			fmt.Fprintf(out, "%s gets no new connections and has still %d\n", s.order.Server, left)
			return exit(stayed)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// connections are those that a server has in all drained services.
func connections(b *holdfast.Balanced, server netip.AddrPort) (n uint32) {
	for i := range b.Services {
		for j := range b.Services[i].Destinations {
			d := &b.Services[i].Destinations[j]
			if d.Address == server.String() && d.Order == "drained" {
				n += d.Active
			}
		}
	}
	return n
}
