package daemon

import (
	"cmp"
	"context"
	"net/netip"
	"slices"

	"holdfast/internal/api"
	"holdfast/internal/checker"
	"holdfast/internal/checker/run"
)

// toCheck are the checks that somebody means.
type toCheck struct {
	ids []checker.ID
	err error
}

// Recheck implements api.Control. The loop only says which checks are meant.
func (c control) Recheck(ctx context.Context, server netip.AddrPort, of string) ([]api.Rechecked, error) {
	meant, err := ask(ctx, c, func() <-chan toCheck {
		answer := make(chan toCheck, 1)
		if c.w.balance.loop == nil {
			answer <- toCheck{err: errNoServers}
			return answer
		}
		c.w.balance.loop.ChecksOf(server, of, func(ids []checker.ID, err error) { answer <- toCheck{ids, err} })
		return answer
	})
	if err = firstOf(err, meant.err); err != nil {
		return nil, err
	}
	found, err := c.w.balance.runner.Recheck(ctx, meant.ids)
	return rechecked(found), err
}

// rechecked words what checks found, by server.
func rechecked(found []run.Found) (list []api.Rechecked) {
	for i := range found {
		if f := &found[i]; f.Job != nil {
			list = append(list, api.Rechecked{Server: f.Job.Server, Virtual: f.Job.Service, Kind: f.Job.Kind.String(),
				Result: resultWord(f), Reason: reasonOf(f), Took: f.State.Took, Up: f.State.Up})
		}
	}
	slices.SortStableFunc(list, func(a, b api.Rechecked) int {
		return cmp.Or(cmp.Compare(a.Virtual, b.Virtual), cmp.Compare(a.Server, b.Server), cmp.Compare(a.Kind, b.Kind))
	})
	return list
}

func resultWord(f *run.Found) string {
	switch {
	case !f.Made:
		return "unasked"
	case f.Result.Outcome == checker.Passed:
		return "passed"
	case f.Result.Outcome == checker.Trouble:
		return "hindered"
	}
	return "failed"
}

func reasonOf(f *run.Found) string {
	if f.Made {
		return f.Result.Why
	}
	return f.State.Reason
}
