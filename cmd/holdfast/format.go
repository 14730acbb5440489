package main

import (
	"github.com/spf13/cobra"

	"holdfast/internal/reformat"
)

func formatCommand() *cobra.Command {
	var o reformat.Options
	c := &cobra.Command{
		Use:   "format FILE...",
		Short: "Lay configurations out in one way; their meaning stays",
		Long: "Prints each file with a statement per line, four blanks per level and one blank between words.\n" +
			"Comments, groups of blank lines, definitions, conditions, repetitions and includes stay as they are written.\n" +
			"The name - is standard input. A file whose braces or quotes do not match is left alone.\n" +
			"Exit status: 0 done, 1 with --diff: something would change, 3 a file could not be laid out.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			o.In, o.Out, o.Err = c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
			return exit(reformat.Files(o, files))
		},
	}
	c.Flags().BoolVarP(&o.Write, "write", "w", false, "write the result back into the file")
	c.Flags().BoolVarP(&o.Diff, "diff", "d", false, "print what would change")
	return c
}
