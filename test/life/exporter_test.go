package life

import (
	"encoding/json"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// exported are the members of the JSON dump that mehdy/keepalived-exporter (formerly of
// cafebazaar) makes metrics of, in the types that it reads them into.
type exported struct {
	Data struct {
		Name      string   `json:"iname"`
		State     int      `json:"state"`
		WantState int      `json:"wantstate"`
		Link      string   `json:"ifp_ifname"`
		GARPDelay int      `json:"garp_delay"`
		VRID      int      `json:"vrid"`
		VIPs      []string `json:"vips"`
		Excluded  []string `json:"evips"`
	} `json:"data"`
	Stats map[string]int `json:"stats"`
}

// counted are the counters that it makes metrics of.
func counted() []string {
	return []string{"advert_rcvd", "advert_sent", "become_master", "release_master", "packet_len_err", "advert_interval_err", "ip_ttl_err", "invalid_type_rcvd",
		"addr_list_err", "invalid_authtype", "authtype_mismatch", "auth_failure", "pri_zero_rcvd", "pri_zero_sent"}
}

// A published exporter asks the program for its version and for the numbers of signals,
// the pid file for the process, and that for the dumps, which it reads from /tmp.
func TestAnExporterReadsTheDumps(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile("/run/ok.sh", "#!/bin/sh\nexit 0\n", 0o755))
	s.Must(s.a.WriteFile(confPath, everyField, 0o644))
	program := s.Namesake()
	d := s.Launch(s.a, program, "-n", "-l", "-D", "-f", confPath)
	s.Eventually(15*time.Second, "all are MASTER", func() bool { return d.Count(`Entering MASTER STATE`) == 3 })
	first, _, _ := strings.Cut(s.Sh(s.a, program+" -v 2>&1"), "\n")
	if words := strings.Split(first, " "); len(words) < 2 || !strings.HasPrefix(words[1], "v2.4.") {
		t.Errorf("the second word of the version is not one: %q", first)
	}
	pid := strings.TrimSpace(s.Sh(s.a, "cat /run/keepalived.pid"))
	dump := func(word, path string) string {
		s.Sh(s.a, "rm -f "+path+"; kill -"+strings.TrimSpace(s.Sh(s.a, program+" --signum="+word))+" "+pid)
		s.Eventually(5*time.Second, path+" is there", func() bool { return s.Sh(s.a, "ls "+path+" 2>/dev/null || true") != "" })
		return s.Sh(s.a, "cat "+path)
	}
	s.asJSON(dump("JSON", "/tmp/keepalived.json"))
	s.asStatistics(dump("STATS", "/tmp/keepalived.stats"))
	s.asState(dump("DATA", "/tmp/keepalived.data"))
	d.Stop(syscall.SIGTERM)
}

func (s *stage) asJSON(text string) {
	s.Helper()
	var all []exported
	s.Must(json.Unmarshal([]byte(text), &all))
	if len(all) != 3 {
		s.Fatalf("%d instances:\n%s", len(all), text)
	}
	if v := all[0].Data; v.Name != "V1" || v.State != 2 || v.WantState != 2 || v.Link != "eth0" || v.VRID != 7 || v.GARPDelay != 2 || len(v.VIPs) != 3 || len(v.Excluded) != 2 {
		s.Errorf("V1: %+v", v)
	}
	for _, name := range counted() {
		if _, there := all[0].Stats[name]; !there {
			s.Errorf("%s is missing", name)
		}
	}
	for _, vip := range all[0].Data.VIPs {
		s.asVIP(vip)
	}
}

// asVIP wants the address and, behind a word, the interface.
func (s *stage) asVIP(line string) {
	s.Helper()
	if words := strings.Split(line, " "); len(words) < 3 || words[2] != "eth0" {
		s.Errorf("no address on an interface: %q", line)
	}
}

// asStatistics reads sections of numbers below the name of each instance.
func (s *stage) asStatistics(text string) {
	s.Helper()
	got, section := map[string]int{}, ""
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		n, err := strconv.Atoi(strings.TrimSpace(value))
		switch {
		case strings.HasPrefix(line, "VRRP Instance: "):
			section = ""
		case strings.TrimSpace(value) == "":
			section = name + "/"
		case err != nil:
			s.Errorf("no number: %q", line)
		case strings.HasPrefix(line, "    "):
			got[section+name] += n
		default:
			got[name] += n
		}
	}
	for _, name := range []string{"Advertisements/Received", "Advertisements/Sent", "Became master", "Released master", "Packet Errors/Length", "Packet Errors/TTL", "Packet Errors/Invalid Type",
		"Packet Errors/Advertisement Interval", "Packet Errors/Address List", "Authentication Errors/Invalid Type", "Authentication Errors/Type Mismatch", "Authentication Errors/Failure",
		"Priority Zero/Received", "Priority Zero/Sent"} {
		if _, there := got[name]; !there {
			s.Errorf("%s is missing in\n%s", name, text)
		}
	}
	if got["Became master"] != 3 || got["Advertisements/Sent"] == 0 {
		s.Errorf("became master %d times, %d adverts", got["Became master"], got["Advertisements/Sent"])
	}
}

// asState reads " VRRP Instance = NAME", members below it, addresses below these; and
// " VRRP Script = NAME" with the status and the state of each.
func (s *stage) asState(text string) {
	s.Helper()
	got, block, key := map[string]string{}, "", ""
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		switch {
		case strings.HasPrefix(line, " VRRP Instance =") || strings.HasPrefix(line, " VRRP Script ="):
			block = value
		case strings.HasPrefix(line, "     ") && strings.HasPrefix(key, "Virtual IP ("):
			s.asVIP(strings.TrimSpace(line))
			got[block+"/addresses"] += "+"
		case strings.HasPrefix(line, "   ") && !strings.HasPrefix(line, "     "):
			key = name
			got[block+"/"+name] = value
		case !strings.HasPrefix(line, "   "):
			block = ""
		}
	}
	for name, want := range map[string]string{"V1/State": "MASTER", "V1/Wantstate": "MASTER", "V1/Interface": "eth0", "V1/Gratuitous ARP delay": "2", "V1/Virtual Router ID": "7",
		"V1/addresses": "+++", "ok/Status": "GOOD"} {
		if got[name] != want {
			s.Errorf("%s is %q and not %q in\n%s", name, got[name], want, text)
		}
	}
	if state := got["ok/State"]; state != "idle" && state != "running" {
		s.Errorf("the state of the script: %q", state)
	}
}
