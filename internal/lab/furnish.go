package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// hidden are the folders of the host that a node does not see, because it has
// its own.
func hidden(path string) bool {
	for _, dir := range []string{"/etc/keepalived", "/etc/holdfast", "/server", "/run", "/var/run"} {
		if strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	return false
}

// largestCopy bounds the files that are copied for a node, in bytes.
const largestCopy = 1 << 20

// furnish gives the node what its configuration needs out of folders that it
// does not see: the files beside the configuration, and the programs it runs. For
// a program that this machine does not have, one stands in that does nothing
// and succeeds.
func (m *machine) furnish() error {
	if m.plan.Server != nil {
		return nil
	}
	if err := m.showFile(); err != nil {
		return err
	}
	return m.providePrograms()
}

// showFile has the node see its configuration.
func (m *machine) showFile() error {
	switch {
	case m.plan.Text != "":
		if err := m.node.WriteFile(m.plan.File, m.plan.Text, 0o644); err != nil {
			return err
		}
	case hidden(m.plan.File):
		if err := m.copyDir(filepath.Dir(m.plan.File)); err != nil {
			return err
		}
	}
	if len(m.plan.digests()) == 0 {
		return nil
	}
	text, err := m.node.ReadFile(m.plan.File)
	if err != nil {
		return err
	}
	return m.replace(m.plan.adapted(text))
}

func (m *machine) providePrograms() error {
	programs := m.plan.Programs
	for _, s := range m.plan.Scripts {
		if len(s.Argv) > 0 && filepath.IsAbs(s.Argv[0]) {
			programs = append(programs, s.Argv[0])
		}
	}
	for _, p := range programs {
		if err := m.provide(p); err != nil {
			return err
		}
	}
	return nil
}

// copyDir copies the small regular files of a folder of the host.
func (m *machine) copyDir(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		return m.copyFile(path)
	})
}

func (m *machine) copyFile(path string) error {
	st, err := os.Stat(path)
	if err != nil || st.Size() > largestCopy {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return m.node.WriteFile(path, string(text), st.Mode().Perm())
}

func (m *machine) provide(program string) error {
	if m.node.Do(func() error { _, err := os.Stat(program); return err }) == nil {
		return nil
	}
	if hidden(program) {
		if _, err := os.Stat(program); err == nil {
			return m.copyFile(program)
		}
		return m.node.WriteFile(program, "#!/bin/sh\nexit 0\n", 0o755)
	}
	m.line.note(m.plan.Name, "%s does not exist on this machine", program)
	return nil
}

// guards are the programs that a guard stands before.
type guards struct{ byPath map[string]string }

// guardScript stands before the program of a tracked script, bound over it in
// the node alone: called with the arguments that one of the files in its folder
// holds, it fails; otherwise it becomes the program, under its own name. The
// configuration stays as it is, and what already runs is not disturbed.
const guardScript = `#!/.lab/sh
for f in /.lab/fail/%[1]s/*; do
	[ -f "$f" ] || continue
	IFS= read -r args <"$f"
	[ "$args" = "$*" ] && exit 1
done
exec /.lab/real/%[1]s/%[2]s "$@"
`

// fail makes a tracked script exit with 1, or lets it work again.
func (m *machine) fail(name string, on bool) error {
	s := m.plan.script(name)
	id, err := m.guardFor(s)
	if err != nil {
		return fmt.Errorf("stand before the script %s of %s: %w", name, m.plan.Name, err)
	}
	flag := filepath.Join("/.lab/fail", id, name)
	if on {
		err = m.node.WriteFile(flag, strings.Join(s.Argv[1:], " ")+"\n", 0o644)
	} else {
		err = m.node.Do(func() error { return os.Remove(flag) })
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	m.mu.Lock()
	m.failing[name] = on
	m.mu.Unlock()
	return err
}

func (p *NodePlan) script(name string) ScriptPlan {
	for _, s := range p.Scripts {
		if s.Name == name {
			return s
		}
	}
	panic("lab: a tracker that Check let pass: " + name)
}

// guardFor puts a guard before the program of a script, once per program.
func (m *machine) guardFor(s ScriptPlan) (id string, err error) {
	if len(s.Argv) == 0 {
		return "", errors.New("it has no command")
	}
	err = m.node.Do(func() error {
		path, err := exec.LookPath(s.Argv[0])
		if err != nil {
			return err
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
		id, err = m.guard.put(path)
		return err
	})
	return id, err
}

// put runs on the node's thread.
func (g *guards) put(path string) (string, error) {
	if id, ok := g.byPath[path]; ok {
		return id, nil
	}
	if g.byPath == nil {
		shell, err := filepath.EvalSymlinks("/bin/sh")
		if err != nil {
			return "", err
		}
		if err := bindFile(shell, "/.lab/sh"); err != nil {
			return "", err
		}
		g.byPath = map[string]string{}
	}
	id := fmt.Sprint(len(g.byPath))
	if err := placeGuard(path, id); err != nil {
		return "", err
	}
	g.byPath[path] = id
	return id, nil
}

func placeGuard(path, id string) error {
	if err := bindFile(path, filepath.Join("/.lab/real", id, filepath.Base(path))); err != nil {
		return err
	}
	guard := filepath.Join("/.lab/guard", id)
	if err := os.MkdirAll(filepath.Dir(guard), 0o755); err != nil {
		return err
	}
	text := fmt.Sprintf(guardScript, id, filepath.Base(path))
	if err := errors.Join(os.WriteFile(guard, []byte(text), 0o755), os.Chmod(guard, 0o755)); err != nil {
		return err
	}
	return os.NewSyscallError("bind "+path, unix.Mount(guard, path, "", unix.MS_BIND, ""))
}

// bindFile shows a file at a second path.
func bindFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(to, nil, 0o755); err != nil {
		return err
	}
	return os.NewSyscallError("bind "+from, unix.Mount(from, to, "", unix.MS_BIND, ""))
}
