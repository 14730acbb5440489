package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/spf13/cobra"

	"holdfast/internal/realserver"
	"holdfast/internal/realserver/kernel"
)

// realServer is the command and its flags.
type realServer struct {
	dir              string
	tunnel, all, raw bool
}

func realserverCommand() *cobra.Command {
	r := &realServer{}
	c := &cobra.Command{
		Use:   "realserver",
		Short: "Prepare this machine to serve a virtual address that a load balancer sends here (DR, TUN)",
		Long: "A real server of lvs_method DR has the virtual address on lo and does not answer for it on the network; one of TUN\n" +
			"has it on the device that unwraps packets (tunl0, ip6tnl0). `up` sees to that, again too if something is missing,\n" +
			"and remembers what it changed; `down` undoes just that, unless somebody else has changed it since or another\n" +
			"address needs it. Without either, it says what is needed and whether it holds.\n\n" +
			"Exit status: 0 if all holds, 1 otherwise.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return r.show() },
	}
	c.PersistentFlags().StringVar(&r.dir, "run-dir", "/run/holdfast", "folder of what is remembered")
	c.Flags().BoolVar(&r.raw, "json", false, "print JSON")
	up := &cobra.Command{
		Use: "up ADDRESS...", Short: "Serve virtual addresses", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return r.change(args, r.up) },
	}
	up.Flags().BoolVar(&r.tunnel, "tun", false, "packets come in tunnels (lvs_method TUN)")
	down := &cobra.Command{
		Use: "down ADDRESS...", Short: "Serve virtual addresses no longer, and undo what was changed",
		RunE: func(_ *cobra.Command, args []string) error {
			if r.all == (len(args) > 0) {
				return errors.New("down: name addresses, or --all")
			}
			return r.change(args, r.down)
		},
	}
	down.Flags().BoolVar(&r.all, "all", false, "all addresses")
	c.AddCommand(up, down)
	return c
}

// change carries out what want makes of the memory and the addresses.
func (r *realServer) change(args []string, want func(*realserver.Memory, netip.Addr) error) error {
	store, m, err := kernel.OpenStore(r.dir)
	if err != nil {
		return err
	}
	defer store.Close()
	if r.all {
		m.Services = nil
	}
	for _, text := range args {
		address, err := netip.ParseAddr(text)
		if err != nil || address.Zone() != "" || address.IsMulticast() || address.IsUnspecified() {
			return fmt.Errorf("%q is no virtual address: write it without a length", text)
		}
		if err := want(&m, address.Unmap()); err != nil {
			return err
		}
	}
	k, err := kernel.Open()
	if err != nil {
		return err
	}
	defer k.Close()
	say := func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	return realserver.Job{Machine: k, Keep: store.Keep, Say: say}.Apply(&m)
}

func (r *realServer) up(m *realserver.Memory, address netip.Addr) error {
	s := realserver.Service{Address: address, Tunnel: r.tunnel}
	m.Add(s)
	link, err := kernel.Elsewhere(s)
	if err == nil && link != "" && !m.Did(realserver.Address, link) {
		err = fmt.Errorf("%s is on %s: this machine answers for it there; take it away first", address, link)
	}
	return err
}

func (r *realServer) down(m *realserver.Memory, address netip.Addr) error {
	if !m.Drop(address) {
		return fmt.Errorf("%s is not served here: nothing is remembered of it in %s", address, r.dir)
	}
	return nil
}

// standing is a need and whether it holds.
type standing struct {
	realserver.Need
	Held bool   `json:"held"`
	Now  string `json:"now"`
}

func (r *realServer) show() error {
	store, m, err := kernel.OpenStore(r.dir)
	if err != nil {
		return err
	}
	defer store.Close()
	all, healthy, err := standings(m.Services)
	if err != nil {
		return err
	}
	if r.raw {
		err = json.NewEncoder(os.Stdout).Encode(map[string]any{"services": m.Services, "needs": all})
	} else {
		printStandings(m.Services, all)
	}
	if err == nil && !healthy {
		err = exit(1)
	}
	return err
}

func standings(services []realserver.Service) (all []standing, healthy bool, err error) {
	k, err := kernel.Open()
	if err != nil {
		return nil, false, err
	}
	defer k.Close()
	healthy = true
	for _, n := range realserver.Needs(services) {
		now, err := k.Read(n)
		if err != nil {
			return nil, false, fmt.Errorf("look whether %s: %w", n, err)
		}
		all = append(all, standing{n, n.Held(now), now})
		healthy = healthy && n.Held(now)
	}
	return all, healthy, nil
}

func printStandings(services []realserver.Service, all []standing) {
	if len(services) == 0 {
		fmt.Println("no virtual address is served here")
	}
	for _, s := range services {
		fmt.Printf("%s by %s\n", s.Address, map[bool]string{false: "DR", true: "TUN"}[s.Tunnel])
	}
	for _, n := range all {
		fmt.Printf("  %-4s %s\n", map[bool]string{true: "yes", false: "NO"}[n.Held], n.Need)
	}
}
