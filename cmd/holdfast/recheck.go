package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
)

func recheckCommand() *cobra.Command {
	var s serving
	asJSON := false
	c := &cobra.Command{
		Use:   "recheck [ADDRESS:PORT]",
		Short: "Make its checks now; without an address, those of all of the virtual server --of",
		Long: "Makes the health checks of a real server now, whenever they are due, waits for them, and prints what they found. Their\n" +
			"rules hold as ever: a check that is up and fails still has its retries.\n\n" +
			"Exit status: 0 none failed, 2 some failed, 1 refused.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if len(args) > 0 {
				if s.order.Server, err = serverAt(args[0]); err != nil {
					return err
				}
			}
			list, err := s.Client.Recheck(c.Context(), s.order.Server, s.order.Of)
			if err != nil {
				return err
			}
			return showRechecked(c.OutOrStdout(), list, asJSON)
		},
	}
	c.Flags().StringVar(&s.order.Of, "of", "", "only in this virtual server: ADDRESS:PORT, mark or group")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: server, virtual, kind, result, reason, took_ns, up")
	return talking(c, &s.Client)
}

// showRechecked prints what checks found, and fails if one of them did.
func showRechecked(out io.Writer, list []api.Rechecked, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		if err := e.Encode(list); err != nil {
			return fmt.Errorf("print what was found: %w", err)
		}
	} else {
		w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
		for i := range list {
			fmt.Fprintln(w, recheckedLine(&list[i]))
		}
		_ = w.Flush() // as with every print
	}
	if slices.ContainsFunc(list, func(r api.Rechecked) bool { return r.Result == "failed" }) {
		return exit(stayed)
	}
	return nil
}

// recheckedLine is one check; what follows from a failure is told too.
func recheckedLine(r *api.Rechecked) string {
	words := r.Reason
	switch {
	case r.Result == "unasked":
		words = "suspended, or follows a file or session"
	case r.Result == "failed" && r.Up:
		words += " (stays up: it has retries left)"
	case r.Result == "passed" && !r.Up:
		words = "stays down: another page is asked next"
	}
	return strings.TrimRight(fmt.Sprintf("%s\t%s\tof %s\t%s\t%v\t%s", r.Result, r.Server, r.Virtual, r.Kind, r.Took.Round(100*time.Microsecond), words), "\t ")
}
