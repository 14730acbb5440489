package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"holdfast/internal/bfd"
	"holdfast/internal/config"
	"holdfast/internal/router"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// Configurations of thousands of instances cross between the processes at each
// reload, and the router decodes them beside its loop. encoding/gob takes four
// times as long for it and makes garbage that a collection would have to follow.
// So the fields are listed here, once for both directions.

// coder appends fields to b, or takes them from b into the same places. After the
// first error everything that is taken is zero.
type coder struct {
	b       []byte
	reading bool
	known   map[string]string // texts that recur are kept once
	err     error
}

// errShort says that a configuration ends too early.
var errShort = errors.New("the encoded configuration is cut short")

func (c *coder) short() {
	c.err, c.b = errShort, nil
}

func (c *coder) word(v *uint64) {
	if !c.reading {
		c.b = binary.AppendUvarint(c.b, *v)
		return
	}
	n, size := binary.Uvarint(c.b)
	if size <= 0 {
		c.short()
		n, size = 0, 0
	}
	*v, c.b = n, c.b[size:]
}

// bytes codes bytes whose number both sides know.
func (c *coder) bytes(p []byte) {
	switch {
	case !c.reading:
		c.b = append(c.b, p...)
	case len(p) > len(c.b):
		c.short()
		clear(p)
	default:
		c.b = c.b[copy(p, c.b):]
	}
}

// text codes a text of which there may be many that are equal, as the names of links.
func (c *coder) text(s *string) {
	raw, reading := c.raw(*s)
	if !reading {
		return
	}
	known, ok := c.known[string(raw)]
	if !ok {
		known = string(raw)
		c.known[known] = known
	}
	*s = known
}

// name codes a text that no other equals.
func (c *coder) name(s *string) {
	if raw, reading := c.raw(*s); reading {
		*s = string(raw)
	}
}

// raw appends s with its length, or takes the bytes of such a text.
func (c *coder) raw(s string) (taken []byte, reading bool) {
	n := uint64(len(s))
	c.word(&n)
	if !c.reading {
		c.b = append(c.b, s...)
		return nil, false
	}
	if n > uint64(len(c.b)) {
		c.short()
		n = 0
	}
	taken, c.b = c.b[:n], c.b[n:]
	return taken, true
}

// number codes any integer, negative ones too.
func number[T ~int | ~uint8 | ~uint16 | ~int32 | ~int64 | ~uint32](c *coder, v *T) {
	w := uint64(int64(*v))
	w = w<<1 ^ uint64(int64(w)>>63) // small magnitudes, short words
	c.word(&w)
	*v = T(int64(w>>1) ^ -int64(w&1))
}

func flag(c *coder, v *bool) {
	var w uint64
	if *v {
		w = 1
	}
	c.word(&w)
	*v = w != 0
}

// addr codes an address by its kind and its bytes. Zones do not occur.
func addr(c *coder, a *netip.Addr) {
	kind := uint64(a.BitLen() / 8)
	c.word(&kind)
	switch kind {
	case 0:
		*a = netip.Addr{}
	case 4:
		var raw [4]byte
		if a.Is4() {
			raw = a.As4()
		}
		c.bytes(raw[:])
		*a = netip.AddrFrom4(raw)
	default:
		var raw [16]byte
		if a.Is6() {
			raw = a.As16()
		}
		c.bytes(raw[:])
		*a = netip.AddrFrom16(raw)
	}
}

func prefix(c *coder, p *netip.Prefix) {
	a, bits := p.Addr(), p.Bits()
	addr(c, &a)
	number(c, &bits)
	*p = netip.PrefixFrom(a, bits)
	if !a.IsValid() {
		*p = netip.Prefix{}
	}
}

// most bounds the length of a list, against a length that was never written.
const most = 1 << 20

// list codes the length of a list and then each element.
func list[T any](c *coder, l *[]T, each func(*coder, *T)) {
	n := len(*l)
	number(c, &n)
	if n > 0 && n <= most && len(*l) == 0 {
		*l = make([]T, n)
		clear(*l) // fresh pages: writing before reading spares a fault and a flush for each
	}
	for i := range *l {
		each(c, &(*l)[i])
	}
}

