package lab

import (
	"bytes"
	"regexp"
	"sync"
)

// logTail reads what a daemon prints, keeps the end of it and hands each line on.
type logTail struct {
	line func(string)

	mu   sync.Mutex
	part []byte
	kept []string
}

// keptLines is how much of a log is shown when something went wrong.
const keptLines = 40

// Write takes output as it comes, in pieces.
func (l *logTail) Write(p []byte) (int, error) {
	l.mu.Lock()
	l.part = append(l.part, p...)
	var lines []string
	for {
		i := bytes.IndexByte(l.part, '\n')
		if i < 0 {
			break
		}
		lines = append(lines, string(l.part[:i]))
		l.part = l.part[i+1:]
	}
	l.kept = append(l.kept, lines...)
	l.kept = l.kept[max(0, len(l.kept)-keptLines):]
	l.mu.Unlock()
	for _, line := range lines {
		l.line(line)
	}
	return len(p), nil
}

// Tail is the end of the log.
func (l *logTail) Tail() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.kept...)
}

// talkLine matches what a daemon logs of an instance.
func talkLine() *regexp.Regexp { return regexp.MustCompile(`: \(([^()\s]+)\) (.*)`) }

// roleLine matches what a daemon logs of a transition, whatever stands before it:
// `(VG_1) Entering MASTER STATE (master down)`.
func roleLine() *regexp.Regexp {
	return regexp.MustCompile(`\(([^()\s]+)\) Entering ([A-Z]+) STATE(?: \((.*)\))?`)
}

// realLine matches what a daemon logs of a virtual server's table: who is in it, and
// whether they are enough.
func realLine() *regexp.Regexp {
	return regexp.MustCompile(`(?:Adding|Removing|Enabling|Disabling) (?:alternate |sorry )?(?:service|server) \[.*|(?:Gained|Lost) quorum .*`)
}
