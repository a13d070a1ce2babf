package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/region"
)

// Client is a process's connection to the hub: one control socket and, for all its connections,
// shared regions, of which the hub gives another when they are full. Any goroutine may use it.
type Client struct {
	control *control.Conn
	epoch   uint32
	number  uint32
	mu      sync.Mutex
	waiting map[uint32]func(*control.Packet) // by seq; run by the reader; nil: it has ended
	entered *sync.Cond                       // somebody was entered who waits
	conns   map[control.ConnID]*Conn
	listens map[control.ConnID]*Listener
	shared  []*shared // by region; the reader adds to it
	err     error
	done    chan struct{}
}

// helloTime is how long a hub may take to answer HELLO.
const helloTime = 30 * time.Second

// Open connects to the hub that listens at path; "" is control.Path().
func Open(path string) (*Client, error) {
	if path == "" {
		path = control.Path()
	}
	conn, err := control.Dial(path)
	if err != nil {
		return nil, err
	}
	c := &Client{control: conn, waiting: map[uint32]func(*control.Packet){}, conns: map[control.ConnID]*Conn{},
		listens: map[control.ConnID]*Listener{}, done: make(chan struct{})}
	c.entered = sync.NewCond(&c.mu)
	if err := c.hello(); err != nil {
		conn.Close()
		return nil, err
	}
	go c.run()
	return c, nil
}

// hello declares the role, and takes the region.
func (c *Client) hello() error {
	p := control.Packet{}
	b := control.Hub{A: uint32(control.RoleApplication), B: control.DefinitionHash}
	copy(b.Name[:len(b.Name)-1], filepath.Base(os.Args[0]))
	p.SetHub(&b)
	p.Type = control.HubHello
	c.control.SetDeadline(time.Now().Add(helloTime))
	defer c.control.SetDeadline(time.Time{})
	if err := c.control.Call(&p); err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	c.epoch, c.number = p.Epoch, p.Hub().A
	if err := c.share(0, &p); err != nil {
		return fmt.Errorf("hello: %w", err)
	}
	return nil
}

// maxRegions is the hub's limit, which a hub that makes sense keeps.
const maxRegions = 16

// share takes a region, and listens to it.
func (c *Client) share(number uint32, p *control.Packet) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if int(number) != len(c.shared) || number >= maxRegions || c.err != nil {
		p.CloseFiles()
		return fmt.Errorf("region %d of %d: %w", number, len(c.shared), syscall.EPROTO)
	}
	r, err := region.Open(p.Files)
	if err != nil {
		p.CloseFiles()
		return err
	}
	p.Files = nil
	c.shared = append(c.shared, newShared(r))
	return nil
}

// ring attaches to a connection's rings.
func (c *Client) ring(r control.Ring) (*flow, error) {
	c.mu.Lock()
	if uint64(r.Region) >= uint64(len(c.shared)) {
		c.mu.Unlock()
		return nil, fmt.Errorf("region %d: %w", r.Region, syscall.EPROTO)
	}
	sh := c.shared[r.Region]
	c.mu.Unlock()
	return sh.attach(r.Offset, r.Size)
}

// Close closes all connections and lets go of the hub.
func (c *Client) Close() error {
	c.end(net.ErrClosed)
	<-c.done
	return nil
}

// end ends all that waits.
func (c *Client) end(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	err = c.err
	waiting, conns, listens, shared := c.waiting, c.conns, c.listens, c.shared
	c.waiting, c.conns, c.listens = nil, nil, nil
	c.entered.Broadcast()
	c.mu.Unlock()
	c.control.Close()
	for _, w := range waiting {
		w(nil)
	}
	for _, conn := range conns {
		conn.over(err)
	}
	for _, l := range listens {
		l.over(err)
	}
	for _, sh := range shared {
		sh.close(err)
	}
}

// why is the error of an operation when the client has ended.
func (c *Client) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		return net.ErrClosed
	}
	return c.err
}

