package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
)

// defaultSocket is where a daemon answers that was not told otherwise.
const defaultSocket = "/run/holdfast/holdfast.sock"

// talking is a command that asks a running daemon.
func talking(c *cobra.Command, client *api.Client) *cobra.Command {
	client.Socket = defaultSocket
	c.Flags().Var(&place{client: client}, "api-socket", "where the daemon answers: a socket, or the URL of its api_listen")
	if c.Flags().Lookup("node") == nil {
		c.Flags().Var(&place{client: client, named: true}, "node", "ask NAME=SOCKET or NAME=URL instead")
	}
	return c
}

// turnedDown is the exit status for a reload that was refused, and for a plan of one.
const turnedDown = 2

func reloadCommand() *cobra.Command {
	var client api.Client
	var confirm time.Duration
	var keep bool
	c := &cobra.Command{
		Use:   "reload",
		Short: "Have the daemon read its configuration again, if wanted only until it is confirmed",
		Long: "Reads the configuration of the running daemon again and takes it over; one that cannot be run changes nothing.\n\n" +
			"With --confirm TIME the one before returns by itself after TIME, unless `holdfast reload --keep` came before: so\n" +
			"nobody is locked out by a mistake. A reload during that time does not end it. The files are not touched: what\n" +
			"returns is what was in force.\n\n" +
			"Exit status: 0 taken over, 2 refused, 1 the daemon did not answer or had nothing to confirm.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if keep {
				return client.Keep(c.Context())
			}
			return reload(c.Context(), client, confirm, c.OutOrStdout())
		},
	}
	c.Flags().DurationVar(&confirm, "confirm", 0, "return to the configuration before after this time, unless it is confirmed")
	c.Flags().BoolVar(&keep, "keep", false, "confirm the configuration in force")
	c.MarkFlagsMutuallyExclusive("confirm", "keep")
	return talking(c, &client)
}

func reload(ctx context.Context, client api.Client, confirm time.Duration, out io.Writer) error {
	r, err := client.Reload(ctx, confirm)
	if err != nil {
		return err
	}
	for _, line := range r.Why {
		fmt.Fprintln(out, line)
	}
	switch {
	case !r.Taken:
		fmt.Fprintln(out, "refused: nothing is changed")
		return exit(turnedDown)
	case r.Until != nil:
		fmt.Fprintf(out, "taken over until %s; confirm it: holdfast reload --keep\n", r.Until.Format(time.TimeOnly))
	default:
		fmt.Fprintln(out, "taken over")
	}
	return nil
}

func planCommand() *cobra.Command {
	var client api.Client
	asJSON := false
	c := &cobra.Command{
		Use:   "plan [FILE]",
		Short: "What a reload would do: operations of the kernel, and changes of roles",
		Long: "Has the running daemon rehearse a reload with FILE (default: its own configuration) on what the kernel holds now,\n" +
			"and prints each operation as the command that does the same, then what becomes of the roles. Nothing is changed.\n\n" +
			"Exit status: 0 it would be taken over, 2 it would be refused, 1 the daemon did not answer.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			file := ""
			if len(args) > 0 {
				path, err := filepath.Abs(args[0])
				if err != nil {
					return fmt.Errorf("find %s: %w", args[0], err)
				}
				file = path
			}
			p, err := client.Plan(c.Context(), file)
			if err != nil {
				return err
			}
			return show(c.OutOrStdout(), p, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: file, refused, findings, kernel, roles")
	return talking(c, &client)
}

func show(out io.Writer, p *api.Plan, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		if err := e.Encode(p); err != nil {
			return fmt.Errorf("print the plan: %w", err)
		}
	} else {
		showText(out, p)
	}
	if p.Refused {
		return exit(turnedDown)
	}
	return nil
}

func showText(out io.Writer, p *api.Plan) {
	for _, line := range p.Findings {
		fmt.Fprintln(out, line)
	}
	if p.Refused {
		fmt.Fprintln(out, "refused: nothing would change")
		return
	}
	for _, op := range p.Kernel {
		fmt.Fprintln(out, op)
	}
	for i := range p.Roles {
		fmt.Fprintln(out, roleLine(&p.Roles[i]))
	}
	if len(p.Kernel)+len(p.Roles) == 0 {
		fmt.Fprintln(out, "nothing would change")
	}
}

// roleLine is one change of a role.
func roleLine(r *api.RoleChange) string {
	line := r.Instance + ": "
	switch {
	case r.From == "":
		line += r.To
	case r.To == "":
		line += r.From + " -> gone"
	default:
		line += r.From + " -> " + r.To
	}
	if r.Expected {
		line += " expected"
	}
	return line + " (" + r.Why + ")"
}
