package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print a script that completes commands, options, files and keywords in a shell",
		Long: "For bash: holdfast completion bash > /etc/bash_completion.d/holdfast\n\n" +
			"For zsh: holdfast completion zsh > \"${fpath[1]}/_holdfast\"\n\n" +
			"For fish: holdfast completion fish > ~/.config/fish/completions/holdfast.fish",
		ValidArgs: []string{"bash", "zsh", "fish"},
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(c *cobra.Command, args []string) error {
			root, out := c.Root(), c.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			}
			return fmt.Errorf("no completion for %s", args[0])
		},
	}
}
