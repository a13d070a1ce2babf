package dataplane

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/ring"
)

// Op is what a command asks of a hub's topology. A command is a Ctl message of class
// ClassHub with the Op in Info; it is carried out between two messages.
type Op uint32

// The commands. "Reply" is the Conn of the acknowledgement. A module is named by the
// block: its name's length in 16 bits, big-endian, the name, then its argument.
const (
	OpOpen    Op = iota + 1 // makes a process of the named module; reply: its number
	OpPair                  // gives the multiplexor Dst another pair; block: argument; reply: its number
	OpClose                 // removes pair Dst
	OpLink                  // joins Dst, below, and Conn, above; I_LINK
	OpUnlink                // parts Dst from the pair above it; I_UNLINK
	OpPush                  // puts the named module above Dst; reply: its number; I_PUSH
	OpPop                   // takes Dst out of its stream; I_POP
	OpReplace               // puts the named module's code in the place of Dst's
)

// ClassHub is the class of topology commands in the control protocol.
const ClassHub = 0

// Limits of commands.
const (
	MaxModuleName = 32
	MaxRegistered = 256
	commandRing   = 256 // entries of each command ring
	MaxCommanders = 16
)

// Factory makes a module for a command, with the command's argument.
type Factory func(h *Hub, arg []byte) (Module, error)

// Register names a module so that commands can ask for it.
func (h *Hub) Register(name string, f Factory) error {
	switch {
	case name == "" || len(name) > MaxModuleName:
		return fmt.Errorf("%w: module name %q: 1 to %d octets", ErrHub, name, MaxModuleName)
	case len(h.factories) == MaxRegistered:
		return fmt.Errorf("%w: more than %d modules", ErrHub, MaxRegistered)
	case h.factories[name] != nil:
		return fmt.Errorf("%w: module %q is registered", ErrHub, name)
	}
	if h.factories == nil {
		h.factories = map[string]Factory{}
	}
	h.factories[name] = f
	return nil
}

// Autopush has the named modules pushed, first one lowest, on every process that a
// command opens of driver. They stand above it, under whatever is linked there.
func (h *Hub) Autopush(driver string, modules ...string) {
	if h.autopush == nil {
		h.autopush = map[string][]string{}
	}
	h.autopush[driver] = modules
}

// Commander is one outside party's two rings to a hub: commands in, answers out. One
// goroutine uses it. Blocks of commands are the hub's: name and argument are handed
// over by Send, which copies them.
type Commander struct {
	hub  *Hub
	out  *ring.Producer[command]
	in   *ring.Consumer[Answer]
	seq  uint64
	side *commandSide
}

// command is a command in the ring: the message, and the text that its block will
// hold once the hub has it.
type command struct {
	msg  Msg
	text string
	seq  uint64
}

// Answer is what became of a command.
type Answer struct {
	Seq    uint64 // of the command, as Send gave it
	Number ProcID // the process made
	Top    ProcID // the top of its stream: Number, or the last of what Autopush put on it
	Err    error
}

type commandSide struct {
	in  *ring.Consumer[command]
	out *ring.Producer[Answer]
}

// NewCommander makes a pair of command rings. Before Run, or on the hub.
func (h *Hub) NewCommander() (*Commander, error) {
	if len(h.commanders) == MaxCommanders {
		return nil, fmt.Errorf("%w: more than %d commanders", ErrHub, MaxCommanders)
	}
	tx, rx, err := ring.New[command](commandRing)
	if err != nil {
		return nil, err
	}
	answers, in, err := ring.New[Answer](commandRing)
	if err != nil {
		return nil, err
	}
	side := &commandSide{in: rx, out: answers}
	h.commanders = append(h.commanders, side)
	return &Commander{hub: h, out: tx, in: in, side: side}, nil
}

// Send queues a command: op, the processes it names, a module's name and argument.
// false: the ring is full.
func (c *Commander) Send(op Op, dst, other ProcID, name string, arg []byte) (seq uint64, ok bool) {
	m := Msg{Type: Ctl, Class: ClassHub, Info: uint32(op), Dst: dst, Conn: uint64(other)}
	text := make([]byte, 2, 2+len(name)+len(arg))
	binary.BigEndian.PutUint16(text, uint16(len(name)))
	text = append(append(text, name...), arg...)
	if !c.out.Put(command{m, string(text), c.seq + 1}) {
		return 0, false
	}
	c.seq++
	c.out.Publish()
	c.hub.sleeper.wake()
	return c.seq, true
}

