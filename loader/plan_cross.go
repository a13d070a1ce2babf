package loader

import (
	"github.com/cellhub/cellhub/dataplane/control"
)

// removeCrosses deletes the cross-connects that go, change, or have an end on a port that
// goes, and gives the names of those that stay.
func (p *planner) removeCrosses(running *Running) map[string]bool {
	wanted := map[string]*Cross{}
	for i := range p.want.Crosses {
		wanted[p.want.Crosses[i].String()] = &p.want.Crosses[i]
	}
	kept := map[string]bool{}
	for i := range running.Crosses {
		r := &running.Crosses[i]
		from, to := p.numbers[r.Port], p.numbers[r.Far.Port]
		if from == nil || to == nil {
			continue
		}
		name := (&Cross{From: End{from.Name, r.VPI, r.VCI}, To: End{to.Name, r.Far.VPI, r.Far.VCI}}).String()
		want := wanted[name]
		switch {
		case want == nil && !p.was.has("cross "+name): // somebody else's goes with its ports
			continue
		case want != nil && !from.drop && !to.drop && sameCross(r, want):
			kept[name] = true
			continue
		}
		s := Step{What: "delete cross-connect " + name, port: &from.number}
		s.packet.Type = control.ATMDel
		s.packet.SetATM(&control.ATM{VPI: r.VPI, VCI: r.VCI})
		p.steps = append(p.steps, s)
	}
	return kept
}

// sameCross tells whether a cross-connect that runs is the wanted one.
func sameCross(r *RunningCross, want *Cross) bool {
	a, b := r.ATM, want.ATM
	a.Port, a.VPI, a.VCI, a.Receiver = 0, 0, 0, 0
	return a == b && r.Text == want.Text
}

// addCrosses adds those that are missing.
func (p *planner) addCrosses(kept map[string]bool) {
	for i := range p.want.Crosses {
		want := &p.want.Crosses[i]
		if kept[want.String()] {
			continue
		}
		s := Step{What: "cross-connect " + want.String(), At: want.At, port: &p.ports[want.From.Port].number}
		s.far, s.farEnd, s.text = &p.ports[want.To.Port].number, want.To, want.Text
		b := want.ATM
		b.VPI, b.VCI = want.From.VPI, want.From.VCI
		s.packet.Type = control.ATMXConnect
		s.packet.SetATM(&b)
		p.steps = append(p.steps, s)
	}
}

// secondEnd is the trailer of XCONNECT.
func (s *Step) secondEnd() (trailer []byte) {
	end := control.SecondEnd{Port: uint16(s.far.number), VPI: s.farEnd.VPI, VCI: s.farEnd.VCI}
	trailer, _ = end.Append(nil) // which fits
	if s.text != "" {
		trailer, _ = control.AppendTLV(trailer, control.TLVText, []byte(s.text))
	}
	return trailer
}
