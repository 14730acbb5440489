// Package interop holds tests that let holdfast and Debian's keepalived share an
// address, in both roles: who is master, how the address moves when the master
// stops or dies and comes back, what an independent decoder says about the
// packets, and whether keepalived complains.
package interop

import (
	"context"
	"errors"
	"flag"
	"os"
	"testing"
	"time"

	"holdfast/bench/subject"
	"holdfast/test/need"
)

// programVariable names the program under test: the path of a holdfast binary,
// or the word keepalived, by which the tests test themselves.
const programVariable = "HOLDFAST_TEST_PROGRAM"

// candidates are the two programs of a mixed pair.
type candidates struct{ holdfast, keepalived subject.Program }

func find(t *testing.T) candidates {
	t.Helper()
	keepalived, err := subject.Keepalived()
	must(t, err)
	switch path := os.Getenv(programVariable); path {
	case "":
		built, err := subject.Build(t.Context(), t.TempDir())
		must(t, err)
		return candidates{built, keepalived}
	case keepalived.Name:
		return candidates{keepalived, keepalived}
	default:
		return candidates{subject.Holdfast(path), keepalived}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestMixedPairs(t *testing.T) {
	need.Nodes(t, "keepalived", "tcpdump", "tshark", "ip", "nft")
	found := find(t)
	for _, d := range dialects() {
		for _, order := range []struct {
			name           string
			master, backup subject.Program
		}{
			{"holdfast before keepalived", found.holdfast, found.keepalived},
			{"keepalived before holdfast", found.keepalived, found.holdfast},
		} {
			t.Run(d.name+"/"+order.name, func(t *testing.T) {
				t.Parallel()
				newStage(t, d, order.master, order.backup).play()
			})
		}
	}
}

// atOnce is how many pairs share the machine: few enough that nobody is late,
// and more than processors, for a pair mostly waits.
const atOnce = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", atOnce)
	os.Exit(m.Run())
}

// retry asks again until ok or the time is up.
func retry(ctx context.Context, limit time.Duration, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for !ok() {
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return errors.New("not within " + limit.String())
		}
	}
	return nil
}
