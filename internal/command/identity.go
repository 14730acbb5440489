package command

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// fallbackUser runs scripts when nobody else is named and the account exists.
const fallbackUser = "keepalived_script"

// account is a user as the configuration names it.
type account struct {
	user, group string // group empty: the user's own
	// supplementary asks for the user's other groups too.
	supplementary bool
}

// account is whom c asks for: the user it names, else script_user.
func (r *Resolver) account(c Command) account {
	a := account{c.User, c.Group, c.Supplementary}
	if a.user == "" {
		a = account{r.policy.User, r.policy.Group, r.policy.Supplementary}
	}
	a.supplementary = a.supplementary || r.policy.SupplementaryGroups
	return a
}

// identity finds out as whom c runs: the user it names, else script_user, else
// keepalived_script, else the daemon's own.
func (r *Resolver) identity(c Command) (Identity, []Problem) {
	who := r.account(c)
	known, ok := r.users[who]
	if !ok {
		known = r.lookUp(who)
		r.users[who] = known
	}
	var problems []Problem
	for _, p := range known.problems {
		p.Script = c.Line
		p.Text = fmt.Sprintf(p.Text, c.Line)
		problems = append(problems, p)
	}
	return known.Identity, problems
}

// Owner finds out to whom a file made for the configuration, a notify FIFO,
// belongs: the user and group it names, else the daemon's own.
func (r *Resolver) Owner(file, name, group string) (Identity, []Problem) {
	if name == "" {
		return Identity{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}, nil
	}
	return r.identity(Command{Line: file, User: name, Group: group})
}

// Default says what is wrong with script_user and its group; empty: nothing, or
// they are not given.
func (r *Resolver) Default() []Problem {
	if r.policy.User == "" {
		return nil
	}
	_, problems := r.identity(Command{Line: "script_user"})
	return problems
}

// lookUp asks the account database. Texts have a place for the script's line.
func (r *Resolver) lookUp(a account) lookup {
	if a.user == "" {
		return r.byDefault(a)
	}
	u, err := user.Lookup(a.user)
	if err != nil {
		return refused("Unable to resolve user %q for script '%%s' - disabling", a.user, "create the account or name another user")
	}
	return a.of(u)
}

func (r *Resolver) byDefault(a account) lookup {
	if u, err := user.Lookup(fallbackUser); err == nil {
		return a.of(u)
	}
	if r.policy.Security {
		return refused("No user for script '%%s', and user %q does not exist - disabling", fallbackUser,
			"add script_user USER to global_defs, or a user after the script, or create that account")
	}
	return lookup{Identity: Identity{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}}
}

// of is the identity of u, in its own group unless a names another.
func (a account) of(u *user.User) lookup {
	gid := u.Gid
	if a.group != "" {
		g, err := user.LookupGroup(a.group)
		if err != nil {
			return refused("Unable to resolve group %q for script '%%s' - disabling", a.group, "create the group or name another")
		}
		gid = g.Gid
	}
	ids := []string{u.Uid, gid}
	if a.supplementary {
		groups, err := u.GroupIds()
		if err != nil {
			return refused("Unable to find the groups of user %q for script '%%s' - disabling", u.Username, "check /etc/group")
		}
		ids = append(ids, groups...)
	}
	return numbered(u.Username, ids)
}

// numbered makes an identity of the ids of a user, its group and its further groups.
func numbered(name string, ids []string) lookup {
	var all []uint32
	for _, id := range ids {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return refused("The account database has no usable ids for user %q of script '%%s' - disabling", name, "check /etc/passwd and /etc/group")
		}
		all = append(all, uint32(n))
	}
	who := Identity{UID: all[0], GID: all[1]}
	for _, gid := range all[2:] {
		if gid != who.GID {
			who.Groups = append(who.Groups, gid)
		}
	}
	return lookup{Identity: who}
}

func refused(format, name, fix string) lookup {
	text := fmt.Sprintf(format, strings.ReplaceAll(name, "%", "%%"))
	return lookup{problems: []Problem{{Severity: Disabled, Text: text, Fix: fix}}}
}
