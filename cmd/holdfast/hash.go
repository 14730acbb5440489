package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/checker"
	"holdfast/internal/checker/http"
	"holdfast/internal/cli"
	"holdfast/internal/genhash"
)

// asGenhash does what keepalived's genhash does for the same arguments: it says on
// standard output what went wrong, and ends with 0 all the same.
func asGenhash(args []string) int {
	g, err := cli.ParseGenhash(args)
	if err != nil || g.Help {
		if err != nil && !g.Help {
			fmt.Fprintln(os.Stderr, err)
		}
		fmt.Fprint(os.Stderr, g.Usage())
		return 1
	}
	_ = hash(context.Background(), g, func(err error) {
		if f, ok := errors.AsType[*genhash.Failure](err); ok && f.Text != "" {
			fmt.Println(f.Text)
			return
		}
		fmt.Fprintln(os.Stderr, err)
	})
	return 0
}

func hashCommand() *cobra.Command {
	var g cli.Genhash
	var asJSON bool
	c := &cobra.Command{
		Use:   "hash -s ADDRESS -p PORT -u PATH",
		Short: "The MD5 digest of a page, for the word digest of an HTTP check",
		Long: "Fetches a page as HTTP_GET and SSL_GET do, and prints the MD5 of its body. The status is not judged.\n\n" +
			"The options are those of keepalived's genhash. Started under the name genhash, or as `keepalived --genhash`,\n" +
			"the program says as genhash does what went wrong, on standard output, and ends with 0.\n\n" +
			"Exit status: 0 for a digest, 1 without one.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := g.Settle(); err != nil {
				return err
			}
			if asJSON {
				return hashJSON(c.Context(), &g)
			}
			return hash(c.Context(), &g, func(error) {})
		},
	}
	g.Flags(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: digest, and bytes of the body")
	c.MarkFlagsMutuallyExclusive("json", "verbose")
	return c
}

// hash prints the digest of a page, or what else is to be seen; tell is given the
// reason if there is no digest.
func hash(ctx context.Context, g *cli.Genhash, tell func(error)) error {
	var show *genhash.Dump
	begun := time.Now()
	if g.Verbose {
		show = &genhash.Dump{To: os.Stdout}
		defer func() { show.Took(g.Path, time.Since(begun)) }()
	}
	a, err := genhash.Fetch(ctx, page(g), show)
	switch {
	case err != nil:
		tell(err)
	case g.Verbose:
		show.End(a)
	default:
		fmt.Println(a.Digest)
	}
	return err
}

func hashJSON(ctx context.Context, g *cli.Genhash) error {
	a, err := genhash.Fetch(ctx, page(g), nil)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(a)
}

func page(g *cli.Genhash) genhash.Page {
	p := genhash.Page{
		Get:     http.Get{Path: g.Path, Host: g.VirtualHost, Version: g.Version, Close: g.Close},
		Target:  checker.Target{Addr: g.Server, Port: g.Port, From: checker.From{Mark: g.Mark}},
		Timeout: g.Timeout,
	}
	if g.TLS {
		p.Get.TLS = &tls.Config{InsecureSkipVerify: true} // what the page is, is all that is asked
		if g.SNI {
			p.Get.TLS.ServerName = g.VirtualHost
		}
	}
	return p
}
