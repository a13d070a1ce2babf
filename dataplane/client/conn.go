package client

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/region"
)

// Conn is a connection: a PVC's or a switched one's. It is a net.Conn with message boundaries:
// each Write is one SDU, each Read gives one.
type Conn struct {
	client        *Client
	config        Config
	local, remote *Addr

	mu       sync.Mutex
	id       control.ConnID
	flow     *flow         // nil: it does not carry data yet
	ready    chan struct{} // closed when it carries data, or has come to nothing
	err      error         // why it has come to nothing
	released chan struct{} // closed by RELEASED
	closing  bool
	known    bool                  // its id has come …
	given    bool                  // … and nobody waits for it any more
	parties  map[uint32]chan error // leaves being added or dropped
}

var _ net.Conn = (*Conn)(nil)

func newConn(c *Client, config Config, local, remote *Addr) *Conn {
	return &Conn{client: c, config: config, local: local, remote: remote, ready: make(chan struct{}), released: make(chan struct{})}
}

// enter makes a connection known under its id, or as something else, by the reader.
func (c *Conn) enter(id control.ConnID, as func(control.ConnID)) {
	c.mu.Lock()
	c.id = id
	c.mu.Unlock()
	c.client.mu.Lock()
	defer c.client.mu.Unlock()
	switch {
	case c.client.conns == nil: // it has ended
	case as != nil:
		as(id)
	default:
		c.client.conns[id] = c
	}
}

// happen takes a message for the connection, by the reader.
func (c *Conn) happen(p *control.Packet) {
	leaf, isLeaf := control.FindTLV(p.Trailer, control.TLVLeaf)
	if isLeaf {
		if l, err := control.ParseLeaf(leaf); err == nil {
			c.happenLeaf(l.ID, p)
		}
		return
	}
	switch p.Type {
	case control.SockOkay:
		c.okay(p)
	case control.SockFail:
		err := refusal(p)
		if err == nil {
			err = &Refused{Errno: syscall.ECONNREFUSED, Cause: p.Cause}
		}
		c.over(err)
	case control.SockClosed:
		c.over(ended(p))
	case control.SockReleased:
		c.over(ended(p))
		c.forget()
	case control.SockAlerting:
		if c.config.Alerting != nil {
			c.config.Alerting()
		}
	}
}

// ended is why a connection is over: io.EOF if it was cleared as a call usually is.
func ended(p *control.Packet) error {
	if err := refusal(p); err != nil {
		return err
	}
	const normal = 16 // normal call clearing (Q.850)
	if p.Cause != 0 && p.Cause != normal {
		return &Refused{Errno: syscall.ECONNRESET, Cause: p.Cause}
	}
	return io.EOF
}

// okay attaches the rings.
func (c *Conn) okay(p *control.Packet) {
	c.mu.Lock()
	had := c.flow != nil
	c.mu.Unlock()
	value, ok := control.FindTLV(p.Trailer, control.TLVRing)
	switch {
	case had:
		return
	case !ok: // bound, or listening
		c.becomeReady(nil, nil)
		return
	}
	var f *flow
	ring, err := control.ParseRing(value)
	if err == nil {
		f, err = c.client.ring(ring)
	}
	c.becomeReady(f, err)
}

func (c *Conn) becomeReady(f *flow, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if isClosed(c.ready) {
		return
	}
	if f != nil {
		f.spin = c.config.Spin
	}
	c.flow, c.err = f, err
	close(c.ready)
}

// over ends the connection for its user: data that has come can be read still.
func (c *Conn) over(err error) {
	failed := err
	if errors.Is(err, io.EOF) {
		failed = syscall.ECONNREFUSED
	}
	c.becomeReady(nil, failed)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flow != nil {
		c.flow.end(err)
	}
	for _, p := range c.parties {
		p <- failed
	}
	c.parties = nil
}

// forget ends the connection for the hub: its id and its rings are somebody else's now.
func (c *Conn) forget() {
	c.mu.Lock()
	f, id := c.flow, c.id
	if !isClosed(c.released) {
		close(c.released)
	}
	c.mu.Unlock()
	if f != nil {
		f.close()
		f.shared.detach(f)
	}
	c.client.mu.Lock()
	defer c.client.mu.Unlock()
	delete(c.client.conns, id)
	delete(c.client.listens, id)
}

// wait waits until the connection carries data.
func (c *Conn) wait(ctx context.Context) error {
	select {
	case <-c.ready:
	case <-ctx.Done():
		return ctxError(ctx)
	}
	return c.outcome()
}

