package server

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// breath is how long no connection is taken when the process has run out of something.
const breath = 100 * time.Millisecond

func (s *Server) breathe() bool {
	time.Sleep(breath)
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed
}

// client is one connection and what its HELLO has said.
type client struct {
	s    *Server
	conn *control.Conn
	id   uint32
	role control.Role // 0 until HELLO
	name string

	// s.mu guards these.
	app           *application    // of an application: its region; nil: none, or no more
	ports         []uint16        // of a manager; nil: all
	paths         map[uint64]path // by handle
	subscriptions []control.Evt

	out outbox
}

func newClient(s *Server, conn *control.Conn, id uint32) *client {
	c := &client{s: s, conn: conn, id: id}
	c.out.idle = sync.NewCond(&c.out.Mutex)
	return c
}

// run reads messages and answers them until the connection ends.
func (c *client) run() {
	defer c.s.leave(c)
	defer c.conn.Close()
	for {
		c.keepUp()
		var in control.Packet
		err := c.conn.Recv(&in)
		var fault control.Fault
		switch {
		case errors.As(err, &fault):
			err = c.refuse(&in.Header, fault)
		case err != nil:
			return
		case in.Flags&control.FlagReply != 0:
			c.answered(&in)
			continue
		default:
			err = c.serve(&in)
		}
		in.CloseFiles()
		if err != nil {
			return
		}
	}
}

// refuse answers a message that could not be read.
func (c *client) refuse(h *control.Header, fault control.Fault) error {
	if h.Flags&(control.FlagNoReply|control.FlagReply) != 0 {
		return nil
	}
	out := control.Packet{}
	out.SetHub(&control.Hub{})
	out.Status = control.Status(fault)
	out.Epoch = c.s.epoch
	if fault == control.ErrMagic || fault == control.ErrVersion || fault == control.ErrSize { // no number was legible
		out.Type, out.Flags = control.HubError, control.FlagNoReply
		return c.conn.Send(&out)
	}
	request := *h
	request.Class, request.Type = control.ClassHub, control.HubError
	return c.conn.Reply(&request, &out)
}

// serve carries out one message and answers it. An error ends the connection.
func (c *client) serve(in *control.Packet) error {
	c.out.hold()
	defer c.resume()
	out := c.reply(in)
	err := c.s.dispatch(c, in, out)
	defer out.CloseFiles()
	if err == errLater {
		return nil
	}
	if err == errBye {
		_ = c.answer(in, out)
		return err
	}
	if err != nil {
		said := out.Message
		out = c.reply(in)
		if in.Class == control.ClassHub && in.Type == control.HubHello { // whom a refused manager has met
			b := said.Hub()
			out.SetHub(&b)
		}
		out.Status = control.Status(err)
		out.Class, out.Type = in.Class, in.Type
		withoutArgument(&out.Message)
		out.Trailer = reason(in, err)
	}
	return c.answer(in, out)
}

// reply begins the answer to a message: the same block.
func (c *client) reply(in *control.Packet) *control.Packet {
	out := &control.Packet{Message: in.Message}
	out.Src, out.Dst, out.Epoch, out.Status, out.Cause = 0, c.id, c.s.epoch, 0, 0
	out.Flags &^= control.FlagTrailer | control.FlagMore | control.FlagGroup
	return out
}

// answer sends the answer, if one is wanted. What cannot be sent as it is is our own fault.
func (c *client) answer(in, out *control.Packet) error {
	if in.Flags&control.FlagNoReply != 0 {
		return nil
	}
	err := c.conn.Reply(&in.Header, out)
	var fault control.Fault
	if errors.As(err, &fault) {
		c.s.log.Error("malformed answer", "message", control.TypeName(in.Class, in.Type), "error", err)
		bare := c.reply(in)
		bare.Status = control.Status(syscall.EIO)
		withoutArgument(&bare.Message)
		err = c.conn.Reply(&in.Header, bare)
	}
	return err
}

// more sends one of several answers.
func (c *client) more(in, out *control.Packet) error {
	if in.Flags&control.FlagNoReply != 0 {
		return nil
	}
	request := in.Header
	request.Class, request.Type = out.Class, out.Type
	out.Flags |= control.FlagMore
	out.Dst, out.Epoch = c.id, c.s.epoch
	if err := c.conn.Reply(&request, out); err != nil {
		return fmt.Errorf("answer %v: %w", &out.Message, err)
	}
	return nil
}

// maxReason is the octets of a refusal's reason.
const maxReason = 512

// reason is the trailer of a refusal that says more than its errno, in words.
func reason(in *control.Packet, err error) []byte {
	var bare syscall.Errno
	text := err.Error()
	if errors.As(err, &bare) && text == bare.Error() || !in.Class.TLVTrailer() {
		return nil
	}
	t, _ := control.AppendTLV(nil, control.TLVText, []byte(text[:min(len(text), maxReason)]))
	return t
}

// withoutArgument takes the argument out of an MMI message.
func withoutArgument(m *control.Message) {
	if m.Class == control.ClassMMI {
		b := m.MMI()
		b.ArgLen, b.Inline = 0, [control.InlineArgument]byte{}
		m.SetMMI(&b)
	}
}

// answered takes a reply to what the hub has begun.
func (c *client) answered(p *control.Packet) {
	p.CloseFiles()
	c.out.hasAnswered()
	c.s.answeredSock(c, p)
	c.resume()
}
