package guest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// mountAll mounts what the kernel makes up, and hides what daemons of the outside
// keep in /run. The kernel may have filled /dev already.
func mountAll() error {
	for _, m := range []struct{ kind, at string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/run"}} {
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s on %s: %w", m.kind, m.at, err)
		}
	}
	return nil
}

// load loads modules, each after those that it needs.
func load(names []string) error {
	if len(names) == 0 {
		return nil
	}
	var release unix.Utsname
	if err := unix.Uname(&release); err != nil {
		return err
	}
	dir := filepath.Join("/usr/lib/uml/modules", unix.ByteSliceToString(release.Release[:]))
	needs, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return err
	}
	for _, name := range names {
		files, err := filesOf(name, string(needs))
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := insert(filepath.Join(dir, file)); err != nil {
				return fmt.Errorf("load %s for %s: %w", file, name, err)
			}
		}
	}
	return nil
}

// filesOf finds a module in modules.dep: FILE: WHAT IT NEEDS, nearest first.
func filesOf(name, needs string) ([]string, error) {
	for line := range strings.Lines(needs) {
		file, others, _ := strings.Cut(strings.TrimSpace(line), ":")
		if strings.TrimSuffix(filepath.Base(file), ".ko") == name {
			files := append([]string{file}, strings.Fields(others)...)
			slices.Reverse(files)
			return files, nil
		}
	}
	return nil, fmt.Errorf("there is no module %s", name)
}

func insert(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}

// powerOff ends the guest.
func powerOff() {
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}