// outcome is why the connection has come to nothing, if it has.
func (c *Conn) outcome() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// SDU is what comes with an SDU, or is to go with it.
type SDU struct {
	Time time.Time // when the hub received it; not of what is sent
	UU   uint8     // CPCS-UU of AAL5
	CLP  bool      // cell loss priority: is shed first
	EFCI bool      // congestion was met on the way
}

// Read gives one SDU, or as many whole cells as p has room for. io.ErrShortBuffer: p has no room
// for the SDU, which stays for the next Read. io.EOF: the far side has released the connection,
// or ended its half of a local call. syscall.EUNATCH: the signalling manager has gone.
func (c *Conn) Read(p []byte) (int, error) {
	n, _, err := c.ReadSDU(p)
	return n, err
}

// ReadSDU is Read, and gives what came with the SDU.
func (c *Conn) ReadSDU(p []byte) (int, SDU, error) {
	n, d, err := c.flow.read(p)
	if err != nil {
		return 0, SDU{}, c.wrap("read", err)
	}
	return n, SDU{Time: time.Unix(0, d.NS), UU: uint8(d.UU), CLP: d.Flags&region.FlagCLP != 0, EFCI: d.Flags&region.FlagEFCI != 0}, nil
}

// Write sends p as one SDU, or as a run of whole cells. EMSGSIZE: it is longer than MaxSDU.
func (c *Conn) Write(p []byte) (int, error) { return c.WriteSDU(p, SDU{}) }

// WriteSDU is Write, and says what is to go with the SDU.
func (c *Conn) WriteSDU(p []byte, s SDU) (int, error) {
	if len(p) == 0 {
		return 0, nil // AAL5 has no empty SDU
	}
	d := region.Descriptor{UU: uint32(s.UU)}
	if s.CLP {
		d.Flags |= region.FlagCLP
	}
	if s.EFCI {
		d.Flags |= region.FlagEFCI
	}
	if err := c.flow.write(p, d); err != nil {
		return 0, c.wrap("write", err)
	}
	return len(p), nil
}

// TryWrite is Write that never waits: it gives syscall.EAGAIN itself where the hub has no room
// now, for those who shed rather than wait, as routers do.
func (c *Conn) TryWrite(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	switch err := c.flow.tryWrite(p); err {
	case nil, syscall.EAGAIN:
		return err
	default:
		return c.wrap("write", err)
	}
}

func (c *Conn) wrap(op string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrShortBuffer) {
		return err
	}
	return &net.OpError{Op: op, Net: c.remote.Network(), Source: c.local, Addr: c.remote, Err: err}
}

// CloseWrite ends this half of a call within one host: the other side reads io.EOF. ATM releases
// a connection as a whole: of all other calls errors.ErrUnsupported.
func (c *Conn) CloseWrite() error {
	if err := c.flow.closeWrite(); err != nil {
		return c.wrap("close", err)
	}
	return nil
}

// Close waits a little, at most Config.Linger, for the hub to take what was written, and
// releases the connection. What has been received and not read is lost.
func (c *Conn) Close() error {
	c.mu.Lock()
	f, again := c.flow, c.closing
	c.closing = true
	c.mu.Unlock()
	if again {
		return c.wrap("close", net.ErrClosed)
	}
	if f != nil {
		f.flush(c.config.Linger)
		f.close()
	}
	return c.release(control.SockClose, 0)
}

// release tells the hub that the user lets go.
func (c *Conn) release(t control.Type, cause uint8) error {
	if isClosed(c.released) {
		return nil
	}
	p := &control.Packet{}
	p.SetSock(&control.Sock{})
	p.Type, p.Conn, p.Cause = t, c.ID(), cause
	err := c.client.request(p, func(r *control.Packet) {
		if r == nil || r.Status < 0 { // it has gone already
			c.forget()
		}
	})
	if err != nil {
		c.forget()
	}
	return nil
}

// ID is the hub's number of the connection.
func (c *Conn) ID() control.ConnID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

// LocalAddr is this side's address; of a PVC the same as RemoteAddr.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the other side's address.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// MaxSDU is the octets of the largest SDU, or run of cells.
func (c *Conn) MaxSDU() int { return c.flow.channel.Shape.MaxSDU }

// IsLocal tells whether the other side is a socket of the same host: no cell is made.
func (c *Conn) IsLocal() bool { return c.flow.channel.Shape.Kind&region.Local != 0 }

// SetDeadline limits how long Read and Write wait.
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline limits how long Read waits, from now on and now.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.flow.isClosed() {
		return c.wrap("set", net.ErrClosed)
	}
	c.flow.readBy.set(t)
	return nil
}

// SetWriteDeadline limits how long Write waits for room, from now on and now.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if c.flow.isClosed() {
		return c.wrap("set", net.ErrClosed)
	}
	c.flow.writeBy.set(t)
	return nil
}
