package loader

import (
	"slices"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Plan gives the steps that make of what runs what a configuration wants, in an order
// that works: VCs go before what they stand on, and come after it. was names what
// configurations applied before had: what of that the new one has not, goes. What is in
// neither is somebody else's and stays. A thing that runs as it is wanted no step touches.
//
// A port that changes is closed and opened again; so is a stream whose top changes. Of
// other streams the modules that differ are replaced, popped and pushed under traffic. A
// PVC whose contract alone differs is modified, and loses nothing.
func Plan(running *Running, was Names, want *Config) []Step {
	if running == nil {
		running = new(Running)
	}
	p := &planner{
		was: was, want: want, hubs: running.Hubs, ports: map[string]*portSlot{}, streams: map[string]*streamSlot{},
		numbers: map[uint16]*portSlot{}, processes: map[uint32]*streamSlot{},
	}
	p.findPorts(running)
	p.findStreams(running)
	kept, crossed := p.removePVCs(running), p.removeCrosses(running)
	p.closeStreams()
	p.closePorts()
	p.openPorts()
	p.openStreams()
	p.addPVCs(kept)
	p.addCrosses(crossed)
	return p.steps
}

// slot is a number that is known, or will be when a step has been done; 0: not yet.
type slot struct{ number uint32 }

// portSlot is a port in the plan.
type portSlot struct {
	RunningPort
	number slot
	drop   bool
}

// streamSlot is a stream in the plan.
type streamSlot struct {
	name  string
	parts []partSlot // from top to bottom
	drop  bool
	ran   bool // before
}

type partSlot struct {
	name, arg string
	process   *slot
	hub       int // counted from 1; 0: that of the others
}

func (s *streamSlot) top() *slot { return s.parts[0].process }

// planner collects steps.
type planner struct {
	was       Names
	want      *Config
	hubs      []uint32 // their numbers
	steps     []Step
	ports     map[string]*portSlot
	numbers   map[uint16]*portSlot // those that ran before
	streams   map[string]*streamSlot
	processes map[uint32]*streamSlot            // of streams that ran before
	order     struct{ ports, streams []string } // of what runs
}

// findPorts takes the ports that run and marks those that must go.
func (p *planner) findPorts(running *Running) {
	wanted, named := map[uint16]string{}, map[string]*Port{}
	for i := range p.want.Ports {
		port := &p.want.Ports[i]
		wanted[port.Number], named[port.Name] = port.Name, port
	}
	for _, r := range running.Ports {
		s := &portSlot{RunningPort: r, number: slot{uint32(r.Number)}}
		p.ports[r.Name], p.numbers[r.Number] = s, s
		p.order.ports = append(p.order.ports, r.Name)
		switch want := named[r.Name]; {
		case want == nil:
			s.drop = p.was.has("port " + r.Name)
		case want.Spec != r.Spec, want.Number != 0 && want.Number != r.Number:
			s.drop = true
		default: // its number may be meant for another now
			other, taken := wanted[r.Number]
			s.drop = taken && other != r.Name
		}
	}
}

// findStreams takes the streams that run and marks those that must go.
func (p *planner) findStreams(running *Running) {
	named := map[string]*Stream{}
	for i := range p.want.Streams {
		named[p.want.Streams[i].Name] = &p.want.Streams[i]
	}
	for _, r := range running.Streams {
		if len(r.Parts) == 0 {
			continue
		}
		s := &streamSlot{name: r.Name, ran: true}
		for _, part := range r.Parts {
			s.parts = append(s.parts, partSlot{part.Name, part.Arg, &slot{part.Number}, part.Hub})
			p.processes[part.Number] = s
		}
		p.streams[r.Name] = s
		p.order.streams = append(p.order.streams, r.Name)
		if want := named[r.Name]; want == nil {
			s.drop = p.was.has("stream " + r.Name)
		} else {
			s.drop = want.Top.Name != s.parts[0].name || want.Top.Arg != s.parts[0].arg
		}
	}
}

// removePVCs deletes the PVCs that go, or stand on what goes, and gives those that stay,
// by name.
func (p *planner) removePVCs(running *Running) map[string]*RunningPVC {
	wanted := pvcsByName(p.want)
	kept := map[string]*RunningPVC{}
	for i := range running.PVCs {
		r := &running.PVCs[i]
		port := p.numbers[r.Port]
		if port == nil {
			continue
		}
		name := port.Name + " " + vcText(r.VPI, r.VCI)
		stream := p.processes[r.Receiver]
		want := wanted[name]
		switch {
		case want == nil && !p.was.has("pvc "+name):
			if stream == nil || !stream.drop { // somebody else's goes with its port
				continue
			}
		case want == nil, port.drop, stream != nil && stream.drop, !sameVC(r, stream, want):
		default:
			kept[name] = r
			continue
		}
		p.deletePVC(name, r)
	}
	return kept
}

func pvcsByName(c *Config) map[string]*PVC {
	m := make(map[string]*PVC, len(c.PVCs))
	for i := range c.PVCs {
		m[c.PVCs[i].String()] = &c.PVCs[i]
	}
	return m
}

// sameVC tells whether a VC that runs can become the wanted one by another contract.
func sameVC(r *RunningPVC, stream *streamSlot, want *PVC) bool {
	name := ""
	if stream != nil {
		name = stream.name
	}
	return name == want.Stream && (stream != nil || r.Receiver == 0) && r.AAL == want.AAL &&
		r.RxMode == want.RxMode && r.Direction == want.Direction && r.MaxSDU == want.MaxSDU
}

// sameContract tells whether nothing is left to modify.
func sameContract(r *RunningPVC, want *PVC) bool {
	a, b := r.ATM, want.ATM
	a.Port, a.Receiver, b.Port, b.Receiver = 0, 0, 0, 0
	return a == b
}

func (p *planner) closeStreams() {
	for _, name := range slices.Backward(p.order.streams) {
		if s := p.streams[name]; s.drop {
			p.closeStream(s)
			delete(p.streams, name)
		}
	}
}

func (p *planner) closePorts() {
	for _, name := range slices.Backward(p.order.ports) {
		if s := p.ports[name]; s.drop {
			p.closePort(s)
			delete(p.ports, name)
		}
	}
}

// openPorts opens those that are missing: first those that are to have a number, which
// the others would take otherwise.
func (p *planner) openPorts() {
	for _, numbered := range []bool{true, false} {
		for i := range p.want.Ports {
			want := &p.want.Ports[i]
			if (want.Number != 0) == numbered && p.ports[want.Name] == nil {
				p.ports[want.Name] = p.openPort(want)
			}
		}
	}
}

// openStreams opens those that are missing, and gives the others their modules.
func (p *planner) openStreams() {
	for i := range p.want.Streams {
		want := &p.want.Streams[i]
		s := p.streams[want.Name]
		if s == nil {
			s = p.openStream(want)
			p.streams[want.Name] = s
		}
		p.moveParts(s, want)
		p.changeModules(s, want)
	}
}

// changeModules makes a stream's modules the wanted ones. Those alike at both ends of the
// list stay.
func (p *planner) changeModules(s *streamSlot, want *Stream) {
	have := s.parts[1:]
	same := func(a partSlot, b Part) bool { return a.name == b.Name && a.arg == b.Arg }
	first := 0
	for first < min(len(have), len(want.Modules)) && same(have[first], want.Modules[first]) {
		first++
	}
	last, wantLast := len(have), len(want.Modules)
	for last > first && wantLast > first && same(have[last-1], want.Modules[wantLast-1]) {
		last, wantLast = last-1, wantLast-1
	}
	for i := first; i < max(last, wantLast); i++ {
		switch {
		case i >= last: // have[first:last] is done with; the rest is new
			p.push(s, i+1, &want.Modules[i])
			if s.ran && want.Hub != 0 { // it may have come to stand on its VC's hub
				p.move(s, &s.parts[i+1], want)
			}
		case i >= wantLast:
			p.pop(s, wantLast+1)
		default:
			p.replace(s, i+1, &want.Modules[i])
		}
	}
}

// moveParts moves what stands on another hub than it is to.
func (p *planner) moveParts(s *streamSlot, want *Stream) {
	for i := range s.parts {
		if part := &s.parts[i]; want.Hub != 0 && part.hub != 0 && part.hub != want.Hub {
			p.move(s, part, want)
		}
	}
}

// addPVCs adds the PVCs that are missing, and gives the others their contract.
func (p *planner) addPVCs(kept map[string]*RunningPVC) {
	for i := range p.want.PVCs {
		want := &p.want.PVCs[i]
		switch r := kept[want.String()]; {
		case r == nil:
			p.putPVC(control.ATMAdd, want)
		case !sameContract(r, want):
			p.putPVC(control.ATMModify, want)
		}
	}
}
