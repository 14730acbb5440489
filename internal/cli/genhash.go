package cli

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// Genhash is a command line of genhash, understood.
type Genhash struct {
	Server        netip.Addr
	Port          uint16
	Path          string
	VirtualHost   string
	TLS, SNI      bool
	Mark          uint32
	Version       string // of HTTP, 1.0 or 1.1
	Close         bool   // ask for the connection to be closed
	Timeout       time.Duration
	Verbose, Help bool

	server, port, protocol, mark, timeout string
}

// patience is the time that keepalived's genhash waits for each step: 2^32 microseconds.
const patience = math.MaxUint32 * time.Microsecond

// ParseGenhash reads genhash's command line (reference: interfaces, section 2). Flags
// that were understood are kept even with an error, for who asks for help.
func ParseGenhash(args []string) (*Genhash, error) {
	g := &Genhash{}
	set := g.set()
	rest, err := getopt(set, args)
	if len(rest) > 0 {
		err = errors.Join(err, fmt.Errorf("unexpected: %s", strings.Join(rest, " ")))
	}
	if err == nil {
		err = g.Settle()
	}
	if err != nil {
		return g, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return g, nil
}

func (g *Genhash) set() *pflag.FlagSet {
	set := pflag.NewFlagSet("genhash", pflag.ContinueOnError)
	g.Flags(set)
	set.BoolVarP(&g.Help, "help", "h", false, "print this")
	return set
}

// Flags declares the options, for Settle to draw conclusions from.
func (g *Genhash) Flags(s *pflag.FlagSet) {
	s.SortFlags = false
	s.StringVarP(&g.server, "server", "s", "", "IP address of the server")
	s.StringVarP(&g.port, "port", "p", "", "port of the server")
	s.StringVarP(&g.Path, "url", "u", "", "path of the page")
	s.BoolVarP(&g.TLS, "use-ssl", "S", false, "ask by TLS; certificates are not verified")
	s.BoolVarP(&g.SNI, "use-sni", "I", false, "name the virtual host in the handshake of TLS")
	s.StringVarP(&g.VirtualHost, "use-virtualhost", "V", "", "virtual host to ask for")
	s.StringVarP(&g.mark, "fwmark", "m", "0", "mark of the packets for the firewall")
	s.StringVarP(&g.protocol, "protocol", "P", "1.0", "version of HTTP: 1.0, 1.0c (with Connection: close) or 1.1")
	s.StringVarP(&g.timeout, "timeout", "t", strconv.Itoa(int(patience/time.Second)), "seconds to wait for each step")
	s.BoolVarP(&g.Verbose, "verbose", "v", false, "show what comes, in hexadecimal too")
}

// Settle draws the conclusions from the words of the flags.
func (g *Genhash) Settle() (err error) {
	if g.server == "" || g.port == "" || g.Path == "" {
		return errors.New("the address, the port and the path of a page are needed: --server, --port and --url")
	}
	if g.Server, err = netip.ParseAddr(g.server); err != nil {
		return fmt.Errorf("the server is to be an IP address, not %q", g.server)
	}
	port, err := strconv.ParseUint(g.port, 10, 16)
	if err != nil || port == 0 {
		return fmt.Errorf("invalid port %q: 1 to 65535", g.port)
	}
	mark, err := strconv.ParseUint(g.mark, 0, 32)
	if err != nil {
		return fmt.Errorf("invalid mark %q: 0 to 4294967295", g.mark)
	}
	seconds, err := strconv.ParseFloat(g.timeout, 64)
	if err != nil || seconds <= 0 || seconds > patience.Seconds() {
		return fmt.Errorf("invalid timeout %q: seconds up to %d", g.timeout, int(patience.Seconds()))
	}
	g.Port, g.Mark, g.Timeout = uint16(port), uint32(mark), time.Duration(seconds*float64(time.Second))
	return g.settleProtocol()
}

func (g *Genhash) settleProtocol() error {
	switch g.protocol {
	case "1.0":
		g.Version = "1.0"
	case "1.0c", "1.0C":
		g.Version, g.Close = "1.0", true
	case "1.1":
		g.Version, g.Close = "1.1", true
	default:
		return fmt.Errorf("invalid version of HTTP %q: 1.0, 1.0c or 1.1", g.protocol)
	}
	return nil
}

// Usage is the text of --help.
func (g *Genhash) Usage() string {
	return "usage: genhash [-S] -s ADDRESS -p PORT -u PATH [options]\n" + g.set().FlagUsages()
}
