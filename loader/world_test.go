package loader

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/cellhub/cellhub/dataplane/control"
)

// world is a daemon without a dataplane: it obeys the messages of a plan, refuses what
// a daemon refuses, and remembers what was touched.
type world struct {
	mu sync.Mutex // between a test and serve
	Running
	next    uint32          // process number
	touched map[string]bool // PVCs that a message named
	sent    int
}

func newWorld() *world {
	w := &world{next: 100, touched: map[string]bool{}}
	w.Hubs = []uint32{1, 1<<26 | 1}
	return w
}

// run carries out a plan.
func (w *world) run(steps []Step) error {
	for i := range steps {
		p, ready := steps[i].Packet()
		if !ready {
			return fmt.Errorf("%s: not ready", steps[i].What)
		}
		w.sent++
		if err := w.do(&p); err != nil {
			return fmt.Errorf("%s (%v): %w", steps[i].What, &p.Message, err)
		}
		steps[i].learn(&p)
	}
	return nil
}

func (w *world) do(p *control.Packet) error {
	if p.Class == control.ClassATM {
		return w.atm(p)
	}
	b := p.Hub()
	text, _ := control.FindTLV(p.Trailer, control.TLVText)
	name, _ := control.FindTLV(p.Trailer, control.TLVName)
	isPort := b.Name.String() == "port"
	switch {
	case isPort && p.Type == control.HubOpen:
		name, spec, _ := strings.Cut(string(text), " ")
		return w.openPort(p, name, spec, uint16(b.B))
	case isPort && p.Type == control.HubClose:
		i := slices.IndexFunc(w.Ports, func(r RunningPort) bool { return uint32(r.Number) == b.B })
		if i < 0 || slices.ContainsFunc(w.PVCs, func(v RunningPVC) bool { return uint32(v.Port) == b.B }) ||
			slices.ContainsFunc(w.Crosses, func(x RunningCross) bool { return uint32(x.Port) == b.B || uint32(x.Far.Port) == b.B }) {
			return fmt.Errorf("no such port, or in use")
		}
		w.Ports = slices.Delete(w.Ports, i, i+1)
		return nil
	case p.Type == control.HubOpen:
		hub := max(1, slices.Index(w.Hubs, b.B)+1)
		if b.B != 0 && !slices.Contains(w.Hubs, b.B) || slices.ContainsFunc(w.Streams, func(s RunningStream) bool { return s.Name == string(name) }) {
			return fmt.Errorf("stream is there")
		}
		w.Streams = append(w.Streams, RunningStream{string(name), []RunningPart{w.part(&b, text, hub)}})
		b.A = w.next
		p.SetHub(&b)
		return nil
	}
	return w.change(p, b, text)
}

func (w *world) part(b *control.Hub, arg []byte, hub int) RunningPart {
	w.next++
	return RunningPart{w.next, b.Name.String(), string(arg), hub}
}

func (w *world) openPort(p *control.Packet, name, spec string, number uint16) error {
	free := func(n uint16) bool {
		return !slices.ContainsFunc(w.Ports, func(r RunningPort) bool { return r.Number == n || r.Name == name })
	}
	if number == 0 {
		for number = 1; !free(number) && number < 1000; number++ {
		}
	}
	if !free(number) {
		return fmt.Errorf("number or name taken")
	}
	w.Ports = append(w.Ports, RunningPort{name, spec, number})
	b := p.Hub()
	b.B = uint32(number)
	p.SetHub(&b)
	return nil
}

// change pushes, pops, replaces and closes.
func (w *world) change(p *control.Packet, b control.Hub, arg []byte) error {
	for i := range w.Streams {
		s := &w.Streams[i]
		at := slices.IndexFunc(s.Parts, func(r RunningPart) bool { return r.Number == b.A })
		if at < 0 {
			continue
		}
		switch p.Type {
		case control.HubPush:
			s.Parts = slices.Insert(s.Parts, at+1, w.part(&b, arg, s.Parts[at].Hub))
			b.A = w.next
			p.SetHub(&b)
		case control.HubMove:
			if s.Parts[at].Hub = slices.Index(w.Hubs, b.B) + 1; s.Parts[at].Hub == 0 {
				return fmt.Errorf("no hub")
			}
		case control.HubPop:
			s.Parts = slices.Delete(s.Parts, at, at+1)
		case control.HubReplace:
			s.Parts[at].Name, s.Parts[at].Arg = b.Name.String(), string(arg)
		case control.HubClose:
			if slices.ContainsFunc(w.PVCs, func(v RunningPVC) bool { return s.holds(v.Receiver) }) {
				return fmt.Errorf("a VC is on it")
			}
			w.Streams = slices.Delete(w.Streams, i, i+1)
		default:
			return fmt.Errorf("unexpected")
		}
		return nil
	}
	return fmt.Errorf("no process %d", b.A)
}

