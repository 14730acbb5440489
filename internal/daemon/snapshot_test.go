package daemon

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// drawing is a picture of its own number that takes a while to be made.
func drawing(p *pictures[int], takes time.Duration) (drawn *int) {
	drawn = new(int)
	p.take = func(context.Context) (int, error) {
		*drawn++
		n := *drawn
		time.Sleep(takes)
		return n, nil
	}
	return drawn
}

func TestAllWhoAskAtAboutTheSameTimeSeeTheSamePicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pictures[int]
		drawn := drawing(&p, time.Millisecond)
		for range 200 {
			go func() {
				if n, err := p.look(t.Context()); n != 1 || err != nil {
					t.Errorf("picture %d, %v", n, err)
				}
			}()
		}
		synctest.Wait()
		time.Sleep(2 * time.Millisecond)
		if n, _ := p.look(t.Context()); n != 1 || *drawn != 1 {
			t.Errorf("picture %d of %d", n, *drawn)
		}
		time.Sleep(freshFor)
		if n, _ := p.look(t.Context()); n != 2 {
			t.Errorf("an old picture is shown: %d", n)
		}
	})
}

func TestAPictureThatTakesLongIsSeldomMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pictures[int]
		drawn := drawing(&p, time.Second)
		for range 60 {
			_, _ = p.look(t.Context())
			time.Sleep(time.Second)
		}
		if *drawn > 4 {
			t.Errorf("%d were made in a minute", *drawn)
		}
	})
}

func TestWhoHasChangedSomethingSeesItAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pictures[int]
		drawing(&p, time.Second)
		go func() { _, _ = p.look(t.Context()) }()
		synctest.Wait() // one is under way that may lack the change
		if n, err := p.anew(t.Context()); n != 2 || err != nil {
			t.Errorf("picture %d, %v", n, err)
		}
	})
}

func TestAPictureThatFailedIsTriedAgain(t *testing.T) {
	fail := errors.New("nobody answers")
	p := pictures[int]{take: func(context.Context) (int, error) { return 0, fail }}
	if _, err := p.look(t.Context()); !errors.Is(err, fail) {
		t.Errorf("it failed with %v", err)
	}
	p.take = func(context.Context) (int, error) { return 1, nil }
	if n, err := p.look(t.Context()); n != 1 || err != nil {
		t.Errorf("then %d, %v", n, err)
	}
}

func TestWhoGivesUpDoesNotSpoilItForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pictures[int]
		drawing(&p, time.Second)
		hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		go func() {
			if n, err := p.look(t.Context()); n != 1 || err != nil {
				t.Errorf("picture %d, %v", n, err)
			}
		}()
		if _, err := p.look(hasty); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who gave up has %v", err)
		}
		time.Sleep(2 * time.Second)
	})
}
