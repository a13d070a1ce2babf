package loader

import (
	"fmt"
	"math"
	"slices"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Step is one control message of a plan. Numbers that only the daemon can give are put
// in when the steps before have brought them.
type Step struct {
	What string   // it does, for a log: "open port dslam"
	At   Position // of what wants it; none: nothing does any more

	packet   control.Packet
	process  *slot // goes into A
	receiver *slot // goes into Receiver
	port     *slot // goes into Port
	far      *slot // port of the other end, farEnd; with text it is the trailer
	farEnd   End
	text     string
	made     *slot // A of the reply, a process
	numbered *slot // B of the reply, a port
}

// Packet gives the message as it is now; false: a step that it needs has not been done.
func (s *Step) Packet() (p control.Packet, ready bool) {
	p = s.packet
	p.Trailer = slices.Clone(p.Trailer)
	for _, needed := range []*slot{s.process, s.receiver, s.port, s.far} {
		if needed != nil && needed.number == 0 {
			return p, false
		}
	}
	switch p.Class {
	case control.ClassHub:
		b := p.Hub()
		if s.process != nil {
			b.A = s.process.number
		}
		if s.port != nil {
			b.B = s.port.number
		}
		p.SetHub(&b)
	case control.ClassATM:
		b := p.ATM()
		if s.receiver != nil {
			b.Receiver = s.receiver.number
		}
		b.Port = uint16(s.port.number)
		p.SetATM(&b)
		if s.far != nil {
			p.Trailer = s.secondEnd()
		}
	}
	return p, true
}

// learn takes the numbers that a reply brings.
func (s *Step) learn(reply *control.Packet) {
	if s.made != nil {
		s.made.number = reply.Hub().A
	}
	if s.numbered != nil {
		s.numbered.number = reply.Hub().B
	}
}

// hub makes a step of class HUB. Names have been checked.
func (p *planner) hub(what string, at Position, t control.Type, module string, tlvs ...tlv) *Step {
	s := Step{What: what, At: at}
	b := control.Hub{}
	copy(b.Name[:], module)
	s.packet.Type = t
	s.packet.SetHub(&b)
	for _, one := range tlvs {
		if one.text != "" { // texts are at most maxText octets: they fit
			s.packet.Trailer, _ = control.AppendTLV(s.packet.Trailer, one.kind, []byte(one.text))
		}
	}
	p.steps = append(p.steps, s)
	return &p.steps[len(p.steps)-1]
}

type tlv struct {
	kind control.TLVType
	text string
}

// portModule is the name by which ports are opened and closed.
const portModule = "port"

func (p *planner) openPort(want *Port) *portSlot {
	made := &portSlot{RunningPort: RunningPort{Name: want.Name, Spec: want.Spec}}
	s := p.hub("open port "+want.Name, want.At, control.HubOpen, portModule, tlv{control.TLVText, want.Name + " " + want.Spec})
	s.toHub(uint32(want.Number))
	s.numbered = &made.number
	return made
}

func (p *planner) closePort(port *portSlot) {
	p.hub("close port "+port.Name, Position{}, control.HubClose, portModule).port = &port.number
}

func (p *planner) openStream(want *Stream) *streamSlot {
	made := &streamSlot{name: want.Name, parts: []partSlot{{want.Top.Name, want.Top.Arg, new(slot), 0}}}
	s := p.hub("open stream "+want.Name, want.Top.At, control.HubOpen, want.Top.Name,
		tlv{control.TLVText, want.Top.Arg}, tlv{control.TLVName, want.Name})
	s.made = made.top()
	if want.Hub != 0 {
		s.toHub(p.hubNumber(want.Hub))
	}
	return made
}

// hubNumber is the number of a hub that is counted from 1. One that the daemon has not is
// nobody's number, which it refuses.
func (p *planner) hubNumber(hub int) uint32 {
	if hub > len(p.hubs) {
		return math.MaxUint32
	}
	return p.hubs[hub-1]
}

// toHub puts a hub into B.
func (s *Step) toHub(number uint32) {
	b := s.packet.Hub()
	b.B = number
	s.packet.SetHub(&b)
}

func (p *planner) move(s *streamSlot, part *partSlot, want *Stream) {
	step := p.hub(fmt.Sprintf("move %s of stream %s to hub %d", part.name, s.name, want.Hub-1), want.At, control.HubMove, "")
	step.process = part.process
	step.toHub(p.hubNumber(want.Hub))
}

func (p *planner) closeStream(s *streamSlot) {
	p.hub("close stream "+s.name, Position{}, control.HubClose, "").process = s.top()
}

// push puts a module under the part before place i.
func (p *planner) push(s *streamSlot, i int, part *Part) {
	step := p.hub("push "+part.Name+" on stream "+s.name, part.At, control.HubPush, part.Name, tlv{control.TLVText, part.Arg})
	step.process = s.parts[i-1].process
	step.made = new(slot)
	s.parts = slices.Insert(s.parts, i, partSlot{part.Name, part.Arg, step.made, 0})
}

func (p *planner) pop(s *streamSlot, i int) {
	part := s.parts[i]
	p.hub("pop "+part.name+" off stream "+s.name, Position{}, control.HubPop, "").process = part.process
	s.parts = slices.Delete(s.parts, i, i+1)
}

func (p *planner) replace(s *streamSlot, i int, part *Part) {
	step := p.hub("replace "+s.parts[i].name+" by "+part.Name+" in stream "+s.name, part.At, control.HubReplace, part.Name,
		tlv{control.TLVText, part.Arg})
	step.process = s.parts[i].process
	s.parts[i].name, s.parts[i].arg = part.Name, part.Arg
}

func (p *planner) deletePVC(name string, r *RunningPVC) {
	s := Step{What: "delete PVC " + name, port: &p.numbers[r.Port].number}
	s.packet.Type = control.ATMDel
	s.packet.SetATM(&control.ATM{VPI: r.VPI, VCI: r.VCI})
	p.steps = append(p.steps, s)
}

// putPVC adds or modifies a PVC.
func (p *planner) putPVC(t control.Type, want *PVC) {
	s := Step{What: "add PVC " + want.String(), At: want.At, port: &p.ports[want.Port].number}
	if t == control.ATMModify {
		s.What = "modify PVC " + want.String()
	}
	if want.Stream != "" {
		s.receiver = p.streams[want.Stream].top()
	}
	s.packet.Type = t
	s.packet.SetATM(&want.ATM)
	p.steps = append(p.steps, s)
}
