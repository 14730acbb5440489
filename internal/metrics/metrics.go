package metrics

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"time"

	"holdfast/internal/status"
)

// Type is what HTTP calls the form.
const Type = "text/plain; version=0.0.4; charset=utf-8"

// Write writes all metrics of a snapshot.
func Write(out io.Writer, s *status.Snapshot) error {
	t := &text{w: bufio.NewWriterSize(out, 1<<16)}
	t.process(s)
	t.loop(s.Router)
	t.instances(s)
	t.trackers(s.Router)
	t.checks(s.Worker.Checks)
	t.scripts(s.Worker.Scripts)
	t.hooks(s.Worker.Hooks)
	if s.Balanced != nil {
		t.balanced(s.Balanced)
	}
	if err := t.w.Flush(); err != nil {
		return fmt.Errorf("write the metrics: %w", err)
	}
	return nil
}

func (t *text) process(s *status.Snapshot) {
	t.family("holdfast_build_info", "gauge", "The program that runs; the value is 1.")
	t.sample(1, "version", s.Build.Version, "goversion", s.Build.Go)
	t.family("holdfast_worker_start_time_seconds", "gauge", "When the worker process was started, since the epoch. Counters of checks and transitions begin anew with it.")
	t.sample(seconds(s.Worker.Started))
	t.family("holdfast_config_taken_time_seconds", "gauge", "When the configuration in force was taken over, since the epoch.")
	t.sample(seconds(s.Worker.Loaded))
	t.family("holdfast_config_on_trial", "gauge", "1 while the configuration before returns unless the one in force is confirmed.")
	t.state(s.Worker.Trial != nil)
	t.family("holdfast_reloads_total", "counter", "Configurations that were read, the first included, by what became of them.")
	t.count(s.Worker.Reloads.Taken, "result", "taken")
	t.count(s.Worker.Reloads.Refused, "result", "refused")
	t.family("holdfast_log_lines_lost_total", "counter", "Log lines that were left out because too many came at a time.")
	t.count(s.Worker.Lost)
}

func (t *text) loop(r *status.Router) {
	t.family("holdfast_loop_lateness_seconds", "histogram", "How long deadlines, of adverts above all, waited for the loop. The sum is an upper bound.")
	var sum float64
	for i, n := range r.Late {
		sum += float64(n) * (time.Microsecond << i).Seconds()
	}
	t.histogram(r.Late[:], time.Microsecond, sum)
	t.family("holdfast_loop_lateness_max_seconds", "gauge", "The longest that a deadline waited for the loop.")
	t.sample(r.Lateness.Seconds())
	t.family("holdfast_datagrams_refused_total", "counter", "Datagrams that could not be read, by what was wrong.")
	for _, c := range r.Refused {
		t.count(c.N, "reason", c.What)
	}
	t.family("holdfast_vrrp_adverts_unknown_total", "counter", "Adverts for virtual routers that are not configured here.")
	t.count(r.Unknown)
}

// naming are the labels of an instance.
func naming(i *status.Instance) labels {
	return labels{"instance_name", i.Name, "interface", i.Link, "vrid", strconv.Itoa(int(i.VRID)), "family", family(i.V6)}
}

func family(v6 bool) string {
	if v6 {
		return "ipv6"
	}
	return "ipv4"
}

