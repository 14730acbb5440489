package command

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	systemPath = "/bin:/usr/bin"
	maxLinks   = 40 // as the kernel's own limit, path_resolution(7)
	headSize   = 256
)

// element is one component of a path, links included, as the walk met it.
type element struct {
	path string
	unix.Stat_t
}

// locate finds the file that run executes and judges every component of the
// way to it, with the eyes of the user who runs it.
func (r *Resolver) locate(run *Runnable) (problems []Problem) {
	seeing(run.Identity, func() {
		if !strings.Contains(run.Argv[0], "/") {
			problems = append(problems, r.search(run)...)
		}
		if !disabled(problems) {
			problems = append(problems, r.judge(run)...)
		}
	})
	return problems
}

// search looks for a bare name along PATH.
func (r *Resolver) search(run *Runnable) []Problem {
	name := run.Argv[0]
	for dir := range strings.SplitSeq(cmp.Or(r.policy.Path, systemPath), ":") {
		full := path.Join(dir, name)
		if path.IsAbs(full) && executableFile(full, run.Identity) {
			run.Argv[0] = full
			return []Problem{{Script: run.Line, Path: full,
				Text: fmt.Sprintf("WARNING - script '%s' resolved by path search to '%s'", name, full),
				Fix:  "write the full path"}}
		}
	}
	return []Problem{{Severity: Disabled, Script: run.Line, Path: name,
		Text: fmt.Sprintf("Script '%s' not found in PATH - disabling", name),
		Fix:  "install it, or write the full path of the program"}}
}

func executableFile(name string, who Identity) bool {
	var st unix.Stat_t
	return unix.Stat(name, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && executable(&st, who)
}

// judge walks the path of run and applies the rules of the reference, section
// 11, in their order.
func (r *Resolver) judge(run *Runnable) []Problem {
	given, err := filepath.Abs(run.Argv[0])
	if err != nil {
		return []Problem{inaccessible(run, given, err)}
	}
	way, err := walk(given)
	if err != nil {
		return []Problem{inaccessible(run, way[len(way)-1].path, err)}
	}
	file := way[len(way)-1]
	run.File = file.path
	if r.policy.SymlinkPaths {
		run.File = given
	}
	switch {
	case file.Mode&unix.S_IFMT != unix.S_IFREG:
		return []Problem{wrongType(run, file.path)}
	case !executable(&file.Stat_t, run.Identity):
		return []Problem{notExecutable(run, file.path)}
	}
	problems := head(run, file.path)
	if rootRuns(&file.Stat_t, run.Identity) {
		problems = append(problems, r.trust(run, way)...)
	}
	return problems
}

// trust reports the first component that somebody other than root could change
// or replace.
func (r *Resolver) trust(run *Runnable, way []element) []Problem {
	for _, e := range way {
		why, fix := weakness(e)
		if why == "" {
			continue
		}
		p := Problem{Severity: Insecure, Security: true, Script: run.Line, Path: e.path, Fix: fix,
			Text: fmt.Sprintf("Unsafe permissions found for script '%s'", run.Argv[0])}
		if r.policy.Security {
			p.Severity = Disabled
			p.Text += " - disabling"
		}
		p.Text += fmt.Sprintf(". %s %s", e.path, why)
		return []Problem{p}
	}
	return nil
}

// weakness says what is wrong with an element of a path that root trusts, and
// how to put it right; empty for nothing. A directory with the sticky bit may
// be writable: others cannot rename what root put there.
func weakness(e element) (why, fix string) {
	sticky := e.Mode&unix.S_IFMT == unix.S_IFDIR && e.Mode&unix.S_ISVTX != 0
	switch {
	case e.Uid != 0:
		return fmt.Sprintf("is owned by uid %d", e.Uid), "chown root " + e.path
	case e.Mode&unix.S_IFMT == unix.S_IFLNK, sticky:
		return "", ""
	case e.Mode&unix.S_IWOTH != 0:
		return "is writable by everyone", "chmod o-w " + e.path
	case e.Mode&unix.S_IWGRP != 0 && e.Gid != 0:
		return fmt.Sprintf("is writable by gid %d", e.Gid), "chmod g-w " + e.path
	}
	return "", ""
}

// rootRuns reports whether the file runs with the rights of root or its group.
func rootRuns(st *unix.Stat_t, who Identity) bool {
	return who.UID == 0 || who.GID == 0 ||
		st.Mode&unix.S_ISUID != 0 && st.Uid == 0 ||
		st.Mode&unix.S_ISGID != 0 && st.Gid == 0
}

// executable judges by the mode bits, as the kernel does without ACLs.
// Supplementary groups count when the script is given them.
func executable(st *unix.Stat_t, who Identity) bool {
	switch {
	case who.UID == 0:
		return st.Mode&0o111 != 0
	case st.Uid == who.UID:
		return st.Mode&0o100 != 0
	case st.Gid == who.GID || slices.Contains(who.Groups, st.Gid):
		return st.Mode&0o010 != 0
	}
	return st.Mode&0o001 != 0
}

// walk follows an absolute path component by component, through every link,
// and returns all it met, the file itself last. With an error, the last
// element is where the way ends.
//
// keepalived looks at each component without following it, so that a linked
// directory, /bin on a merged-/usr system, is "the wrong file type" and the
// script is disabled. That is a defect: the link is followed here, and the
// directories it leads to are judged like all others.
func walk(name string) ([]element, error) {
	var way []element
	at, rest, links := "/", pieces(name), 0
	way, err := meet(way, at)
	for err == nil && len(rest) > 0 {
		at, rest = path.Join(at, rest[0]), rest[1:]
		if way, err = meet(way, at); err != nil {
			return way, err
		}
		switch mode := way[len(way)-1].Mode & unix.S_IFMT; {
		case mode == unix.S_IFLNK:
			if links++; links > maxLinks {
				return way, unix.ELOOP
			}
			at, rest, err = follow(at, rest)
		case mode != unix.S_IFDIR && len(rest) > 0:
			return way, unix.ENOTDIR
		}
	}
	return way, err
}

func meet(way []element, at string) ([]element, error) {
	e := element{path: at}
	err := unix.Lstat(at, &e.Stat_t)
	return append(way, e), err
}

// follow replaces the link at by where it points to.
func follow(at string, rest []string) (string, []string, error) {
	target, err := os.Readlink(at)
	if err != nil {
		return at, rest, err
	}
	rest = slices.Concat(pieces(target), rest)
	if path.IsAbs(target) {
		return "/", rest, nil
	}
	return path.Dir(at), rest, nil
}

func pieces(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(s string) bool { return s == "" || s == "." })
}

