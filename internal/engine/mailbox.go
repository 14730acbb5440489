package engine

import "sync/atomic"

// Mailbox hands values from any goroutine to one reader without a lock, so
// that a writer with real-time priority never waits for anybody.
type Mailbox[T any] struct {
	head atomic.Pointer[letter[T]]
	// Wake is called after each Put; it must not block.
	Wake func()
}

type letter[T any] struct {
	value T
	next  *letter[T]
}

// Put leaves a value and wakes the reader.
func (m *Mailbox[T]) Put(v T) {
	l := &letter[T]{value: v}
	for {
		l.next = m.head.Load()
		if m.head.CompareAndSwap(l.next, l) {
			break
		}
	}
	m.Wake()
}

// Take empties the box and calls f with the values in the order they came.
func (m *Mailbox[T]) Take(f func(T)) {
	var first *letter[T]
	for l := m.head.Swap(nil); l != nil; { // the newest comes first: turn them round
		l, l.next, first = l.next, first, l
	}
	for ; first != nil; first = first.next {
		f(first.value)
	}
}

// NewMailbox returns a Mailbox for a goroutine that waits on the channel.
func NewMailbox[T any]() (*Mailbox[T], <-chan struct{}) {
	kick := make(chan struct{}, 1)
	return &Mailbox[T]{Wake: func() {
		select {
		case kick <- struct{}{}:
		default: // somebody has already knocked
		}
	}}, kick
}
