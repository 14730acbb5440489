package netns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// privateDirs returns the folders that every node has for itself, empty at first.
func privateDirs() []string {
	return []string{"run", "etc/keepalived", "etc/holdfast", "server"}
}

// buildRoot gives the calling thread, which has mounts of its own, a root that
// shows the host's files with the private folders in front of them. Nothing is
// made on the host but the folder at; it stays empty there.
func buildRoot(at string) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("lab", at, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount tmpfs: %w", err)
	}
	if err := fill(at); err != nil {
		return err
	}
	return pivot(at)
}

// fill mirrors the host's root. /etc is a folder of links to the host's files,
// so that it can have entries of its own.
func fill(at string) error {
	err := mirror("/", at, func(name string) bool { return name != "etc" && name != "run" && name != "server" })
	if err != nil {
		return err
	}
	host := filepath.Join(at, ".host/etc")
	if err := bind("/etc", host); err != nil {
		return err
	}
	if err := linkAll("/etc", filepath.Join(at, "etc")); err != nil {
		return err
	}
	for _, dir := range privateDirs() {
		if err := os.MkdirAll(filepath.Join(at, dir), 0o755); err != nil {
			return err
		}
	}
	if err := coverVarRun(at); err != nil {
		return err
	}
	return remountSys(at)
}

// mirror binds the folders of from into to and copies its symbolic links.
func mirror(from, to string, take func(string) bool) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !take(e.Name()) {
			continue
		}
		if err := mirrorOne(e, filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func mirrorOne(e os.DirEntry, from, to string) error {
	if e.IsDir() {
		return bind(from, to)
	}
	if e.Type()&os.ModeSymlink == 0 {
		return nil
	}
	target, err := os.Readlink(from)
	if err != nil {
		return err
	}
	return os.Symlink(target, to)
}

func bind(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s: %w", from, err)
	}
	return nil
}

// linkAll fills to with links to the entries of from by way of /.host, leaving
// out what the node has for itself.
func linkAll(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == "keepalived" || e.Name() == "holdfast" {
			continue
		}
		err = errors.Join(err, os.Symlink(filepath.Join("/.host", from, e.Name()), filepath.Join(to, e.Name())))
	}
	return err
}

// coverVarRun hides /var/run where it is a folder and not a link to /run.
func coverVarRun(at string) error {
	path := filepath.Join(at, "var/run")
	if st, err := os.Lstat(path); err != nil || !st.IsDir() {
		return nil
	}
	if err := unix.Mount("lab", path, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("cover %s: %w", path, err)
	}
	return nil
}

// remountSys shows the node's own links below /sys/class/net.
func remountSys(at string) error {
	sys := filepath.Join(at, "sys")
	if err := unix.Mount("sysfs", sys, "sysfs", 0, ""); err != nil && !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("mount sysfs: %w", err)
	}
	return nil
}

// pivot makes at the root of the thread and lets go of the old one.
func pivot(at string) error {
	if err := unix.Chdir(at); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the old root: %w", err)
	}
	return unix.Chdir("/")
}
