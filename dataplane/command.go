package dataplane

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
)

// Command is a command to the fabric: one of the hub's, by its number in the control
// protocol, or one of A's module, from control.FirstModuleCommand on. A is the process that
// it acts on; whatever makes a module makes it off the hubs.
type Command struct {
	Number control.Type // control.HubPush to HubList
	A, B   ProcID
	Name   string // of a module
	Arg    string // a constructor's argument, or a module command's octets
	// Direction of a module's command must be the module's own, unless it is 0.
	Direction control.Direction
}

// Answer is what a command gives back.
type Answer struct {
	Number ProcID // the process made
	Top    ProcID // the top of its stream
	Data   []byte // of control.HubList and of a module's own command
}

// As a message, a command to a hub is of type Ctl and class control.ClassHub, with its number in
// Info and in its block A and B, 32 bits each, big-endian, the name, padded with zeros to
// MaxModuleName, and the argument. The answer goes to its sender, with its Conn: IocAck
// with Number in Info, and in its block Top and then Data; or IocNak, whose Info is an
// errno.
const (
	commandHeader = 8 + MaxModuleName
	answerHeader  = 4
)

// Encode gives the block of a command to a hub.
func (c Command) Encode() []byte {
	p := make([]byte, commandHeader, commandHeader+len(c.Arg))
	binary.BigEndian.PutUint32(p, uint32(c.A))
	binary.BigEndian.PutUint32(p[4:], uint32(c.B))
	copy(p[8:], c.Name)
	return append(p, c.Arg...)
}

// decodeCommand reads a command that has come as a message.
func decodeCommand(m Msg, p []byte) (Command, error) {
	c := Command{Number: control.Type(m.Info)}
	if m.Class == control.ClassMMI {
		c.A, c.Arg = m.Dst, string(p)
		return c, nil
	}
	if len(p) < commandHeader || c.Number >= control.FirstModuleCommand {
		return c, fmt.Errorf("%w: command %d of %d octets: %w", ErrHub, c.Number, len(p), syscall.EINVAL)
	}
	c.A, c.B = ProcID(binary.BigEndian.Uint32(p)), ProcID(binary.BigEndian.Uint32(p[4:]))
	name := p[8:commandHeader]
	for len(name) > 0 && name[len(name)-1] == 0 {
		name = name[:len(name)-1]
	}
	c.Name, c.Arg = string(name), string(p[commandHeader:])
	return c, nil
}

// encode gives the block of the answer to a command of a class.
func (a Answer) encode(class control.Class) []byte {
	if class == control.ClassMMI {
		return a.Data
	}
	p := make([]byte, answerHeader, answerHeader+len(a.Data))
	binary.BigEndian.PutUint32(p, uint32(a.Top))
	return append(p, a.Data...)
}

// DecodeAnswer reads the answer to a command to a hub.
func DecodeAnswer(m Msg, p []byte) (Answer, error) {
	a := Answer{Number: ProcID(m.Info)}
	switch {
	case m.Type == IocNak:
		return Answer{}, syscall.Errno(m.Info)
	case m.Type != IocAck:
		return Answer{}, fmt.Errorf("%w: no answer: %w", ErrHub, syscall.EPROTO)
	case len(p) >= answerHeader: // there was memory for it
		a.Top, a.Data = ProcID(binary.BigEndian.Uint32(p)), p[answerHeader:]
	}
	return a, nil
}

// Errno is how an answer names a refusal of the fabric: EINVAL where it says nothing else.
func Errno(err error) syscall.Errno {
	var e syscall.Errno
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, ErrUnknown):
		return syscall.ENOENT
	case errors.Is(err, ErrRestless), errors.Is(err, ErrNoRoom):
		return syscall.EAGAIN
	case errors.Is(err, ErrStays):
		return syscall.EOPNOTSUPP
	case errors.Is(err, errNobody):
		return syscall.ESRCH
	}
	return syscall.EINVAL
}

// address delivers a message that has come by its process's number: a command to its
// module, all else to its write side, as what comes down to it.
func (h *Hub) address(p *pair, m Msg) {
	if m.Type == Ctl && m.Class == control.ClassMMI {
		h.command(p, m)
		return
	}
	p.wq.deliver(m)
}

// command carries out a module's own command, or hands it to the clerk, when the fabric
// must stand still for it.
func (h *Hub) command(p *pair, m Msg) {
	c, err := p.module.command(control.Type(m.Info))
	if err == nil && c.Stops && h.fabric != nil {
		h.fabric.clerk[h.index].side.pair.wq.deliver(m)
		return
	}
	if err == nil && c.Blocks {
		err = syscall.EOPNOTSUPP
	}
	var arg, result []byte
	if err == nil && m.Block != 0 {
		if whole := h.Pool.PullUp(m.Block, -1); whole != 0 {
			m.Block = whole
			arg = h.Pool.Bytes(whole)
		} else {
			err = syscall.ENOBUFS
		}
	}
	if err == nil {
		result, err = c.run(arg)
	}
	h.Free(m)
	h.answer(m, result, err)
}

// answer sends IocAck or IocNak to the sender of a message.
func (h *Hub) answer(m Msg, result []byte, err error) {
	a := Msg{Type: IocAck, Class: m.Class, Src: m.Dst, Dst: m.Src, Conn: m.Conn, Len: uint32(len(result))}
	if err == nil && len(result) > 0 {
		if a.Block = h.Pool.AllocControl(len(result)); a.Block != 0 {
			copy(h.Pool.Extend(a.Block, len(result)), result)
		} else {
			err = syscall.ENOBUFS
		}
	}
	if err != nil {
		a.Type, a.Info, a.Len, a.Block = IocNak, uint32(Errno(err)), 0, block.ID(0)
	}
	h.dispatch(a)
}

// hubModule is the hub as a process: its commands go to the clerk.
func (h *Hub) hubModule() Module {
	return Module{Name: "hub", WritePut: func(q *Queue, m Msg) {
		if m.Type != Ctl || m.Class != control.ClassHub || h.fabric == nil {
			h.Refuse(m)
			return
		}
		h.fabric.clerk[h.index].side.pair.wq.deliver(m)
	}}
}

// Number is the hub's own, as a process.
func (h *Hub) Number() ProcID { return ProcID(h.index<<hubShift | hubPlace) }

// hubPlace is where a hub stands among its processes.
const hubPlace = 1

// Post sends a message from the queue's process to the one of a number, wherever in the
// fabric that stands; nobody there, and it is freed and counted.
func (q *Queue) Post(m Msg) {
	m.Src = q.ID()
	q.hub.dispatch(m)
}
