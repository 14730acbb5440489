package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"holdfast/internal/check"
	"holdfast/internal/cli"
	"holdfast/internal/config"
	"holdfast/internal/daemon"
	"holdfast/internal/fault"
	"holdfast/internal/lab"
)

// status is a command's exit status on its way out.
type status int

func (s status) Error() string { return "exit status" }

// tree is all commands.
func tree() *cobra.Command {
	root := &cobra.Command{
		Use:               "holdfast",
		Short:             "Keeps addresses and services alive: VRRP, from keepalived.conf",
		Version:           version,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(runCommand(), checkCommand(), formatCommand(), explainCommand(), statusCommand(), whyCommand(), eventsCommand(), webCommand(), handoverCommand(), maintenanceCommand(), serverCommand(), planCommand(), reloadCommand(), ipvsCommand(), simulateCommand(), labCommand(), realserverCommand(), doctorCommand(), hashCommand(), completionCommand(), manualCommand())
	helpful(root)
	return root
}

// helpful has a command that is written wrongly answered with how it is written.
func helpful(c *cobra.Command) {
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, err) })
	if judge := c.Args; judge != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := judge(c, args); err != nil {
				return usage(c, err)
			}
			return nil
		}
	}
	if c.HasSubCommands() && c.Args == nil {
		c.SuggestionsMinimumDistance, c.DisableFlagsInUseLine = 2, true
		c.Args = func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return fmt.Errorf("there is no command %q%s; `%s --help` lists them", args[0], meant(c.SuggestionsFor(args[0])), c.CommandPath())
		}
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	for _, sub := range c.Commands() {
		helpful(sub)
	}
}

func usage(c *cobra.Command, err error) error {
	return fmt.Errorf("%w; write `%s`, `%s --help` says more", err, c.UseLine(), c.CommandPath())
}

// meant asks whether one of some words was.
func meant(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return ", did you mean " + strings.Join(words, " or ") + "?"
}

// commands runs `holdfast COMMAND`.
func commands(args []string) int {
	root := tree()
	root.SetArgs(fault.JoinAt(args))
	err := root.ExecuteContext(context.Background())
	var s status
	switch {
	case errors.As(err, &s):
		return int(s)
	case err != nil:
		root.PrintErrln("holdfast:", err)
		return 1
	}
	return 0
}

// exit turns a status into what cobra hands back.
func exit(s int) error {
	if s == 0 {
		return nil
	}
	return status(s)
}

func runCommand() *cobra.Command {
	o := cli.Options{Foreground: true, Console: true, Facility: "daemon", Umask: 0o177, Name: "holdfast", Version: version}
	c := &cobra.Command{
		Use:   "run",
		Short: "The daemon in the foreground; whoever starts it is trusted to start it again",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			o.PIDFile = o.RunDir + "/holdfast.pid"
			return exit(daemon.Start(o))
		},
	}
	f := c.Flags()
	f.StringVarP(&o.ConfigFile, "config", "f", "", "configuration (default: /etc/holdfast/holdfast.conf, else /etc/keepalived/keepalived.conf)")
	f.StringVarP(&o.ConfigID, "config-id", "i", "", "value for @ID lines (default: the host name up to its first dot)")
	f.BoolVar(&o.Strict, "strict", false, "refuse configurations that keepalived would complain of, at the start and at reloads")
	f.BoolVar(&o.Lenient, "lenient", false, "at a reload, take also what loses something that runs by a mistake, as keepalived does")
	c.MarkFlagsMutuallyExclusive("strict", "lenient")
	f.BoolVarP(&o.Detail, "log-detail", "D", false, "detailed log")
	f.Var(&word{&o.LogStyle, config.LogStyles()}, "log-style", "how lines are written: keepalived, text or json (default: log_style of the configuration, else keepalived)")
	f.Var(&word{&o.LogLevel, config.LogLevels()}, "log-level", "the least of what is logged: debug, info, warn or error (default: log_level of the configuration, else info)")
	f.StringVar(&o.RunDir, "run-dir", "/run/holdfast", "folder for what is only needed while running")
	f.StringVar(&o.APISocket, "api-socket", "", "where requests of other commands are answered (default: holdfast.sock in the run directory)")
	return c
}

func checkCommand() *cobra.Command {
	var o check.Options
	c := &cobra.Command{
		Use:   "check [NAME=]FILE...",
		Short: "Read configurations and say what is wrong, with place, cause and fix; works on any machine",
		Long: "Reads each file and prints all findings: errors (keepalived cannot run it), complaints (it drops\n" +
			"or changes what was written) and advice (legal, but it causes outages).\n\n" +
			"Several files are the nodes of one cluster: they are compared, and printed is who is expected to be MASTER of each\n" +
			"instance, with all well and after each single failure. A node is called as its file is, or by NAME=FILE; its\n" +
			"name stands for @ID lines too, unless --config-id says otherwise.\n\n" +
			"A comment `# holdfast: accept RULE...` in a file acknowledges complaints and advice, within the block\n" +
			"in which it stands or, at the top level, in the whole file.\n\n" +
			"Exit status: 0 clean or advice only, 1 advice only (with --strict), 2 complaints, 3 errors.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			o.Version = version
			o.Colour = onTerminal(os.Stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
			sweepLess()
			s, err := check.Files(o, files, os.Stdout)
			if err != nil {
				return fmt.Errorf("print the findings: %w", err)
			}
			return exit(s)
		},
	}
	f := c.Flags()
	f.StringVarP(&o.ID, "config-id", "i", "", "value for @ID lines (default: the host name up to its first dot)")
	f.BoolVar(&o.Host, "host", false, "check against this machine too: interfaces, addresses, accounts, scripts")
	f.BoolVar(&o.Strict, "strict", false, "exit with 1 when there is advice and nothing worse")
	f.BoolVar(&o.Portable, "portable", false, "list each word of holdfast's own, which keepalived does not know")
	f.BoolVar(&o.All, "all", false, "show what the files acknowledge, too")
	f.BoolVar(&o.JSON, "json", false, "print JSON (doc/check-json.md)")
	f.BoolVar(&o.SARIF, "sarif", false, "print SARIF 2.1.0")
	c.MarkFlagsMutuallyExclusive("json", "sarif")
	return c
}

func labCommand() *cobra.Command {
	c := &cobra.Command{
		Use:                "lab FILE...",
		Short:              "The same configurations on real namespaces and packets, with faults injected and the client's outage measured",
		DisableFlagParsing: true, // the lab has its own, faults included
		RunE: func(c *cobra.Command, args []string) error {
			live := onTerminal(os.Stdin) && onTerminal(os.Stdout)
			return exit(lab.Main(c.Context(), args, os.Stdin, c.OutOrStdout(), c.ErrOrStderr(), live))
		},
	}
	return c
}

func onTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
