package stand

import (
	"slices"
	"strings"

	"holdfast/internal/lab/netns"
)

// AgentX is where SNMPAgent listens for subagents.
const AgentX = "/run/agentx"

// SNMPAgent runs net-snmp's agent and its receiver of notifications on a node.
func (s *Stage) SNMPAgent(n *netns.Node) (agent, traps *Daemon) {
	s.Helper()
	s.Must(n.WriteFile("/run/snmpd.conf", `rocommunity public
rwcommunity private
master agentx
agentXSocket `+AgentX+`
agentaddress udp:127.0.0.1:161
trap2sink 127.0.0.1:162 public
dontLogTCPWrappersConnects yes
`, 0o644))
	traps = s.Launch(n, "env", "SNMP_PERSISTENT_DIR=/run/snmp", "MIBS=", "snmptrapd", "-f", "-Lo", "-On", "-F", `%v\n`, "--disableAuthorization=yes", "udp:127.0.0.1:162")
	traps.Says("NET-SNMP version")
	return s.SNMPAgentAgain(n), traps
}

// SNMPAgentAgain runs the agent that SNMPAgent has run before.
func (s *Stage) SNMPAgentAgain(n *netns.Node) *Daemon {
	s.Helper()
	a := s.Launch(n, "env", "SNMP_PERSISTENT_DIR=/run/snmp", "MIBS=", "snmpd", "-f", "-Le", "-C", "-c", "/run/snmpd.conf", "-I", "-ifTable,smux")
	a.Says("NET-SNMP version")
	return a
}

// The parts of the tree that keepalived serves.
const (
	keepalivedMIB = ".1.3.6.1.4.1.9586.100.5"
	rfc2787MIB    = ".1.3.6.1.2.1.68"
	rfc6527MIB    = ".1.3.6.1.2.1.207"
)

// Walk is all that a manager gets to see of them, as "keepalived 1.2.0 = "NAME"", rfc2787
// and rfc6527.
func (s *Stage) Walk(n *netns.Node) (lines []string) {
	s.Helper()
	for _, root := range []string{keepalivedMIB, rfc2787MIB, rfc6527MIB} {
		// A value with a line break in it goes on in the next line.
		out := s.Sh(n, "MIBS= snmpbulkwalk -v2c -c public -OnQeU -t 5 127.0.0.1 "+root+` 2>&1 | tr -d '\n' | sed 's/\.1\.3\.6\.1\./\n&/g'`)
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, root) && !strings.Contains(line, "No Such") {
				lines = append(lines, inShort(strings.TrimSpace(line)))
			}
		}
	}
	return lines
}

func inShort(line string) string {
	return strings.NewReplacer(keepalivedMIB+".", "keepalived ", rfc2787MIB+".", "rfc2787 ", rfc6527MIB+".", "rfc6527 ").Replace(line)
}

// Notified are the notifications of keepalived's MIBs in a log of the receiver, in order
// of their names, written as Walk does.
func Notified(log string) (list []string) {
	for line := range strings.Lines(log) {
		_, with, found := strings.Cut(line, ".1.3.6.1.6.3.1.1.4.1.0 = OID: ")
		if with = inShort(strings.Join(strings.Fields(with), " ")); found && !strings.HasPrefix(with, ".") {
			list = append(list, with)
		}
	}
	slices.Sort(list)
	return list
}
