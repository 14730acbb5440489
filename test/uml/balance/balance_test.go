package balance

import (
	"slices"
	"syscall"
	"testing"
	"time"
)

// nat is a director between a client outside and two web servers inside.
const nat = `
virtual_server 10.0.1.1 80 {
	delay_loop 1
	lb_algo rr
	lb_kind NAT
	protocol TCP
	warmup 0
	real_server 10.0.2.11 80 {
		TCP_CHECK {
			connect_timeout 1
		}
	}
	real_server 10.0.2.12 80 {
		TCP_CHECK {
			connect_timeout 1
		}
	}
}
`

const (
	service = "-A -t 10.0.1.1:80 -s rr"
	first   = "-a -t 10.0.1.1:80 -r 10.0.2.11:80 -m -w 1"
	second  = "-a -t 10.0.1.1:80 -r 10.0.2.12:80 -m -w 1"
)

func TestARealServerThatDiesLeavesTheTableAndComesBack(t *testing.T) {
	s := newStage(t, "outside", "inside")
	client := s.Node("client", "outside eth0 10.0.1.9/24")
	director := s.Node("director", "outside eth0 10.0.1.1/24", "inside eth1 10.0.2.1/24")
	one, two := s.Node("one", "inside eth0 10.0.2.11/24"), s.Node("two", "inside eth0 10.0.2.12/24")
	s.Must(director.Sysctl("ipv4/ip_forward", "1"))
	s.web(one)
	s.web(two)
	s.Sh(one, "ip route add default via 10.0.2.1")
	s.Sh(two, "ip route add default via 10.0.2.1")
	d := s.Start(director, nat)
	s.becomes(director, 5*time.Second, service, first, second)
	d.Tells(5*time.Second, "Gained quorum 1+0=1 <= 2 for VS [10.0.1.1]:tcp:80")
	if got := s.ask(client, "http://10.0.1.1/", 4); !slices.Equal(got, []string{"one", "two", "one", "two"}) && !slices.Equal(got, []string{"two", "one", "two", "one"}) {
		t.Errorf("four requests are answered by %v", got)
	}
	s.Sh(one, "killall -9 nginx")
	s.becomes(director, 8*time.Second, service, second)
	d.Tells(time.Second, "Removing service [10.0.2.11]:tcp:80 from VS [10.0.1.1]:tcp:80")
	if got := s.ask(client, "http://10.0.1.1/", 2); !slices.Equal(got, []string{"two", "two"}) {
		t.Errorf("two requests are answered by %v", got)
	}
	s.web(one)
	s.becomes(director, 8*time.Second, service, first, second)
	d.Stop(syscall.SIGTERM)
	s.becomes(director, time.Second)
}
