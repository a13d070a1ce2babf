package client

import (
	"context"
	"net"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Bound is a local address that the manager has given to this application: from it calls are
// made, or taken.
type Bound struct{ conn *Conn }

// Bind asks the manager for a local address, svc://…, and waits until it has it.
func (c *Client) Bind(ctx context.Context, address string, config *Config) (*Bound, error) {
	a, err := ParseAddr(address)
	if err != nil {
		return nil, err
	}
	d, err := config.withDefaults()
	if err != nil {
		return nil, &net.OpError{Op: "bind", Net: a.Network(), Addr: a, Err: err}
	}
	if a.PVC { // the one thing that can be bound of a PVC is all of it
		return nil, &net.OpError{Op: "bind", Net: a.Network(), Addr: a, Err: ErrAddress}
	}
	conn := newConn(c, d, a, &Addr{})
	p := &control.Packet{}
	b := d.sock()
	b.Local, b.SAP, b.Backlog = a.AESA, a.SAP, 0
	p.SetSock(&b)
	p.Type = control.SockBind
	if p.Trailer, err = d.trailer(nil); err == nil {
		if err = conn.begin(ctx, p); err == nil {
			if err = conn.wait(ctx); err != nil {
				_ = conn.release(control.SockClose, 0)
			}
		}
	}
	if err != nil {
		return nil, &net.OpError{Op: "bind", Net: a.Network(), Addr: a, Err: err}
	}
	return &Bound{conn}, nil
}

// Addr is the local address.
func (b *Bound) Addr() *Addr { return b.conn.local }

// renewed is the bound connection, about to become another kind: its next OKAY is that one's.
func (b *Bound) renewed(remote *Addr) *Conn {
	n := newConn(b.conn.client, b.conn.config, b.conn.local, remote)
	n.enter(b.conn.ID(), nil)
	return n
}

// Dial calls from the address; afterwards it is the connection, and Bound is of no more use.
func (b *Bound) Dial(ctx context.Context, address string) (*Conn, error) {
	a, err := ParseAddr(address)
	if err != nil || a.PVC {
		return nil, &net.OpError{Op: "dial", Net: "svc", Source: b.conn.local, Err: ErrAddress}
	}
	n := b.renewed(a)
	if err := n.dial(ctx, b.conn.ID()); err != nil {
		return nil, &net.OpError{Op: "dial", Net: "svc", Source: n.local, Addr: a, Err: err}
	}
	return n, nil
}

// Listen takes calls for the address; afterwards it is the listener, and Bound is of no more use.
func (b *Bound) Listen(ctx context.Context) (*Listener, error) {
	n := b.renewed(&Addr{})
	l := &Listener{client: n.client, config: n.config, addr: n.local, calls: make(chan *Call, n.config.Backlog), end: make(chan struct{})}
	if err := l.listen(ctx, n, b.conn.ID()); err != nil {
		return nil, &net.OpError{Op: "listen", Net: "svc", Addr: n.local, Err: err}
	}
	return l, nil
}

// Close gives the address back.
func (b *Bound) Close() error { return b.conn.Close() }