func configuration(c *coder, f *router.Config) {
	global(c, &f.Global)
	list(c, &f.Groups, group)
	list(c, &f.Routers, virtualRouter)
	list(c, &f.Details, detail)
	list(c, &f.Sessions, session)
	list(c, &f.LinkDelays, linkDelay)
	list(c, &f.Polled, func(c *coder, s *string) { c.text(s) })
	list(c, &f.GARPGroups, garpGroup)
	list(c, &f.Extras, extra)
	pointer(c, &f.Static, func(c *coder, s *router.Static) {
		list(c, &s.Addrs, address)
		routing(c, &s.Routing)
		list(c, &s.Promote, func(c *coder, s *string) { c.text(s) })
	})
}

func garpGroup(c *coder, g *config.GARPGroup) {
	list(c, &g.Links, func(c *coder, s *string) { c.text(s) })
	number(c, &g.GARP)
	number(c, &g.NA)
}

func linkDelay(c *coder, d *config.LinkDelay) {
	c.text(&d.Link)
	number(c, &d.Down)
	number(c, &d.Up)
}

func global(c *coder, g *router.Global) {
	number(c, &g.StartupDelay)
	number(c, &g.DelayAfterBoot)
	flag(c, &g.LogUnknownVRIDs)
	number(c, &g.GARPInterval)
	number(c, &g.GNAInterval)
	number(c, &g.ChildWait)
	c.text(&g.Filter.Table)
	number(c, &g.Filter.Priority)
	flag(c, &g.Filter.Counters)
	number(c, &g.RxPolicy)
	number(c, &g.RxBytes)
	number(c, &g.RxFactor)
	buffer(c, &g.Commands)
	buffer(c, &g.Monitor)
	flag(c, &g.NoLocalIGMP)
	c.text(&g.Mark)
	process(c, &g.Process)
	number(c, &g.Auto.Most)
	number(c, &g.Auto.Delay)
}

func buffer(c *coder, b *config.Buffer) {
	number(c, &b.Bytes)
	flag(c, &b.Force)
}

func process(c *coder, p *config.ProcessSettings) {
	c.text(&p.Name)
	number(c, &p.Nice)
	flag(c, &p.NoSwap)
	number(c, &p.RealTime)
	list(c, &p.CPUs, func(c *coder, n *int) { number(c, n) })
	number(c, &p.RealTimeLimit)
}

func group(c *coder, g *router.Group) {
	c.text(&g.Name)
	list(c, &g.Members, func(c *coder, s *string) { c.text(s) })
}

func virtualRouter(c *coder, v *vrrp.Config) {
	identity(c, v)
	number(c, &v.Version)
	number(c, &v.Priority)
	number(c, &v.Interval)
	addr(c, &v.Source)
	addr(c, &v.Group)
	list(c, &v.Peers, peer)
	number(c, &v.UnicastTTL)
	list(c, &v.VIPs, addr)
	c.bytes(v.Password[:])
	number(c, &v.PreemptDelay)
	number(c, &v.DownAdverts)
	switches(c, v)
	announcing(c, &v.Announce)
	seal(c, &v.HMAC)
}

// seal codes auth_hmac; most routers have none.
func seal(c *coder, h **vrrp.HMAC) {
	given := *h != nil
	flag(c, &given)
	if !given {
		return
	}
	if *h == nil {
		*h = &vrrp.HMAC{}
	}
	list(c, &(*h).Keys, func(c *coder, k *vrrp.HMACKey) {
		number(c, &k.ID)
		c.text((*string)(&k.Secret))
	})
	number(c, &(*h).Active)
	number(c, &(*h).Window)
	flag(c, &(*h).Monotonic)
	number(c, &(*h).Mode)
}

func identity(c *coder, v *vrrp.Config) {
	c.text(&v.Link)
	number(c, &v.VRID)
	flag(c, &v.V6)
	addr(c, &v.From)
	c.name(&v.Name)
}

