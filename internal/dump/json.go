package dump

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/notify"
	"holdfast/internal/status"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// JSON writes the state in the layout that json_version names, field by field as
// keepalived does. Without instances there is nothing to write, and it reports so.
func (s *Source) JSON(out io.Writer) (written bool, err error) {
	var list []listed
	s.each(func(i *instance) { list = append(list, listed{s.data(i), counters(&i.now.Stats)}) })
	if len(list) == 0 {
		return false, nil
	}
	var whole any = list
	if s.Global.Paths.JSONVersion == 2 {
		whole = second{list, s.processes()}
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text) // which ends with a newline
	enc.SetEscapeHTML(false)
	if err := enc.Encode(whole); err != nil {
		return false, fmt.Errorf("write the state as JSON: %w", err)
	}
	_, err = out.Write(bytes.ReplaceAll(text.Bytes(), []byte("/"), []byte(`\/`))) // there are slashes in texts only
	return true, err
}

// second is the layout of json_version 2.
type second struct {
	VRRP      []listed  `json:"vrrp"`
	Processes []process `json:"track_process,omitempty"`
}

// listed is an instance.
type listed struct {
	Data  data  `json:"data"`
	Stats stats `json:"stats"`
}

// short is a number with six digits, as C writes it with %g.
type short float64

// MarshalJSON implements json.Marshaler.
func (n short) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(n), 'g', 6, 64), nil
}

func inSeconds(d time.Duration) short { return short(d.Seconds()) }

// instant is a time of the clock on the wall, in seconds.
type instant time.Time

// MarshalJSON implements json.Marshaler.
func (t instant) MarshalJSON() ([]byte, error) { return []byte(unixTime(time.Time(t))), nil }

func unixTime(t time.Time) string { return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000) }

// binary is a switch that is written as a number.
type binary bool

// MarshalJSON implements json.Marshaler.
func (b binary) MarshalJSON() ([]byte, error) {
	if b {
		return []byte("1"), nil
	}
	return []byte("0"), nil
}

// data has the fields of keepalived, in its order.
type data struct {
	Name              string   `json:"iname"`
	DontTrackPrimary  binary   `json:"dont_track_primary"`
	SkipCheckAdvAddr  binary   `json:"skip_check_adv_addr"`
	Strict            binary   `json:"strict_mode"`
	VMAC              string   `json:"vmac_ifname"`
	Link              string   `json:"ifp_ifname,omitempty"`
	MasterPriority    uint8    `json:"master_priority"`
	LastTransition    instant  `json:"last_transition"`
	GARPDelay         short    `json:"garp_delay"`
	GARPRefresh       int      `json:"garp_refresh"`
	GARPRepeat        int      `json:"garp_rep"`
	GARPRefreshRepeat int      `json:"garp_refresh_rep"`
	GARPLowerDelay    int      `json:"garp_lower_prio_delay"`
	GARPLowerRepeat   int      `json:"garp_lower_prio_rep"`
	LowerNoAdvert     binary   `json:"lower_prio_no_advert"`
	HigherSendAdvert  binary   `json:"higher_prio_send_advert"`
	VRID              uint8    `json:"vrid"`
	Priority          uint8    `json:"base_priority"`
	Effective         uint8    `json:"effective_priority"`
	Held              bool     `json:"vipset"`
	Promote           bool     `json:"promote_secondaries"`
	Interval          short    `json:"adver_int"`
	MasterInterval    short    `json:"master_adver_int"`
	Accept            binary   `json:"accept"`
	NoPreempt         bool     `json:"nopreempt"`
	PreemptDelay      int      `json:"preempt_delay"`
	State             int      `json:"state"`
	Want              int      `json:"wantstate"`
	Version           uint8    `json:"version"`
	Mail              bool     `json:"smtp_alert"`
	ReportDeleted     bool     `json:"notify_deleted"`
	ScriptBackup      string   `json:"script_backup,omitempty"`
	ScriptMaster      string   `json:"script_master,omitempty"`
	ScriptFault       string   `json:"script_fault,omitempty"`
	ScriptStop        string   `json:"script_stop,omitempty"`
	ScriptDeleted     string   `json:"script_deleted,omitempty"`
	Script            string   `json:"script,omitempty"`
	ScriptLower       string   `json:"script_master_rx_lower_pri,omitempty"`
	Addrs             []string `json:"vips,omitempty"`
	Excluded          []string `json:"evips,omitempty"`
	Routes            []string `json:"vroutes,omitempty"`
	Rules             []string `json:"vrules,omitempty"`
	TrackInterface    []string `json:"track_ifp,omitempty"`
	TrackScript       []string `json:"track_script,omitempty"`
	TrackProcess      []string `json:"track_process,omitempty"`
	AuthType          int      `json:"auth_type"`
	AuthData          string   `json:"auth_data,omitempty"`
}

