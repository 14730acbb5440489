package conf_test

import (
	"testing"

	"holdfast/internal/conf"
)

func TestNoLineShowsASecret(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"    auth_pass s3cret", "    auth_pass ******"},
		{`    auth_pass "a b" # old`, `    auth_pass ** ** * ***`},
		{"authentication { auth_type PASS auth_pass x }", "authentication { auth_type PASS auth_pass * *"},
		{"    smtp_auth user s3cret", "    smtp_auth **** ******"},
		{"    smtp_auth s3cret", "    smtp_auth ******"}, // and a word is missing
		{"    key 1 0123456789", "    key 1 **********"},
		{"    key 12 hex:00ff", "    key 12 ********"},
		{`    "key" "1" "x y"`, `    "key" "1" ** **`},
		{"    key 1 file:/etc/key", "    key 1 file:/etc/key"},
		{"    key 1", "    key 1"},
		{"    key /etc/ssl/key.pem", "    key /etc/ssl/key.pem"}, // of SSL
		{"    header Authorization Bearer s3cret", "    header Authorization ****** ******"},
		{"    header X", "    header X"},
		{"    url https://hooks.example.org/T0/s3cret?x", "    url https://hooks.example.org************"},
		{"    url https://hooks.example.org", "    url https://hooks.example.org"},
		{"    url {", "    url {"},
		{"    monkey 1 banana", "    monkey 1 banana"},
		{"    priority 100", "    priority 100"},
		{"", ""},
	} {
		if got := conf.Conceal(c.line); got != c.want {
			t.Errorf("%q: got %q, want %q", c.line, got, c.want)
		}
	}
}
