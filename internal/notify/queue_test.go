package notify

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func delivery(name string, n int) Delivery {
	return Delivery{Message: Message{Name: name, State: Master, Priority: n}}
}

func drain(q *Queue) (names []string) {
	for d, ok := q.Next(); ok; d, ok = q.Next() {
		names = append(names, d.Name+strconv.Itoa(d.Priority))
	}
	return names
}

func TestQueueKeepsTheOrderOfANameAndRunsNamesSideBySide(t *testing.T) {
	var q Queue
	for _, d := range []Delivery{delivery("a", 1), delivery("a", 2), delivery("b", 1), delivery("a", 3)} {
		q.Push(d)
	}
	if got := drain(&q); !slices.Equal(got, []string{"a1", "b1"}) {
		t.Errorf("at first %v, want a1 b1", got)
	}
	q.Done(Key{Name: "b"})
	if got := drain(&q); got != nil {
		t.Errorf("b is done, a runs: %v, want nothing", got)
	}
	q.Done(Key{Name: "a"})
	if got := drain(&q); !slices.Equal(got, []string{"a2"}) {
		t.Errorf("then %v, want a2", got)
	}
	if q.Waiting() != 1 || q.Idle() {
		t.Errorf("waiting %d, idle %v; want 1, false", q.Waiting(), q.Idle())
	}
}

func TestQueueRunsNoMoreThanParallel(t *testing.T) {
	q := Queue{Parallel: 2}
	for _, name := range []string{"a", "b", "c"} {
		q.Push(delivery(name, 1))
	}
	if got := drain(&q); !slices.Equal(got, []string{"a1", "b1"}) {
		t.Errorf("at first %v, want a1 b1", got)
	}
	q.Done(Key{Name: "a"})
	if got := drain(&q); !slices.Equal(got, []string{"c1"}) {
		t.Errorf("then %v, want c1", got)
	}
}

func TestQueueForgetsWhoHasNothingToDo(t *testing.T) {
	var q Queue
	q.Push(delivery("a", 1))
	drain(&q)
	q.Done(Key{Name: "a"})
	if !q.Idle() || len(q.lines) != 0 || q.ready != nil {
		t.Errorf("left behind: %d lines, ready %v", len(q.lines), q.ready)
	}
}

func TestQueueAnOverdueRun(t *testing.T) {
	t.Run("goes on while nothing waits for it, beside the others", func(t *testing.T) {
		q := Queue{Parallel: 1}
		q.Push(delivery("a", 1))
		q.Push(delivery("b", 1))
		drain(&q)
		if q.Overdue(Key{Name: "a"}) {
			t.Error("it is to be ended, although nothing of its own waits")
		}
		if got := drain(&q); !slices.Equal(got, []string{"b1"}) {
			t.Errorf("beside it runs %v, want b1", got)
		}
		if p := q.Push(delivery("a", 2)); !p.Blocked {
			t.Error("the next message of its name does not end it")
		}
		q.Done(Key{Name: "a"})
		if got := drain(&q); got != nil {
			t.Errorf("two run although Parallel is 1: %v", got)
		}
		q.Done(Key{Name: "b"})
		if got := drain(&q); !slices.Equal(got, []string{"a2"}) {
			t.Errorf("in the end %v, want a2", got)
		}
	})
	t.Run("is ended when something waits", func(t *testing.T) {
		var q Queue
		q.Push(delivery("a", 1))
		q.Push(delivery("a", 2))
		drain(&q)
		if !q.Overdue(Key{Name: "a"}) {
			t.Error("it may go on")
		}
	})
}

func TestQueueDropsTheOldestBeyondItsDepth(t *testing.T) {
	q := Queue{Depth: 3}
	q.Push(delivery("a", 1))
	drain(&q)
	for n := 2; n <= 4; n++ {
		if p := q.Push(delivery("a", n)); p.Lost {
			t.Errorf("%d made something give way", n)
		}
	}
	if p := q.Push(delivery("a", 5)); !p.Lost || !p.First {
		t.Errorf("the first beyond: %+v, want lost and first", p)
	}
	if p := q.Push(delivery("a", 6)); !p.Lost || p.First {
		t.Errorf("the second beyond: %+v, want lost only", p)
	}
	var got []string
	for range 4 {
		q.Done(Key{Name: "a"})
		got = append(got, drain(&q)...)
	}
	if !slices.Equal(got, []string{"a4", "a5", "a6"}) {
		t.Errorf("left are %v, want a4 a5 a6", got)
	}
}

func TestQueueDropsSignalsFirst(t *testing.T) {
	q := Queue{Depth: 2}
	q.Push(delivery("a", 1))
	q.Next()
	q.Push(delivery("a", 2))
	q.Push(Delivery{Message: Message{Name: "a", State: LowerHeard, Priority: 3}})
	q.Push(delivery("a", 4))
	q.Done(Key{Name: "a"})
	got := drain(&q)
	q.Done(Key{Name: "a"})
	if got = append(got, drain(&q)...); !slices.Equal(got, []string{"a2", "a4"}) {
		t.Errorf("left are %v, want a2 a4", got)
	}
}

func TestQueueClear(t *testing.T) {
	var q Queue
	q.Push(delivery("a", 1))
	drain(&q)
	q.Push(delivery("a", 2))
	q.Push(delivery("b", 1))
	if lost := q.Clear(); lost != 2 {
		t.Errorf("lost %d, want 2", lost)
	}
	if q.Idle() {
		t.Error("idle although a runs")
	}
	q.Done(Key{Name: "a"})
	if got := drain(&q); got != nil || !q.Idle() {
		t.Errorf("after the end %v, idle %v", got, q.Idle())
	}
}

// Whatever happens: each name in order, never twice at a time, never more than
// Parallel, and what does not come out was counted as lost.
func TestQueueProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := Queue{Parallel: rapid.IntRange(1, 4).Draw(t, "parallel"), Depth: rapid.IntRange(1, 5).Draw(t, "depth")}
		last, running, overdue := map[string]int{}, map[string]bool{}, map[string]bool{}
		pushed, started, lost := 0, 0, 0
		name := func() string { return fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "name")) }
		t.Repeat(map[string]func(*rapid.T){
			"push": func(*rapid.T) {
				pushed++
				if q.Push(delivery(name(), pushed)).Lost {
					lost++
				}
			},
			"next": func(t *rapid.T) {
				d, ok := q.Next()
				if !ok {
					return
				}
				if running[d.Name] || d.Priority <= last[d.Name] {
					t.Fatalf("%s: %d after %d, running %v", d.Name, d.Priority, last[d.Name], running[d.Name])
				}
				running[d.Name], last[d.Name] = true, d.Priority
				started++
			},
			"done": func(*rapid.T) {
				if n := name(); running[n] {
					q.Done(Key{Name: n})
					delete(running, n)
					delete(overdue, n)
				}
			},
			"overdue": func(*rapid.T) {
				if n := name(); running[n] && !overdue[n] && !q.Overdue(Key{Name: n}) {
					overdue[n] = true
				}
			},
			"": func(t *rapid.T) {
				if len(running)-len(overdue) > q.Parallel {
					t.Fatalf("%d run, %d of them overdue, Parallel is %d", len(running), len(overdue), q.Parallel)
				}
				if q.Waiting() != pushed-started-lost {
					t.Fatalf("%d wait of %d pushed, %d started, %d lost", q.Waiting(), pushed, started, lost)
				}
			},
		})
	})
}
