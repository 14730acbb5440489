package conf

// Link is one step on the way through which a text came to where it was read.
type Link struct {
	Kind OriginKind
	// Name is that of the definition; empty for files.
	Name string
	// File and Line are the place of the include line, of the definition
	// (Replaced) or of its use (Expanded).
	File string
	Line int
}

// Chain is the way back from the place of a finding to the main file.
func (d Diag) Chain() []Link {
	var links []Link
	for o := d.Span.Origin; o != nil; o = o.from() {
		if o.Kind != Main {
			links = append(links, Link{o.Kind, o.Name, o.From.File(), int(o.From.Line)})
		}
	}
	return links
}

// Source is the line that the finding speaks of, with what would disturb a
// terminal replaced; it is empty where there is none.
func (d Diag) Source() string {
	if d.Span.Origin == nil || d.Span.Line == 0 {
		return ""
	}
	return printable(Conceal(d.Span.Origin.File.Line(int(d.Span.Line))))
}
