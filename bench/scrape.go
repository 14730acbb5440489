package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/bench/wiretap"
)

// scrapers is how many programs ask for the metrics of a crowd, each once a second, and
// scraped how long the crowd is looked at without and with them.
const (
	scrapers = 200
	scraped  = 8 * time.Second
)

// scrape measures how regular the adverts of many routers are while others look.
func (b *bench) scrape(ctx context.Context, program int) error {
	if program == 0 {
		return nil // keepalived has nothing to look at
	}
	ctx, cancel := context.WithTimeout(ctx, pairTimeout)
	defer cancel()
	c, err := newCrowd(4000, time.Second)
	if err != nil {
		return err
	}
	defer b.finish(c.close)
	d, _, err := c.begin(ctx, b.programs[program])
	if err != nil {
		return err
	}
	defer d.Kill()
	if err := pause(ctx, settling); err != nil {
		return err
	}
	before, err := c.irregular(ctx, scraped)
	if err != nil {
		return err
	}
	answers, stop := crawl(ctx, fmt.Sprintf("/proc/%d/root/run/holdfast/holdfast.sock", d.Pids()[0]))
	after, err := c.irregular(ctx, scraped)
	stop()
	if err != nil {
		return err
	}
	add := func(what, unit string, limit bound, v float64) {
		b.record(program, fmt.Sprintf("%d scrapers, 4000 routers: %s", scrapers, what), unit, limit, v)
	}
	add("jitter p99.9 without them", "ms", none(), before)
	add("jitter p99.9", "ms", none().and(1), after)
	add("answers a second", "", none(), float64(answers.Load())/scraped.Seconds())
	return nil
}

// irregular is the jitter of the adverts of some time.
func (c *crowd) irregular(ctx context.Context, of time.Duration) (float64, error) {
	c.tap.Forget()
	start := time.Now()
	if err := pause(ctx, of); err != nil {
		return 0, err
	}
	return ms(wiretap.Quantile(regularity(c.tap.Packets(start), c.interval).jitter, 0.999)), nil
}

// crawl has the scrapers ask until stop is called, and counts whole answers.
func crawl(ctx context.Context, socket string) (answers *atomic.Int64, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	answers = new(atomic.Int64)
	var all sync.WaitGroup
	for i := range scrapers {
		all.Go(func() {
			client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", socket)
			}}}
			for pause(ctx, time.Duration(i)*time.Second/scrapers) == nil && visit(ctx, &client) == nil {
				answers.Add(1)
				i = scrapers // from now on once a second
			}
		})
	}
	return answers, func() { cancel(); all.Wait() }
}

func visit(ctx context.Context, client *http.Client) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://holdfast/metrics", nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}
