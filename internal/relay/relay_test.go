package relay_test

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/internal/relay"
)

// filled is a value no field of which is zero and hardly two of which are equal,
// so that one which is left out or put in another's place is missed.
func filled[T any]() *T {
	v, n := new(T), 0
	fill(reflect.ValueOf(v).Elem(), &n)
	return v
}

// fill sets v, and all that is in it, by counting.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case netip.Addr:
		v.Set(reflect.ValueOf(address(*n)))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.PrefixFrom(address(*n), 1+*n%32)))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(-1 - *n%100)) // what fits all of them
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(1 + *n%200))
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	default:
		fillParts(v, n)
	}
}

func fillParts(v reflect.Value, n *int) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	default:
		panic("relay: a message has a field of kind " + v.Kind().String())
	}
}

// address alternates between the families.
func address(n int) netip.Addr {
	if n%2 == 0 {
		return netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)})
	}
	return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 14: byte(n >> 8), 15: byte(n)})
}

// ends are the router's and the worker's end of a relay.
func ends(t *testing.T) (*relay.Conn[relay.Down, relay.Up], *relay.Conn[relay.Up, relay.Down]) {
	t.Helper()
	a, b, err := relay.Pair()
	if err != nil {
		t.Fatal(err)
	}
	router, worker := relay.NewConn[relay.Down, relay.Up](a), relay.NewConn[relay.Up, relay.Down](b)
	t.Cleanup(func() {
		_ = router.Close()
		_ = worker.Close()
	})
	return router, worker
}

// passed is what arrives of messages that are sent one after the other.
func passed[M, In, Out any](t *testing.T, from *relay.Conn[In, M], to *relay.Conn[M, Out], sent ...*M) {
	t.Helper()
	failed := make(chan error, 1)
	go func() {
		var all error
		for _, m := range sent {
			all = errors.Join(all, from.Send(m))
		}
		failed <- all
	}()
	for i, want := range sent {
		got, err := to.Receive()
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		if diff := cmp.Diff(*want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
			t.Errorf("message %d (-sent +received):\n%s", i, diff)
		}
	}
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

func TestEveryFieldOfAMessageArrives(t *testing.T) {
	router, worker := ends(t)
	// An empty one between two full ones: nothing is kept from one to the next.
	passed(t, router, worker, filled[relay.Up](), &relay.Up{}, filled[relay.Up]())
	passed(t, worker, router, filled[relay.Down](), &relay.Down{}, filled[relay.Down]())
}

// The first slot, still empty, is another thing than no slot.
func TestAZeroSlotIsNotNoSlot(t *testing.T) {
	router, worker := ends(t)
	passed(t, router, worker, &relay.Up{Adopt: &relay.Slot{}})
	passed(t, worker, router, &relay.Down{Config: &relay.Slot{}})
}

func TestTheEndOfTheOtherSideIsSeen(t *testing.T) {
	router, worker := ends(t)
	go func() {
		_ = worker.Send(&relay.Down{Settled: true})
		_ = worker.Close()
	}()
	if m, err := router.Receive(); err != nil || !m.Settled {
		t.Errorf("the last message: %+v, %v", m, err)
	}
	if _, err := router.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last message: %v, want io.EOF", err)
	}
	for end := time.Now().Add(5 * time.Second); router.Send(&relay.Up{Load: true}) == nil; {
		if time.Now().After(end) {
			t.Fatal("messages to nobody are no error")
		}
	}
}
