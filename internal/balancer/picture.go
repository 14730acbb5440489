package balancer

import (
	"holdfast/internal/config"
	"holdfast/internal/ipvs"
)

// Picture is a virtual server with all that is known of it, to be kept and written down.
type Picture struct {
	Name          string
	Config        *config.VirtualServer
	Mark          uint32 // that stands for the addresses of its group; 0: none
	Up, Suspended bool
	Reals         []PicturedReal
}

// PicturedReal is a real server.
type PicturedReal struct {
	Name   string
	Config *config.RealServer
	Alive  bool
	Weight int64 // with what checks add, however much that is
	Failed int   // how many checks stand against it
	Held   bool  // it is wanted in the table
	Checks []PicturedCheck
}

// PicturedCheck is a check.
type PicturedCheck struct {
	Config  *config.Check
	Up, Ran bool
	Weight  int64 // what it adds
}

// Picture draws all virtual servers, in the order of the file.
func (b *Balancer) Picture() []Picture {
	all := make([]Picture, len(b.virtual))
	for i, v := range b.virtual {
		all[i] = Picture{Name: v.name, Config: v.config, Mark: v.mark, Up: v.Up, Suspended: v.suspended}
		for _, r := range v.reals {
			all[i].Reals = append(all[i].Reals, v.picture(r))
		}
	}
	return all
}

func (v *virtual) picture(r *real) PicturedReal {
	p := PicturedReal{Name: r.name(), Config: r.config, Alive: r.Alive, Weight: int64(r.Weight) + r.Extra, Failed: r.failed()}
	p.Held = r.Inhibit || r.Alive && !v.Apologises()
	for _, c := range r.checks {
		p.Checks = append(p.Checks, PicturedCheck{Config: c.config, Up: c.up, Ran: c.ran, Weight: c.weight})
	}
	return p
}

// Protocol is that of a virtual server, as IPVS counts it.
func (p *Picture) Protocol() ipvs.Protocol { return protocol(p.Config.Protocol) }
