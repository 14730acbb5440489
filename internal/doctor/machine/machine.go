// Package machine collects the facts that package doctor judges: from the kernel, from
// its firewall, and from the wire.
package machine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/doctor"
)

// Examine collects the facts that concern a configuration. It listens to others for
// a time; 0 is not at all. What cannot be found out is an error, and the rest counts.
func Examine(ctx context.Context, c *config.Config, listen time.Duration) (doctor.Facts, error) {
	var f doctor.Facts
	var errs [3]error
	f.Links, errs[0] = links()
	f.Switches = switches()
	_, err := os.Stat("/proc/net/ip_vs")
	f.IPVS = err == nil
	legacy, _ := os.ReadFile("/proc/net/ip_tables_names")
	legacy6, _ := os.ReadFile("/proc/net/ip6_tables_names")
	f.Unseen = len(legacy)+len(legacy6) > 0
	f.Obstacles, errs[1] = obstacles(append(doctor.Adverts(c, f.Links), doctor.Questions(c)...), f.Links)
	if listen > 0 {
		f.Heard, errs[2] = hear(ctx, wanted(c, f.Links), listen)
	}
	return f, errors.Join(errs[:]...)
}

func links() (map[string]doctor.Link, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list the interfaces: %w", err)
	}
	found := map[string]doctor.Link{}
	for _, l := range all {
		d := doctor.Link{Index: l.Index, Up: l.Flags&net.FlagUp != 0, Multicast: l.Flags&net.FlagMulticast != 0, Bridge: bridge(l.Name)}
		addrs, err := l.Addrs()
		if err != nil {
			return nil, fmt.Errorf("list the addresses of %s: %w", l.Name, err)
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				d.Addrs = append(d.Addrs, p)
			}
		}
		found[l.Name] = d
	}
	return found, nil
}

// bridge is nil for what is none.
func bridge(name string) *doctor.Bridge {
	dir := filepath.Join("/sys/class/net", name)
	if _, err := os.Stat(filepath.Join(dir, "bridge")); err != nil {
		return nil
	}
	b := &doctor.Bridge{Snooping: word(dir, "bridge/multicast_snooping") == "1", Querier: word(dir, "bridge/multicast_querier") == "1"}
	ports, _ := filepath.Glob(filepath.Join(dir, "brif", "*"))
	for _, port := range ports {
		if word(port, "multicast_flood") == "0" {
			b.Unflooded = append(b.Unflooded, filepath.Base(port))
		}
	}
	return b
}

func switches() map[string]string {
	found := map[string]string{}
	for _, name := range doctor.Switches() {
		if text := word("/proc/sys/net", name); text != "" {
			found[name] = text
		}
	}
	return found
}

// word is the content of a file of one word; empty if there is none.
func word(dir, name string) string {
	b, _ := os.ReadFile(filepath.Join(dir, name))
	return strings.TrimSpace(string(b))
}

// obstacles are the packets that do not get through.
func obstacles(packets []doctor.Packet, links map[string]doctor.Link) (found []doctor.Obstacle, err error) {
	f, err := readFirewall()
	if err != nil {
		return nil, err
	}
	for _, p := range packets {
		if o, ok := f.obstacle(newPacket(p, links[p.Link])); ok {
			found = append(found, o)
		}
	}
	return found, nil
}

// wanted are the links to listen on, by number.
func wanted(c *config.Config, links map[string]doctor.Link) map[int]string {
	all := map[int]string{}
	for i := range c.Instances {
		name := c.Instances[i].VRRP.Link
		if l, ok := links[name]; ok && l.Up {
			all[l.Index] = name
		}
	}
	return all
}
