package status

import "holdfast/internal/mono"

// Balanced is the state of everything that is balanced: the services of the kernel, with
// what is known of their destinations.
type Balanced struct {
	At       mono.Instant `json:"at"`
	Repairs  uint64       `json:"repairs"` // of what somebody else changed
	Services []Service    `json:"services"`
}

// VirtualServer is one, with what is counted in all of its services.
type VirtualServer struct {
	Name     string
	Up       bool
	Counters Counters
	// Servers are the sorry server, if there is one, and then the real servers.
	Servers []Server
}

// Server is a real server, or the sorry server.
type Server struct {
	Alive                        bool
	Weight                       uint32
	Failed                       int // checks
	Active, Inactive, Persistent uint32
	Counters                     Counters
}

// Service is one of the kernel's, or one that it is to have and has not.
type Service struct {
	Protocol  string `json:"protocol"` // TCP, UDP, SCTP or FWM
	Address   string `json:"address"`  // or the mark
	Scheduler string `json:"scheduler"`
	Flags     string `json:"flags,omitempty"` // as ipvsadm lists them
	// Virtual are the virtual servers that it belongs to; none: it is somebody else's.
	Virtual      []Virtual     `json:"virtual_servers,omitempty"`
	Held         bool          `json:"held"` // the kernel has it
	Counters     Counters      `json:"counters"`
	Destinations []Destination `json:"destinations"`
}

// Virtual is a virtual server.
type Virtual struct {
	Name       string `json:"name"`
	Up         bool   `json:"up"`
	Quorum     uint32 `json:"quorum"`
	Hysteresis uint32 `json:"hysteresis"`
	Weight     uint64 `json:"weight"` // of those that live
	Suspended  bool   `json:"suspended,omitempty"`
}

// Destination is a real server, or the sorry server, in a service.
type Destination struct {
	Address    string   `json:"address"`
	Forward    string   `json:"forward"`
	Weight     uint32   `json:"weight"`
	Held       bool     `json:"held"` // the kernel has it
	Active     uint32   `json:"active"`
	Inactive   uint32   `json:"inactive"`
	Persistent uint32   `json:"persistent"`
	Counters   Counters `json:"counters"`
	// Health is up, down, unknown before all checks were made, sorry of the sorry server, and
	// empty if nobody checks.
	Health string       `json:"health,omitempty"`
	Since  mono.Instant `json:"since,omitempty"`
	Reason string       `json:"reason,omitempty"`
	// Order is what somebody wants of it in place of its configuration: drained, or a weight.
	Order string `json:"order,omitempty"`
}

// Add adds others.
func (c *Counters) Add(o Counters) {
	c.Conns += o.Conns
	c.InPackets += o.InPackets
	c.OutPackets += o.OutPackets
	c.InBytes += o.InBytes
	c.OutBytes += o.OutBytes
	c.ConnRate += o.ConnRate
	c.InPacketRate += o.InPacketRate
	c.OutPacketRate += o.OutPacketRate
	c.InByteRate += o.InByteRate
	c.OutByteRate += o.OutByteRate
}

// Counters are statistics, and rates a second.
type Counters struct {
	Conns         uint64 `json:"conns"`
	InPackets     uint64 `json:"in_packets"`
	OutPackets    uint64 `json:"out_packets"`
	InBytes       uint64 `json:"in_bytes"`
	OutBytes      uint64 `json:"out_bytes"`
	ConnRate      uint64 `json:"conn_rate"`
	InPacketRate  uint64 `json:"in_packet_rate"`
	OutPacketRate uint64 `json:"out_packet_rate"`
	InByteRate    uint64 `json:"in_byte_rate"`
	OutByteRate   uint64 `json:"out_byte_rate"`
}
