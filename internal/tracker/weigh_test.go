package tracker

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// known is a world in which the state is the name's first letter and files are
// worth what their map says.
func known(files map[string]int) func(Kind, string) (State, int) {
	return func(k Kind, name string) (State, int) {
		if v, ok := files[name]; ok && k == File {
			return Good, v
		}
		return map[byte]State{'g': Good, 'b': Bad, 'u': Unknown}[name[0]], 0
	}
}

func TestWeigh(t *testing.T) {
	script := func(name string, weight int, reverse bool) Track {
		return Track{Kind: Script, Name: name, Weight: weight, Reverse: reverse}
	}
	tests := []struct {
		name   string
		tracks []Track
		want   Standing
	}{
		{"nothing tracked", nil, Standing{}},
		{"positive is added while good", []Track{script("g", 10, false)}, Standing{Sum: 10, Reason: "script g +10"}},
		{"positive adds nothing while bad", []Track{script("b", 10, false)}, Standing{}},
		{"negative is subtracted while bad", []Track{script("b", -10, false)}, Standing{Sum: -10, Reason: "script b -10"}},
		{"negative takes nothing while good", []Track{script("g", -10, false)}, Standing{}},
		{"reverse negates positive", []Track{script("g", 10, true)}, Standing{Sum: -10, Reason: "script g -10"}},
		{"reverse negates negative", []Track{script("b", -10, true)}, Standing{Sum: 10, Reason: "script b +10"}},
		{"reverse keeps when a weight applies", []Track{script("b", 10, true), script("g", -10, true)}, Standing{}},
		{"without weight bad is a fault", []Track{script("b", 0, false)}, Standing{Faults: 1, Reason: "script b failed"}},
		{"without weight good is none", []Track{script("g", 0, false)}, Standing{}},
		{"reversed without weight good is a fault", []Track{script("g", 0, true)}, Standing{Faults: 1, Reason: "script g is good (reverse)"}},
		{"reversed without weight bad is none", []Track{script("b", 0, true)}, Standing{}},
		{"unknown with weight adds nothing", []Track{script("u", -10, false), script("u2", 10, true)}, Standing{}},
		{"unknown without weight is waited for", []Track{script("u", 0, false)}, Standing{Pending: true, Reason: "waiting for script u"}},
		{"unknown reversed too", []Track{script("u", 0, true)}, Standing{Pending: true, Reason: "waiting for script u"}},
		{"sums", []Track{script("g", 50, false), script("b", -20, false)}, Standing{Sum: 30, Reason: "script g +50, script b -20"}},
		{"faults are counted and come first in the reason",
			[]Track{script("b", -20, false), script("b", 0, false), script("u", 0, false), {Kind: Interface, Name: "beth1"}},
			Standing{Sum: -20, Faults: 2, Pending: true, Reason: "script b failed, interface beth1 is down"}},
		{"a process and a BFD session",
			[]Track{{Kind: Process, Name: "bp"}, {Kind: BFD, Name: "bs"}},
			Standing{Faults: 2, Reason: "process bp lost its quorum, BFD session bs is down"}},
		{"a failed check is a fault", []Track{{Kind: Check, Name: "bc"}}, Standing{Faults: 1, Reason: "check bc failed"}},
		{"one that holds and is good only holds", []Track{{Kind: Check, Name: "gc", Hold: true}}, Standing{Held: true}},
		{"one that holds and is bad says nothing", []Track{{Kind: Check, Name: "bc", Hold: true}}, Standing{}},
		{"one that holds and is unknown is waited for", []Track{{Kind: Check, Name: "uc", Hold: true}}, Standing{Pending: true, Reason: "waiting for check uc"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, Weigh(tt.tracks, known(nil))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWeighFiles(t *testing.T) {
	tests := []struct {
		name          string
		value, weight int
		reverse       bool
		sum, faults   int
	}{
		{"value times weight", 7, 3, false, 21, 0},
		{"nothing", 0, 3, false, 0, 0},
		{"negative weight", 7, -3, false, -21, 0},
		{"negative value", -7, 3, false, -21, 0},
		{"reverse", 7, 3, true, -21, 0},
		{"253 is the most that counts", 253, 1, false, 253, 0},
		{"more counts as 253", 254, 1, false, 253, 0},
		{"-253 is subtracted", -253, 1, false, -253, 0},
		{"-254 is a fault", -254, 1, false, 0, 1},
		{"254 times -1 is a fault", 254, -1, false, 0, 1},
		{"reversed, a large value is a fault", 1000, 1, true, 0, 1},
		{"a product of more than 32 bit counts as 253", 2147483647, 254, false, 253, 0},
		{"and as a fault below", -2147483648, 254, false, 0, 1},
		{"without weight zero is good", 0, 0, false, 0, 0},
		{"without weight nonzero is a fault", 1, 0, false, 0, 1},
		{"reversed without weight zero is a fault", 0, 0, true, 0, 1},
		{"reversed without weight nonzero is good", -1, 0, true, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Weigh([]Track{{Kind: File, Name: "f", Weight: tt.weight, Reverse: tt.reverse}}, known(map[string]int{"f": tt.value}))
			if got.Sum != tt.sum || got.Faults != tt.faults || got.Pending {
				t.Errorf("%+v, want sum %d and %d faults", got, tt.sum, tt.faults)
			}
		})
	}
	if got := Weigh([]Track{{Kind: File, Name: "u"}}, known(nil)); !got.Pending || got.Faults != 0 {
		t.Errorf("a file that was not read yet: %+v, want pending", got)
	}
}
