package run

import (
	"context"

	"holdfast/internal/checker"
	"holdfast/internal/mono"
)

// Found is what a check that somebody asked for has found.
type Found struct {
	Job *checker.Job // nil: a reload has ended it meanwhile
	// Made: it was asked. If not, it is suspended or follows something else.
	Made   bool
	Result checker.Result
	State  checker.State // what it stands at now
}

// question is somebody who waits for results of checks that begin from now on.
type question struct {
	since  mono.Instant
	answer chan Found
}

// Recheck makes checks now, whenever they are due, and returns what they found: one step of
// each. Their rules hold as ever: a check that is up and fails has its retries.
func (r *Runner) Recheck(ctx context.Context, ids []checker.ID) ([]Found, error) {
	q := &question{answer: make(chan Found, len(ids))}
	all, waits := r.hasten(q, ids)
	defer r.withdraw(q, ids)
	for range waits {
		select {
		case f := <-q.answer:
			all = append(all, f)
		case <-ctx.Done():
			return all, ctx.Err()
		}
	}
	return all, nil
}

// hasten makes checks due. Of those that nobody asks it says how they stand.
func (r *Runner) hasten(q *question, ids []checker.ID) (still []Found, waits int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q.since = r.now()
	for _, id := range ids {
		switch s, known := r.agenda.State(id); {
		case !known: // a reload has ended it meanwhile
		case r.agenda.Hasten(q.since, id):
			if r.asked == nil {
				r.asked = map[checker.ID][]*question{}
			}
			r.asked[id] = append(r.asked[id], q)
			waits++
		default:
			still = append(still, Found{Job: r.agenda.Job(id), State: s})
		}
	}
	r.nudge()
	return still, waits
}

// reply tells those who wait for a check that was begun after they asked.
func (r *Runner) reply(t *task, result checker.Result) {
	id, began := t.job.ID, t.end.Add(-t.job.Timeout)
	if r.asked[id] == nil {
		return
	}
	var later []*question
	state, _ := r.agenda.State(id)
	for _, q := range r.asked[id] {
		if began.Before(q.since) {
			later = append(later, q)
			continue
		}
		q.answer <- Found{Job: t.job, Made: true, Result: result, State: state}
	}
	r.expect(id, later)
}

// excuse tells those who wait for a check that is gone that there is nothing to wait for.
func (r *Runner) excuse() {
	for id, list := range r.asked {
		if _, known := r.agenda.State(id); known {
			continue
		}
		for _, q := range list {
			q.answer <- Found{}
		}
		delete(r.asked, id)
	}
}

// withdraw is for who waits no more.
func (r *Runner) withdraw(q *question, ids []checker.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		var others []*question
		for _, one := range r.asked[id] {
			if one != q {
				others = append(others, one)
			}
		}
		r.expect(id, others)
	}
}

// expect says who waits for a check.
func (r *Runner) expect(id checker.ID, list []*question) {
	if list == nil {
		delete(r.asked, id)
		return
	}
	r.asked[id] = list
}
