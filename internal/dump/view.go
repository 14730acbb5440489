package dump

import (
	"holdfast/internal/notify"
	"holdfast/internal/router"
	"holdfast/internal/status"
	"holdfast/internal/vrrp"
)

// Instance is everything that is known of one, for who shows it in another form.
type Instance struct {
	*router.Detail
	Config *vrrp.Config
	Now    *status.Instance
	Told   Told
	// Hears is the interface that adverts come in by: a macvlan, or the one below it.
	Hears string
}

// List has the instances in the order of the configuration.
func (s *Source) List() (list []Instance) {
	s.each(func(i *instance) {
		list = append(list, Instance{Detail: i.Detail, Config: i.config, Now: i.now, Told: i.told, Hears: i.hears()})
	})
	return list
}

// Quoted writes a command as keepalived does, each word in quotation marks.
func Quoted(c *notify.Command) string { return quoted(c) }
