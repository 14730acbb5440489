package main

import (
	"bufio"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/check"
	"holdfast/internal/cluster"
	"holdfast/internal/conf"
	"holdfast/internal/fault"
	"holdfast/internal/load"
	"holdfast/internal/simulate"
)

func simulateCommand() *cobra.Command {
	var at []string
	var o simulate.Options
	var id string
	c := &cobra.Command{
		Use:   "simulate [NAME=]FILE...",
		Short: "The same state machines in virtual time: a timeline for a list of faults, in milliseconds of real time",
		Long: "Plays the files as the nodes of one network, in virtual time, on any machine. With --at it prints who is MASTER\n" +
			"when and why, who holds and announces which address, who is told, and how long each fault left an address with\n" +
			"nobody. Without --at it prints who is expected to be MASTER of each instance, and after each single failure.\n\n" +
			"Links are on one network where instances of one virtual router are, or where they have one name. Where the files\n" +
			"do not tell the address of a node, one is made up: the later the file, the higher it is.\n\n" +
			"Faults:\n" + fault.Forms() + "\n" +
			"Exit status: 0 every fault was survived, 1 one was not, 2 it could not be played.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			for _, text := range at {
				s, err := fault.ParseStep(text)
				if err != nil {
					return refused(err)
				}
				o.Steps = append(o.Steps, s)
			}
			o.Load = func(node, file string) (cluster.Node, error) { return readNode(node, file, id) }
			return exit(playNodes(files, id, o))
		},
	}
	f := c.Flags()
	f.StringArrayVar(&at, "at", nil, "a time and a `FAULT`, as in --at 5s 'kill ka67'; as often as needed")
	f.DurationVar(&o.Whole, "for", time.Duration(0), "how long the whole lasts (default: until all is settled after the last fault)")
	f.BoolVar(&o.JSON, "json", false, "print JSON, one object per line")
	f.StringVarP(&id, "config-id", "i", "", "value for @ID lines (default: the name of the node)")
	return c
}

const (
	notSurvived = 1
	notPlayed   = 2
)

func refused(err error) error {
	fmt.Fprintln(os.Stderr, "holdfast simulate:", err)
	return status(notPlayed)
}

// playNodes reads the files and plays them.
func playNodes(args []string, id string, o simulate.Options) int {
	names, files := check.Named(args)
	var nodes []cluster.Node
	for i := range files {
		n, err := readNode(names[i], files[i], id)
		if err != nil {
			fmt.Fprintln(os.Stderr, "holdfast simulate:", err)
			return notPlayed
		}
		nodes = append(nodes, n)
	}
	out := bufio.NewWriter(os.Stdout)
	defer func() { _ = out.Flush() }()
	if len(o.Steps) == 0 && o.Whole == 0 {
		_, forecast := cluster.Check(nodes)
		cluster.Print(out, forecast)
		return 0
	}
	survived, err := simulate.Run(nodes, o, out)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "holdfast simulate:", err)
		return notPlayed
	case !survived:
		return notSurvived
	}
	return 0
}

// readNode reads one file. What cannot run cannot be played.
func readNode(name, file, id string) (cluster.Node, error) {
	if id == "" {
		id = name
	}
	r := load.Read(load.Options{File: file, ID: id})
	for _, d := range r.Findings {
		if d.Severity == conf.Error && d.Class != conf.Unclassed {
			return cluster.Node{}, fmt.Errorf("%s", d.Line())
		}
	}
	return cluster.Node{Name: name, Tree: r.Tree, Config: r.Config}, nil
}
