package daemon

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"holdfast/internal/cli"
	"holdfast/internal/load"
)

// copyVariable carries what is settled about this copy of the daemon to the program
// that starts again as it.
const copyVariable = "HOLDFAST_COPY"

// settledCopy is what an earlier start of this program settled, if one did.
func settledCopy() (c cli.Copy, settled bool) {
	text, settled := os.LookupEnv(copyVariable)
	if settled {
		_ = os.Unsetenv(copyVariable) // scripts need not see it
		settled = json.Unmarshal([]byte(text), &c) == nil
	}
	return c, settled
}

func written(c cli.Copy) string {
	text, err := json.Marshal(c)
	if err != nil {
		panic("daemon: " + err.Error())
	}
	return string(text)
}

// several reports whether this may be one daemon of several on this machine. What
// makes it one has to be known before anything is opened, and the worker that
// reads configurations is not there yet. Most configurations are spared a second
// reading: they do not mention it.
func several(o *cli.Options) bool { return o.Copy.NetNS != "" || mentions(o.Config()) }

// mentions reports whether a file has a word that may make a copy, be it because
// another file is included. A line that is too long for the scanner may have one.
func mentions(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false // the worker will say so
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		words := bytes.Fields(lines.Bytes())
		if slices.ContainsFunc(words, makesCopy) || len(words) > 0 && builds(words) {
			return true
		}
	}
	return lines.Err() != nil
}

// builds reports whether a line is made of definitions or repeated: it may turn out to be
// anything.
func builds(words [][]byte) bool {
	defines := bytes.ContainsRune(words[0], '=') || len(words) > 1 && words[1][0] == '='
	return words[0][0] == '~' || words[0][0] == '$' && !defines
}

// makesCopy judges a word of a configuration: what it says has to be known early. Words of definitions have the name
// before them.
func makesCopy(word []byte) bool {
	if _, value, found := bytes.Cut(word, []byte("=")); found {
		word = value
	}
	switch string(word) {
	case "instance", "use_pid_dir", "net_namespace", "tmp_config_directory":
		return true
	}
	return bytes.HasPrefix(word, []byte("include"))
}

// move starts this program again as the copy that it is to be, with nothing left of
// the reading and all its threads in the namespace.
func move(o cli.Options) int {
	c := wanted(&o)
	runtime.LockOSThread() // what is started from a thread is where the thread is
	if err := enter(c.NetNS); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", o.Name, err)
		return exitFatal
	}
	err := os.Setenv(copyVariable, written(c))
	if err == nil && !o.Foreground && os.Getenv(detachedVariable) == "" {
		return detach(o)
	}
	if err == nil {
		err = unix.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	fmt.Fprintf(os.Stderr, "%s: start again as a copy: %v\n", o.Name, err)
	return exitFatal
}

// wanted is the copy of the configuration; the namespace of the command line goes
// before. What is wrong with the configuration the worker says.
func wanted(o *cli.Options) cli.Copy {
	c := o.Copy
	r := load.Read(load.Options{File: o.Config(), ID: o.ConfigID, AllChecks: o.AllConfig})
	if r.Config == nil {
		return c
	}
	of := &r.Config.Global.Copy
	return cli.Copy{NetNS: cmp.Or(c.NetNS, of.NetNS), Instance: of.Instance, PIDDir: of.PIDDir, ConfigDir: r.Config.Global.Paths.ConfigCopy}
}

// enter takes this thread into a network namespace, with mounts of its own: files of
// the same names in cli.PIDDir are others there.
func enter(name string) error {
	if name == "" {
		return nil
	}
	f, err := os.Open(filepath.Join("/run/netns", name))
	if err != nil {
		return fmt.Errorf("enter network namespace %s: %w\nfix: make it with `ip netns add %s`, or correct net_namespace", name, err, name)
	}
	defer func() { _ = f.Close() }()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace %s: %w\nfix: give CAP_SYS_ADMIN; for holdfast.service by examples/net-namespace.conf of the package", name, err)
	}
	if err := ownPIDDir(name); err != nil {
		return fmt.Errorf("give network namespace %s a directory for pid files: %w", name, err)
	}
	return nil
}

func ownPIDDir(name string) error {
	own := filepath.Join(cli.PIDDir, name)
	if err := makeDir(own); err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return os.NewSyscallError("mount", err)
	}
	return os.NewSyscallError("mount", unix.Mount(own, cli.PIDDir, "", unix.MS_BIND, ""))
}