func (s *Source) data(i *instance) data {
	v, n := i.config, i.now
	d := data{
		Name: v.Name, DontTrackPrimary: binary(v.DontTrackPrimary), SkipCheckAdvAddr: binary(v.SkipCheckAdvAddr), Strict: binary(v.Strict),
		Link: v.Link, MasterPriority: n.MasterPriority, LastTransition: instant(s.at(n.Since)),
		GARPDelay: inSeconds(v.Announce.Delay), GARPRefresh: whole(v.Announce.Refresh), GARPRepeat: v.Announce.Repeat, GARPRefreshRepeat: v.Announce.RefreshRepeat,
		GARPLowerDelay: whole(v.Announce.LowerDelay), GARPLowerRepeat: v.Announce.LowerRepeat,
		LowerNoAdvert: binary(v.LowerPrioNoAdvert), HigherSendAdvert: binary(v.HigherPrioSendAdvert),
		VRID: v.VRID, Priority: v.Priority, Effective: n.Effective, Held: n.Role == "MASTER", Promote: i.told.Promote,
		Interval: inSeconds(v.Interval), MasterInterval: inSeconds(n.MasterInterval), Accept: binary(!i.told.NoAccept),
		NoPreempt: v.NoPreempt, PreemptDelay: whole(v.PreemptDelay), State: number(n.Role), Want: number(n.Want), Version: v.Version,
		Mail: i.told.Mail, ReportDeleted: i.told.ReportDeleted,
	}
	if dev := i.device(); dev != nil {
		d.VMAC, d.Link = dev.Name, dev.Name
	}
	d.scripts(&i.told)
	d.held(s, i)
	d.tracked(s, i)
	d.AuthType, d.AuthData = secret(v)
	return d
}

func whole(d time.Duration) int { return int(d / time.Second) }

// number is that of a state.
func number(role string) int {
	return max(0, slices.Index([]string{"INIT", "BACKUP", "MASTER", "FAULT"}, role))
}

// secret is the kind of authentication, and asterisks where there is a password.
func secret(v *vrrp.Config) (kind int, text string) {
	switch {
	case v.Header:
		return 2, "********"
	case v.HasPass:
		return 1, "********"
	}
	return 0, ""
}

func (d *data) scripts(t *Told) {
	for _, c := range []struct {
		of *string
		is *notify.Command
	}{
		{&d.ScriptBackup, t.Backup}, {&d.ScriptMaster, t.Master}, {&d.ScriptFault, t.Fault}, {&d.ScriptStop, t.Stop},
		{&d.ScriptDeleted, t.Deleted}, {&d.Script, t.Any}, {&d.ScriptLower, t.LowerPriority},
	} {
		if c.is != nil {
			*c.of = quoted(c.is)
		}
	}
}

func (d *data) held(s *Source, i *instance) {
	addrs, excluded := i.split()
	d.Addrs, d.Excluded = i.addresses(addrs), i.addresses(excluded)
	if i.Routing != nil {
		d.Routes, d.Rules = s.routes(i.Routing.Routes), s.rules(i.Routing.Rules)
	}
}

func (i *instance) addresses(addrs []config.Address) (list []string) {
	for j := range addrs {
		list = append(list, address(&addrs[j], i.parent(addrs[j].Link), i.now.Role == "MASTER"))
	}
	return list
}

// tracked lists interfaces by name, scripts by their commands and processes by their
// programs, as keepalived does.
func (d *data) tracked(s *Source, i *instance) {
	for _, t := range i.tracks(tracker.Interface) {
		d.TrackInterface = append(d.TrackInterface, t.Name)
	}
	for _, t := range i.tracks(tracker.Script) {
		if c := find(s.Scripts, func(c *config.Script) bool { return c.Name == t.Name }); c != nil {
			d.TrackScript = append(d.TrackScript, quoted(&c.Command))
		}
	}
	for _, t := range i.tracks(tracker.Process) {
		if p := find(s.Processes, func(p *config.Process) bool { return p.Name == t.Name }); p != nil {
			d.TrackProcess = append(d.TrackProcess, p.Program)
		}
	}
}

