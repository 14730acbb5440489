package cli

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The table of the reference, interfaces section 2.
func TestGenhashsOptions(t *testing.T) {
	const page = "-s 192.0.2.1 -p 80 -u /x "
	for line, change := range map[string]func(*Genhash){
		"":                      func(*Genhash) {},
		"-S|--use-ssl|--use-ss": func(g *Genhash) { g.TLS = true },
		"-I|--use-sni":          func(g *Genhash) { g.SNI = true },
		"-SIv":                  func(g *Genhash) { g.TLS, g.SNI, g.Verbose = true, true, true },
		"-V a.example|-Va.example|--use-virtualhost=a.example": func(g *Genhash) { g.VirtualHost = "a.example" },
		"-m 5|--fwmark 0x5":                     func(g *Genhash) { g.Mark = 5 },
		"-P 1.0":                                func(*Genhash) {},
		"-P 1.0c|--protocol=1.0C":               func(g *Genhash) { g.Close = true },
		"-P 1.1":                                func(g *Genhash) { g.Version, g.Close = "1.1", true },
		"-t 2|--timeout 2":                      func(g *Genhash) { g.Timeout = 2 * time.Second },
		"-s ::1 -p 443|--server ::1 --port 443": func(g *Genhash) { g.Server, g.Port = netip.IPv6Loopback(), 443 },
	} {
		for form := range strings.SplitSeq(line, "|") {
			want := &Genhash{Server: netip.MustParseAddr("192.0.2.1"), Port: 80, Path: "/x", Version: "1.0", Timeout: patience.Truncate(time.Second)}
			change(want)
			got, err := ParseGenhash(strings.Fields(page + form))
			if err != nil {
				t.Errorf("%q: %v", form, err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Genhash{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("%q (-want +got):\n%s", form, diff)
			}
		}
	}
}

func TestGenhashRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"-s 192.0.2.1 -p 80":             "are needed",
		"-s name -p 80 -u /":             `not "name"`,
		"-s 192.0.2.1 -p 0 -u /":         `invalid port "0"`,
		"-s 192.0.2.1 -p 65536 -u /":     `invalid port "65536"`,
		"-s 192.0.2.1 -p 80 -u / -m x":   `invalid mark "x"`,
		"-s 192.0.2.1 -p 80 -u / -t 0":   `invalid timeout "0"`,
		"-s 192.0.2.1 -p 80 -u / -P 2":   `invalid version of HTTP "2"`,
		"-s 192.0.2.1 -p 80 -u / -q":     "there is no option -q",
		"-s 192.0.2.1 -p 80 -u / one":    "unexpected: one",
		"-s 192.0.2.1 -p 80 -u / -m":     "option --fwmark needs an argument",
		"-s 192.0.2.1 -p 80 -u / --use=": "ambiguous",
	} {
		if _, err := ParseGenhash(strings.Fields(line)); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", line, err, want)
		}
	}
}
