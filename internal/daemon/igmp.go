package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// localIGMP is disable_local_igmp: the kernel reports no membership of link-local
// groups, that of VRRP among them, while the process lives. What the sysctl was before
// is in the file of this name, so that the next run can give it back after a crash.
type localIGMP string

const localReports = "/proc/sys/net/ipv4/igmp_link_local_mcast_reports"

// want switches reports off, or back to what they were.
func (l localIGMP) want(off bool) (err error) {
	before, err := os.ReadFile(string(l))
	switch {
	case errors.Is(err, fs.ErrNotExist) && off:
		err = l.keep()
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	if err != nil {
		return fmt.Errorf("disable_local_igmp: %w", err)
	}
	if off {
		return writeReports([]byte("0"))
	}
	return errors.Join(writeReports(before), os.Remove(string(l)))
}

// keep writes down what the sysctl is now.
func (l localIGMP) keep() error {
	value, err := os.ReadFile(localReports)
	if err != nil {
		return err
	}
	return replace(string(l), 0o600, func(out io.Writer) { _, _ = out.Write(value) })
}

func writeReports(value []byte) error {
	if err := os.WriteFile(localReports, value, 0o644); err != nil {
		return fmt.Errorf("disable_local_igmp: %w", err)
	}
	return nil
}
