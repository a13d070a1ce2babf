package client

import (
	"context"
	"net"
	"sync"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Listener takes calls for an address. It is a net.Listener.
type Listener struct {
	client *Client
	config Config
	addr   *Addr
	bound  *Conn // carries the listener's own connection: its id, OKAY, RELEASED

	calls chan *Call

	mu   sync.Mutex
	end  chan struct{} // closed when it takes no more
	why  error
	held bool
}

var _ net.Listener = (*Listener)(nil)

// Listen takes calls for a local address, svc://…, and waits until the manager has taken it.
// A PVC has no calls: a Listener for pvc://… gives its one connection, at once, and then waits.
func (c *Client) Listen(ctx context.Context, address string, config *Config) (*Listener, error) {
	a, err := ParseAddr(address)
	if err != nil {
		return nil, err
	}
	d, err := config.withDefaults()
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: a.Network(), Addr: a, Err: err}
	}
	l := &Listener{client: c, config: d, addr: a, calls: make(chan *Call, d.Backlog), end: make(chan struct{})}
	if a.PVC {
		conn, err := c.Dial(ctx, address, config)
		if err != nil {
			return nil, err
		}
		return listenerOfOne(conn), nil
	}
	if err := l.listen(ctx, newConn(c, d, a, &Addr{}), 0); err != nil {
		return nil, &net.OpError{Op: "listen", Net: a.Network(), Addr: a, Err: err}
	}
	return l, nil
}

// listenerOfOne is the listener of a PVC.
func listenerOfOne(c *Conn) *Listener {
	l := &Listener{client: c.client, config: c.config, addr: c.local, calls: make(chan *Call, 1), end: make(chan struct{})}
	l.calls <- &Call{conn: c}
	return l
}

// listen sends LISTEN, of a new connection or of one that is bound.
func (l *Listener) listen(ctx context.Context, conn *Conn, id control.ConnID) error {
	p := &control.Packet{}
	b := l.config.sock()
	b.Local, b.SAP = l.addr.AESA, l.addr.SAP
	p.SetSock(&b)
	p.Type, p.Conn = control.SockListen, id
	var err error
	if p.Trailer, err = l.config.trailer(nil); err != nil {
		return err
	}
	l.bound = conn
	err = conn.beginAs(ctx, p, func(id control.ConnID) { l.client.listens[id] = l })
	if err != nil {
		return err
	}
	if err := conn.wait(ctx); err != nil {
		_ = l.Close()
		return err
	}
	return nil
}

// happen takes a message for the listener, by the reader.
func (l *Listener) happen(p *control.Packet) {
	l.bound.happen(p)
	switch p.Type {
	case control.SockFail, control.SockClosed, control.SockReleased:
		l.over(ended(p))
	}
}

// over ends listening; calls that wait can still be taken.
func (l *Listener) over(err error) {
	if l.bound != nil {
		l.bound.over(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why == nil {
		l.why = err
		close(l.end)
	}
}

// incoming takes a call for a listener, by the reader: the message has the call's own id, and
// names the listener in a TLV. The status says whether the user will see to it later.
func (c *Client) incoming(p *control.Packet) (status int32, err error) {
	value, ok := control.FindTLV(p.Trailer, control.TLVListener)
	if !ok {
		return 0, syscall.EBADMSG
	}
	v, err := control.ParseListenerConn(value)
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	l := c.listens[control.ConnID(v.Conn)]
	c.mu.Unlock()
	if l == nil {
		return 0, syscall.ECONNREFUSED
	}
	b := p.Sock()
	conn := newConn(c, l.config, &Addr{AESA: b.Local, SAP: b.SAP}, &Addr{AESA: b.Remote})
	call := &Call{conn: conn, offered: true, elements: elements(p.Trailer)}
	conn.enter(p.Conn, nil)
	if !l.queue(call) {
		conn.forget()
		return 0, syscall.ECONNREFUSED
	}
	if l.config.Deferred {
		status = control.StatusDeferred
	}
	return status, nil
}

// queue has a call wait; false: as many wait as may, or nobody listens any more.
func (l *Listener) queue(call *Call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why != nil {
		return false
	}
	select {
	case l.calls <- call:
		return true
	default:
		return false
	}
}

// elements gives the information elements in a trailer.
func elements(trailer []byte) (e [][]byte) {
	r := control.ReadTLVs(trailer)
	for r.Next() {
		if r.Type().Element() {
			e = append(e, r.Value())
		}
	}
	return e
}

// Call is a call that waits to be accepted or rejected.
type Call struct {
	conn     *Conn
	offered  bool // a PVC's is there already
	elements [][]byte
}

// LocalAddr is the address that is called.
func (c *Call) LocalAddr() net.Addr { return c.conn.local }

// RemoteAddr is the caller's address.
func (c *Call) RemoteAddr() net.Addr { return c.conn.remote }

// Elements are the information elements of the call, as on the wire.
func (c *Call) Elements() [][]byte { return c.elements }

// Accept takes the call, and waits until it carries data.
func (c *Call) Accept(ctx context.Context) (*Conn, error) {
	if !c.offered {
		return c.conn, nil
	}
	p := &control.Packet{}
	b := c.conn.config.sock()
	b.Backlog = 0
	p.SetSock(&b)
	p.Type, p.Conn = control.SockAccept, c.conn.ID()
	_, err := c.conn.client.call(ctx, p)
	if err == nil {
		err = c.conn.wait(ctx)
	} else if ended := c.conn.outcome(); ended != nil {
		err = ended // which says more than that it cannot be accepted any more
	}
	if err != nil {
		_ = c.conn.release(control.SockClose, 0)
		return nil, &net.OpError{Op: "accept", Net: "svc", Source: c.conn.remote, Addr: c.conn.local, Err: err}
	}
	return c.conn, nil
}

// Reject refuses the call, with a cause of Q.850; 21 is "call rejected".
func (c *Call) Reject(cause uint8) error { return c.conn.release(control.SockReject, cause) }

// Next waits for the next call, which is neither accepted nor rejected yet.
func (l *Listener) Next(ctx context.Context) (*Call, error) {
	select {
	case call := <-l.calls:
		return call, nil
	default:
	}
	select {
	case call := <-l.calls:
		return call, nil
	case <-ctx.Done():
		return nil, ctxError(ctx)
	case <-l.end:
		l.mu.Lock()
		defer l.mu.Unlock()
		return nil, &net.OpError{Op: "accept", Net: l.addr.Network(), Addr: l.addr, Err: l.why}
	}
}

// Accept waits for the next call, takes it, and waits until it carries data. A call that ends
// before is passed over.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		call, err := l.Next(context.Background())
		if err != nil {
			return nil, err
		}
		if conn, err := call.Accept(context.Background()); err == nil {
			return conn, nil
		}
	}
}

// Addr is the address that is listened to.
func (l *Listener) Addr() net.Addr { return l.addr }

// Close stops listening. Calls that nobody has accepted are rejected; accepted ones stay.
func (l *Listener) Close() error {
	l.mu.Lock()
	again := l.held
	l.held = true
	l.mu.Unlock()
	if again {
		return &net.OpError{Op: "close", Net: l.addr.Network(), Addr: l.addr, Err: net.ErrClosed}
	}
	l.over(net.ErrClosed)
	for {
		select {
		case call := <-l.calls:
			_ = call.conn.Close()
			continue
		default:
		}
		break
	}
	if l.bound != nil {
		l.client.mu.Lock()
		delete(l.client.listens, l.bound.ID())
		l.client.mu.Unlock()
		return l.bound.release(control.SockClose, 0)
	}
	return nil
}
