package client

import (
	"context"
	"net"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Bound is a local address that the manager has given to this application: from it calls are
// made, or taken. Or it is a PVC, which is nobody else's then.
type Bound struct{ conn *Conn }

// Bind asks the manager for a local address, svc://…, and waits until it has it; or it takes a PVC,
// pvc://…, which carries data from then on: Dial and Listen of it give that one connection.
func (c *Client) Bind(ctx context.Context, address string, config *Config) (*Bound, error) {
	a, err := ParseAddr(address)
	if err != nil {
		return nil, err
	}
	d, err := config.withDefaults()
	if err != nil {
		return nil, &net.OpError{Op: "bind", Net: a.Network(), Addr: a, Err: err}
	}
	if a.PVC {
		conn := newConn(c, d, a, a)
		if err := conn.attach(ctx, control.SockBind, 0); err != nil {
			return nil, &net.OpError{Op: "bind", Net: a.Network(), Addr: a, Err: err}
		}
		return &Bound{conn}, nil
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

// Dial calls from the address; afterwards it is the connection, and Bound is of no more use. Of a
// PVC the address is its own.
func (b *Bound) Dial(ctx context.Context, address string) (*Conn, error) {
	a, err := ParseAddr(address)
	if err == nil && b.conn.local.PVC && *a == *b.conn.local {
		return b.conn, nil
	}
	if err != nil || a.PVC || b.conn.local.PVC {
		return nil, &net.OpError{Op: "dial", Net: "svc", Source: b.conn.local, Err: ErrAddress}
	}
	n := b.renewed(a)
	if err := n.attach(ctx, control.SockConnect, b.conn.ID()); err != nil {
		return nil, &net.OpError{Op: "dial", Net: "svc", Source: n.local, Addr: a, Err: err}
	}
	return n, nil
}

// Listen takes calls for the address; afterwards it is the listener, and Bound is of no more use. A
// PVC has no calls: its Listener gives its one connection, at once, and then waits.
func (b *Bound) Listen(ctx context.Context) (*Listener, error) {
	if b.conn.local.PVC {
		return listenerOfOne(b.conn), nil
	}
	n := b.renewed(&Addr{})
	l := &Listener{client: n.client, config: n.config, addr: n.local, calls: make(chan *Call, n.config.Backlog), end: make(chan struct{})}
	if err := l.listen(ctx, n, b.conn.ID()); err != nil {
		return nil, &net.OpError{Op: "listen", Net: "svc", Addr: n.local, Err: err}
	}
	return l, nil
}

// Close gives the address back.
func (b *Bound) Close() error { return b.conn.Close() }
