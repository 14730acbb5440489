package checker

import "testing"

func TestLines(t *testing.T) {
	rs, vs := "[192.0.2.1]:tcp:80", "[198.51.100.1]:tcp:80"
	up, first, last := Turn{Event: CameUp}, Turn{Event: WentDown}, Turn{Event: WentDown, Retries: 3}
	try, second, still := Turn{Event: Retrying, Retries: 1}, Turn{Event: Retrying, Retries: 2}, Turn{Event: StillDown}
	hindered := Turn{Event: Hindered}
	for _, c := range []struct {
		name string
		kind Kind
		turn Turn
		why  string
		want string
	}{
		{"TCP up", TCP, up, "", "TCP connection to " + rs + " success."},
		{"TCP down at first", TCP, first, "refused", "TCP_CHECK on service " + rs + " failed. (refused)"},
		{"TCP down", TCP, last, "refused", "TCP_CHECK on service " + rs + " failed after 3 retries. (refused)"},
		{"TCP again", TCP, still, "refused", "TCP connection to " + rs + " failed. (refused)"},
		{"TCP hindered", TCP, hindered, "bind to eth9: no such device", "TCP_CHECK on service " + rs + " cannot be made (bind to eth9: no such device). Rescheduling."},
		{"UDP up", UDP, up, "", "UDP connection to " + rs + " success."},
		{"UDP down", UDP, last, "refused", "UDP_CHECK on service " + rs + " failed after 3 retries. (refused)"},
		{"UDP again", UDP, try, "refused", "UDP connection to " + rs + " failed. (refused)"},
		{"ping up", Ping, up, "", "ICMP connection to " + rs + " success."},
		{"ping down at first", Ping, first, "silence", "ICMP CHECK on service " + rs + " failed. (silence)"},
		{"ping down", Ping, last, "silence", "ICMP CHECK on service " + rs + " of " + vs + " failed after 3 retries. (silence)"},
		{"ping again", Ping, try, "silence", "ICMP connection to address " + rs + " failed. (silence)"},
		{"HTTP up", HTTP, up, "", "Remote Web server " + rs + " succeed on service."},
		{"HTTP down", HTTP, last, "status 404", "HTTP_CHECK on service " + rs + " failed after 3 retries. (status 404)"},
		{"SSL down", SSL, first, "status 404", "SSL_CHECK on service " + rs + " failed. (status 404)"},
		{"HTTP again", HTTP, try, "another page", "TEXT server " + rs + ". (another page)"},
		{"SMTP up", SMTP, up, "", "Remote SMTP server " + rs + " succeed on service."},
		{"SMTP down", SMTP, first, "it says 554", "SMTP_CHECK TEXT - real server " + rs + " (it says 554)"},
		{"DNS up", DNS, up, "", ""},
		{"DNS down", DNS, first, "silence", "DNS_CHECK (" + rs + ") TEXT (silence)"},
		{"a program up", Misc, up, "", "Misc check for [" + rs + " VS " + vs + "] by [/bin/x] succeeded."},
		{"a program fails", Misc, try, "exited with status 1", "Misc check for [" + rs + " VS " + vs + "] by [/bin/x] failed, will do 3 retries (exited with status 1)."},
		{"a program fails again", Misc, second, "due to signal 9", "Misc check for [" + rs + " VS " + vs + "] by [/bin/x] failed on retry 1/3 (due to signal 9)."},
		{"a program down", Misc, last, TimedOut, "Misc check for [" + rs + " VS " + vs + "] by [/bin/x] timed out after 3 retries."},
		{"a session up", BFD, up, "", "BFD check of [/bin/x] RS(" + rs + ") is UP"},
		{"a session down", BFD, first, "", "BFD check of [/bin/x] RS(" + rs + ") is DOWN"},
		{"a session still down", BFD, still, "", ""},
		{"a file down", File, first, "x says 1", "FILE_CHECK on service " + rs + " failed (x says 1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := Words{Kind: c.kind, Server: rs, Service: vs, What: "/bin/x", LogAll: true}
			r := Rules{Retry: 3}
			if got := w.Line(c.turn, &r, Result{Why: c.why, Text: "TEXT"}); got != c.want {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
			w.LogAll = false
			if got := w.Line(c.turn, &r, Result{Why: c.why, Text: "TEXT"}); (c.turn.Event == Retrying || c.turn.Event == StillDown) && got != "" {
				t.Errorf("without log_all_failures it says %q", got)
			}
		})
	}
}

func TestAProgramWithoutRetriesSaysSo(t *testing.T) {
	w := Words{Kind: Misc, Server: "RS", Service: "VS", What: "/bin/x"}
	got := w.Line(Turn{Event: WentDown}, &Rules{}, Result{Why: "exited with status 1"})
	if want := "Misc check for [RS VS VS] by [/bin/x] failed with retry disabled (exited with status 1)."; got != want {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}
