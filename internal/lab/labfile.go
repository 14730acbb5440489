package lab

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// readLabFile reads the addresses that nodes are to have. Each line is a node,
// a link and addresses with their prefix length; # begins a comment:
//
//	ka67 eth0 172.16.8.10/24
func readLabFile(path string) (map[string]map[string][]netip.Prefix, error) {
	given := map[string]map[string][]netip.Prefix{}
	if path == "" {
		return given, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for i, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if err := readLabLine(given, strings.Fields(line)); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
	}
	return given, nil
}

func readLabLine(given map[string]map[string][]netip.Prefix, words []string) error {
	if len(words) == 0 {
		return nil
	}
	if len(words) < 3 {
		return fmt.Errorf("want NODE LINK ADDRESS/LENGTH...")
	}
	if given[words[0]] == nil {
		given[words[0]] = map[string][]netip.Prefix{}
	}
	for _, w := range words[2:] {
		a, err := netip.ParsePrefix(w)
		if err != nil {
			return fmt.Errorf("%q is no address with a prefix length", w)
		}
		given[words[0]][words[1]] = append(given[words[0]][words[1]], a)
	}
	return nil
}
