package main

import (
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/daemon"
	"github.com/cellhub/cellhub/signalling/ilmi"
	"github.com/cellhub/cellhub/signalling/node"
	"github.com/cellhub/cellhub/signalling/q2931"
)

// file is the configuration file.
type file struct {
	Name       string              `yaml:"name"`
	Interfaces []iface             `yaml:"interfaces"`
	Routes     map[string][]uint16 `yaml:"routes"`
	IP         map[string]host     `yaml:"ip"`
}

// iface is an interface with signalling.
type iface struct {
	Port     uint16 `yaml:"port"`     // of the hub
	Side     string `yaml:"side"`     // user or network
	Version  string `yaml:"version"`  // 3.0, 3.1 or 4.0
	Capacity uint32 `yaml:"capacity"` // cells a second that may be given away
	VPIs     uint16 `yaml:"vpis"`     // from 0
	VCIs     []int  `yaml:"vcis"`     // the first and the last for calls
	ILMI     *mgmt  `yaml:"ilmi"`
}

// mgmt is ILMI: prefixes of a network side, end system identifiers of a user side.
type mgmt struct {
	Prefixes []string `yaml:"prefixes"`
	ESIs     []string `yaml:"esis"`
}

// readConfig reads the file. The error says what is wrong, and in which line and column.
func readConfig(name string) (c daemon.Config, ip []ipHost, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return c, nil, err
	}
	return parseConfig(name, text)
}

func parseConfig(name string, text []byte) (c daemon.Config, ip []ipHost, err error) {
	var f file
	d := document{name: name}
	if err := d.parse(text, &f); err != nil {
		return c, nil, err
	}
	if c.Name = f.Name; c.Name == "" {
		c.Name = "cellsigd"
	}
	if len(f.Interfaces) == 0 {
		return c, nil, fmt.Errorf("%s: no interfaces: name the ports that have signalling", name)
	}
	trial := node.New()
	for k := range f.Interfaces {
		i, err := f.Interfaces[k].read()
		if err == nil {
			err = trial.AddInterface(0, i)
		}
		if err != nil {
			return c, nil, d.fault(d.iface(k), fmt.Errorf("interface %d, port %d: %w", k+1, f.Interfaces[k].Port, err))
		}
		c.Interfaces = append(c.Interfaces, i)
	}
	c.Routes = f.Routes
	if err := f.checkRoutes(&d); err != nil {
		return c, nil, err
	}
	ip, err = f.checkHosts(&d)
	return c, ip, err
}

// checkRoutes says what is wrong with the routes.
func (f *file) checkRoutes(d *document) error {
	spelt := map[address.Prefix]string{}
	for _, text := range slices.Sorted(maps.Keys(f.Routes)) {
		prefix, err := address.ParsePrefix(text)
		if other, twice := spelt[prefix]; err == nil && twice {
			err = fmt.Errorf("its prefix is that of route %q", other)
		}
		for _, port := range f.Routes[text] {
			if err == nil && !slices.ContainsFunc(f.Interfaces, func(i iface) bool { return i.Port == port }) {
				err = fmt.Errorf("port %d: no such interface", port)
			}
		}
		if err != nil {
			return d.fault(d.key("routes", text), fmt.Errorf("route %q: %w", text, err))
		}
		spelt[prefix] = text
	}
	return nil
}

var versions = map[string]q2931.Version{"3.0": q2931.UNI30, "3.1": q2931.UNI31, "4.0": q2931.UNI40, "": q2931.UNI40}

func (f *iface) read() (i node.Interface, err error) {
	i = node.Interface{Port: f.Port, Paths: f.VPIs, Capacity: f.Capacity}
	switch f.Side {
	case "network":
		i.Call.Side = q2931.Network
	case "user":
	default:
		return i, fmt.Errorf("side %q: user or network, as the peer is not", f.Side)
	}
	var known bool
	if i.Call.Version, known = versions[f.Version]; !known {
		return i, fmt.Errorf("version %q: \"3.0\", \"3.1\" or \"4.0\"", f.Version)
	}
	switch {
	case len(f.VCIs) == 0:
	case len(f.VCIs) != 2 || f.VCIs[0] < node.FirstVCI || f.VCIs[1] < f.VCIs[0] || f.VCIs[1] > 1<<16-1:
		return i, fmt.Errorf("vcis %v: the first and the last, from %d", f.VCIs, node.FirstVCI)
	default:
		i.FirstVCI, i.LastVCI = uint16(f.VCIs[0]), uint16(f.VCIs[1])
	}
	if f.ILMI != nil {
		i.Management, err = f.ILMI.read(i.Call.Side == q2931.Network)
	}
	return i, err
}

func (f *mgmt) read(network bool) (*node.Management, error) {
	m := &node.Management{Config: ilmi.DefaultConfig(ilmi.UserSide)}
	if network {
		m.Config = ilmi.DefaultConfig(ilmi.NetworkSide)
	}
	if network && len(f.ESIs) > 0 || !network && len(f.Prefixes) > 0 {
		return nil, fmt.Errorf("ilmi: a network side has prefixes, a user side esis")
	}
	for _, text := range f.Prefixes {
		var p address.NetPrefix
		octets, err := hex.DecodeString(strings.ReplaceAll(text, ".", ""))
		if err != nil || len(octets) != len(p) {
			return nil, fmt.Errorf("ilmi: prefix %q: %d octets in hexadecimal", text, len(p))
		}
		copy(p[:], octets)
		m.Prefixes = append(m.Prefixes, ilmi.NetPrefix(p))
	}
	for _, text := range f.ESIs {
		var e address.ESI
		octets, err := hex.DecodeString(strings.NewReplacer(".", "", ":", "").Replace(text))
		if err != nil || len(octets) != len(e) {
			return nil, fmt.Errorf("ilmi: end system identifier %q: %d octets in hexadecimal", text, len(e))
		}
		copy(e[:], octets)
		m.Identifiers = append(m.Identifiers, ilmi.Identifier{ESI: e})
	}
	return m, nil
}
