package loader

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/cellhub/cellhub/dataplane/control"
)

// End is a VC of a port, or, with VCI 0, a whole path.
type End struct {
	Port     string
	VPI, VCI uint16
}

// String gives "PORT VPI/VCI", of a path "PORT VPI/*".
func (e End) String() string {
	if e.VCI == 0 {
		return fmt.Sprintf("%s %d/*", e.Port, e.VPI)
	}
	return e.Port + " " + vcText(e.VPI, e.VCI)
}

// XConnect joins VCs of ports: cells of one become cells of the other.
type XConnect struct {
	From   End
	To     []End // one, unless OneWay
	OneWay bool  // cells go to all of To, and none come back
	// ATM is the contract; forward is the way from From. What names a VC in it is 0.
	control.ATM
	Options string // in words: police, shape, frames, weight=N, cdvt=TIME, clp0, tag
	At      Position
}

// firstUserVCI is the lowest VCI that is switched by itself: those below are reserved.
const firstUserVCI = 32

// xconnects reads {from: PORT VPI/VCI, to: PORT VPI/VCI}, or leaves: [PORT VPI/VCI, …].
func (r *reader) xconnects(c *Config, n ast.Node) {
	for _, n := range r.list(n, "xconnects") {
		x := XConnect{At: nodeAt(n)}
		x.Direction = control.DirectionBoth
		one := false
		r.fields(n, "a cross-connect", map[string]func(entry){
			"from": func(e entry) { x.From = r.end(e) },
			"to":   func(e entry) { one, x.To = true, append(x.To, r.end(e)) },
			"leaves": func(e entry) {
				x.OneWay, x.Direction = true, control.DirectionIn
				for _, n := range r.list(e.value, e.key) {
					x.To = append(x.To, r.end(entry{e.key, e.at, n}))
				}
			},
			"service": func(e entry) { x.Service = word(r, e, serviceWords[:5], services[:5]) },
			"pcr":     func(e entry) { r.ways(e, &x.PCRForward, &x.PCRBackward) },
			"scr":     func(e entry) { r.ways(e, &x.SCRForward, &x.SCRBackward) },
			"mbs":     func(e entry) { x.MBS = uint32(r.number(e, 1, math.MaxUint32)) },
			"options": func(e entry) { x.Options, _ = r.text(e) },
		})
		if len(r.faults) == 0 {
			switch {
			case x.From.Port == "":
				r.fault(x.At, "a cross-connect without from: add from: PORT VPI/VCI")
			case len(x.To) == 0:
				r.fault(x.At, "a cross-connect without to: add to: PORT VPI/VCI, or leaves: [PORT VPI/VCI]")
			case x.OneWay && one:
				r.fault(x.At, "a cross-connect with to and leaves: one or the other")
			}
		}
		c.XConnects = append(c.XConnects, x)
	}
}

// end reads "PORT VPI/VCI" or "PORT VPI/*".
func (r *reader) end(e entry) (end End) {
	s, at := r.text(e)
	if s == "" {
		return end
	}
	port, vc, _ := strings.Cut(s, " ")
	vc = strings.TrimSpace(vc)
	vpi, whole := strings.CutSuffix(vc, "/*")
	if whole {
		vc = vpi + "/0"
	}
	var ok bool
	if end.VPI, end.VCI, ok = parseVC(vc); !ok || !whole && end.VCI == 0 {
		r.fault(at, "%s: %q: PORT VPI/VCI in decimal, or PORT VPI/* for a whole path, such as dslam 0/100", e.key, s)
		return end
	}
	if !whole && end.VCI < firstUserVCI {
		r.fault(at, "%s: %q: VCIs below %d are reserved: switch the path, PORT %d/*, or take another", e.key, s, firstUserVCI, end.VPI)
	}
	end.Port = port
	return end
}

// ways reads cells a second: one number for both ways, or {forward, backward}.
func (r *reader) ways(e entry, forward, backward *uint32) {
	rate := func(e entry) uint32 { return uint32(r.number(e, 1, math.MaxUint32)) }
	if _, plain := text(e.value); plain {
		*forward = rate(e)
		*backward = *forward
		return
	}
	r.fields(e.value, e.key, map[string]func(entry){
		"forward":  func(e entry) { *forward = rate(e) },
		"backward": func(e entry) { *backward = rate(e) },
	})
}

// crossed checks each cross-connect's names, and that no VC is used twice; a VPI is switched
// or terminated, never both.
func (r *reader) crossed(c *Config) {
	taken := map[End]Position{}
	paths, channels := map[End]Position{}, map[End]Position{}
	take := func(e End, at Position, what string) {
		whole := End{Port: e.Port, VPI: e.VPI}
		other, there := taken[e]
		if !there {
			other, there = paths[whole]
		}
		if !there && e == whole {
			other, there = channels[whole]
		}
		if there {
			r.fault(at, "%s: %s is in line %d already", what, e, other.Line)
			return
		}
		taken[e] = at
		if e == whole {
			paths[whole] = at
		} else {
			channels[whole] = at
		}
	}
	if len(c.XConnects) == 0 {
		return
	}
	ports := map[string]bool{}
	for i := range c.Ports {
		ports[c.Ports[i].Name] = true
	}
	for i := range c.PVCs {
		p := &c.PVCs[i]
		take(End{p.Port, p.VPI, p.VCI}, p.At, "PVC "+p.String())
	}
	for i := range c.XConnects {
		x := &c.XConnects[i]
		what := "cross-connect " + x.From.String()
		for _, e := range append([]End{x.From}, x.To...) {
			switch {
			case !ports[e.Port]:
				r.fault(x.At, "%s: no port %q in ports", what, e.Port)
			case (e.VCI == 0) != (x.From.VCI == 0):
				r.fault(x.At, "%s: %s: a path goes to a path, a channel to a channel", what, e)
			default:
				take(e, x.At, what)
			}
		}
	}
}

