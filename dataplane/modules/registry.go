package modules

import (
	"fmt"
	"strings"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
)

// Register names the modules that need nothing but their argument:
//
//	associations  "carrier", the first pair's; see the multiplexor's own pairs
//	aal5          "VPI/VCI"
//	rfc2684       "ENCAPSULATION KIND", llc or vcmux, bridged or routed
//	capture       "VPI/VCI FILE"
//	head          ""
//
// A program that opens devices registers "carrier" and "tap" itself.
func Register(r *dataplane.Registry) error {
	for name, c := range map[string]dataplane.Constructor{
		"associations": Associations,
		"aal5":         parseAAL5,
		"rfc2684":      parseRFC2684,
		"capture":      parseCapture,
		"head":         func(string) (dataplane.Module, error) { return NewHead(nil).Module(), nil },
	} {
		if err := r.Add(name, c); err != nil {
			return err
		}
	}
	return nil
}

func parseAAL5(arg string) (dataplane.Module, error) {
	vc, err := aal.ParseVC(arg)
	if err != nil {
		return dataplane.Module{}, err
	}
	return AAL5(vc), nil
}

func parseRFC2684(arg string) (dataplane.Module, error) {
	name, kind, _ := strings.Cut(arg, " ")
	encap, err := aal.ParseEncap(name)
	switch {
	case err != nil:
		return dataplane.Module{}, err
	case kind == kindName(aal.Bridged):
		return RFC2684(encap, aal.Bridged), nil
	case kind == kindName(aal.Routed):
		return RFC2684(encap, aal.Routed), nil
	}
	return dataplane.Module{}, fmt.Errorf("%q: bridged or routed", kind)
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
		dataplane.Part{Name: "tap", Arg: c.TAP})
}