// run takes what the hub sends. It never sends, or both sides might wait for each other.
func (c *Client) run() {
	defer close(c.done)
	for {
		var p control.Packet
		err := c.control.Recv(&p)
		var fault control.Fault
		switch {
		case errors.As(err, &fault): // counted
			continue
		case err != nil:
			c.end(fmt.Errorf("hub: %w", err))
			return
		}
		if p.Class == control.ClassHub && p.Type == control.HubRegion {
			if err := c.share(p.Hub().A, &p); err != nil {
				c.end(fmt.Errorf("hub: %w", err))
			}
			continue
		}
		p.CloseFiles()
		if p.Flags&control.FlagReply == 0 {
			c.arrive(&p)
		} else if w := c.answer(&p); w != nil {
			w(&p)
		}
	}
}

// answer finds who waits for a reply. One that has come before its sender was back from sending
// waits for him: what follows it may concern what it brings.
func (c *Client) answer(p *control.Packet) func(*control.Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.waiting != nil && c.waiting[p.Seq] == nil {
		c.entered.Wait()
	}
	w := c.waiting[p.Seq]
	delete(c.waiting, p.Seq)
	return w
}

// arrive takes a message that the hub has begun. All but INCOMING name a connection of ours.
func (c *Client) arrive(p *control.Packet) {
	err := error(syscall.EOPNOTSUPP)
	status := int32(0)
	if p.Class == control.ClassSock {
		if p.Type == control.SockIncoming {
			status, err = c.incoming(p)
		} else {
			err = c.happen(p)
		}
	}
	if p.Flags&control.FlagNoReply != 0 {
		return
	}
	reply := control.Packet{Message: p.Message}
	reply.Epoch = c.epoch
	if reply.Status = status; err != nil {
		reply.Status = control.Status(err)
	}
	go func() { _ = c.control.Reply(&p.Header, &reply) }()
}

func (c *Client) happen(p *control.Packet) error {
	c.mu.Lock()
	conn, l := c.conns[p.Conn], c.listens[p.Conn]
	c.mu.Unlock()
	switch {
	case conn != nil:
		conn.happen(p)
	case l != nil:
		l.happen(p)
	default:
		return syscall.ENOTCONN
	}
	return nil
}

// request sends a message; then is run, and does not block, with the reply, or with nil when
// there will be none.
func (c *Client) request(p *control.Packet, then func(*control.Packet)) error {
	p.Epoch = c.epoch
	if err := c.control.Send(p); err != nil {
		return err
	}
	c.mu.Lock()
	ended := c.waiting == nil
	if !ended {
		c.waiting[p.Seq] = then
		c.entered.Broadcast()
	}
	c.mu.Unlock()
	if ended {
		return c.why()
	}
	return nil
}

// call is request, and waits.
func (c *Client) call(ctx context.Context, p *control.Packet) (*control.Packet, error) {
	got := make(chan *control.Packet, 1)
	if err := c.request(p, func(r *control.Packet) { got <- r }); err != nil {
		return nil, err
	}
	select {
	case r := <-got:
		if r == nil {
			return nil, c.why()
		}
		return r, refusal(r)
	case <-ctx.Done():
		c.giveUp(p.Seq)
		return nil, ctxError(ctx)
	}
}

// giveUp ends the wait for a reply, which would count among those that may be outstanding for ever. One that
// has been taken already finds its place still.
func (c *Client) giveUp(seq uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.control.Forget(seq) {
		delete(c.waiting, seq)
	}
}

// ctxError is a context's end as net says it.
func ctxError(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return os.ErrDeadlineExceeded
	}
	return ctx.Err()
}

// Refused is why the hub, the manager or the far side did not do what was asked.
type Refused struct {
	Errno  syscall.Errno
	Cause  uint8  // of Q.2931; 0 none
	Reason string // in words; may be empty
}

// Error says it in words.
func (e *Refused) Error() string {
	s := e.Reason
	switch {
	case s != "":
	case e.Errno == syscall.EUNATCH:
		s = "no signalling manager is attached"
	default:
		s = e.Errno.Error()
	}
	if e.Cause != 0 {
		s += fmt.Sprintf(" (cause %d)", e.Cause)
	}
	return s
}

// Unwrap gives the errno.
func (e *Refused) Unwrap() error { return e.Errno }

// refusal is the error that a message's status says, or nil.
func refusal(p *control.Packet) error {
	if p.Status >= 0 {
		return nil
	}
	text, _ := control.FindTLV(p.Trailer, control.TLVText)
	return &Refused{Errno: syscall.Errno(-int64(p.Status)), Cause: p.Cause, Reason: string(text)}
}