// Receive takes an answer; false when there is none yet.
func (c *Commander) Receive() (Answer, bool) {
	a, ok := c.in.Get()
	c.in.Release()
	return a, ok
}

// runCommands carries out what commanders ask, as long as there is room to answer.
func (h *Hub) runCommands() (work int) {
	for _, side := range h.commanders {
		n := 0
		for side.out.Free() > 0 {
			c, ok := side.in.Get()
			if !ok {
				break
			}
			number, err := h.Command(c.msg, []byte(c.text))
			side.out.Put(Answer{c.seq, number, h.top(number), err})
			n++
		}
		if n > 0 {
			side.in.Release()
			side.out.Publish()
		}
		work += n
	}
	return work
}

// Command carries one command out: the message, and what its block holds. On the
// hub, between messages.
func (h *Hub) Command(m Msg, text []byte) (ProcID, error) {
	if m.Type != Ctl || m.Class != ClassHub {
		return 0, fmt.Errorf("%w: not a command", ErrHub)
	}
	switch op := Op(m.Info); op {
	case OpOpen, OpPush, OpReplace:
		return h.commandModule(op, m.Dst, text)
	case OpPair:
		return h.commandPair(m.Dst, text)
	case OpClose:
		return 0, h.Remove(m.Dst)
	case OpLink:
		return 0, h.Join(m.Dst, ProcID(m.Conn))
	case OpUnlink:
		return 0, h.Part(m.Dst)
	case OpPop:
		return 0, h.Pop(m.Dst)
	default:
		return 0, fmt.Errorf("%w: command %d: %w", ErrHub, op, syscall.EINVAL)
	}
}

func (h *Hub) commandModule(op Op, dst ProcID, text []byte) (ProcID, error) {
	name, arg, err := commandName(text)
	if err != nil {
		return 0, err
	}
	m, err := h.makeModule(name, arg)
	if err != nil {
		return 0, err
	}
	switch op {
	case OpPush:
		return h.Push(dst, m)
	case OpReplace:
		return dst, h.Replace(dst, m)
	}
	id, err := h.Add(m)
	if err != nil {
		return 0, err
	}
	if err := h.pushAll(id, h.autopush[name]); err != nil {
		return 0, err
	}
	return id, nil
}

// pushAll stacks modules on a process that has nobody above it yet. When one cannot
// be, all of them and the process are removed again.
func (h *Hub) pushAll(id ProcID, names []string) error {
	made := []ProcID{id}
	for _, name := range names {
		if err := h.stack(&made, name); err != nil {
			for _, id := range made {
				_ = h.Remove(id)
			}
			return err
		}
	}
	return nil
}

func (h *Hub) stack(made *[]ProcID, name string) error {
	m, err := h.makeModule(name, nil)
	if err != nil {
		return err
	}
	id, err := h.Add(m)
	if err != nil {
		return err
	}
	below := (*made)[len(*made)-1]
	*made = append(*made, id)
	return h.Join(below, id)
}

// top is the highest pair of the stream that id stands in, as far as it is linked.
func (h *Hub) top(id ProcID) ProcID {
	p, err := h.pair(id)
	if err != nil {
		return 0
	}
	return p.top().id
}

func (h *Hub) makeModule(name string, arg []byte) (Module, error) {
	f := h.factories[name]
	if f == nil {
		return Module{}, fmt.Errorf("%w: no module %q", ErrHub, name)
	}
	m, err := f(h, arg)
	if err != nil {
		return Module{}, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

func (h *Hub) commandPair(id ProcID, text []byte) (ProcID, error) {
	_, arg, err := commandName(text)
	if err != nil {
		return 0, err
	}
	p, err := h.pair(id)
	if err != nil {
		return 0, err
	}
	if p.module.Pair == nil {
		return 0, fmt.Errorf("%w: %s is no multiplexor", ErrHub, p.module.Name)
	}
	m, err := p.module.Pair(arg)
	if err != nil {
		return 0, err
	}
	return h.AddPair(id, m)
}

var errCommand = errors.New("command cut short")

// commandName takes a command's text apart.
func commandName(text []byte) (name string, arg []byte, err error) {
	if len(text) < 2 {
		return "", nil, fmt.Errorf("%w: %w", ErrHub, errCommand)
	}
	n := int(binary.BigEndian.Uint16(text))
	if n > MaxModuleName || n > len(text)-2 {
		return "", nil, fmt.Errorf("%w: %w", ErrHub, errCommand)
	}
	return string(text[2 : 2+n]), text[2+n:], nil
}
