package load

import (
	"slices"
	"strings"

	"holdfast/internal/command"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/notify"
	"holdfast/internal/vrrp"
)

// Deed is something that a running configuration does and that a mistake in the
// next one can take away: a block, or a tracker, an address, a command in one.
type Deed struct {
	Block string // "vrrp_instance VI_1"
	Word  string // "track", "address", "notify_master"; empty for the block itself
	Name  string // of what is tracked, the address, the command
}

// String is how a log line names it.
func (d Deed) String() string {
	if d.Word == "" {
		return d.Block
	}
	return d.Word + " " + d.Name + " of " + d.Block
}

// Standing is what has to be known of the configuration in force to judge the
// next one. It is plain data.
type Standing struct {
	Deeds []Deed
	// Complaints are those that it was started with.
	Complaints []string
}

// Standing is that of a reading that has been judged.
func (r *Reading) Standing() Standing {
	s := Standing{Deeds: r.deeds()}
	for _, d := range r.Findings {
		if d.Severity == conf.Complaint {
			s.Complaints = append(s.Complaints, complaintKey(d))
		}
	}
	return s
}

// complaintKey is a complaint without its line, which moves.
func complaintKey(d conf.Diag) string { return blockName(d) + ": " + d.Text }

// blockName is the block of a finding, without its line.
func blockName(d conf.Diag) string {
	name, _, _ := strings.Cut(d.Block, " (line ")
	return name
}

func (r *Reading) deeds() []Deed {
	c := r.Config
	var out []Deed
	for i := range c.Scripts {
		out = append(out, Deed{Block: "vrrp_script " + c.Scripts[i].Name, Name: c.Scripts[i].Name})
	}
	for i := range c.Checks {
		out = append(out, Deed{Block: "vrrp_check " + c.Checks[i].Name, Name: c.Checks[i].Name})
		out = append(out, repairs(&c.Checks[i])...)
	}
	for i := range c.Groups {
		g := &c.Groups[i]
		block := "vrrp_sync_group " + g.Name
		out = append(out, Deed{Block: block, Name: g.Name})
		for _, m := range g.Members {
			out = append(out, Deed{block, "member", m})
		}
		out = append(out, commands(block, &g.Notify)...)
	}
	for i := range c.Instances {
		in := &c.Instances[i]
		block := "vrrp_instance " + in.VRRP.Name
		out = append(out, Deed{Block: block, Name: in.VRRP.Name})
		for _, t := range in.Tracks {
			out = append(out, Deed{block, "track", t.Name})
		}
		for _, a := range in.Addrs {
			out = append(out, Deed{block, "address", a.Prefix.Addr().String()})
		}
		out = append(out, commands(block, &in.Notify)...)
		if in.VRRP.HasPass {
			out = append(out, Deed{block, "password", "auth_pass"})
		}
		out = append(out, peers(block, &in.VRRP)...)
	}
	return out
}

func repairs(c *config.VRRPCheck) []Deed {
	if c.Repair == nil {
		return nil
	}
	return []Deed{{"vrrp_check " + c.Name, "command", c.Repair.Line}}
}

func commands(block string, s *notify.Scripts) []Deed {
	var out []Deed
	for _, c := range s.Commands() {
		out = append(out, Deed{block, "command", c.Line})
	}
	return out
}

func peers(block string, r *vrrp.Config) []Deed {
	var out []Deed
	for _, p := range r.Peers {
		out = append(out, Deed{block, "peer", p.Addr.String()})
	}
	return out
}

// Loss is a deed that would be lost by a mistake.
type Loss struct {
	Deed
	// Because is the complaint, with its place.
	Because string
}

// Doubtful reports whether anything was found by which something could be lost.
func (r *Reading) Doubtful() bool {
	return len(r.Dead) > 0 || conf.Has(r.Findings, conf.Complaint)
}

// Losses lists what the configuration in force does and this one would not,
// because of something that keepalived would complain of and go on. What was
// taken out without a complaint is meant.
func (r *Reading) Losses(before Standing) []Loss {
	now := map[Deed]bool{}
	for _, d := range r.deeds() {
		now[d] = true
	}
	fresh := r.fresh(before)
	gone := map[string]bool{} // blocks that are lost whole
	var out []Loss
	for _, d := range before.Deeds {
		if now[d] || gone[d.Block] {
			continue
		}
		if why := r.why(d, fresh); why != "" {
			out = append(out, Loss{d, why})
			gone[d.Block] = d.Word == ""
		}
	}
	return out
}

// fresh are the complaints that the configuration in force does not have.
func (r *Reading) fresh(before Standing) []conf.Diag {
	var out []conf.Diag
	for _, d := range r.Findings {
		if d.Severity == conf.Complaint && !slices.Contains(before.Complaints, complaintKey(d)) {
			out = append(out, d)
		}
	}
	return out
}

// why finds the mistake that takes a deed away, if it is one.
func (r *Reading) why(lost Deed, fresh []conf.Diag) string {
	for _, d := range fresh {
		if explains(d, lost) {
			return d.Line()
		}
	}
	if !slices.Contains(r.Dead, lost.Name) {
		return ""
	}
	for _, p := range r.Problems {
		if p.Severity == command.Disabled {
			return p.String()
		}
	}
	return ""
}

// explains reports whether a complaint can be why something is lost: it names
// it, in its text or in its line; or, in its block, something that may have been
// meant for it; or a word of the block is not understood, which may have been the
// one that held it; or the block is left out.
func explains(d conf.Diag, lost Deed) bool {
	if names(d.Text, lost.Name) || names(d.Fix, lost.Name) || names(d.Source(), lost.Name) {
		return true
	}
	if blockName(d) != lost.Block {
		return false
	}
	return lost.Word == "" || d.Rule == "unknown-word" || alike(d.Source(), lost.Name)
}

// alike reports whether a word of a line may have been meant for a name.
func alike(line, name string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(line, func(r rune) bool { return r > 127 || !wordByte(byte(r)) }), func(w string) bool {
		return config.Alike(w, name)
	})
}

// names reports whether a name stands in a text as a word of its own; an
// address, with or without its length.
func names(text, name string) bool {
	for i := 0; ; {
		at := strings.Index(text[i:], name)
		if at < 0 {
			return false
		}
		from, to := i+at, i+at+len(name)
		if (from == 0 || !wordByte(text[from-1])) && (to == len(text) || !wordByte(text[to])) {
			return true
		}
		i = from + 1
	}
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-' || c == ':'
}