// find is the first element that is meant; nil if there is none.
func find[T any](list []T, meant func(*T) bool) *T {
	for i := range list {
		if meant(&list[i]) {
			return &list[i]
		}
	}
	return nil
}

// stats has the counters of keepalived, in its order.
type stats struct {
	AdvertRcvd        uint64 `json:"advert_rcvd"`
	AdvertSent        uint64 `json:"advert_sent"`
	BecomeMaster      uint64 `json:"become_master"`
	ReleaseMaster     uint64 `json:"release_master"`
	PacketLenErr      uint64 `json:"packet_len_err"`
	AdvertIntervalErr uint64 `json:"advert_interval_err"`
	TTLErr            uint64 `json:"ip_ttl_err"`
	InvalidTypeRcvd   uint64 `json:"invalid_type_rcvd"`
	AddrListErr       uint64 `json:"addr_list_err"`
	InvalidAuthtype   uint64 `json:"invalid_authtype"`
	AuthtypeMismatch  uint64 `json:"authtype_mismatch"`
	AuthFailure       uint64 `json:"auth_failure"`
	AuthExtMissing    uint64 `json:"auth_ext_missing"`
	AuthExtMalformed  uint64 `json:"auth_ext_malformed"`
	AuthExtUnknownKey uint64 `json:"auth_ext_unknown_key"`
	AuthExtInvalid    uint64 `json:"auth_ext_invalid_hmac"`
	AuthExtStale      uint64 `json:"auth_ext_stale"`
	AuthExtReplay     uint64 `json:"auth_ext_replay"`
	PriZeroRcvd       uint64 `json:"pri_zero_rcvd"`
	PriZeroSent       uint64 `json:"pri_zero_sent"`
}

func counters(s *status.Stats) stats {
	return stats{
		s.AdvertRcvd, s.AdvertSent, s.BecomeMaster, s.ReleaseMaster, s.PacketLenErr, s.AdvertIntervalErr, s.TTLErr, s.InvalidTypeRcvd, s.AddrListErr,
		s.InvalidAuthtype, s.AuthtypeMismatch, s.AuthFailure, s.AuthExtMissing, s.AuthExtMalformed, s.AuthExtUnknownKey, s.AuthExtInvalidHMAC,
		s.AuthExtStale, s.AuthExtReplay, s.PriZeroRcvd, s.PriZeroSent,
	}
}

// process is a vrrp_track_process.
type process struct {
	Program    string `json:"process"`
	Parameters string `json:"parameters,omitempty"`
	Match      string `json:"param_match"`
	Least      int    `json:"min_processes"`
	Most       *int   `json:"max_processes,omitempty"`
	Count      int    `json:"current_processes"`
	Good       bool   `json:"have_quorum"`
	Weight     int    `json:"weight"`
	Terminate  short  `json:"terminate_delay"`
	Fork       short  `json:"fork_delay"`
	Forking    bool   `json:"fork_delay_timer_running"`
	Ending     bool   `json:"terminate_delay_timer_running"`
	Full       bool   `json:"full_command"`
}

func (s *Source) processes() (list []process) {
	for i := range s.Processes {
		p := &s.Processes[i]
		t := s.Tallies[p.Name]
		one := process{
			Program: p.Program, Parameters: strings.Join(p.Params, " "), Match: match(p.Match), Least: p.Quorum, Count: t.N, Good: t.Good,
			Weight: signed(p.Weight, p.Reverse), Terminate: inSeconds(p.TerminateDelay), Fork: inSeconds(p.ForkDelay),
			Forking: t.Changing && !t.Good, Ending: t.Changing && t.Good, Full: p.FullCommand,
		}
		if p.QuorumMax != tracker.NoMaximum {
			one.Most = &p.QuorumMax
		}
		list = append(list, one)
	}
	return list
}

// match is keepalived's word for how parameters are compared.
func match(m tracker.Match) string {
	return map[tracker.Match]string{tracker.MatchNone: "none", tracker.MatchAll: "exact", tracker.MatchFirst: "partial", tracker.MatchBeginning: "initial"}[m]
}

func signed(weight int, reverse bool) int {
	if reverse {
		return -weight
	}
	return weight
}
