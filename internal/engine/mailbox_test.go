package engine

import (
	"sync"
	"testing"
)

func TestMailboxKeepsTheOrderOfEachWriter(t *testing.T) {
	box, kick := NewMailbox[[2]int]()
	const writers, letters = 8, 1000
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range letters {
				box.Put([2]int{w, i})
			}
		})
	}
	go func() { group.Wait(); box.Put([2]int{-1, 0}) }()
	var next [writers]int
	for {
		<-kick
		done := false
		box.Take(func(l [2]int) {
			if l[0] < 0 {
				done = true
				return
			}
			if l[1] != next[l[0]] {
				t.Fatalf("letter %d of writer %d came when %d was due", l[1], l[0], next[l[0]])
			}
			next[l[0]]++
		})
		if done {
			break
		}
	}
	for w, n := range next {
		if n != letters {
			t.Errorf("%d letters of writer %d arrived, want %d", n, w, letters)
		}
	}
}

func TestMailboxWithoutLettersTakesNothing(t *testing.T) {
	box, _ := NewMailbox[int]()
	box.Take(func(int) { t.Error("took a letter that nobody wrote") })
}
