package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

const hookSkeleton = `
webhook hook {
    url http://192.0.2.9/
    #webhook
}
`

func hookSamples() map[string]string {
	return map[string]string{
		"(root) webhook":                            "webhook other {\nurl https://[2001:db8::1]:8443/x?y=z\n}",
		"webhook url":                               "url file:/etc/url",
		"webhook method":                            "method PUT",
		"webhook header":                            "header X-Key secret",
		"webhook template":                          `template "{{.Name}} {{json .Reason}}"`,
		"webhook ca":                                "ca /etc/ca.pem",
		"webhook timeout":                           "timeout 0.5",
		"webhook retries":                           "retries 0",
		"global_defs notify_webhook":                "notify_webhook hook",
		"vrrp_sync_group notify_webhook":            "notify_webhook hook",
		"vrrp_instance notify_webhook":              "notify_webhook hook",
		"virtual_server notify_webhook":             "notify_webhook hook",
		"virtual_server/real_server notify_webhook": "notify_webhook hook",
	}
}

// hooked is what comes of a webhook and of an instance that names some.
func hooked(body, names string) (*config.Config, []string) {
	c, found := buildText("webhook ops {\n" + body + "\n}\nvrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nnotify_webhook " + names + "\nvirtual_ipaddress {\n192.0.2.1/24\n}\n}\n")
	var told []string
	for _, d := range found {
		if d.Severity == conf.Complaint {
			told = append(told, fmt.Sprintf("%d:%d %s", d.Span.Line, d.Span.Col, d.Text))
		}
	}
	return c, told
}

func TestAWebhookIsRead(t *testing.T) {
	c, told := hooked("url https://ops.example.org/x\nheader Authorization Bearer file:/etc/token\nheader X-A b\ntemplate file:/etc/template\nretries 2", "ops")
	if told != nil {
		t.Fatalf("found is %q", told)
	}
	w := c.Webhooks[0]
	if string(w.URL) != "https://ops.example.org/x" || w.Method != "POST" || w.Retries != 2 || w.Timeout.Seconds() != 5 || len(w.Headers) != 2 || string(w.Headers[1].Value) != "b" {
		t.Errorf("read is %+v", w)
	}
	want := []config.HookFile{{Word: "header", Header: 0, Path: "/etc/token"}, {Word: "template", Path: "/etc/template"}}
	if diff := cmp.Diff(want, w.Files); diff != "" {
		t.Errorf("the files (-want +got)\n%s", diff)
	}
	if got := c.Instances[0].Notify.Hooks.String(); got != "ops" {
		t.Errorf("the instance names %s", got)
	}
}

func TestWhatIsWrongWithAWebhook(t *testing.T) {
	for _, tt := range []struct{ name, body, names, want string }{
		{"no URL", "method PUT", "ops", "1:1 webhook ops has no url and is left out"},
		{"another scheme", "url ftp://x/", "ops", `2:1 a URL begins with http:// or https://, and not with "ftp:"; the webhook is left out`},
		{"no host", "url http:///x", "ops", "2:1 the URL has no host; the webhook is left out"},
		{"a password in the URL", "url https://a:b@host/", "ops", "2:1 a URL with a password is not taken: write a header Authorization; the webhook is left out"},
		{"a template that does not end", "url http://x/\ntemplate \"{{.Name\"", "ops", "3:1 the template is not taken: template: template:1: unclosed action; JSON of all fields is sent"},
		{"a field that is not there", "url http://x/\ntemplate \"{{.Nmae}}\"", "ops", "3:1 the template is not taken: template: template:1:2: executing \"template\" at <.Nmae>: can't evaluate field Nmae in type notify.Fields; JSON of all fields is sent"},
		{"a header without value", "url http://x/\nheader X-Key", "ops", "3:8 a header has a name of letters, digits and -, and a value; it is left out"},
		{"a header that is two", "url http://x/\nheader X:Y z", "ops", "3:8 a header has a name of letters, digits and -, and a value; it is left out"},
		{"another method", "url http://x/\nmethod SEND", "ops", `3:8 method knows no "SEND"; it stays as it was`},
		{"a name that nothing has", "url http://x/", "ops opps", "7:20 there is no webhook opps; nobody is told"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, told := hooked(tt.body, tt.names); len(told) == 0 || told[0] != tt.want {
				t.Errorf("found is %q\nnot %q", told, tt.want)
			}
		})
	}
}

// No difference that is shown between two configurations tells a secret.
func TestADifferenceTellsNoSecretOfAWebhook(t *testing.T) {
	before, _ := hooked("url https://x/secret1\nheader A secret2", "ops")
	after, _ := hooked("url https://x/secret3\nheader A secret4", "ops ops2")
	text := fmt.Sprint(config.Diff(before, after))
	if strings.Contains(text, "secret") || !strings.Contains(text, "~ webhook ops: url changed; headers changed") || !strings.Contains(text, "ops -> ops ops2") {
		t.Errorf("told is %s", text)
	}
}
