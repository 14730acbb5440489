package command

import "os"

// Owner is who owns a named pipe of the configuration: the user and group it
// names, else the daemon's own.
func (r *Resolver) Owner(path, user, group string) (Identity, []Problem) {
	if user == "" {
		return Identity{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}, nil
	}
	return r.identity(Command{Line: path, User: user, Group: group})
}
