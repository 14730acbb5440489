// Package internal_test holds the tests of the shape of the program: which
// packages are pure, and who may import whom. doc/architecture.md has the picture.
package internal_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pure packages decide: they are given the instant and the event and return
// values, so that they can be tested and replayed without a kernel.
func pure() []string {
	return []string{"mono", "index", "conf", "fault", "format", "config", "doctor", "lint", "cluster", "manual", "vrrp", "vrrp/wire", "agentx/wire", "bfd", "bfd/wire", "tracker", "checker", "notify", "host", "ipvs", "lvs", "realserver", "router", "balancer", "dump", "mib", "sim", "simulate", "status"}
}

// layers lists who may import whom, lowest first. A package may import those of
// lower layers; what it may import beside that stands in also.
func layers() [][]string {
	return [][]string{
		0: {"mono", "index", "conf", "fault", "vrrp/wire", "bfd/wire", "agentx/wire", "status", "golden"}, // of each other only mono
		1: {"format", "vrrp", "bfd", "tracker", "checker", "notify", "host", "ipvs", "lvs", "realserver"},
		2: {"config", "doctor", "lint", "cluster", "manual", "router", "balancer", "dump", "mib", "sim", "simulate"},
		3: {"agentx", "command", "mmsg", "host/netlink", "host/nft", "ipvs/netlink", "lan", "bfd/udp", "tracker/script", "tracker/file", "tracker/link", "tracker/process", "tracker/check", "notify/script", "notify/fifo", "notify/smtp", "notify/webhook",
			"checker/dial", "checker/dns", "checker/http", "checker/misc", "checker/ping", "checker/process", "checker/regex", "checker/run", "checker/smtp", "checker/systemd", "checker/tcp", "checker/udp", "doctor/machine", "realserver/kernel"},
		4: {"relay", "engine", "load"},
		5: {"api", "bus", "metrics", "cli", "check", "genhash", "reformat"},
		6: {"lab/netns", "lab/guest", "lab/service", "lab", "daemon"},
	}
}

// also are the imports within a layer: a parent, or a tool that several hands share.
func also() map[string][]string {
	return map[string][]string{
		"router":         {"config"},
		"balancer":       {"config"},
		"lvs":            {"ipvs"},
		"lint":           {"config"},
		"doctor":         {"config"},
		"manual":         {"cluster", "config", "lint"},
		"cluster":        {"config", "sim"},
		"sim":            {"config", "router"},
		"dump":           {"balancer", "config", "router"},
		"mib":            {"balancer", "config", "dump"},
		"simulate":       {"cluster", "config", "router", "sim"},
		"lan":            {"mmsg"},
		"bfd/udp":        {"mmsg"},
		"tracker/script": {"command"},
		"tracker/check":  {"command"},
		"checker/dns":    {"checker/dial"}, "checker/http": {"checker/dial", "checker/regex"}, "checker/ping": {"checker/dial"},
		"checker/misc": {"command"}, "checker/smtp": {"checker/dial"}, "checker/udp": {"checker/dial"},
		"checker/run": {"checker/dial"}, "checker/systemd": {"checker/dial"}, "checker/tcp": {"checker/dial"},
		"notify/script": {"command"},
		"notify/fifo":   {"command"},
		"engine":        {"relay"},
		"lab":           {"lab/netns", "lab/guest", "lab/service"},
		"lab/service":   {"lab/netns"},
		"vrrp/wire":     {"mono"},
		"status":        {"mono"},
	}
}

// never are lower packages that a layer still must not import: the loop knows
// the hands only through interfaces, and hands do not know the whole.
func never() map[string][]string {
	hands := layers()[3]
	whole := layers()[2]
	return map[string][]string{
		"engine": hands, "relay": hands, "cli": append(slices.Clone(hands), "router", "balancer", "sim"),
		"agentx": whole, "host/netlink": whole, "host/nft": whole, "ipvs/netlink": whole, "lan": whole, "bfd/udp": whole, "mmsg": whole, "tracker/script": whole, "tracker/file": whole, "tracker/link": whole, "tracker/process": whole, "tracker/check": whole, "notify/script": whole, "notify/fifo": whole, "notify/smtp": whole, "notify/webhook": whole, "command": whole,
	}
}

