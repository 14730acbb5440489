package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"holdfast/internal/check"
	"holdfast/internal/cli"
	"holdfast/internal/command"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/load"
)

// judgement says what speaks against running a configuration that could be run.
type judgement struct {
	opts *cli.Options
	now  *config.Global // in force; nil at a start
	// standing recalls what the configuration in force does, which few need to know.
	standing func() (load.Standing, error)
	// rehearsed: nothing is written to the file of reload_check_config.
	rehearsed bool
}

// judgement judges by what is in force.
func (w *workerProcess) judgement() judgement {
	j := judgement{opts: &w.opts}
	if !w.started {
		return j
	}
	global, inForce := w.global, w.inForce
	j.now = &global
	j.standing = func() (load.Standing, error) {
		var t told
		err := w.slots.Recall(inForce, &t)
		return t.Standing, err
	}
	return j
}

// against lists the reasons to refuse it, beside the errors in it. The error is what
// kept it from being judged whole.
func (j judgement) against(read *load.Reading) (reasons []string, err error) {
	if j.now != nil && j.now.Reload.Check {
		reasons, err = j.test(read)
	}
	switch {
	case read.Failed():
		return reasons, err
	case j.opts.Strict && complains(read):
		reasons = append(reasons, "run --strict refuses configurations with complaints")
	case j.now != nil && !j.opts.Strict && !j.opts.Lenient && read.Doubtful():
		lost, failed := j.losses(read)
		reasons, err = append(reasons, lost...), errors.Join(err, failed)
	}
	if j.now != nil {
		for _, word := range fixed(j.now, &read.Config.Global) {
			reasons = append(reasons, fmt.Sprintf("Cannot change %s at a reload - please restart keepalived", word))
		}
	}
	return reasons, err
}

// test is reload_check_config: a new configuration that keepalived's -t has anything
// against is not taken. What was found goes to the file.
func (j judgement) test(read *load.Reading) (reasons []string, err error) {
	path := cmp.Or(j.now.Reload.CheckLog, os.DevNull)
	out, err := j.report(path)
	if err != nil {
		return []string{fmt.Sprintf("reload_check_config: %v", err)}, nil
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if check.Verdict(read, j.opts.AllConfig, out) == 0 {
		return nil, nil
	}
	return []string{fmt.Sprintf("New config failed validation, see %s for details", path)}, nil
}

func (j judgement) report(path string) (io.WriteCloser, error) {
	if j.rehearsed {
		path = os.DevNull
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o644)
}

// losses are what runs and would not any more, by a mistake.
func (j judgement) losses(read *load.Reading) (reasons []string, err error) {
	before, err := j.standing()
	if err != nil {
		return nil, err
	}
	for _, l := range read.Losses(before) {
		reasons = append(reasons, fmt.Sprintf("%s would be lost by a mistake: %s", l.Deed, l.Because))
	}
	if len(reasons) > 0 {
		reasons = append(reasons, "correct it, or delete what is not wanted any more; run --lenient loads such files all the same")
	}
	return reasons, nil
}

// complains reports whether there is any complaint, of the file or of a script.
func complains(read *load.Reading) bool {
	return conf.Has(read.Findings, conf.Complaint) || slices.ContainsFunc(read.Problems, func(p command.Problem) bool { return p.Severity != command.Notice })
}

// fixed lists what differs between two configurations and a reload cannot change.
func fixed(now, next *config.Global) (words []string) {
	for _, s := range []struct {
		word string
		same bool
	}{
		{"net_namespace", now.Copy.NetNS == next.Copy.NetNS},
		{"net_namespace_ipvs", now.Copy.IPVSNetNS == next.Copy.IPVSNetNS},
		{"instance", now.Copy.Instance == next.Copy.Instance},
		{"nftables", now.Filter.Table == next.Filter.Table},
		{"nftables_ipvs", now.Filter.IPVSTable == next.Filter.IPVSTable},
		{"tmp_config_directory", now.Paths.ConfigCopy == next.Paths.ConfigCopy},
		{"disable_local_igmp", now.NoLocalIGMP == next.NoLocalIGMP},
	} {
		if !s.same {
			words = append(words, s.word)
		}
	}
	return words
}