func switches(c *coder, v *vrrp.Config) {
	for _, b := range []*bool{
		&v.StartMaster, &v.CheckUnicastSource, &v.HasPass, &v.Header, &v.NoPreempt, &v.LowerPrioNoAdvert, &v.HigherPrioSendAdvert,
		&v.OwnerIgnoreAdverts, &v.Strict, &v.SkipCheckAdvAddr, &v.ChecksumAsV2, &v.DontTrackPrimary, &v.NoPeers, &v.OwnSource,
	} {
		flag(c, b)
	}
	number(c, &v.OldUnicastChecksum)
	number(c, &v.LateBackup)
}

func peer(c *coder, p *vrrp.Peer) {
	addr(c, &p.Addr)
	number(c, &p.MinTTL)
	number(c, &p.MaxTTL)
}

func announcing(c *coder, a *vrrp.Announcing) {
	number(c, &a.Repeat)
	number(c, &a.Delay)
	number(c, &a.Refresh)
	number(c, &a.RefreshRepeat)
	number(c, &a.LowerRepeat)
	number(c, &a.LowerDelay)
}

func detail(c *coder, d *router.Detail) {
	list(c, &d.Addrs, address)
	list(c, &d.Tracks, track)
	number(c, &d.RxBuffer)
	list(c, &d.Devices, device)
	pointer(c, &d.Routing, routing)
}

func extra(c *coder, e *router.Extra) {
	c.text(&e.Key.Link)
	number(c, &e.Key.VRID)
	flag(c, &e.Key.V6)
	addr(c, &e.Key.From)
	number(c, &e.Every)
	flag(c, &e.All)
}

func device(c *coder, d *router.Device) {
	c.text(&d.Name)
	c.text(&d.Parent)
	c.bytes(d.MAC[:])
	number(c, &d.IPVLAN)
	prefix(c, &d.Own)
	number(c, &d.Group.Value)
	for _, b := range []*bool{&d.V6, &d.Dual, &d.Group.Given, &d.Sends} {
		flag(c, b)
	}
}

func session(c *coder, s *bfd.Config) {
	c.text(&s.Name)
	addr(c, &s.Source)
	addr(c, &s.Neighbour)
	for _, d := range []*time.Duration{&s.MinRX, &s.MinTX, &s.IdleTX} {
		number(c, d)
	}
	for _, n := range []*uint8{&s.Multiplier, &s.TTL, &s.LeastTTL} {
		number(c, n)
	}
	flag(c, &s.Passive)
	flag(c, &s.MultiHop)
}

func address(c *coder, a *config.Address) {
	c.text(&a.Link)
	prefix(c, &a.Prefix)
	prefix(c, &a.Peer)
	addr(c, &a.Broadcast)
	number(c, &a.Scope)
	c.text(&a.Label)
	number(c, &a.Preferred)
	number(c, &a.Shield)
	for _, b := range []*bool{&a.NoDAD, &a.Home, &a.ManageTemp, &a.NoPrefixRoute, &a.AutoJoin, &a.NoTrack} {
		flag(c, b)
	}
}

func track(c *coder, t *tracker.Track) {
	number(c, &t.Kind)
	c.text(&t.Name)
	number(c, &t.Weight)
	flag(c, &t.Reverse)
	flag(c, &t.Hold)
}

// encode is f as bytes.
func encode(f *router.Config) []byte {
	const usual = 192 // bytes of a virtual router
	c := coder{b: make([]byte, 0, 1024+usual*len(f.Routers))}
	configuration(&c, f)
	return c.b
}

// decode is what encode made the bytes of.
func decode(b []byte) (*router.Config, error) {
	c := coder{b: b, reading: true, known: map[string]string{}}
	var f router.Config
	configuration(&c, &f)
	if c.err == nil && len(c.b) > 0 {
		c.err = fmt.Errorf("%d bytes are left over behind the configuration", len(c.b))
	}
	return &f, c.err
}
