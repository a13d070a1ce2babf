package loader

import (
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/cellhub/cellhub/dataplane/control"
)

// ReadFile reads and checks a configuration file. What is wrong with it is Faults; that
// it cannot be read is an error of package os.
func ReadFile(name string, rules Rules) (*Config, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return Parse(name, text, rules)
}

// Parse reads and checks a configuration; file is what faults call it. The error is
// Faults, all of them.
func Parse(file string, text []byte, rules Rules) (*Config, error) {
	r := &reader{file: file, rules: rules, specs: map[string]Spec{}}
	c := new(Config)
	r.fields(r.document(text), "the configuration", map[string]func(entry){
		"control": func(e entry) { r.control(c, e) },
		"access":  func(e entry) { r.access(c, e.value) },
		"hubs":    func(e entry) { c.Hubs = int(r.number(e, 1, MaxHubs)) },
		"ports":   func(e entry) { r.ports(c, e.value) },
		"streams": func(e entry) { r.streams(c, e.value) },
		"pvcs":    func(e entry) { r.pvcs(c, e.value) },

		"sockets":   func(e entry) { r.sockets(c, e) },
		"blocks":    func(e entry) { r.blocks(c, e) },
		"captures":  func(e entry) { r.folders(c, e) },
		"relay":     func(e entry) { r.relay(c, e) },
		"xconnects": func(e entry) { r.xconnects(c, e.value) },
		"qos":       func(e entry) { r.qos(c, e.value) },
	})
	if len(r.faults) == 0 {
		r.relations(c)
	}
	if err := r.faults.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// control reads "PATH" or {path, mode, group}.
func (r *reader) control(c *Config, e entry) {
	c.Control.At = e.at
	path := func(e entry) {
		var at Position
		c.Control.Path, at = r.text(e)
		if c.Control.Path != "" && !strings.HasPrefix(c.Control.Path, "/") {
			r.fault(at, "%s: %q: a path from the root, such as %s", e.key, c.Control.Path, control.DefaultPath)
		}
	}
	if _, plain := text(e.value); plain {
		path(e)
		return
	}
	r.fields(e.value, "control", map[string]func(entry){
		"path": path,
		"mode": func(e entry) {
			s, at := r.text(e)
			n, err := strconv.ParseUint(s, 8, 32)
			if s != "" && (err != nil || n == 0 || n > uint64(fs.ModePerm)) {
				r.fault(at, "mode: %q: the socket's mode in octal, such as 0660", s)
			}
			c.Control.Mode = fs.FileMode(n)
		},
		"group": func(e entry) {
			var at Position
			c.Control.Group, at = r.text(e)
			r.ask(at, "group", c.Control.Group, r.rules.Group)
		},
	})
}

// ask puts a text to a rule.
func (r *reader) ask(at Position, what, text string, rule func(string) error) {
	if rule == nil || text == "" {
		return
	}
	if err := rule(text); err != nil {
		r.fault(at, "%s: %v", what, err)
	}
}

// roles as files name them.
var (
	roleWords = []string{"admin", "manager", "application", "module", "observer"}
	roles     = []control.Role{control.RoleAdmin, control.RoleManager, control.RoleApplication, control.RoleModulePath, control.RoleObserver}
)

func (r *reader) access(c *Config, n ast.Node) {
	known := map[string]func(entry){}
	for i, name := range roleWords {
		known[name] = func(e entry) {
			a := Access{Role: roles[i], At: e.at}
			r.fields(e.value, "access of "+name, map[string]func(entry){
				"users":  func(e entry) { a.Users = r.names(e, r.rules.User) },
				"groups": func(e entry) { a.Groups = r.names(e, r.rules.Group) },
			})
			c.Access = append(c.Access, a)
		}
	}
	r.fields(n, "access", known)
}

// names reads a list of users or groups.
func (r *reader) names(e entry, rule func(string) error) (names []string) {
	for _, n := range r.list(e.value, e.key) {
		name, at := r.text(entry{e.key, e.at, n})
		r.ask(at, e.key, name, rule)
		names = append(names, name)
	}
	return names
}

// name checks the name of a port or a stream.
func (r *reader) name(e entry, what string) string {
	switch {
	case e.key == "" || len(e.key) > MaxName:
		r.fault(e.at, "%s %q: a name of 1 to %d octets", what, e.key, MaxName)
	case strings.ContainsFunc(e.key, func(c rune) bool { return !isNameRune(c) }):
		r.fault(e.at, "%s %q: a name consists of letters, digits and - _ .", what, e.key)
	case !isNameRune(rune(e.key[0])) || e.key[0] == '-':
		r.fault(e.at, "%s %q: a name begins with a letter or a digit", what, e.key)
	}
	return e.key
}

func isNameRune(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
}

// ports reads NAME: SPEC, or NAME: {spec, number}.
func (r *reader) ports(c *Config, n ast.Node) {
	for _, e := range r.mapping(n, "ports") {
		p := Port{Name: r.name(e, "port"), At: e.at}
		spec := func(e entry) {
			var at Position
			p.Spec, at = r.text(e)
			r.ask(at, "port "+p.Name, p.Spec, func(text string) error {
				if r.rules.Spec == nil {
					return nil
				}
				spec, err := r.rules.Spec(text) // it may ask a resolver: once
				r.specs[p.Name] = spec
				return err
			})
		}
		if _, plain := text(e.value); plain {
			spec(e)
		} else {
			r.fields(e.value, "port "+p.Name, map[string]func(entry){
				"spec":   spec,
				"number": func(e entry) { p.Number = uint16(r.number(e, 1, maxPort)) },
			})
			if p.Spec == "" && len(r.faults) == 0 {
				r.fault(e.at, "port %s: no spec: add spec: eth:IFNAME,label=N or another", p.Name)
			}
		}
		c.Ports = append(c.Ports, p)
	}
}

func (r *reader) streams(c *Config, n ast.Node) {
	for _, e := range r.mapping(n, "streams") {
		s := Stream{Name: r.name(e, "stream"), At: e.at}
		r.fields(e.value, "stream "+s.Name, map[string]func(entry){
			"top": func(e entry) { s.Top = r.part(e, true) },
			"hub": func(e entry) { s.Hub = int(r.number(e, 0, MaxHubs-1)) + 1 },
			"modules": func(e entry) {
				for _, n := range r.list(e.value, e.key) {
					s.Modules = append(s.Modules, r.part(entry{e.key, e.at, n}, false))
				}
			},
		})
		if s.Top.Name == "" && len(r.faults) == 0 {
			r.fault(e.at, "stream %s: no top: add what stands on it, such as top: tap tap0", s.Name)
		}
		if len(s.Modules) > MaxModules {
			r.fault(e.at, "stream %s: %d modules: at most %d", s.Name, len(s.Modules), MaxModules)
		}
		c.Streams = append(c.Streams, s)
	}
}

// part reads "MODULE ARGUMENT".
func (r *reader) part(e entry, top bool) Part {
	s, at := r.text(e)
	name, arg, _ := strings.Cut(strings.TrimSpace(s), " ")
	p := Part{name, strings.TrimSpace(arg), at}
	if s == "" || r.rules.Modules == nil {
		return p
	}
	m, known := r.rules.Modules[name]
	switch {
	case known && m.Top == top:
	case known && top:
		r.fault(at, "top: %s is no top of a stream: %s", name, r.moduleNames(top))
	case known:
		r.fault(at, "modules: %s stands at the top: write top: %s", name, p)
	default:
		r.fault(at, "%s: no module %q: %s", e.key, name, r.moduleNames(top))
	}
	return p
}

func (r *reader) pvcs(c *Config, n ast.Node) {
	for _, n := range r.list(n, "pvcs") {
		p := PVC{At: nodeAt(n)}
		p.Direction = control.DirectionBoth
		var vc string
		r.fields(n, "a PVC", map[string]func(entry){
			"port":      func(e entry) { p.Port, _ = r.text(e) },
			"vc":        func(e entry) { vc = r.vc(e, &p) },
			"stream":    func(e entry) { p.Stream, _ = r.text(e) },
			"direction": func(e entry) { p.Direction = word(r, e, directionWords, directions) },
			"aal":       func(e entry) { p.AAL = word(r, e, aalWords, aals) },
			"receive":   func(e entry) { p.RxMode = word(r, e, rxWords, rxModes) },
			"service":   func(e entry) { p.Service = word(r, e, serviceWords, services) },
			"maxsdu":    func(e entry) { p.MaxSDU = uint16(r.number(e, 1, math.MaxUint16)) },
			"pcr":       func(e entry) { r.rates(e, &p.PCRForward, &p.PCRBackward) },
			"scr":       func(e entry) { r.rates(e, &p.SCRForward, &p.SCRBackward) },
			"mbs":       func(e entry) { p.MBS = uint32(r.number(e, 1, math.MaxUint32)) },
			"hiwat":     func(e entry) { p.Hiwat = uint32(r.number(e, 1, math.MaxUint32)) },
			"lowat":     func(e entry) { p.Lowat = uint32(r.number(e, 1, math.MaxUint32)) },
		})
		if len(r.faults) == 0 {
			switch {
			case p.Port == "":
				r.fault(p.At, "a PVC without port: add port: NAME, one of ports")
			case vc == "":
				r.fault(p.At, "a PVC without vc: add vc: VPI/VCI")
			}
		}
		c.PVCs = append(c.PVCs, p)
	}
}

// The words of a PVC: what the daemon has today.
var (
	directionWords = []string{"both", "in", "out"}
	directions     = []control.Direction{control.DirectionBoth, control.DirectionIn, control.DirectionOut}
	aalWords       = []string{"0", "5"}
	aals           = []control.AAL{control.AAL0, control.AAL5}
	rxWords        = []string{"aal", "raw"}
	rxModes        = []control.RxMode{control.RxAAL, control.RxRaw}
	serviceWords   = []string{"ubr", "cbr", "rt-vbr", "vbr", "ubr+mcr", "abr", "gfr"}
	services       = []control.Service{control.ServiceUBR, control.ServiceCBR, control.ServiceRealTimeVBR, control.ServiceVBR,
		control.ServiceUBRMCR, control.ServiceABR, control.ServiceGFR}
)

// vc reads "VPI/VCI".
func (r *reader) vc(e entry, p *PVC) string {
	s, at := r.text(e)
	if s == "" {
		return ""
	}
	vpi, vci, ok := parseVC(s)
	if !ok {
		r.fault(at, "vc: %q: VPI/VCI in decimal, VPI 0 to %d, VCI 0 to %d, such as 0/100", s, maxVPI, math.MaxUint16)
	}
	p.VPI, p.VCI = vpi, vci
	return s
}

func parseVC(s string) (vpi, vci uint16, ok bool) {
	v, c, _ := strings.Cut(s, "/")
	path, err := strconv.ParseUint(v, 10, 16)
	channel, err2 := strconv.ParseUint(c, 10, 16)
	if err != nil || err2 != nil || path > maxVPI {
		return 0, 0, false
	}
	return uint16(path), uint16(channel), true
}

// rates reads cells a second: one number for both directions, or {tx, rx}, to and from
// the network.
func (r *reader) rates(e entry, forward, backward *uint32) {
	rate := func(e entry) uint32 { return uint32(r.number(e, 1, math.MaxUint32)) }
	if _, plain := text(e.value); plain {
		*forward = rate(e)
		*backward = *forward
		return
	}
	r.fields(e.value, e.key, map[string]func(entry){
		"tx": func(e entry) { *forward = rate(e) },
		"rx": func(e entry) { *backward = rate(e) },
	})
}
