package loader

import (
	"math"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Cross is a cross-connect: the cells of each end become those of the other.
type Cross struct {
	From, To End
	// ATM is its contract; forward is what comes from From. Direction IN: nothing comes back.
	// The place is From's and To's, and 0 here.
	control.ATM
	Merge bool   // whole PDUs go to a VC that others go to as well; nothing comes back
	Text  string // how the contract is kept: "police", "shape", "merge", who relays it: "relay=WISH", and the options: "frames", "weight=N", "cdvt=TIME", "clp0", "tag"
	At    Position
}

// End is a VC of a port, or, with VCI 0, a whole VP.
type End struct {
	Port     string
	VPI, VCI uint16
}

// wholePath is the VCI that stands for a whole VP.
const wholePath = 0

// firstUserVCI is the lowest VCI that is not reserved (I.361).
const firstUserVCI = 32

func (e End) reserved() bool { return e.VCI != wholePath && e.VCI < firstUserVCI }

// String gives "PORT VPI/VCI", or "PORT VPI/*".
func (e End) String() string {
	if e.VCI == wholePath {
		return e.Port + " " + strings.TrimSuffix(vcText(e.VPI, 0), "0") + "*"
	}
	return e.Port + " " + vcText(e.VPI, e.VCI)
}

// String gives "FROM to TO".
func (c *Cross) String() string { return c.From.String() + " to " + c.To.String() }

func (r *reader) xconnects(c *Config, n ast.Node) {
	for _, n := range r.list(n, "xconnects") {
		x := Cross{At: nodeAt(n)}
		x.Direction = control.DirectionBoth
		var police, shape, merge bool
		var relay, more string
		r.fields(n, "a cross-connect", map[string]func(entry){
			"from":    func(e entry) { x.From = r.end(e) },
			"to":      func(e entry) { x.To = r.end(e) },
			"one-way": func(e entry) { x.Direction = oneWay(r.yes(e)) },
			"service": func(e entry) { x.Service = word(r, e, serviceWords[:crossServices], services[:crossServices]) },
			"pcr":     func(e entry) { r.rates(e, &x.PCRForward, &x.PCRBackward) },
			"scr":     func(e entry) { r.rates(e, &x.SCRForward, &x.SCRBackward) },
			"mbs":     func(e entry) { x.MBS = uint32(r.number(e, 1, math.MaxUint32)) },
			"maxsdu":  func(e entry) { x.MaxSDU = uint16(r.number(e, 1, math.MaxUint16)) },
			"police":  func(e entry) { police = r.yes(e) },
			"shape":   func(e entry) { shape = r.yes(e) },
			"merge":   func(e entry) { merge = r.yes(e) },
			"relay":   func(e entry) { relay = word(r, e, relayWords, relayTexts) },
			"options": func(e entry) { more, _ = r.text(e) },
		})
		if police {
			x.Text = "police"
		}
		if shape {
			x.Text = strings.TrimSpace(x.Text + " shape")
		}
		if merge {
			x.Text = strings.TrimSpace(x.Text + " merge")
			x.Merge, x.Direction = true, control.DirectionIn
		}
		x.Text = strings.TrimSpace(strings.TrimSpace(x.Text+relay) + " " + more)
		if len(r.faults) == 0 && (x.From.Port == "" || x.To.Port == "") {
			r.fault(x.At, "a cross-connect without both ends: from: PORT VPI/VCI and to: PORT VPI/VCI")
		}
		c.Crosses = append(c.Crosses, x)
	}
}

// Who relays a cross-connect, and what the daemon is told.
var (
	relayWords = []string{"auto", "on", "off"}
	relayTexts = []string{"", " relay=on", " relay=off"}
)

var boolWords = []string{"yes", "true", "no", "false"}

// yes gives yes or no.
func (r *reader) yes(e entry) bool { return word(r, e, boolWords, []bool{true, true, false, false}) }

func oneWay(yes bool) control.Direction {
	if yes {
		return control.DirectionIn
	}
	return control.DirectionBoth
}

// crossServices is how many of the service categories a cross-connect may have: the first.
const crossServices = 5

// end reads "PORT VPI/VCI", or "PORT VPI/*".
func (r *reader) end(e entry) (end End) {
	s, at := r.text(e)
	if s == "" {
		return end
	}
	port, vc, _ := strings.Cut(s, " ")
	vpi, whole := strings.CutSuffix(vc, "/*")
	if whole {
		vc = vpi + "/0"
	}
	var ok bool
	end.Port = port
	if end.VPI, end.VCI, ok = parseVC(vc); !ok || port == "" || (end.VCI == wholePath) != whole {
		r.fault(at, "%s: %q: PORT VPI/VCI, such as dslam 0/100, or PORT VPI/* for a whole path", e.key, s)
	}
	return end
}

// crosses checks the ends of cross-connects; taken are the VCs of PVCs.
func (r *reader) crosses(c *Config, ports map[string]bool, taken map[string]Position) {
	merged := map[string]bool{}    // ends that others may merge into
	paths := map[string]Position{} // that are terminated or switched by VC, or switched as a whole
	for i := range c.PVCs {
		p := &c.PVCs[i]
		paths[End{p.Port, p.VPI, wholePath}.String()] = p.At
	}
	for i := range c.Crosses {
		x := &c.Crosses[i]
		switch {
		case x.From.reserved() || x.To.reserved():
			r.fault(x.At, "%s: VCIs below %d are for signalling and OAM, and are not switched one by one", x, firstUserVCI)
			continue
		case (x.From.VCI == wholePath) != (x.To.VCI == wholePath):
			r.fault(x.At, "%s: a whole path at one end and a VC at the other", x)
			continue
		case x.From == x.To:
			r.fault(x.At, "%s: two different ends", x)
			continue
		case x.SCRForward > x.PCRForward || x.SCRBackward > x.PCRBackward:
			r.fault(x.At, "%s: scr is above pcr", x)
		}
		for _, e := range []End{x.From, x.To} {
			if err := r.specs[e.Port].refuse(e.VPI, uint16(e.VCI), e.VCI == wholePath); err != nil {
				r.fault(x.At, "%s: port %s: %v", x, e.Port, err)
			}
			path := End{e.Port, e.VPI, wholePath}.String()
			switch other, there := taken[e.String()]; {
			case !ports[e.Port]:
				r.fault(x.At, "%s: no port %q in ports", x, e.Port)
			case there && !(x.Merge && e == x.To && merged[e.String()]):
				r.fault(x.At, "%s: %s is in line %d already", x, e, other.Line)
			case e.VCI == wholePath && paths[path].Line != 0:
				r.fault(x.At, "%s: VPI %d of port %s has VCs of its own (line %d), and cannot be switched as a whole", x, e.VPI, e.Port, paths[path].Line)
			case e.VCI != wholePath && taken[path].Line != 0:
				r.fault(x.At, "%s: VPI %d of port %s is switched as a whole in line %d", x, e.VPI, e.Port, taken[path].Line)
			}
			taken[e.String()] = x.At
			merged[e.String()] = x.Merge && e == x.To
			if e.VCI != wholePath {
				paths[path] = x.At
			}
		}
	}
}
