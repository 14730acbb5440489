package cluster

import (
	"fmt"
	"slices"

	"holdfast/internal/config"
)

// checkHMAC compares auth_hmac, for every two members in both directions: one may
// take what the other does not.
func (c *checker) checkHMAC(s *shared) {
	for _, to := range s.members {
		for _, from := range s.members {
			if why := c.refuses(to, from); why != "" {
				c.complain("hmac-differs", to.at("auth_hmac"),
					fmt.Sprintf("%s: %s does not hear %s, so that there can be two MASTERs of %s", why, c.name(to), c.name(from), to.inst.VRRP.Name),
					"write the same keys and the same active_key on all nodes; mode receive-only takes signed adverts before they are sent")
				break
			}
		}
	}
}

// refuses says why a member does not take the adverts of another on account of
// auth_hmac; empty: it does.
func (c *checker) refuses(to, from *member) string {
	switch h, sent := to.inst.HMAC, signature(from); {
	case h == nil && sent != nil:
		return fmt.Sprintf("%s signs its adverts (%s) and %s has no auth_hmac in force", c.name(from), from.at("auth_hmac"), c.name(to))
	case h == nil:
		return ""
	case sent == nil && h.Mode == config.Enforce:
		return fmt.Sprintf("%s wants signed adverts and %s (%s) sends none", c.name(to), c.name(from), from.at("auth_hmac"))
	case sent == nil:
		return ""
	case keyOf(h, sent.ID) == nil:
		return fmt.Sprintf("%s signs with key %d (%s), which %s does not have", c.name(from), sent.ID, from.inside("auth_hmac", "active_key"), c.name(to))
	case !sameKey(keyOf(h, sent.ID), sent):
		return fmt.Sprintf("%s signs with key %d (%s), which is another one on %s", c.name(from), sent.ID, from.inside("auth_hmac", "active_key"), c.name(to))
	}
	return ""
}

// signature is the key that a member signs with; nil: it sends without.
func signature(m *member) *config.HMACKey {
	if h := m.inst.HMAC; h != nil && h.Mode != config.ReceiveOnly {
		return keyOf(h, h.Active)
	}
	return nil
}

func keyOf(h *config.HMAC, id uint8) *config.HMACKey {
	i := slices.IndexFunc(h.Keys, func(k config.HMACKey) bool { return k.ID == id })
	if i < 0 {
		return nil
	}
	return &h.Keys[i]
}

// sameKey compares secrets. What stands in a file is not seen from here and taken
// to be right.
func sameKey(a, b *config.HMACKey) bool {
	return a.File != "" || b.File != "" || a.Secret == b.Secret
}
