package client

import (
	"context"
	"fmt"
	"net"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Dial attaches to a PVC or calls an end system, and waits until the connection carries data.
// See Addr for addresses; config may be nil.
func (c *Client) Dial(ctx context.Context, address string, config *Config) (*Conn, error) {
	a, err := ParseAddr(address)
	if err != nil {
		return nil, err
	}
	d, err := config.withDefaults()
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: a.Network(), Addr: a, Err: err}
	}
	local := a
	if !a.PVC {
		local = &Addr{}
		if d.Local != "" {
			if local, err = ParseAddr(d.Local); err == nil && local.PVC {
				err = fmt.Errorf("%w %q: a caller's is svc://…", ErrAddress, d.Local)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	conn := newConn(c, d, local, a)
	if err := conn.attach(ctx, control.SockConnect, 0); err != nil {
		return nil, &net.OpError{Op: "dial", Net: a.Network(), Addr: a, Err: err}
	}
	return conn, nil
}

// attach sends CONNECT, of a new connection or of one that is bound, or BIND of a PVC, and waits
// until it carries data.
func (c *Conn) attach(ctx context.Context, t control.Type, id control.ConnID) error {
	p, err := c.connect()
	if err != nil {
		return err
	}
	p.Type, p.Conn = t, id
	if err := c.begin(ctx, p); err != nil {
		return err
	}
	if err := c.wait(ctx); err != nil {
		_ = c.release(control.SockClose, 0)
		return err
	}
	if c.flow == nil {
		_ = c.release(control.SockClose, 0)
		return syscall.EPROTO
	}
	return nil
}

// begin sends a connection's first message: the reply brings its id. If nobody waits any more
// when it comes, the connection is closed.
func (c *Conn) begin(ctx context.Context, p *control.Packet) error { return c.beginAs(ctx, p, nil) }

// beginAs is begin; as, unless it is nil, makes the id known as more than a connection's, under
// the client's lock.
func (c *Conn) beginAs(ctx context.Context, p *control.Packet, as func(control.ConnID)) error {
	got := make(chan error, 1)
	err := c.client.request(p, func(r *control.Packet) {
		switch {
		case r == nil:
			got <- c.client.why()
		case r.Status < 0:
			got <- refusal(r)
		default:
			c.enter(r.Conn, as)
			if c.meet(&c.known, &c.given) {
				go c.release(control.SockClose, 0) //nolint:errcheck // nobody waits for it
			}
			got <- nil
		}
	})
	if err != nil {
		return err
	}
	select {
	case err := <-got:
		return err
	case <-ctx.Done():
		if c.meet(&c.given, &c.known) {
			_ = c.release(control.SockClose, 0)
		}
		return ctxError(ctx)
	}
}

// meet says that one thing has happened, and tells whether the other had.
func (c *Conn) meet(this, other *bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	*this = true
	return *other
}

// connect is the message CONNECT.
func (c *Conn) connect() (*control.Packet, error) {
	p := &control.Packet{}
	b := c.config.sock()
	b.Local, b.Remote, b.SAP = c.local.AESA, c.remote.AESA, c.remote.SAP
	b.Backlog = 0
	var err error
	if c.remote.PVC {
		b.Local, b.Remote = [20]byte{}, [20]byte{}
		if p.Trailer, err = appendPVC(nil, c.remote); err != nil {
			return nil, err
		}
	}
	if p.Trailer, err = c.config.trailer(p.Trailer); err != nil {
		return nil, err
	}
	p.SetSock(&b)
	p.Type = control.SockConnect
	return p, nil
}

// appendPVC names a PVC.
func appendPVC(t []byte, a *Addr) ([]byte, error) {
	end := control.SecondEnd{Port: a.Port, VPI: a.VPI, VCI: a.VCI}
	t, err := end.Append(t)
	if err == nil && a.PortName != "" {
		t, err = control.AppendTLV(t, control.TLVName, []byte(a.PortName))
	}
	return t, err
}
