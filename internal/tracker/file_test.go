package tracker

import "testing"

// Reference, section 8: first integer (base 0), 32 bit; missing, empty or
// unparsable: 0.
func TestFileValueIsTheFirstIntegerInCNotation(t *testing.T) {
	for _, c := range []struct {
		name, content string
		want          int
	}{
		{"a number", "42\n", 42},
		{"with blanks before it", " \t\n 7", 7},
		{"with a sign", "-3", -3},
		{"with a plus", "+3", 3},
		{"hexadecimal", "0x1F", 31},
		{"octal", "010", 8},
		{"with words behind it", "12 apples", 12},
		{"an octal number ends at an 8", "0718", 57},
		{"nothing", "", 0},
		{"a word", "up", 0},
		{"a lone sign", "-", 0},
		{"a second sign", "--1", 0},
		{"no digits behind 0x", "0xz", 0},
		{"more than 32 bit", "99999999999999999999", 2147483647},
		{"less than 32 bit", "-99999999999999999999", -2147483648},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := FileValue([]byte(c.content)); got != c.want {
				t.Errorf("%q has the value %d, want %d", c.content, got, c.want)
			}
		})
	}
}
