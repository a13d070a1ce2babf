package control

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"
)

// MaxHeld is how many messages may arrive while a Call waits for its reply.
const MaxHeld = 1024

// Conn is one side of a control connection: of the hub or of a client. Any goroutine
// may send; one at a time may read, by Recv, TryRecv or Call. An idle connection holds
// no buffer.
type Conn struct {
	socket *net.UnixConn
	raw    syscall.RawConn
	peer   syscall.Ucred

	sending sync.Mutex // keeps numbers in the order of sending; held while the socket is full
	seqMu   sync.Mutex // guards seq; never while anything is waited for: who reads must go on
	seq     Sequence

	held  []Packet // what arrived during Calls, in order; the reader's
	count counters
}

// Dial connects to the hub that listens at path. The error is a *net.OpError.
func Dial(path string) (*Conn, error) {
	socket, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		return nil, err
	}
	return newConn(socket)
}

// newConn makes a connection of a SEQPACKET socket, which is its own from now on, and closed
// when it fails: another type of socket is EPROTOTYPE.
func newConn(socket *net.UnixConn) (c *Conn, err error) {
	defer func() {
		if err != nil {
			socket.Close()
		}
	}()
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	c = &Conn{socket: socket, raw: raw}
	var kind int
	var peer *syscall.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		if kind, failed = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TYPE); failed == nil {
			peer, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		}
	})
	switch {
	case err != nil:
		return nil, err
	case failed != nil:
		return nil, fmt.Errorf("control: %w", failed)
	case kind != syscall.SOCK_SEQPACKET:
		return nil, fmt.Errorf("control: %w", syscall.EPROTOTYPE)
	}
	c.peer = *peer
	return c, nil
}

// Peer is who is at the other end: process, user and group, as the kernel knew them
// when the connection was made (SO_PEERCRED).
func (c *Conn) Peer() syscall.Ucred { return c.peer }

// Close closes the connection. Any goroutine may; whoever waits gets net.ErrClosed.
func (c *Conn) Close() error { return c.socket.Close() }

// SetDeadline limits how long Send, Reply, Recv and Call wait, from now on and now: the
// error is os.ErrDeadlineExceeded. The zero time is no limit.
func (c *Conn) SetDeadline(t time.Time) error { return c.socket.SetDeadline(t) }

// SetReadDeadline limits Recv, and Call's wait for its reply.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.socket.SetReadDeadline(t) }

// SetWriteDeadline limits Send and Reply, and Call's sending.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.socket.SetWriteDeadline(t) }

// Send sends a new message under the next number, which p.Seq is afterwards. It waits
// while the socket is full. An error of this package says why no receiver would take
// the message, others come from the socket; after an error nothing was sent.
func (c *Conn) Send(p *Packet) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.sendNew(p, true)
}

// TrySend is Send, but never waits: EAGAIN when the socket is full or another goroutine
// is sending.
func (c *Conn) TrySend(p *Packet) error {
	if !c.sending.TryLock() {
		return syscall.EAGAIN
	}
	defer c.sending.Unlock()
	return c.sendNew(p, false)
}

func (c *Conn) sendNew(p *Packet, wait bool) error {
	c.seqMu.Lock()
	err := c.seq.Stamp(&p.Header)
	c.seqMu.Unlock()
	if err != nil {
		return err
	}
	if err = c.write(p, wait); err != nil {
		c.seqMu.Lock()
		c.seq.Withdraw(&p.Header)
		c.seqMu.Unlock()
	}
	return err
}

// Reply sends p as the reply to a request. Of the header, numbers, class and type are
// taken from the request; MORE is kept: more replies follow. Waiting and errors are as
// for Send.
func (c *Conn) Reply(request *Header, p *Packet) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	p.reply(request)
	return c.write(p, true)
}

// TryReply is Reply, but never waits, as TrySend.
func (c *Conn) TryReply(request *Header, p *Packet) error {
	if !c.sending.TryLock() {
		return syscall.EAGAIN
	}
	defer c.sending.Unlock()
	p.reply(request)
	return c.write(p, false)
}

func (p *Packet) reply(request *Header) {
	more := p.Flags & FlagMore
	p.Answers(request)
	p.Flags |= more
}

// Recv takes the next message. Replies to what was sent come by it too, with REPLY and
// the seq of the message they answer; those that answer nothing are counted and dropped.
// io.EOF: the peer has closed. A Fault: the message was malformed and is counted; of p
// only the header is set, as far as it was legible, and the connection goes on.
func (c *Conn) Recv(p *Packet) error { return c.receive(p, true) }

// TryRecv is Recv, but never waits: EAGAIN when nothing has come.
func (c *Conn) TryRecv(p *Packet) error { return c.receive(p, false) }

func (c *Conn) receive(p *Packet, wait bool) error {
	if len(c.held) > 0 {
		*p = c.held[0]
		c.held[0] = Packet{}
		c.held = c.held[1:]
		return nil
	}
	for {
		if err := c.read(p, wait); err != nil {
			return err
		}
		if c.take(&p.Header) != Stray {
			return nil
		}
		c.drop(p)
	}
}

func (c *Conn) take(h *Header) Arrival {
	c.seqMu.Lock()
	defer c.seqMu.Unlock()
	return c.seq.Take(h)
}

func (c *Conn) drop(p *Packet) {
	c.count.strays.Add(1)
	p.CloseFiles()
}

// Call sends p with SYNC and waits for the reply, which p is afterwards: the same block,
// modified. If the reply's status is below 0 the error is an *Error. A reply with MORE
// is the first; the others come by Recv. Messages of the peer's that arrive meanwhile
// are kept for Recv, up to MaxHeld of them: then ErrHeld. After any error but *Error the
// reply is not awaited any more.
func (c *Conn) Call(p *Packet) error {
	p.Flags = p.Flags&^FlagNoReply | FlagSync
	if err := c.Send(p); err != nil {
		return err
	}
	request := p.Header
	for {
		var in Packet
		err := c.read(&in, true)
		mine := in.IsAnswer(&request)
		var fault Fault
		switch {
		case err != nil && (mine || !errors.As(err, &fault)):
			c.Forget(request.Seq)
			return err
		case err != nil: // somebody else's malformed message is counted
			continue
		}
		switch arrival := c.take(&in.Header); {
		case arrival == Stray:
			c.drop(&in)
		case arrival == Answer && mine:
			*p = in
			return p.Err()
		case len(c.held) >= MaxHeld:
			c.closeFiles(in.Files)
			c.count.faults[ErrHeld].Add(1)
			c.Forget(request.Seq)
			return ErrHeld
		default: // descriptors come to those who read by Recv, but for HELLO's
			c.closeFiles(in.Files)
			in.Files = nil
			c.held = append(c.held, in)
		}
	}
}

// Forget gives up the wait for the replies to a message: those that come yet are dropped and counted.
// False: the last has been taken, by Recv or TryRecv. Who never gives up is refused all but NOREPLY once
// MaxOutstanding answers are missing.
func (c *Conn) Forget(seq uint32) bool {
	c.seqMu.Lock()
	defer c.seqMu.Unlock()
	return c.seq.Forget(seq)
}
