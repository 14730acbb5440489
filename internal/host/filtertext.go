package host

import (
	"fmt"
	"strings"
)

// FamilyName is what nftables calls a family.
func FamilyName(v6 bool) string {
	if v6 {
		return "ip6"
	}
	return "ip"
}

// String prints op in the manner of nft.
func (op FilterOp) String() string {
	table := FamilyName(op.V6) + " " + op.Table
	switch {
	case op.Whole && op.Sets == 0:
		return "delete table " + table
	case op.Whole:
		return fmt.Sprintf("table %s (%s) %s", table, op.Sets, braces(op.Add))
	case len(op.Del) > 0:
		return fmt.Sprintf("delete element %s %s", table, braces(op.Del))
	}
	return fmt.Sprintf("add element %s %s", table, braces(op.Add))
}

func braces(list []Element) string {
	if len(list) == 0 {
		return "{ }"
	}
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = e.String()
	}
	return "{ " + strings.Join(texts, ", ") + " }"
}

// String names the sets.
func (s FilterSet) String() string {
	var names []string
	for _, one := range s.Each() {
		switch one {
		case VIPs:
			names = append(names, "vips")
		case LinkLocalVIPs:
			names = append(names, "vips_link_local")
		case NamedVIPs:
			names = append(names, "vips_link_local_name")
		case VMACs:
			names = append(names, "vmac_map")
		case Parents:
			names = append(names, "parent_link_local")
		}
	}
	return strings.Join(names, " ")
}

// String prints an element as it stands in its set.
func (e Element) String() string {
	switch e.Set {
	case LinkLocalVIPs, Parents:
		return fmt.Sprintf("%s . %d", e.Addr, e.Index)
	case NamedVIPs:
		return fmt.Sprintf("%s . %q", e.Addr, e.Name)
	case VMACs:
		return fmt.Sprintf("%d : %d", e.Index, e.Parent)
	}
	return e.Addr.String()
}
