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

// identity finds out as whom c runs: the user it names, else script_user, else
// keepalived_script, else the daemon's own.
func (r *Resolver) identity(c Command) (Identity, []Problem) {
	name, group := c.User, c.Group
	if name == "" {
		name, group = r.policy.User, r.policy.Group
	}
	key := [2]string{name, group}
	known, ok := r.users[key]
	if !ok {
		known = r.account(name, group)
		r.users[key] = known
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

// account asks the account database. Texts have a place for the script's line.
func (r *Resolver) account(name, group string) lookup {
	if name == "" {
		return r.byDefault()
	}
	u, err := user.Lookup(name)
	if err != nil {
		return refused("Unable to resolve user %q for script '%%s' - disabling", name, "create the account or name another user")
	}
	return r.member(u, group)
}

func (r *Resolver) byDefault() lookup {
	if u, err := user.Lookup(fallbackUser); err == nil {
		return r.member(u, "")
	}
	if r.policy.Security {
		return refused("No user for script '%%s', and user %q does not exist - disabling", fallbackUser,
			"add script_user USER to global_defs, or a user after the script, or create that account")
	}
	return lookup{Identity: Identity{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}}
}

// member is u in group, or in its own when group is empty. A leading colon on
// group asks for the supplementary groups.
func (r *Resolver) member(u *user.User, group string) lookup {
	group, all := strings.CutPrefix(group, ":")
	gid := u.Gid
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			return refused("Unable to resolve group %q for script '%%s' - disabling", group, "create the group or name another")
		}
		gid = g.Gid
	}
	ids := []string{u.Uid, gid}
	if all || r.policy.SupplementaryGroups {
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
