package daemon

import (
	"bytes"
	"log/slog"
	"log/syslog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"holdfast/internal/cli"
)

// speak logs a line of every level.
func speak(l *slog.Logger) {
	l.Debug("detail")
	l.Info("news", "link", "eth0", "n", 3)
	l.Warn("odd")
	l.With("instance", "VI_1").Error("bad", "n", 1)
}

func TestLinesCarryTheirAttributes(t *testing.T) {
	var out bytes.Buffer
	speak(logTo(&out, slog.LevelInfo))
	if got, want := out.String(), "INFO news link=eth0 n=3\nWARN odd\nERROR bad n=1 instance=VI_1\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestDetailIsShownOnRequest(t *testing.T) {
	for detail, want := range map[bool]bool{true: true, false: false} {
		path := filepath.Join(t.TempDir(), "log")
		speak(openLogs(cli.Options{LogFile: path, Detail: detail}))
		if got := strings.Contains(stated(t, path), "detail"); got != want {
			t.Errorf("detail %v: shown %v", detail, got)
		}
	}
}

// The layout of keepalived's log file: Www Mmm dd hh:mm:ss.nnnnnnnnn yyyy.
func TestTheLogFileIsAppendedToInKeepalivedsLayout(t *testing.T) {
	path := write(t, "log", "what was there\n")
	openLogs(cli.Options{LogFile: path}).Info("news")
	layout := regexp.MustCompile(`^what was there\n[A-Z][a-z]{2} [A-Z][a-z]{2} [ 1-3][0-9] \d\d:\d\d:\d\d\.\d{9} \d{4}: news\n$`)
	if got := stated(t, path); !layout.MatchString(got) {
		t.Errorf("the file says %q", got)
	}
}

// onStderr is what a function writes to standard error.
func onStderr(t *testing.T, do func()) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stderr")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stderr
	os.Stderr = f
	defer func() { os.Stderr = old }()
	do()
	_ = f.Close()
	return stated(t, path)
}

func TestTheConsole(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "")
	got := onStderr(t, func() { openLogs(cli.Options{Console: true}).Warn("odd") })
	if !regexp.MustCompile(`^[A-Z][a-z]{2} [A-Z][a-z]{2} [ 1-3][0-9] \d\d:\d\d:\d\d \d{4}: odd\n$`).MatchString(got) {
		t.Errorf("on a terminal: %q", got)
	}
	t.Setenv("JOURNAL_STREAM", "8:12345")
	got = onStderr(t, func() { speak(openLogs(cli.Options{Console: true, Detail: true})) })
	if want := "<7>detail\n<6>news link=eth0 n=3\n<4>odd\n<3>bad n=1 instance=VI_1\n"; got != want {
		t.Errorf("under systemd: %q, want %q", got, want)
	}
}

func TestAPlaceThatCannotBeOpenedIsReportedOnTheOthers(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "8:12345")
	got := onStderr(t, func() { openLogs(cli.Options{Console: true, LogFile: "/no/such/dir/log"}).Info("news") })
	if !strings.HasPrefix(got, "<4>open log file: ") || !strings.HasSuffix(got, "<6>news\n") {
		t.Errorf("the console says %q", got)
	}
}

func TestFacilities(t *testing.T) {
	known := facilities()
	for word, want := range map[string]syslog.Priority{
		"daemon": syslog.LOG_DAEMON, "user": syslog.LOG_USER,
		"0": syslog.LOG_LOCAL0, "1": syslog.LOG_LOCAL1, "7": syslog.LOG_LOCAL7,
		"local0": syslog.LOG_LOCAL0, "local5": syslog.LOG_LOCAL5, "local7": syslog.LOG_LOCAL7,
	} {
		if got, ok := known[word]; !ok || got != want {
			t.Errorf("%s is %d, want %d", word, got, want)
		}
	}
	for _, word := range []string{"", "8", "local8", "mail", "-1"} {
		if _, ok := known[word]; ok {
			t.Errorf("%q is a facility", word)
		}
	}
	if len(known) != 18 {
		t.Errorf("there are %d words", len(known))
	}
}

func TestEachOfSeveralLinesCarriesTheTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	openLogs(cli.Options{LogFile: path}).Info("one\ntwo")
	lines := strings.Split(strings.TrimSuffix(stated(t, path), "\n"), "\n")
	if len(lines) != 2 || !strings.HasSuffix(lines[0], ": one") || strings.TrimSuffix(lines[0], "one") != strings.TrimSuffix(lines[1], "two") {
		t.Errorf("the file says %q", lines)
	}
}
