package daemon

import (
	"testing"

	"holdfast/internal/cli"
	"holdfast/internal/config"
)

func TestTheCommandLineComesBeforeTheConfigurationAboutTheUmask(t *testing.T) {
	given := config.Global{Umask: config.Umask{Given: true, Mask: 0o022}}
	for _, c := range []struct {
		name   string
		cli    cli.Options
		global config.Global
		want   int
	}{
		{"neither says one", cli.Options{Umask: 0o177}, config.Global{}, 0o177},
		{"the configuration", cli.Options{Umask: 0o177}, given, 0o022},
		{"the command line", cli.Options{Umask: 0o077, UmaskGiven: true}, given, 0o077},
		{"none at all is one too", cli.Options{Umask: 0o177}, config.Global{Umask: config.Umask{Given: true}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := umask(&c.cli, &c.global); got != c.want {
				t.Errorf("got %#o, want %#o", got, c.want)
			}
		})
	}
}
