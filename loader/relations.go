package loader

import (
	"slices"
	"strings"

	"github.com/cellhub/cellhub/dataplane/control"
)

// relations checks what lies between the parts of a configuration that are each right by
// themselves, and gives modules the VC of their stream.
func (r *reader) relations(c *Config) {
	r.qosTables(c)
	r.fewBlocks(c)
	r.oneName(c)
	r.portNumbers(c)
	r.portKeys(c)
	streams := r.vcs(c)
	for i := range c.Streams {
		s := &c.Streams[i]
		r.arguments(s, streams[s.Name])
		r.layers(s, streams[s.Name])
		if hubs := max(c.Hubs, 1); s.Hub > hubs {
			r.fault(s.At, "stream %s: hub %d: there are %d, counted from 0: give more by hubs:", s.Name, s.Hub-1, hubs)
		}
	}
}

// oneName refuses a stream that is called like a port: to the daemon, names of both are
// names of processes.
func (r *reader) oneName(c *Config) {
	ports := map[string]*Port{}
	for i := range c.Ports {
		ports[c.Ports[i].Name] = &c.Ports[i]
	}
	for i := range c.Streams {
		if s := &c.Streams[i]; ports[s.Name] != nil {
			r.fault(s.At, "stream %s: a port is called so (line %d): give it another name", s.Name, ports[s.Name].At.Line)
		}
	}
}

// portNumbers refuses a number that two ports have.
func (r *reader) portNumbers(c *Config) {
	taken := map[uint16]*Port{}
	for i := range c.Ports {
		p := &c.Ports[i]
		if other := taken[p.Number]; p.Number != 0 && other != nil {
			r.fault(p.At, "port %s: number %d is port %s's (line %d): give another, or none", p.Name, p.Number, other.Name, other.At.Line)
			continue
		}
		taken[p.Number] = p
	}
}

// portKeys refuses two ports of which each would take the other's cells.
func (r *reader) portKeys(c *Config) {
	taken := map[string]*Port{}
	for i := range c.Ports {
		p := &c.Ports[i]
		spec, has := r.specs[p.Name]
		if other := taken[spec.Key]; has && other != nil {
			r.fault(p.At, "port %s: its cells cannot be told from those of port %s (line %d): take another label", p.Name, other.Name, other.At.Line)
			continue
		}
		taken[spec.Key] = p
	}
}

// vcs checks each PVC's names, and that no two are one; it gives each stream's.
func (r *reader) vcs(c *Config) map[string]*PVC {
	for i := range c.PVCs {
		p := &c.PVCs[i]
		if err := r.specs[p.Port].refuse(p.VPI, p.VCI, false); err != nil {
			r.fault(p.At, "PVC %s: port %s: %v", p, p.Port, err)
		}
	}
	ports, streams := map[string]bool{}, map[string]bool{}
	for i := range c.Ports {
		ports[c.Ports[i].Name] = true
	}
	for i := range c.Streams {
		streams[c.Streams[i].Name] = true
	}
	taken, under := map[string]*PVC{}, map[string]*PVC{}
	places := map[string]Position{}
	for i := range c.PVCs {
		p := &c.PVCs[i]
		switch other := taken[p.String()]; {
		case !ports[p.Port]:
			r.fault(p.At, "PVC %s: no port %q in ports", p, p.Port)
		case other != nil:
			r.fault(p.At, "PVC %s: that VC is in line %d already", p, other.At.Line)
		case p.Lowat != 0 && p.Hiwat != 0 && p.Lowat > p.Hiwat:
			r.fault(p.At, "PVC %s: lowat %d is above hiwat %d", p, p.Lowat, p.Hiwat)
		case p.unfit() != "":
			r.fault(p.At, "PVC %s: %s", p, p.unfit())
		case p.Stream == "":
		case !streams[p.Stream]:
			r.fault(p.At, "PVC %s: no stream %q in streams", p, p.Stream)
		case under[p.Stream] != nil:
			r.fault(p.At, "PVC %s: stream %s stands on VC %s already (line %d): one stream has one VC",
				p, p.Stream, under[p.Stream].VC(), under[p.Stream].At.Line)
		}
		taken[p.String()], places[p.String()] = p, p.At
		if p.Stream != "" {
			under[p.Stream] = p
		}
	}
	r.crosses(c, ports, places)
	return under
}