func (t *text) instances(s *status.Snapshot) {
	list := s.Router.Instances
	names := make([]labels, len(list))
	for i := range list {
		names[i] = naming(&list[i])
	}
	each := func(name, kind, help string, value func(*status.Instance) float64) {
		t.family(name, kind, help)
		for i := range list {
			t.line("", value(&list[i]), names[i])
		}
	}
	t.family("holdfast_vrrp_role", "gauge", "1 for the role that a virtual router has, 0 for the others.")
	for i := range list {
		for _, role := range []string{"INIT", "BACKUP", "MASTER", "FAULT"} {
			t.state(list[i].Role == role, append(names[i][:len(names[i]):len(names[i])], "role", role)...)
		}
	}
	each("holdfast_vrrp_role_since_seconds", "gauge", "Since when it has the role, since the epoch.", func(i *status.Instance) float64 { return seconds(s.Wall(i.Since)) })
	each("holdfast_vrrp_priority", "gauge", "The priority as configured.", func(i *status.Instance) float64 { return float64(i.Priority) })
	each("holdfast_vrrp_priority_effective", "gauge", "The priority with the weights of trackers.", func(i *status.Instance) float64 { return float64(i.Effective) })
	each("holdfast_vrrp_faults", "gauge", "How many trackers demand FAULT.", func(i *status.Instance) float64 { return float64(i.Faults) })
	each("holdfast_vrrp_adverts_sent_total", "counter", "Adverts sent.", func(i *status.Instance) float64 { return float64(i.Stats.AdvertSent) })
	each("holdfast_vrrp_adverts_received_total", "counter", "Adverts received.", func(i *status.Instance) float64 { return float64(i.Stats.AdvertRcvd) })
	each("holdfast_vrrp_priority_zero_sent_total", "counter", "Adverts sent that hand over.", func(i *status.Instance) float64 { return float64(i.Stats.PriZeroSent) })
	each("holdfast_vrrp_priority_zero_received_total", "counter", "Adverts received that hand over.", func(i *status.Instance) float64 { return float64(i.Stats.PriZeroRcvd) })
	each("holdfast_vrrp_became_master_total", "counter", "Changes to MASTER.", func(i *status.Instance) float64 { return float64(i.Stats.BecomeMaster) })
	each("holdfast_vrrp_released_master_total", "counter", "Changes from MASTER.", func(i *status.Instance) float64 { return float64(i.Stats.ReleaseMaster) })
	each("holdfast_vrrp_two_masters_seconds_total", "counter", "How long another MASTER was heard while this was one.", func(i *status.Instance) float64 { return i.Stats.Contested.Seconds() })
	each("holdfast_vrrp_overslept_total", "counter", "Pauses of the process after which others may have taken over.", func(i *status.Instance) float64 { return float64(i.Stats.Overslept) })
	each("holdfast_vrrp_repairs_total", "counter", "Addresses and devices put back after somebody else removed or changed them.", func(i *status.Instance) float64 { return float64(i.Repairs) })
	t.refused(list, names)
	t.transitions(s.Worker.Transitions)
}

// refused are the adverts that were not taken, for reasons that have occurred.
func (t *text) refused(list []status.Instance, names []labels) {
	t.family("holdfast_vrrp_adverts_refused_total", "counter", "Adverts that were not taken, by what was wrong; reasons that never occurred are left out.")
	for i := range list {
		for _, c := range reasons(&list[i].Stats) {
			if c.N > 0 {
				t.count(c.N, append(names[i][:len(names[i]):len(names[i])], "reason", c.What)...)
			}
		}
	}
}

func reasons(s *status.Stats) []status.Count {
	return []status.Count{
		{What: "length", N: s.PacketLenErr}, {What: "ttl", N: s.TTLErr}, {What: "type", N: s.InvalidTypeRcvd}, {What: "interval", N: s.AdvertIntervalErr},
		{What: "addresses", N: s.AddrListErr}, {What: "version", N: s.VersionErr}, {What: "checksum", N: s.ChecksumErr},
		{What: "auth_type", N: s.InvalidAuthtype}, {What: "auth_mismatch", N: s.AuthtypeMismatch}, {What: "auth_failure", N: s.AuthFailure},
		{What: "hmac_missing", N: s.AuthExtMissing}, {What: "hmac_malformed", N: s.AuthExtMalformed}, {What: "hmac_unknown_key", N: s.AuthExtUnknownKey},
		{What: "hmac_invalid", N: s.AuthExtInvalidHMAC}, {What: "hmac_stale", N: s.AuthExtStale}, {What: "hmac_replay", N: s.AuthExtReplay},
	}
}

