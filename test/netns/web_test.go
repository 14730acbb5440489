package netns

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// get asks an address for a page, from the observer.
func (c *cluster) get(addr string) (body string, err error) {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: c.dial}}
	r, err := client.Get("http://" + addr + "/")
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	return strings.TrimSpace(string(text)), err
}

// dial connects from the observer's network.
func (c *cluster) dial(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	err = c.observer.Do(func() (err error) {
		conn, err = (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, addr)
		return err
	})
	return conn, err
}

func mustPrefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }
