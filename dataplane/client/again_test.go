package client

import (
	"context"
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
)

// TestAnotherVC: a manager may take back the VC that it has given to a call under way, and give
// it another: the way that it had found was refused farther on.
func TestAnotherVC(t *testing.T) {
	d := newDaemon(t, nil)
	asked := make(chan control.ConnID, 1)
	m := d.manage(func(p *control.Packet) bool {
		if p.Type == control.SockConnect {
			asked <- p.Conn
		}
		return p.Type == control.SockConnect
	}, nil)
	c := d.open()
	done := make(chan error, 1)
	go func() {
		conn, err := c.Dial(context.Background(), "svc://"+nobody, nil)
		if err == nil {
			_, err = conn.Write([]byte("the second way"))
		}
		done <- err
	}()
	id := <-asked
	d.pvc(300)
	must(t, d.atm(control.ATMDel, 1, 300))
	far := dial(t, d.open(), "pvc://2/0/300", nil)
	must(t, m.vc(control.ATMAdd, id, 1, 299))
	must(t, m.vc(control.ATMDel, id, 1, 299))
	must(t, m.vc(control.ATMAdd, id, 1, 300))
	must(t, m.sock(control.SockOkay, id, 0, nil))
	must(t, <-done)
	p := make([]byte, 100)
	if n, err := far.Read(p); err != nil || string(p[:n]) != "the second way" {
		t.Errorf("%q %v", p[:n], err)
	}
}
