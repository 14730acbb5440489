package daemon

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/internal/cli"
	"holdfast/internal/config"
)

// write puts a file into a directory of the test and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// logTo is a logger that writes bare lines, level first.
func logTo(out *bytes.Buffer, level slog.Level) *slog.Logger {
	h := &logs{manner: &atomic.Pointer[manner]{}, lock: &sync.Mutex{}, places: []place{{write: func(l slog.Level, line string) {
		out.WriteString(l.String() + " " + line + "\n")
	}}}}
	h.manner.Store(&manner{style: styleKeepalived, level: level})
	return slog.New(h)
}

// instance is a configuration of one instance and what else it says.
func instance(more string) string {
	return "vrrp_instance A {\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n 10.0.0.1/24\n }\n" + more + "\n}\n"
}

func TestScriptsWithoutSecurityAreLoggedOnce(t *testing.T) {
	var logged bytes.Buffer
	report(readConfig(&cli.Options{ConfigFile: write(t, "k.conf", instance(" notify /bin/true root"))}, &config.Global{}, func(s string) { t.Log(s) }), logTo(&logged, slog.LevelInfo))
	if strings.Count(logged.String(), "WARN SECURITY VIOLATION") != 1 || strings.Contains(logged.String(), config.ScriptsUnsecured) {
		t.Errorf("the log says:\n%s", &logged)
	}
}
