// Package api is how other programs talk to the daemon: JSON over HTTP on a Unix
// socket. It knows the questions and the answers; who answers is a Control. It runs
// in the worker process: nothing that is asked here is in the way of an advert.
package api

import (
	"context"
	"net/netip"
	"time"

	"holdfast/internal/status"
)

// Control is the daemon, as it can be asked and told.
type Control interface {
	// Snapshot is all that there is to see.
	Snapshot(ctx context.Context) (*status.Snapshot, error)
	// Balanced is the state of everything that is balanced.
	Balanced(ctx context.Context) (*status.Balanced, error)
	// Reload reads the configuration and takes it over: for confirm, unless it is
	// confirmed by then; 0: for good.
	Reload(ctx context.Context, confirm time.Duration) (*Reloaded, error)
	// Keep confirms the configuration on trial.
	Keep(ctx context.Context) error
	// Plan says what a reload would do with a file; empty: the daemon's own.
	Plan(ctx context.Context, file string) (*Plan, error)
	// Events lists what came after an event, of which some may be forgotten. With wait
	// it answers when there is something.
	Events(ctx context.Context, after uint64, wait bool) ([]status.Event, error)
	// HandOver has instances hand over, and answers when it is known who took over; no
	// names: all that are MASTER.
	HandOver(ctx context.Context, instances []string) ([]HandedOver, error)
	// TakeBack has them take part in elections again as they are configured to; no names: all.
	TakeBack(ctx context.Context, instances []string) error
	// Maintain begins or ends the maintenance of the node: all hand over, and stand back for
	// everybody while it lasts.
	Maintain(ctx context.Context, on bool) ([]HandedOver, error)
	// Serve changes what a real server is used for, beside its configuration.
	Serve(ctx context.Context, order ServerOrder) error
	// Recheck makes the checks of a real server now; without one, of all of the virtual server.
	Recheck(ctx context.Context, server netip.AddrPort, of string) ([]Rechecked, error)
}

// Rechecked is what a check that somebody asked for has found.
type Rechecked struct {
	Server  string `json:"server"`
	Virtual string `json:"virtual"`
	Kind    string `json:"kind"`
	// Result is passed, failed, hindered (this machine could not ask) or unasked: it is suspended, or
	// follows a file or a session.
	Result string        `json:"result"`
	Reason string        `json:"reason,omitempty"`
	Took   time.Duration `json:"took_ns"`
	// Up is what the check stands at: one that is up and has retries left stays so.
	Up bool `json:"up"`
}

// ServerOrder is what is wanted of a real server: drained, a weight, or neither, which is as it
// is configured.
type ServerOrder struct {
	Server netip.AddrPort
	// Of names one of its virtual servers; empty: all of them.
	Of     string
	Drain  bool
	Weight *int
	// Force: also if a virtual server loses its quorum by it.
	Force bool
}

// HandedOver is what became of an instance that was to hand over.
type HandedOver struct {
	Instance string `json:"instance"`
	// Role is the one that it has now. MASTER: nobody took over.
	Role string `json:"role"`
	// By is who took over.
	By     string        `json:"by,omitempty"`
	Took   time.Duration `json:"took_ns"`
	Reason string        `json:"reason"`
}

// Recorder is told of each act: what was asked for, by whom, and what came of it.
type Recorder interface{ Record(status.Event) }

// Reloaded is what came of a reload.
type Reloaded struct {
	Taken bool `json:"taken"`
	// Why lists what was found, if it was refused.
	Why []string `json:"why,omitempty"`
	// Until is when the configuration before returns; nil: it does not.
	Until *time.Time `json:"until,omitempty"`
}

// Plan is what a reload would do.
type Plan struct {
	File string `json:"file"`
	// Refused: the file cannot be run. Findings says why, or what is odd.
	Refused  bool     `json:"refused"`
	Findings []string `json:"findings,omitempty"`
	// Kernel are the steps at once, as the commands that do the same.
	Kernel []string `json:"kernel"`
	// Roles are the changes of roles, at once and expected.
	Roles []RoleChange `json:"roles"`
}

// RoleChange is what becomes of a virtual router.
type RoleChange struct {
	Instance string `json:"instance"`
	From     string `json:"from"` // empty: it is new
	To       string `json:"to"`   // empty: it is gone
	// Expected: not by the reload itself, but by what is known of the others.
	Expected bool   `json:"expected,omitempty"`
	Why      string `json:"why"`
}
