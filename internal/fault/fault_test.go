package fault

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFaultsAreReadAndPrintedAsTyped(t *testing.T) {
	for text, want := range map[string]Fault{
		"kill ka67":              {Verb: Kill, Node: "ka67"},
		"crash ka67":             {Verb: Crash, Node: "ka67"},
		"stop ka67":              {Verb: Stop, Node: "ka67"},
		"start ka67":             {Verb: Start, Node: "ka67"},
		"pause ka67 300ms":       {Verb: Pause, Node: "ka67", For: 300 * time.Millisecond},
		"link-down ka67 eth0":    {Verb: LinkDown, Node: "ka67", Arg: "eth0"},
		"link-up ka67 eth0":      {Verb: LinkUp, Node: "ka67", Arg: "eth0"},
		"drop-vrrp ka67":         {Verb: DropVRRP, Node: "ka67"},
		"allow-vrrp ka67":        {Verb: AllowVRRP, Node: "ka67"},
		"partition a b | c":      {Verb: Partition, Sides: [][]string{{"a", "b"}, {"c"}}},
		"heal":                   {Verb: Heal},
		"fail ka67 chk_nginx":    {Verb: Fail, Node: "ka67", Arg: "chk_nginx"},
		"recover ka67 chk_nginx": {Verb: Recover, Node: "ka67", Arg: "chk_nginx"},
		"reload ka67 new.conf":   {Verb: Reload, Node: "ka67", Arg: "new.conf"},
	} {
		got, err := Parse(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", text, err, diff)
		}
		if got.String() != text {
			t.Errorf("%q is printed as %q", text, got)
		}
	}
}

func TestBadFaultsAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "empty",
		"explode ka67":     `"explode"`,
		"kill":             "kill NODE",
		"kill a b":         "kill NODE",
		"pause a":          "pause NODE DURATION",
		"pause a soon":     `"soon"`,
		"pause a -1s":      `"-1s"`,
		"link-down a":      "link-down NODE LINK",
		"partition a":      "NODE... | NODE...",
		"partition a |":    "NODE... | NODE...",
		"heal everything!": "want heal",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want a message with %q", text, err, want)
		}
	}
}
