package machine

import (
	"fmt"
	"strings"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// readDevices finds the devices of base chains of the family netdev, which the library
// does not read.
func readDevices() (map[string][]string, error) {
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("open nftables: %w", err)
	}
	defer c.Close()
	const list = netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETCHAIN)
	answers, err := c.Execute(netlink.Message{
		Header: netlink.Header{Type: list, Flags: netlink.Request | netlink.Dump},
		Data:   []byte{byte(nftables.TableFamilyNetdev), unix.NFNETLINK_V0, 0, 0},
	})
	if err != nil {
		return nil, fmt.Errorf("list the chains of devices: %w", err)
	}
	found := map[string][]string{}
	for _, a := range answers {
		c, devices, err := chainOfDevices(a.Data)
		if err != nil {
			return nil, fmt.Errorf("read a chain of devices: %w", err)
		}
		found[place(c)] = devices
	}
	return found, nil
}

func chainOfDevices(b []byte) (c *nftables.Chain, devices []string, err error) {
	const header = 4 // struct nfgenmsg
	d, err := netlink.NewAttributeDecoder(b[min(header, len(b)):])
	if err != nil {
		return nil, nil, err
	}
	c = &nftables.Chain{Table: &nftables.Table{Family: nftables.TableFamilyNetdev}}
	for d.Next() {
		switch d.Type() {
		case unix.NFTA_CHAIN_TABLE:
			c.Table.Name = d.String()
		case unix.NFTA_CHAIN_NAME:
			c.Name = d.String()
		case unix.NFTA_CHAIN_HOOK:
			d.Nested(func(n *netlink.AttributeDecoder) error { devices = devicesOf(n); return nil })
		}
	}
	return c, devices, d.Err()
}

// hookDevices is NFTA_HOOK_DEVS of linux/netfilter/nf_tables.h.
const hookDevices = 4

// devicesOf reads one device or a list of them.
func devicesOf(hook *netlink.AttributeDecoder) (devices []string) {
	for hook.Next() {
		switch hook.Type() {
		case unix.NFTA_HOOK_DEV:
			devices = append(devices, hook.String())
		case hookDevices:
			hook.Nested(func(list *netlink.AttributeDecoder) error {
				for list.Next() {
					devices = append(devices, strings.TrimRight(list.String(), "\x00"))
				}
				return nil
			})
		}
	}
	return devices
}