func (t *text) transitions(list []status.Transition) {
	t.family("holdfast_vrrp_transitions_total", "counter", "Changes of role, by the new role and the kind of reason.")
	for i := range list {
		t.count(list[i].N, "instance_name", list[i].Instance, "to", list[i].To, "cause", list[i].Cause)
	}
}

func (t *text) trackers(r *status.Router) {
	t.family("holdfast_tracker_good", "gauge", "1 for a tracker that is good, 0 for a bad one; one without a result is left out.")
	for i := range r.Trackers {
		if k := &r.Trackers[i]; k.State != "unknown" {
			t.state(k.State == "good", "kind", k.Kind, "name", k.Name)
		}
	}
	t.family("holdfast_sync_group_master", "gauge", "1 for a sync group that is MASTER.")
	for i := range r.Groups {
		t.state(r.Groups[i].Role == "MASTER", "group", r.Groups[i].Name)
	}
	t.family("holdfast_bfd_session_up", "gauge", "1 for a BFD session that is up.")
	for i := range r.Sessions {
		b := &r.Sessions[i]
		t.state(b.State == "Up", "session", b.Name, "neighbour", b.Neighbour.String())
	}
}

func (t *text) checks(list []status.Checks) {
	t.family("holdfast_checks_total", "counter", "Health checks that were made, by kind and result; hindered are those that this machine could not make.")
	for i := range list {
		c := &list[i]
		t.count(c.Passed, "kind", c.Kind, "result", "passed")
		t.count(c.Failed, "kind", c.Kind, "result", "failed")
		t.count(c.Hindered, "kind", c.Kind, "result", "hindered")
	}
	t.family("holdfast_check_duration_seconds", "histogram", "How long health checks took, by kind.")
	for i := range list {
		c := &list[i]
		t.histogram(c.Took[:], time.Millisecond, c.Total.Seconds(), "kind", c.Kind)
	}
}

func (t *text) scripts(list []status.Scripts) {
	t.family("holdfast_scripts_total", "counter", "Programs that were run and have ended, by what they are for and how they ended.")
	for i := range list {
		t.count(list[i].Passed, "kind", list[i].Kind, "result", "passed")
		t.count(list[i].Failed, "kind", list[i].Kind, "result", "failed")
	}
	t.family("holdfast_script_duration_seconds", "histogram", "How long programs ran, by what they are for.")
	for i := range list {
		t.histogram(list[i].Took[:], time.Millisecond, list[i].Total.Seconds(), "kind", list[i].Kind)
	}
}

func (t *text) hooks(list []status.Hook) {
	t.family("holdfast_webhook_messages_total", "counter", "Messages for webhooks, by what became of them: sent, failed (refused, or given up), lost (too many waited).")
	for i := range list {
		h := &list[i]
		t.count(h.Sent, "webhook", h.Name, "result", "sent")
		t.count(h.Failed, "webhook", h.Name, "result", "failed")
		t.count(h.Lost, "webhook", h.Name, "result", "lost")
	}
	t.family("holdfast_webhook_waiting", "gauge", "Messages that wait for their turn.")
	for i := range list {
		t.sample(float64(list[i].Waiting), "webhook", list[i].Name)
	}
	t.family("holdfast_webhook_request_duration_seconds", "histogram", "How long requests to webhooks took, those that were made again included.")
	for i := range list {
		t.histogram(list[i].Took[:], time.Millisecond, list[i].Total.Seconds(), "webhook", list[i].Name)
	}
}

// seconds is an instant of the clock on the wall since the epoch; 0 if it never came.
func seconds(t time.Time) float64 {
	if t.IsZero() || t.Unix() <= 0 {
		return 0
	}
	return float64(t.UnixMilli()) / 1e3
}