type listed struct {
	ImportPath, Dir string
	GoFiles         []string
	Imports         []string
}

func packages(t *testing.T) map[string]listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "holdfast/internal/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list the packages: %v", err)
	}
	all := map[string]listed{}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("decode the list of packages: %v", err)
		}
		if name, ok := strings.CutPrefix(p.ImportPath, "holdfast/internal/"); ok { // this folder is no package
			all[name] = p
		}
	}
}

func TestPurePackagesImportNothingThatActs(t *testing.T) {
	forbidden := []string{"net", "os", "os/exec", "os/signal", "os/user", "syscall", "net/http", "log/slog", "log", "math/rand"}
	all := packages(t)
	for _, name := range pure() {
		p, ok := all[name]
		if !ok {
			t.Errorf("package %s is named pure here and does not exist", name)
			continue
		}
		for _, imp := range p.Imports {
			if strings.Contains(imp, ".") {
				t.Errorf("%s imports %s: a package that decides uses the standard library only", name, imp)
			}
			if slices.Contains(forbidden, imp) {
				t.Errorf("%s imports %s: a package that decides has no sockets, files, processes or locks; return an effect and let a hand carry it out", name, imp)
			}
		}
	}
}

func TestPurePackagesReadNoClockAndStartNothing(t *testing.T) {
	all := packages(t)
	for _, name := range pure() {
		for _, file := range all[name].GoFiles {
			inspect(t, filepath.Join(all[name].Dir, file))
		}
	}
}

func inspect(t *testing.T, path string) {
	t.Helper()
	clock := []string{"Now", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep", "Since", "Until"}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			t.Errorf("%s starts a goroutine: a package that decides runs only when it is called", fset.Position(n.Pos()))
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
				t.Errorf("%s calls time.%s: take the instant as an argument, so that the decision can be replayed", fset.Position(n.Pos()), n.Sel.Name)
			}
		}
		return true
	})
}

func TestImportsPointDownwards(t *testing.T) {
	level := map[string]int{}
	for i, names := range layers() {
		for _, name := range names {
			level[name] = i
		}
	}
	for name, p := range packages(t) {
		mine, ok := level[name]
		if !ok {
			t.Errorf("package %s has no layer: give it a place in layers and in doc/architecture.md", name)
			continue
		}
		for _, imp := range p.Imports {
			dep, ours := strings.CutPrefix(imp, "holdfast/internal/")
			if !ours || slices.Contains(also()[name], dep) {
				continue
			}
			if level[dep] >= mine {
				t.Errorf("%s (layer %d) imports %s (layer %d): imports point downwards; accept an interface or a value instead", name, mine, dep, level[dep])
			}
			if slices.Contains(never()[name], dep) {
				t.Errorf("%s imports %s: it may know it only through an interface", name, dep)
			}
		}
	}
}

func TestNothingAtPackageLevelChanges(t *testing.T) {
	for name, p := range packages(t) {
		if name == "golden" {
			continue // it belongs to tests, and has their flag
		}
		for _, file := range p.GoFiles {
			noState(t, name, filepath.Join(p.Dir, file))
		}
	}
}

// noState refuses variables of a package, except errors and assertions that a
// type has an interface, and functions called init.
func noState(t *testing.T, name, path string) {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.Name == "init" && d.Recv == nil {
				t.Errorf("%s: %s has an init function: write lists out where they are used", fset.Position(d.Pos()), name)
			}
		case *ast.GenDecl:
			if d.Tok == token.VAR {
				onlyErrors(t, fset, d)
			}
		}
	}
}

func onlyErrors(t *testing.T, fset *token.FileSet, d *ast.GenDecl) {
	t.Helper()
	for _, s := range d.Specs {
		for _, n := range s.(*ast.ValueSpec).Names {
			if n.Name != "_" && !strings.HasPrefix(strings.ToLower(n.Name), "err") {
				t.Errorf("%s: variable %s at package level: state belongs to a value that is passed; a table belongs into a function", fset.Position(n.Pos()), n.Name)
			}
		}
	}
}
