package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/internal/manual"
)

// unexplained is the exit status for a word that nobody knows.
const unexplained = 1

func explainCommand() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "explain WORD...",
		Short: "What a keyword, a block or a rule means: arguments, values, default",
		Long: "Explains keywords of the configuration, the blocks they stand in, and the rules of check.\n" +
			"A word that has several homes is explained in each; the block may stand before it: TCP_CHECK/retry.\n" +
			"Exit status: 0 explained, 1 there is no such word.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, words []string) error { return exit(explain(c, words, asJSON)) },
		ValidArgsFunction: func(_ *cobra.Command, _ []string, prefix string) ([]string, cobra.ShellCompDirective) {
			return manual.New().Complete(prefix), cobra.ShellCompDirectiveNoFileComp
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: an object per word, with query, keywords, blocks, rules, former and near")
	return c
}

func explain(c *cobra.Command, words []string, asJSON bool) (status int) {
	book := manual.New()
	for i, word := range words {
		a := book.Explain(word)
		if !a.Found() {
			status = unexplained
			c.PrintErrln("holdfast: " + unknown(a))
		}
		switch {
		case asJSON:
			fmt.Fprintf(c.OutOrStdout(), "%s", a.JSON())
		case i > 0 && a.Found():
			fmt.Fprint(c.OutOrStdout(), "\n"+a.Text(screen))
		default:
			fmt.Fprint(c.OutOrStdout(), a.Text(screen))
		}
	}
	return status
}

// screen is how wide text is set.
const screen = 96

func unknown(a *manual.Answer) string {
	text := fmt.Sprintf("there is no word %q", a.Query)
	if len(a.Near) > 0 {
		text += "; did you mean " + strings.Join(a.Near, ", ") + "?"
	}
	return text
}
