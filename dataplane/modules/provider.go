package modules

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/dlpi"
)

var errTooMany = errors.New("too many streams on the device")

// provider is the top of a stream with a service interface: a machine, between somebody
// outside, who says primitives by a line, and the pair of a driver.
type provider struct {
	machine  dlpi.Machine
	line     dataplane.ProcID
	wq       *dataplane.Queue
	buf      []byte // of a primitive to be sent
	requests uint64
	answers  uint64 // acknowledgements and indications
	frames   uint64 // sent
	ignored  uint64 // frames that were not for the user
	shed     uint64 // indications that the line had no room for
	noBlocks uint64
}

// parseProvider makes the module of the number of its line.
func parseProvider(name, arg string, machine dlpi.Machine) (dataplane.Module, error) {
	n, err := strconv.ParseUint(arg, 10, 32)
	if err != nil {
		return dataplane.Module{}, fmt.Errorf("line %q: its number", arg)
	}
	p := &provider{machine: machine, line: dataplane.ProcID(n)}
	return dataplane.Module{
		Name: name, ReadPut: p.read, WritePut: p.write, Counters: p.counts,
		Open:   func(q *dataplane.Queue) error { p.wq = q.Mate(); return nil },
		Leave:  func() error { return nil },
		Arrive: func(q *dataplane.Queue) { p.wq = q.Mate() },
	}, nil
}

// write takes what is said by the line.
func (p *provider) write(q *dataplane.Queue, m dataplane.Msg) {
	if m.Type != dataplane.Proto || m.Class != control.ClassPrim {
		q.PutNext(m)
		return
	}
	switch m.Info {
	case control.ProviderPrimitive:
		p.requests++
		p.do(p.machine.Request(octetsOf(q.Hub(), m)))
	case control.ProviderAttach:
		q.PutNext(dataplane.Msg{Type: dataplane.Proto, Info: etherAsk})
	case control.ProviderRefuse:
		p.do(p.machine.Attached(nil))
	case control.ProviderDetach:
		p.do(p.machine.Detached())
	}
	q.Hub().Free(m)
}

// read takes what comes from the device.
func (p *provider) read(q *dataplane.Queue, m dataplane.Msg) {
	switch {
	case m.Type == dataplane.Flush:
		q.TurnFlush(m)
		return
	case m.Type == dataplane.Data:
		s := p.machine.Frame(octetsOf(q.Hub(), m))
		switch {
		case s.Do == 0:
			p.ignored++
		case s.Do&dlpi.ActAnswer != 0 && !q.CanPost(p.line):
			p.shed++
		default:
			p.do(s)
		}
	case m.Type == dataplane.Proto && m.Info == etherHere:
		said := octetsOf(q.Hub(), m)
		if len(said) < 10 {
			p.do(p.machine.Attached(nil))
			break
		}
		p.do(p.machine.Attached(&dlpi.Device{Address: [6]byte(said), MaxFrame: int(binary.BigEndian.Uint32(said[6:]))}))
	default:
		q.Hub().Refuse(m)
		return
	}
	q.Hub().Free(m)
}

// do carries a step out. What it shows of a message is copied before that is freed.
func (p *provider) do(s dlpi.Step) {
	h := p.wq.Hub()
	if s.Do&dlpi.ActTake != 0 {
		p.take()
	}
	if s.Do&dlpi.ActSend != 0 {
		n := len(s.Header) + len(s.Payload)
		if b := h.Pool.Alloc(n); b != 0 {
			room := h.Pool.Extend(b, n)
			copy(room[copy(room, s.Header):], s.Payload)
			p.frames++
			p.wq.PutNext(dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(n)})
		} else {
			p.noBlocks++
		}
	}
	if s.Do&dlpi.ActAnswer != 0 {
		p.answers++
		p.buf = p.machine.Interface().Append(p.buf[:0], &s.Answer)
		p.post(control.ProviderPrimitive, 0, p.buf)
	}
	if s.Do&dlpi.ActAttach != 0 {
		p.post(control.ProviderAttach, uint64(s.PPA), nil)
	}
	if s.Do&dlpi.ActDetach != 0 {
		p.post(control.ProviderDetach, 0, nil)
	}
}

// take tells the driver what is to be handed up.
func (p *provider) take() {
	var list []byte
	for _, s := range p.machine.SAPs() {
		list = binary.BigEndian.AppendUint64(list, uint64(s))
	}
	m, ok := message(p.wq.Hub(), list)
	if !ok {
		p.noBlocks++
		return
	}
	m.Info = etherTake
	p.wq.PutNext(m)
}

// post says something by the line.
func (p *provider) post(info uint32, conn uint64, data []byte) {
	m, ok := message(p.wq.Hub(), data)
	if !ok {
		p.noBlocks++
		return
	}
	m.Class, m.Info, m.Conn, m.Dst = control.ClassPrim, info, conn, p.line
	p.wq.Post(m)
}

func (p *provider) counts() []dataplane.Count {
	return []dataplane.Count{
		{Name: "requests", N: p.requests}, {Name: "answers", N: p.answers}, {Name: "tx_frames", N: p.frames},
		{Name: "rx_drop_not_ours", N: p.ignored}, {Name: "rx_drop_shed", N: p.shed}, {Name: "drop_no_block", N: p.noBlocks},
	}
}
