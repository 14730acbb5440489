package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/cli"
	"holdfast/internal/conf"
	"holdfast/internal/doctor"
	"holdfast/internal/doctor/machine"
	"holdfast/internal/load"
)

// examination is the command and its flags.
type examination struct {
	file, id       string
	listen         time.Duration
	strict, asJSON bool
}

func doctorCommand() *cobra.Command {
	e := examination{listen: -1}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find what keeps this machine from doing what its configuration says: firewall, kernel, links, others on the wire",
		Long: "Reads the configuration and looks at this machine: whether rules of nftables (those of iptables-nft included) drop adverts,\n" +
			"links have multicast and bridges pass it on, the kernel is prepared for NAT, DR and TUN, and somebody else on the wire\n" +
			"uses one of the VRIDs. Each finding names the thing, the reason and a fix. It changes nothing and sends nothing.\n\n" +
			"Exit status: 0 clean or advice only, 1 advice only (with --strict), 2 complaints, or something could not be\n" +
			"looked into, 3 errors, or no configuration.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return e.run(c.Context()) },
	}
	f := c.Flags()
	f.StringVarP(&e.file, "config", "f", "", "configuration (default: /etc/holdfast/holdfast.conf, else /etc/keepalived/keepalived.conf)")
	f.StringVarP(&e.id, "config-id", "i", "", "value for @ID lines (default: the host name up to its first dot)")
	f.DurationVar(&e.listen, "listen", e.listen, "how long to listen to others, 0 for not at all (default: three intervals of the slowest instance)")
	f.Lookup("listen").DefValue = "0s" // not shown: the text says it
	f.BoolVar(&e.strict, "strict", false, "exit with 1 when there is advice and nothing worse")
	f.BoolVar(&e.asJSON, "json", false, "print JSON")
	return c
}

func (e *examination) run(ctx context.Context) error {
	o := cli.Options{ConfigFile: e.file}
	r := load.Read(load.Options{File: o.Config(), ID: e.id})
	if r.Failed() {
		fmt.Fprintf(os.Stderr, "holdfast: %s cannot be run: see `holdfast check %s`\n", r.File, r.File)
		return exit(3)
	}
	if e.listen < 0 {
		e.listen = doctor.Listening(r.Config)
	}
	facts, unknown := machine.Examine(ctx, r.Config, e.listen)
	findings := doctor.Diagnose(r.Config, facts)
	status := e.status(findings)
	if unknown != nil {
		fmt.Fprintf(os.Stderr, "holdfast: not looked into: %v\n", unknown)
		status = max(status, 2)
	}
	var err error
	if e.asJSON {
		err = diagnosisJSON(os.Stdout, findings, status)
	} else {
		err = diagnosisText(os.Stdout, findings)
	}
	if err != nil {
		return fmt.Errorf("print the findings: %w", err)
	}
	return exit(status)
}

// status is the worst of what was found.
func (e *examination) status(findings []doctor.Finding) int {
	switch {
	case len(findings) == 0, findings[0].Severity == conf.Advice && !e.strict:
		return 0
	case findings[0].Severity == conf.Advice:
		return 1
	case findings[0].Severity == conf.Complaint:
		return 2
	}
	return 3
}

func diagnosisText(w io.Writer, findings []doctor.Finding) (err error) {
	for _, f := range findings {
		_, err = fmt.Fprintf(w, "%s: %s: %s [%s]\n  fix: %s\n", f.Severity, f.Thing, f.Reason, f.Rule, f.Fix)
	}
	if len(findings) == 0 {
		_, err = fmt.Fprintln(w, "nothing is found to be wrong")
	}
	return err
}

// diagnosisJSON prints one object.
func diagnosisJSON(w io.Writer, findings []doctor.Finding, status int) error {
	type finding struct {
		Severity string `json:"severity"`
		doctor.Finding
	}
	out := struct {
		Version  int       `json:"version"`
		Status   int       `json:"status"`
		Findings []finding `json:"findings"`
	}{Version: 1, Status: status, Findings: []finding{}}
	for _, f := range findings {
		out.Findings = append(out.Findings, finding{f.Severity.String(), f})
	}
	return json.NewEncoder(w).Encode(out)
}
