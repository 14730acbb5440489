package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// getopt reads arguments by the rules of getopt_long(3), which differ from those
// of the library: unique prefixes of long options, optional arguments attached
// only, an equals sign that belongs to the value of a short option, no values for
// switches, no empty ones for what needs one. It reads to the end and reports
// everything that is wrong.
func getopt(set *pflag.FlagSet, args []string) (rest []string, err error) {
	g := words{set: set, args: args}
	var bad []error
	for len(g.args) > 0 {
		a := g.next()
		switch {
		case a == "--":
			return append(rest, g.args...), errors.Join(bad...)
		case strings.HasPrefix(a, "--"):
			bad = append(bad, g.long(a[2:]))
		case strings.HasPrefix(a, "-") && a != "-":
			bad = append(bad, g.short(a[1:]))
		default:
			rest = append(rest, a)
		}
	}
	return rest, errors.Join(bad...)
}

// words are the arguments still to be read.
type words struct {
	set  *pflag.FlagSet
	args []string
}

func (g *words) next() string {
	a := g.args[0]
	g.args = g.args[1:]
	return a
}

// long reads `name` or `name=value`.
func (g *words) long(text string) error {
	name, value, given := strings.Cut(text, "=")
	f, err := find(g.set, name)
	switch {
	case err != nil:
		return err
	case isSwitch(f) && given:
		return fmt.Errorf("option --%s takes no argument", f.Name)
	case given:
		return g.put(f, value)
	}
	return g.bare(f)
}

// short reads letters, the last of which may have its value attached.
func (g *words) short(letters string) error {
	for i := range len(letters) {
		f := g.set.ShorthandLookup(letters[i : i+1])
		if f == nil {
			return fmt.Errorf("there is no option -%s", letters[i:i+1])
		}
		if value := letters[i+1:]; !isSwitch(f) && value != "" {
			return g.put(f, value)
		}
		if err := g.bare(f); err != nil {
			return err
		}
	}
	return nil
}

// bare reads an option to which no value is attached. One that needs a value
// takes the next word, whatever that looks like.
func (g *words) bare(f *pflag.Flag) error {
	if f.NoOptDefVal != "" {
		return g.set.Set(f.Name, f.NoOptDefVal)
	}
	if len(g.args) == 0 {
		return fmt.Errorf("option --%s needs an argument", f.Name)
	}
	return g.put(f, g.next())
}

func (g *words) put(f *pflag.Flag, value string) error {
	if f.NoOptDefVal == "" && value == "" {
		return fmt.Errorf("option --%s needs an argument that is not empty", f.Name)
	}
	return g.set.Set(f.Name, value)
}

// isSwitch tells options that are on or off, or counted.
func isSwitch(f *pflag.Flag) bool { return f.Value.Type() == "bool" || f.Value.Type() == "count" }

// find looks a long option up by its name, or by the beginning of its name if it
// is the only one.
func find(set *pflag.FlagSet, name string) (*pflag.Flag, error) {
	if f := set.Lookup(name); f != nil {
		return f, nil
	}
	var found []*pflag.Flag
	set.VisitAll(func(f *pflag.Flag) {
		if strings.HasPrefix(f.Name, name) {
			found = append(found, f)
		}
	})
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("there is no option --%s", name)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("option --%s is ambiguous: --%s or --%s", name, found[0].Name, found[1].Name)
}