// RunningEnd is an End by the daemon's number of the port.
type RunningEnd struct{ Port, VPI, VCI uint16 }

// RunningXConnect is a cross-connect. Leaves are in the order of their numbers.
type RunningXConnect struct {
	From    RunningEnd
	To      []RunningEnd
	ATM     control.ATM
	Options string
	leaves  []uint32
}

// addCross takes a VC of a dump that is cross-connected; false: it is not. An end has a LEAF,
// and SECOND_END says of which VC.
func (r *Running) addCross(in *control.Packet) bool {
	value, ok := control.FindTLV(in.Trailer, control.TLVSecondEnd)
	if !ok {
		return false
	}
	b := in.ATM()
	here := RunningEnd{b.Port, b.VPI, b.VCI}
	leaf, isLeaf := control.FindTLV(in.Trailer, control.TLVLeaf)
	if !isLeaf {
		x := r.cross(here)
		words, _ := control.FindTLV(in.Trailer, control.TLVText)
		x.ATM, x.Options = b, string(words)
		return true
	}
	end, err := control.ParseSecondEnd(value)
	number, err2 := control.ParseLeaf(leaf)
	if err != nil || err2 != nil {
		return true
	}
	x := r.cross(RunningEnd{end.Port, end.VPI, end.VCI})
	i, _ := slices.BinarySearch(x.leaves, number.ID)
	x.leaves, x.To = slices.Insert(x.leaves, i, number.ID), slices.Insert(x.To, i, here)
	return true
}

// cross is the cross-connect from a VC, which it begins if there is none.
func (r *Running) cross(from RunningEnd) *RunningXConnect {
	i, there := r.crossAt[from]
	if !there {
		if r.crossAt == nil {
			r.crossAt = map[RunningEnd]int{}
		}
		i = len(r.XConnects)
		r.crossAt[from] = i
		r.XConnects = append(r.XConnects, RunningXConnect{From: from})
	}
	return &r.XConnects[i]
}

// removeCross deletes the cross-connects that go or change, and gives those that stay.
func (p *planner) removeCross(running *Running) map[string]bool {
	kept, wanted := map[string]bool{}, map[string]*XConnect{}
	for i := range p.want.XConnects {
		wanted[p.want.XConnects[i].From.String()] = &p.want.XConnects[i]
	}
	for i := range running.XConnects {
		r := &running.XConnects[i]
		from, stays := p.endOf(r.From)
		to := make([]End, len(r.To))
		for j := range r.To {
			var one bool
			to[j], one = p.endOf(r.To[j])
			stays = stays && one
		}
		name, want := from.String(), wanted[from.String()]
		switch {
		case want == nil && !p.was.has("xconnect "+name) && stays: // somebody else's
		case want != nil && stays && sameCross(r, to, want):
			kept[name] = true
		default:
			p.deletePVC("cross-connect "+name, &RunningPVC{control.ATM{Port: r.From.Port, VPI: r.From.VPI, VCI: r.From.VCI}})
			p.steps[len(p.steps)-1].What = "delete cross-connect " + name
		}
	}
	return kept
}

// endOf is an end by name; false: its port goes.
func (p *planner) endOf(e RunningEnd) (End, bool) {
	port := p.numbers[e.Port]
	if port == nil {
		return End{VPI: e.VPI, VCI: e.VCI}, true
	}
	return End{port.Name, e.VPI, e.VCI}, !port.drop
}

func sameCross(r *RunningXConnect, to []End, want *XConnect) bool {
	a, b := r.ATM, want.ATM
	a.Port, a.VPI, a.VCI, a.Receiver, a.AAL = 0, 0, 0, 0, 0
	b.AAL = 0
	return a == b && slices.Equal(to, want.To) && r.Options == want.Options
}

// addCross makes the cross-connects that are missing.
func (p *planner) addCross(kept map[string]bool) {
	for i := range p.want.XConnects {
		x := &p.want.XConnects[i]
		if kept[x.From.String()] {
			continue
		}
		for leaf, to := range x.To {
			t, what := control.ATMXConnect, "cross-connect "+x.From.String()+" to "+to.String()
			if leaf > 0 {
				t, what = control.ATMAddLeaf, "add leaf "+to.String()+" to "+x.From.String()
			}
			s := Step{What: what, At: x.At, port: &p.ports[x.From.Port].number, far: &p.ports[to.Port].number,
				end: control.SecondEnd{VPI: to.VPI, VCI: to.VCI}}
			b := x.ATM
			b.VPI, b.VCI = x.From.VPI, x.From.VCI
			s.packet.Type = t
			s.packet.SetATM(&b)
			if leaf > 0 {
				s.packet.Trailer, _ = (&control.Leaf{ID: uint32(leaf)}).Append(s.packet.Trailer)
			}
			if x.Options != "" { // at most maxText octets: it fits
				s.packet.Trailer, _ = control.AppendTLV(s.packet.Trailer, control.TLVText, []byte(x.Options))
			}
			p.steps = append(p.steps, s)
		}
	}
}
