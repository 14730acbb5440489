package main

// pageText is the page doc/benchmarks.md around two strings: the machine and
// the table.
func pageText() string {
	return `# Benchmarks

holdfast beside the keepalived of Debian, both on the same machine in turn, run after run.

## How to run

    make bench                                # everything; needs root and about an hour
    go run ./bench -run outage,restart -n 3   # some of it
    go run ./bench -write                     # and write this page

It needs Linux, root, Go, and Debian's packages keepalived, iproute2, nftables and user-mode-linux. It builds its networks in namespaces of its own
and removes them at the end. -run takes these names: check, outage, failback, restart, start, cost, reload, takeover, busy, strain, scrape, flood, watch, bfd, pace,
beside, servers, and of these table, tables, watched, checks. With -alone keepalived is left out. The command fails when a figure misses what is asked of it.

## How it is measured

- *check* has each program test large configurations and run nothing: keepalived with -t, holdfast with its command check. CPU is user and system time, memory the largest resident size, both
  from the kernel's accounts at the end of the process. The virtual servers have a TCP_CHECK on every real server, one word to a line: 840,000 lines for the largest file. "Growth" compares CPU
  time with that for the smaller file; what grows with the file has a growth of at most its ratio of sizes.
- Each run starts both ends anew in fresh namespaces; the runs of the two programs alternate, so that what else the machine does hits both.
  The table shows the median and, in brackets, the smallest and largest run. "Asked" refers to the median unless it says otherwise.
- A client sends an ICMP echo to the shared address each millisecond, from a real-time thread; a probe is lost if no answer comes within 200 ms,
  and the outage lasts from the first lost probe to the next answered one. A probe that the client slept through, because the machine was busy, is left out; a run in which
  these are more than 5 %% is broken. Priorities are 200 and 100; version 2 at one second, version 3 below.
- *Node dead* takes the link of the master down and kills all its processes with SIGKILL soon after one of its adverts. As the outage depends on how soon, the figure that is judged is the time
  from that advert to the first answer; "take-over off" compares the time from that advert to the first one of the successor with three intervals plus skew.
- *SIGTERM* stops the master; with "successor keepalived" the backup is keepalived in holdfast's column, too.
- *fail-back with use_vmac* starts a node with a higher priority beside a MASTER, both with the virtual MAC addresses of a router of IPv4 and one of IPv6, and counts what the client loses in
  the twelve seconds after that.
- *scrapers* ask for the metrics at the socket, each once a second.
- *kill -9 of the daemon* kills the process that speaks VRRP. keepalived's first process starts it again; holdfast is started again by a supervisor after 100 ms.
- *1000* and *4000 routers* are instances of version 2 with one address each, an advert a second, 255 to a link, on veth cables without a switch. CPU time is user and system time of all
  processes of the program over ten seconds, from the kernel's process clocks, divided by the packets that arrived at the other end; it contains the network stack's work up to there.
  Intervals are taken per router over six further seconds, from the kernel's time stamps at the other end: jitter is the distance of an interval from one second, drift the mean
  difference. Memory is read from smaps_rollup at the end.
- *start* ends when the last router has sent an advert and the kernel has reported the last address; the down timer that the protocol asks for is taken off.
- *reload* ends when the log says so, and with an added address also when the kernel holds it. "Latest advert" is the largest lateness of an advert from 1.5 s before to 2.5 s after.
- *take-over* kills all processes of the master of 4,000 routers. "After it was due" is the largest distance of the first announcement of an address from the instant at which the backup's down timer
  for it ran out: the last advert, three intervals, and skew.
- *busy loops* run at ordinary priority, sixteen on all processors; both nodes and the switch share these. With 4,000 routers of 1 s (version 2) and 100 of 10 ms
  (version 3) the nodes are joined by cables and looked at for eight seconds. Both programs run with what they do by themselves about priorities: keepalived nothing. *flood* sends 100,000 packets a second of protocol 112 for ten seconds to the
  group: noise, wrong TTL, checksum, version, type, length, authentication and VRID.
- *scripts, processes*: a node with 50 routers of 100 ms runs /bin/true for each of 1,000 scripts every two seconds and watches 200 processes by their names. CPU time is that of all processes of
  the program and of the scripts, over ten seconds. In a namespace of its own the kernel tells nobody of births and deaths: there holdfast looks at /proc each second instead.
- *BFD sessions* are between the program and a keepalived, both at real-time priority (bfd_rt_priority), without which keepalived loses sessions.
- *pace* makes 20,000 checks every five seconds with the engine of health checks by itself, against addresses of loopback, in one row with servers that answer nobody. *beside* has a whole daemon
  check 20,000 real servers on the other node while it speaks for 100 routers of 100 ms; how late a check is the servers see: by how much it misses a grid of five seconds.
- *servers* runs in a kernel of its own, User-Mode Linux with IPVS, whose one processor is slow with system calls, for both programs alike. "1000 x 10 servers" are virtual servers with real servers
  that nobody checks. A table is whole when the kernel counts as many services and destinations as the file has. The second start follows a SIGKILL of all processes and adds one server, which shows
  when the whole table was dealt with; so does a reload with a server added; an unchanged reload ends when the log says so. With checks, every server is the node itself; the cost of a check is the
  program's processor time divided by the connections that were answered. That kernel does not give either program the processor for a thousand checks a second.

## Results

%s

%s`
}
