package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/internal/manual"
)

func manualCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "manual DIR",
		Short: "Write the reference pages and the manual pages into a directory",
		Long:  "Writes reference/*.md, man/holdfast.8 and man/holdfast.conf.5 below the directory, from the keyword tables of this program.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return writePages(args[0], manual.New().Pages(described(c.Root())))
		},
	}
}

// writePages writes texts below a directory.
func writePages(dir string, pages map[string]string) error {
	for name, text := range pages {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// described are the commands as the manual lists them.
func described(root *cobra.Command) []manual.Command {
	var out []manual.Command
	for _, c := range root.Commands() {
		if c.Hidden || c.Name() == "help" {
			continue
		}
		m := manual.Command{Usage: c.Use, Short: c.Short, Long: c.Long}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name != "help" {
				m.Flags = append(m.Flags, manual.Flag{Name: written(f), Usage: f.Usage})
			}
		})
		if len(m.Flags) > 0 {
			m.Usage = strings.Replace(m.Usage, c.Name(), c.Name()+" [OPTION]...", 1)
		}
		out = append(out, m)
	}
	return out
}

// written is a flag as it is typed.
func written(f *pflag.Flag) string {
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if kind := f.Value.Type(); kind != "bool" {
		name += " " + strings.ToUpper(kind)
	}
	return name
}
