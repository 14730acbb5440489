package cluster_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/cluster"
	"holdfast/internal/conf"
	"holdfast/internal/golden"
)

// mutation is a mistake that is made in the file of one node.
type mutation struct {
	name string
	make func(text string) string // on the node of lower priority
	rule string
}

func replace(pattern, with string) func(string) string {
	return func(text string) string { return regexp.MustCompile(pattern).ReplaceAllString(text, with) }
}

// first replaces the first match only.
func first(pattern, with string) func(string) string {
	return func(text string) string {
		at := regexp.MustCompile(pattern).FindStringIndex(text)
		if at == nil {
			return text
		}
		return text[:at[0]] + with + text[at[1]:]
	}
}

func mutations() []mutation {
	return []mutation{
		{"a wrong VRID", first(`virtual_router_id \d+`, "virtual_router_id 7"), "vrid-differs"},
		{"a reversed priority", first(`priority \d+`, "priority 240"), "master-is-lower"},
		{"another address", first(`(10|172|192)(\.\d+){3}\n    }\n`, "203.0.113.9\n    }\n"), "addresses-differ"},
		{"another password", first(`auth_pass \w+`, "auth_pass other"), "authentication-differs"},
		{"another interval", first(`advert_int 1`, "advert_int 3"), "interval-differs"},
		{"another version", first(`advert_int 1`, "advert_int 1\n    version 3"), "version-differs"},
		{"another interface and address", func(text string) string {
			return first(`(10|172|192)(\.\d+){3}\n    }\n`, "203.0.113.9\n    }\n")(first(`interface \w+`, "interface eth77")(text))
		}, ""},
		{"an instance less", first(`(?s)vrrp_instance.*?\n}\n`, ""), ""},
	}
}

// A mistake in one file of a scenario that works is named by the first finding.
func TestMutationsOfScenarios(t *testing.T) {
	pairs, err := filepath.Glob(filepath.Join(scenarios, "*"))
	if err != nil || len(pairs) == 0 {
		t.Fatal(err)
	}
	for _, pair := range pairs {
		name := filepath.Base(pair)
		files, _ := filepath.Glob(filepath.Join(pair, "*.conf"))
		if len(files) < 2 {
			continue
		}
		for _, m := range mutations() {
			for i := range files {
				t.Run(fmt.Sprintf("%s/%s/%d", name, m.name, i), func(t *testing.T) {
					n := -1
					nodes := scenario(t, name, func(_, text string) string {
						if n++; n != i {
							return text
						}
						return m.make(text)
					})
					mutated(t, m, nodes, read(t, files[i]))
				})
			}
		}
	}
}

// mutated checks what is found.
func mutated(t *testing.T, m mutation, nodes []cluster.Node, text string) {
	found, forecast := cluster.Check(nodes)
	if !mistaken(m, nodes, text) {
		return
	}
	if m.rule != "" && (len(found) == 0 || found[0].Rule != m.rule) {
		t.Errorf("the first finding is not of the rule %s:\n%s", m.rule, report(nodes))
	}
	consistent(t, nodes, found, forecast)
}

// mistaken tells whether the mutation is a mistake there: a priority is not
// reversed where the node is to be MASTER anyway or no state says who is, and a
// password that strict mode drops does not matter.
func mistaken(m mutation, nodes []cluster.Node, text string) bool {
	switch m.rule {
	case "master-is-lower":
		state := regexp.MustCompile(`state (\w+)`).FindStringSubmatch(text)
		return state[1] == "BACKUP" && !strings.Contains(text, "nopreempt")
	case "authentication-differs":
		return !nodes[0].Config.Instances[0].VRRP.Strict
	}
	return true
}

// consistent holds findings and forecast against one another: where the forecast
// has two MASTERs or none, a complaint says why.
func consistent(t *testing.T, nodes []cluster.Node, found []cluster.Finding, forecast cluster.Forecast) {
	t.Helper()
	for _, f := range forecast.Instances {
		if f.Well.Unsettled && !slices.ContainsFunc(found, func(f cluster.Finding) bool { return strings.HasPrefix(f.Rule, "sync-group") }) {
			t.Errorf("%v is %v and nothing says why:\n%s", f.Instances, f.Well, report(nodes))
		}
		if bad := len(f.Well.Masters) != 1 && !f.Well.Either && !f.Well.Unsettled; bad && (len(found) == 0 || found[0].Severity != conf.Complaint) {
			t.Errorf("%v is %v and nothing says why:\n%s", f.Instances, f.Well, report(nodes))
		}
	}
}

func TestAWeightTooSmallToMatter(t *testing.T) {
	for name, pattern := range map[string]string{"07-nginx-watched": "weight -10", "08-split-brain-scripts": "weight 50"} {
		t.Run(name, func(t *testing.T) {
			nodes := scenario(t, name, func(_, text string) string { return replace(pattern, "weight 2")(text) })
			found, _ := cluster.Check(nodes)
			if len(found) == 0 || found[0].Rule != "weight-too-small" {
				t.Errorf("the first finding is not of the rule weight-too-small:\n%s", report(nodes))
			}
			golden.Check(t, filepath.Join("testdata", "mutations", name+"-weight.golden"), report(nodes))
		})
	}
}