// head looks at how the file begins: without a #! line or an ELF header the
// kernel will most likely refuse it.
func head(run *Runnable, file string) []Problem {
	buf := make([]byte, headSize)
	f, err := os.Open(file)
	if err != nil {
		return nil // a program need not be readable
	}
	defer f.Close()
	n, _ := f.Read(buf)
	buf = buf[:n]
	switch {
	case bytes.HasPrefix(buf, []byte("\x7fELF")):
		return nil
	case bytes.HasPrefix(buf, []byte("#!")):
		return interpreter(run, file, buf[2:])
	}
	return []Problem{{Script: run.Line, Path: file, Text: "Please add a #! shebang to script " + file,
		Fix: "begin it with a line such as #!/bin/sh; until then it is run by sh"}}
}

func interpreter(run *Runnable, file string, line []byte) []Problem {
	line, _, _ = bytes.Cut(line, []byte("\n"))
	words := strings.Fields(string(line))
	if len(words) > 0 && errors.Is(unix.Access(words[0], unix.F_OK), unix.ENOENT) {
		return []Problem{{Script: run.Line, Path: words[0],
			Text: fmt.Sprintf("WARNING - interpreter '%s' of script '%s' does not exist, every run will fail", words[0], file),
			Fix:  "install it, or correct the first line of the script"}}
	}
	return nil
}

func inaccessible(run *Runnable, at string, err error) Problem {
	if errors.Is(err, unix.ENOTDIR) {
		return wrongType(run, at)
	}
	p := Problem{Severity: Disabled, Script: run.Line, Path: at,
		Text: fmt.Sprintf("Script '%s' cannot be accessed - %v at %s - disabling", run.Argv[0], err, at)}
	switch {
	case errors.Is(err, unix.ENOENT):
		p.Fix = "create " + at + ", or correct the name"
	case errors.Is(err, unix.EACCES):
		p.Path = path.Dir(at)
		p.Fix = fmt.Sprintf("uid %d needs search permission (x) on %s; or run the script as another user", run.UID, p.Path)
	case errors.Is(err, unix.ELOOP):
		p.Fix = "the links lead in a circle"
	}
	return p
}

func wrongType(run *Runnable, at string) Problem {
	return Problem{Severity: Disabled, Script: run.Line, Path: at,
		Text: fmt.Sprintf("Wrong file type found in script path '%s' - disabling: %s", run.Argv[0], at),
		Fix:  "a script is a regular file, and what leads to it are directories"}
}

func notExecutable(run *Runnable, at string) Problem {
	return Problem{Severity: Disabled, Script: run.Line, Path: at,
		Text: fmt.Sprintf("WARNING - script '%s' is not executable for uid:gid %d:%d - disabling.", run.Argv[0], run.UID, run.GID),
		Fix:  "chmod +x " + at + ", or run it as a user who may execute it"}
}

// seeing runs look with the file system rights of who. Those belong to a
// thread; the one used here ends with its goroutine and is never seen again.
func seeing(who Identity, look func()) {
	if os.Geteuid() != 0 || who.UID == 0 && who.GID == 0 {
		look()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked, on purpose
		assume(who)
		look()
	}()
	<-done
}

// assume gives the calling thread the groups and the file system identity of
// who. The kernel takes the capabilities that override permissions with them.
// A call that fails leaves more rights to the look, which is no harm to anyone:
// what is run later is judged again by the kernel.
func assume(who Identity) {
	groups := append([]uint32{who.GID}, who.Groups...)
	setGroups(groups)
	_ = unix.Setfsgid(int(who.GID))
	_ = unix.Setfsuid(int(who.UID))
}
