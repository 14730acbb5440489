// Package server is for tests of what talks to servers.
package server

import (
	"net"
	"testing"
)

// Start answers each connection to an address as answer says, until the test ends. It
// returns where it listens: port 0 stands for a free one.
func Start(t testing.TB, network, address string, answer func(net.Conn)) net.Addr {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go accept(l, answer)
	return l.Addr()
}

func accept(l net.Listener, answer func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			answer(c)
		}()
	}
}
