package engine

import (
	"errors"
	"slices"
	"testing"

	"holdfast/internal/mono"
	"holdfast/internal/router"
	"holdfast/internal/vrrp"
)

// refusing is a Sender whose packets never leave.
type refusing struct{}

func (refusing) Send(list []vrrp.Send, _ func(string) int, failed func(int, error)) {
	for i := range list {
		failed(i, errors.New("network is down"))
	}
}

type forgetful struct{}

func (forgetful) Role(vrrp.ID, vrrp.Role)    {}
func (forgetful) Sent(vrrp.ID, mono.Instant) {}

// Section 6: it is told once of a link, and the router never hears of it.
func TestKeepalived_6_AFailureToSendIsToldAndChangesNoState(t *testing.T) {
	l, _ := running(t)
	before := l.Router.Status(1)
	var told []string
	m, err := NewMachine(l.Router, Hands{Sender: refusing{}, Memory: forgetful{}, Tell: func(o Told) { told = append(told, o.Trouble) }})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	fx := router.Effects{}
	fx.Sends = []vrrp.Send{{Link: "eth0"}, {Link: "eth0"}}
	m.Transmit(1, &fx)
	m.Transmit(2, &fx)
	if want := []string{"(A) send advert error on eth0: network is down"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	m.Inbox.Take(func(ev router.Event) { t.Errorf("the router hears %+v", ev) })
	if after := l.Router.Status(1); after.Instances[0].Role != before.Instances[0].Role {
		t.Errorf("%s became %s", before.Instances[0].Role, after.Instances[0].Role)
	}
}
