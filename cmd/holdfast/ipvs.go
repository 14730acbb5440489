package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/cli"
)

func ipvsCommand() *cobra.Command {
	var client api.Client
	var stats, rate, asJSON bool
	c := &cobra.Command{
		Use:   "ipvs",
		Short: "The kernel's virtual servers as ipvsadm lists them, with the health of each real server beside it",
		Long: "Prints the services and destinations of IPVS in the words of `ipvsadm -Ln`, and what the daemon knows of each: whether\n" +
			"its checks are good, since when, and what was wrong. A real server that is down and so not in the kernel has the\n" +
			"weight `-`.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b, err := client.Balanced(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(b)
			}
			what := cli.Connections
			switch {
			case stats:
				what = cli.Statistics
			case rate:
				what = cli.Rates
			}
			_, err = fmt.Fprint(c.OutOrStdout(), cli.Balanced(b, what))
			return err
		},
	}
	c.Flags().BoolVar(&stats, "stats", false, "packets and bytes, as ipvsadm --stats prints them")
	c.Flags().BoolVar(&rate, "rate", false, "the same a second, as ipvsadm --rate prints them")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.MarkFlagsMutuallyExclusive("stats", "rate", "json")
	return talking(c, &client)
}
