package daemon

import (
	"fmt"
	"os"
	"strings"
)

// localIGMP is disable_local_igmp: the kernel reports no membership of link-local
// groups, that of VRRP among them, while the process lives.
type localIGMP struct {
	before string // what the sysctl was; empty: it was not touched
}

const localReports = "/proc/sys/net/ipv4/igmp_link_local_mcast_reports"

// want switches reports off, or back to what they were.
func (l *localIGMP) want(off bool) error {
	switch {
	case off && l.before == "":
		return l.disable()
	case !off && l.before != "":
		err := writeReports(l.before)
		l.before = ""
		return err
	}
	return nil
}

func (l *localIGMP) disable() error {
	value, err := os.ReadFile(localReports)
	if err != nil {
		return fmt.Errorf("disable_local_igmp: %w", err)
	}
	l.before = strings.TrimSpace(string(value))
	return writeReports("0")
}

func writeReports(value string) error {
	if err := os.WriteFile(localReports, []byte(value), 0o644); err != nil {
		return fmt.Errorf("disable_local_igmp: %w", err)
	}
	return nil
}
