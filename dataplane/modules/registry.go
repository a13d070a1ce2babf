package modules

import (
	"fmt"
	"strings"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/dlpi"
)

// Register names the modules that need nothing but their argument:
//
//	associations  "carrier", the first pair's; see the multiplexor's own pairs
//	aal5          "VPI/VCI", or nothing: the VC that the stream is linked to
//	rfc2684       "ENCAPSULATION KIND", llc or vcmux, bridged or routed
//	capture       "VPI/VCI FILE"
//	toobig        "KIND", bridged or routed
//	head          ""
//	local         "", both pairs'
//	signal        the number of a line
//	dlpi, cdi     the number of a line
//
// A program that opens devices registers "carrier", "tap" and "ether" itself.
func Register(r *dataplane.Registry) error {
	for name, c := range map[string]dataplane.Constructor{
		"associations": Associations,
		"aal5":         parseAAL5,
		"rfc2684":      parseRFC2684,
		"capture":      parseCapture,
		"toobig":       parseTooBig,
		"local":        Local,
		"signal":       parseSignal,
		"dlpi":         func(arg string) (dataplane.Module, error) { return parseProvider("dlpi", arg, dlpi.New()) },
		"cdi":          func(arg string) (dataplane.Module, error) { return parseProvider("cdi", arg, dlpi.NewLine()) },
		"head":         func(string) (dataplane.Module, error) { return NewHead(nil).Module(), nil },
	} {
		if err := r.Add(name, c); err != nil {
			return err
		}
	}
	return nil
}

func parseAAL5(arg string) (dataplane.Module, error) {
	if arg == "" {
		return AAL5(aal.VC{}), nil
	}
	vc, err := aal.ParseVC(arg)
	if err != nil {
		return dataplane.Module{}, err
	}
	return AAL5(vc), nil
}

func parseRFC2684(arg string) (dataplane.Module, error) {
	name, kind, _ := strings.Cut(arg, " ")
	encap, err := aal.ParseEncap(name)
	if err != nil {
		return dataplane.Module{}, err
	}
	k, err := parseKind(kind)
	if err != nil {
		return dataplane.Module{}, err
	}
	return RFC2684(encap, k), nil
}

func parseTooBig(arg string) (dataplane.Module, error) {
	kind, err := parseKind(arg)
	if err != nil {
		return dataplane.Module{}, err
	}
	return NewTooBig(kind).Module(), nil
}

func parseKind(name string) (aal.Kind, error) {
	for _, k := range []aal.Kind{aal.Bridged, aal.Routed} {
		if name == kindName(k) {
			return k, nil
		}
	}
	return 0, fmt.Errorf("%q: bridged or routed", name)
}

func kindName(k aal.Kind) string {
	if k == aal.Routed {
		return "routed"
	}
	return "bridged"
}

func parseCapture(arg string) (dataplane.Module, error) {
	name, file, _ := strings.Cut(arg, " ")
	vc, err := aal.ParseVC(name)
	if err != nil {
		return dataplane.Module{}, err
	}
	c, err := NewCapture(file, vc)
	if err != nil {
		return dataplane.Module{}, err
	}
	return c.Module(), nil
}

// TunnelConfig describes the stream of an ATM tunnel: one VC between the first port of a carrier and a TAP.
type TunnelConfig struct {
	Carrier, TAP string // arguments of those two
	VC           aal.VC
	Cells        bool // its first port carries cells: AAL5 makes SDUs of them
	Encap        aal.Encap
	Kind         aal.Kind
	Capture      string // a file, or none
}

// Tunnel is the list that the stream of a tunnel is built from, the lowest first.
func Tunnel(c TunnelConfig) []dataplane.Part {
	parts := []dataplane.Part{
		{Name: "carrier", Arg: c.Carrier},
		{Name: "associations", Arg: "carrier"},
		{Arg: "vc 0 " + c.VC.String()},
	}
	if c.Cells {
		parts = append(parts, dataplane.Part{Name: "aal5", Arg: c.VC.String()})
	}
	if c.Capture != "" {
		parts = append(parts, dataplane.Part{Name: "capture", Arg: c.VC.String() + " " + c.Capture})
	}
	return append(parts,
		dataplane.Part{Name: "rfc2684", Arg: c.Encap.String() + " " + kindName(c.Kind)},
		dataplane.Part{Name: "toobig", Arg: kindName(c.Kind)},
		dataplane.Part{Name: "tap", Arg: c.TAP})
}