func (w *world) atm(p *control.Packet) error {
	b := p.ATM()
	port := slices.IndexFunc(w.Ports, func(r RunningPort) bool { return r.Number == b.Port })
	at := slices.IndexFunc(w.PVCs, func(v RunningPVC) bool { return v.Port == b.Port && v.VPI == b.VPI && v.VCI == b.VCI })
	crossed := slices.IndexFunc(w.Crosses, func(x RunningCross) bool { return x.Port == b.Port && x.VPI == b.VPI && x.VCI == b.VCI })
	if crossed >= 0 && p.Type == control.ATMDel {
		w.touched["cross "+w.end(b.Port, b.VPI, b.VCI).String()] = true
		w.Crosses = slices.Delete(w.Crosses, crossed, crossed+1)
		return nil
	}
	add := p.Type == control.ATMAdd || p.Type == control.ATMXConnect
	if port < 0 || (at >= 0) == add || crossed >= 0 {
		return fmt.Errorf("no such port or VC, or it is there")
	}
	w.touched[fmt.Sprintf("%s %d/%d", w.Ports[port].Name, b.VPI, b.VCI)] = true
	switch p.Type {
	case control.ATMXConnect:
		return w.cross(p, b)
	case control.ATMAdd:
		if b.Receiver != 0 && !slices.ContainsFunc(w.Streams, func(s RunningStream) bool { return s.holds(b.Receiver) }) {
			return fmt.Errorf("no receiver")
		}
		w.PVCs = append(w.PVCs, RunningPVC{b})
	case control.ATMModify:
		w.PVCs[at].ATM = b
	case control.ATMDel:
		w.PVCs = slices.Delete(w.PVCs, at, at+1)
	}
	return nil
}

func (w *world) end(port uint16, vpi, vci uint16) End {
	for _, p := range w.Ports {
		if p.Number == port {
			return End{p.Name, vpi, vci}
		}
	}
	return End{"nowhere", vpi, vci}
}

// cross makes a cross-connect of VCs that nobody has.
func (w *world) cross(p *control.Packet, b control.ATM) error {
	value, _ := control.FindTLV(p.Trailer, control.TLVSecondEnd)
	text, _ := control.FindTLV(p.Trailer, control.TLVText)
	far, err := control.ParseSecondEnd(value)
	if err != nil || w.end(far.Port, 0, 0).Port == "nowhere" {
		return fmt.Errorf("no far end")
	}
	is := func(port, vpi, vci uint16) bool { return port == far.Port && vpi == far.VPI && vci == far.VCI }
	if slices.ContainsFunc(w.PVCs, func(v RunningPVC) bool { return is(v.Port, v.VPI, v.VCI) }) ||
		slices.ContainsFunc(w.Crosses, func(x RunningCross) bool {
			return is(x.Port, x.VPI, x.VCI) || x.Far == far || x.Far == control.SecondEnd{Port: b.Port, VPI: b.VPI, VCI: b.VCI}
		}) {
		return fmt.Errorf("the far end is there")
	}
	w.Crosses = append(w.Crosses, RunningCross{b, far, string(text)})
	return nil
}

// String tells what is there without the numbers that depend on the order of making.
func (w *world) String() string {
	var lines []string
	ports := map[uint16]string{}
	for _, p := range w.Ports {
		ports[p.Number] = p.Name
		lines = append(lines, fmt.Sprintf("port %s %s", p.Name, p.Spec))
	}
	for _, s := range w.Streams {
		line := "stream " + s.Name
		for _, part := range s.Parts {
			line += fmt.Sprintf(" [%s %s]@%d", part.Name, part.Arg, part.Hub)
		}
		lines = append(lines, line)
	}
	for _, v := range w.PVCs {
		stream := "nobody"
		for _, s := range w.Streams {
			if s.holds(v.Receiver) {
				stream = s.Name
			}
		}
		port := ports[v.Port]
		v.Port, v.Receiver = 0, 0
		m := control.Message{}
		m.SetATM(&v.ATM)
		lines = append(lines, fmt.Sprintf("pvc %s %s %v", port, stream, &m))
	}
	for _, x := range w.Crosses {
		from, to := w.end(x.Port, x.VPI, x.VCI), w.end(x.Far.Port, x.Far.VPI, x.Far.VCI)
		x.Port = 0
		m := control.Message{}
		m.SetATM(&x.ATM)
		lines = append(lines, fmt.Sprintf("cross %v to %v %v %q", from, to, &m, x.Text))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// holds tells whether a process is one of the stream's.
func (s *RunningStream) holds(process uint32) bool {
	for _, p := range s.Parts {
		if p.Number == process {
			return true
		}
	}
	return false
}