// refuse says why a port of the specification does not carry a VC, or a whole VP.
func (s Spec) refuse(vpi, vci uint16, path bool) error {
	if s.Refuse == nil {
		return nil
	}
	return s.Refuse(vpi, vci, path)
}

// unfit says why the rates of a PVC are no contract; empty: they are one, or none.
func (p *PVC) unfit() string {
	bursts := p.MBS > 0 && p.SCRForward > 0
	switch {
	case p.SCRForward > p.PCRForward || p.SCRBackward > p.PCRBackward:
		return "scr is above pcr"
	case p.PCRForward == 0 || p.Direction == control.DirectionIn || bursts: // nothing to keep to, or all of it is there
	case p.Service == control.ServiceVBR || p.Service == control.ServiceRealTimeVBR:
		return "variable rates: add scr: N and mbs: N to pcr"
	case p.Service == control.ServiceUBRMCR:
		return "a minimum: add it as scr: N, and mbs: N"
	}
	return ""
}

// arguments completes and checks the arguments of a stream's parts; vc is what the stream
// stands on, nil if nothing.
func (r *reader) arguments(s *Stream, vc *PVC) {
	parts := []*Part{&s.Top}
	for i := range s.Modules {
		parts = append(parts, &s.Modules[i])
	}
	var first *Part // that has a kind, and
	var of string   // which
	for _, p := range parts {
		rule := r.rules.Modules[p.Name]
		word, _, _ := strings.Cut(p.Arg, " ")
		if _, _, written := parseVC(word); rule.VC && !written {
			if vc == nil {
				r.fault(p.At, "stream %s: %s works on a VC, and no PVC has stream: %s", s.Name, p.Name, s.Name)
				continue
			}
			p.Arg = strings.TrimSpace(vc.VC() + " " + p.Arg)
		}
		if rule.Check != nil {
			if err := rule.Check(p.Arg); err != nil {
				r.fault(p.At, "stream %s: %s: %v", s.Name, p.Name, err)
				continue
			}
		}
		if rule.Kind == nil {
			continue
		}
		switch kind := rule.Kind(p.Arg); {
		case first == nil:
			first, of = p, kind
		case kind != of:
			r.fault(p.At, "stream %s: %s is %s, and %s above it is %s: one of the two must change", s.Name, p.Name, kind, first.Name, of)
		}
	}
}

// layers checks that cells become SDUs once between a stream's top and its port.
func (r *reader) layers(s *Stream, vc *PVC) {
	if vc == nil {
		return
	}
	spec, known := r.specs[vc.Port]
	var maker, user *Part
	if r.rules.Modules[s.Top.Name].SDUs {
		user = &s.Top
	}
	for i := range s.Modules {
		switch rule := r.rules.Modules[s.Modules[i].Name]; {
		case rule.Cells:
			maker = &s.Modules[i]
		case rule.SDUs && maker != nil:
			r.fault(s.Modules[i].At, "stream %s: %s works on SDUs, and %s above it has made cells of them: exchange them", s.Name, s.Modules[i].Name, maker.Name)
			return
		case rule.SDUs:
			user = &s.Modules[i]
		}
	}
	switch {
	case !known:
	case maker != nil && spec.SDUs:
		r.fault(maker.At, "stream %s: %s makes cells, and port %s carries SDUs: leave it out, or have the port carry cells", s.Name, maker.Name, vc.Port)
	case maker == nil && user != nil && !spec.SDUs:
		r.fault(user.At, "stream %s: nothing makes cells of SDUs for port %s: end modules with aal5, or have the port carry SDUs", s.Name, vc.Port)
	}
}

// moduleNames lists for a person what may stand in a place.
func (r *reader) moduleNames(top bool) string {
	var names []string
	for name, m := range r.rules.Modules {
		if m.Top == top {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return "there is " + strings.Join(names, ", ")
}
