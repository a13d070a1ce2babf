package client

import (
	"context"
	"errors"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
)

// app is an application that says what it likes.
type app struct {
	t     *testing.T
	conn  *control.Conn
	epoch uint32
}

func (d *daemon) app(t *testing.T) *app {
	a := &app{t: t}
	a.conn, a.epoch = d.hello(control.RoleApplication, "raw", nil)
	return a
}

func (a *app) sock(typ control.Type, id control.ConnID, b control.Sock) (control.ConnID, error) {
	p := control.Packet{}
	p.SetSock(&b)
	p.Type, p.Conn, p.Epoch = typ, id, a.epoch
	err := a.conn.Call(&p)
	return p.Conn, err
}

// TestRefusedChangesNothing: what a message that is refused has in it is forgotten. An
// application that asks for one address, and is refused a second one meanwhile, gets no calls
// for the second when its manager allows the first.
func TestRefusedChangesNothing(t *testing.T) {
	d := newDaemon(t, nil)
	asked := make(chan control.ConnID, 1)
	m := d.manage(func(p *control.Packet) bool {
		if p.Type == control.SockListen {
			asked <- p.Conn
		}
		return p.Type == control.SockListen
	}, nil)
	thief := d.app(t)
	id, err := thief.sock(control.SockListen, 0, control.Sock{Local: aesa(t, here), Backlog: 1})
	must(t, err)
	for _, typ := range []control.Type{control.SockListen, control.SockBind, control.SockConnect} {
		if _, err := thief.sock(typ, id, control.Sock{Local: aesa(t, nobody), Backlog: 1}); err == nil {
			t.Errorf("%s of a listener is taken", control.TypeName(control.ClassSock, typ))
		}
	}
	must(t, m.sock(control.SockOkay, <-asked, 0, nil))
	got := make(chan string, 2)
	go func() {
		for {
			var p control.Packet
			if thief.conn.Recv(&p) != nil {
				return
			}
			if p.Type == control.SockIncoming {
				got <- "the call"
			}
		}
	}()
	caller := d.open()
	go func() {
		_, err := caller.Dial(context.Background(), "svc://"+nobody, nil)
		if errors.Is(err, syscall.ECONNREFUSED) {
			got <- "nothing"
		}
	}()
	if what := <-got; what != "nothing" {
		t.Errorf("who was refused the address gets %s", what)
	}
}

// TestCellsFitAChannel: a channel of cells holds one at least.
func TestCellsFitAChannel(t *testing.T) {
	d := newDaemon(t, nil)
	d.pvc(100)
	a := d.app(t)
	for _, most := range []uint16{1, 51} {
		p := control.Packet{}
		p.SetSock(&control.Sock{AAL: control.AAL0, MaxSDU: most})
		p.Type, p.Epoch = control.SockConnect, a.epoch
		p.Trailer, _ = (&control.SecondEnd{Port: 1, VCI: 100}).Append(nil)
		if err := a.conn.Call(&p); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("cells in runs of %d octets: %v, want EINVAL", most, err)
		}
	}
}
