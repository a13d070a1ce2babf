package loader

import (
	"slices"
	"strings"
)

// relations checks what lies between the parts of a configuration that are each right by
// themselves, and gives modules the VC of their stream.
func (r *reader) relations(c *Config) {
	r.oneName(c)
	r.portNumbers(c)
	r.portKeys(c)
	streams := r.vcs(c)
	r.crossed(c)
	for i := range c.Streams {
		r.arguments(&c.Streams[i], streams[c.Streams[i].Name])
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
		key, has := r.keys[p.Name]
		if other := taken[key]; has && other != nil {
			r.fault(p.At, "port %s: its cells cannot be told from those of port %s (line %d): take another label", p.Name, other.Name, other.At.Line)
			continue
		}
		taken[key] = p
	}
}

// vcs checks each PVC's names, and that no two are one; it gives each stream's.
func (r *reader) vcs(c *Config) map[string]*PVC {
	ports, streams := map[string]bool{}, map[string]bool{}
	for i := range c.Ports {
		ports[c.Ports[i].Name] = true
	}
	for i := range c.Streams {
		streams[c.Streams[i].Name] = true
	}
	taken, under := map[string]*PVC{}, map[string]*PVC{}
	for i := range c.PVCs {
		p := &c.PVCs[i]
		switch other := taken[p.String()]; {
		case !ports[p.Port]:
			r.fault(p.At, "PVC %s: no port %q in ports", p, p.Port)
		case other != nil:
			r.fault(p.At, "PVC %s: that VC is in line %d already", p, other.At.Line)
		case p.Lowat != 0 && p.Hiwat != 0 && p.Lowat > p.Hiwat:
			r.fault(p.At, "PVC %s: lowat %d is above hiwat %d", p, p.Lowat, p.Hiwat)
		case p.SCRForward > p.PCRForward || p.SCRBackward > p.PCRBackward:
			r.fault(p.At, "PVC %s: scr is above pcr", p)
		case p.Stream == "":
		case !streams[p.Stream]:
			r.fault(p.At, "PVC %s: no stream %q in streams", p, p.Stream)
		case under[p.Stream] != nil:
			r.fault(p.At, "PVC %s: stream %s stands on VC %s already (line %d): one stream has one VC",
				p, p.Stream, under[p.Stream].VC(), under[p.Stream].At.Line)
		}
		taken[p.String()] = p
		if p.Stream != "" {
			under[p.Stream] = p
		}
	}
	return under
}

// arguments completes and checks the arguments of a stream's parts; vc is what the stream
// stands on, nil if nothing.
func (r *reader) arguments(s *Stream, vc *PVC) {
	parts := []*Part{&s.Top}
	for i := range s.Modules {
		parts = append(parts, &s.Modules[i])
	}
	for _, p := range parts {
		rule := r.rules.Modules[p.Name]
		first, _, _ := strings.Cut(p.Arg, " ")
		if _, _, written := parseVC(first); rule.VC && !written {
			if vc == nil {
				r.fault(p.At, "stream %s: %s works on a VC, and no PVC has stream: %s", s.Name, p.Name, s.Name)
				continue
			}
			p.Arg = strings.TrimSpace(vc.VC() + " " + p.Arg)
		}
		if rule.Check != nil {
			if err := rule.Check(p.Arg); err != nil {
				r.fault(p.At, "stream %s: %s: %v", s.Name, p.Name, err)
			}
		}
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
