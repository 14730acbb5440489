package lab

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/examples"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/notify"
	"holdfast/internal/tracker"
)

// disk reads configuration files from this machine.
type disk struct{}

// Read returns the content of a regular file.
func (disk) Read(path string) (string, conf.Kind, error) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return "", conf.Missing, err
	case st.IsDir():
		return "", conf.Directory, nil
	case !st.Mode().IsRegular():
		return "", conf.Irregular, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", conf.Unreadable, err
	}
	return string(text), conf.Regular, nil
}

// Glob lists what matches a pattern, sorted.
func (disk) Glob(pattern string) ([]string, error) { return filepath.Glob(pattern) }

// readNode reads what a configuration file says of the network.
func readNode(arg string) (*NodePlan, error) {
	name, file := nodeName(arg)
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	if _, err := os.ReadFile(file); err != nil {
		return nil, err
	}
	return readFrom(disk{}, name, file)
}

// readExample makes nodes of the bundled files. They exist on the nodes only.
func readExample() ([]*NodePlan, error) {
	var nodes []*NodePlan
	err := fs.WalkDir(examples.TwoNodes, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := examples.TwoNodes.ReadFile(path)
		if err != nil {
			return err
		}
		name, file := nodeName("/etc/holdfast/" + e.Name())
		n, err := readFrom(conf.MemoryFiles{file: string(text)}, name, file)
		if err == nil {
			n.Text = string(text)
			nodes = append(nodes, n)
		}
		return err
	})
	return nodes, err
}

// readFrom leaves findings that keepalived would run on with to the node's log.
func readFrom(files conf.Files, name, file string) (*NodePlan, error) {
	tree, diags := conf.Parse(files, file, conf.Options{Env: os.LookupEnv, ID: name})
	cfg, more := config.Build(tree, config.Options{HostName: name})
	if all := append(diags, more...); conf.Has(all, conf.Error) {
		return nil, fmt.Errorf("%s cannot be run:\n%s", file, firstError(all))
	}
	if len(cfg.Instances)+len(cfg.VirtualServers) == 0 {
		return nil, fmt.Errorf("%s has no vrrp_instance and no virtual_server", file)
	}
	n := &NodePlan{Name: name, File: file}
	n.take(cfg)
	return n, nil
}

func firstError(diags []conf.Diag) string {
	i := slices.IndexFunc(diags, func(d conf.Diag) bool { return d.Severity == conf.Error })
	return diags[i].String()
}

func (n *NodePlan) take(cfg *config.Config) {
	for i := range cfg.Instances {
		n.takeInstance(&cfg.Instances[i])
	}
	for _, s := range cfg.Scripts {
		n.Scripts = append(n.Scripts, ScriptPlan{s.Name, s.Command.Argv})
	}
	for _, g := range cfg.Groups {
		n.takeNotify(g.Notify)
	}
	n.takeServers(cfg)
	slices.Sort(n.Links)
	n.Links = slices.DeleteFunc(slices.Compact(n.Links), func(link string) bool { return link == "lo" })
	slices.Sort(n.Programs)
	n.Programs = slices.Compact(n.Programs)
}

func (n *NodePlan) takeInstance(in *config.Instance) {
	p := InstancePlan{
		Name: in.VRRP.Name, Link: in.VRRP.Link, V6: in.VRRP.V6, Source: in.VRRP.Source,
		Interval: in.VRRP.Interval, Priority: in.VRRP.Priority,
	}
	for _, peer := range in.VRRP.Peers {
		p.Peers = append(p.Peers, peer.Addr)
	}
	if (in.VRF || p.Link == "") && len(in.Addrs) > 0 { // it has no network but theirs
		p.Link = in.Addrs[0].Link
	}
	if in.VRF && p.Link != in.VRRP.Link {
		n.takeVRF(in.VRRP.Link, p.Link)
	}
	n.Links = append(n.Links, p.Link)
	for _, a := range in.Addrs {
		link := a.Link
		if link == "" {
			link = p.Link
		}
		p.VIPs = append(p.VIPs, VIP{link, a.Prefix})
		n.Links = append(n.Links, link)
	}
	for _, t := range in.Tracks {
		if t.Kind == tracker.Interface {
			n.Links = append(n.Links, t.Name)
		}
	}
	n.Instances = append(n.Instances, p)
	n.takeNotify(in.Notify)
}

// takeVRF makes a link part of a VRF.
func (n *NodePlan) takeVRF(vrf, link string) {
	if n.VRFs == nil {
		n.VRFs = map[string][]string{}
	}
	if !slices.Contains(n.VRFs[vrf], link) {
		n.VRFs[vrf] = append(n.VRFs[vrf], link)
	}
}

func (n *NodePlan) takeNotify(s notify.Scripts) {
	for _, c := range []*notify.Command{s.Master, s.Backup, s.Fault, s.Stop, s.Deleted, s.Any, s.LowerPriority} {
		if c != nil && len(c.Argv) > 0 && strings.HasPrefix(c.Argv[0], "/") {
			n.Programs = append(n.Programs, c.Argv[0])
		}
	}
}
