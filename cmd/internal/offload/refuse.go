package offload

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/port"
	"github.com/cellhub/cellhub/dataplane/modules"
)

// Ends of names of interfaces, and how long the host's may be with them.
const (
	netSuffix = "-net"
	hubSuffix = "-hub"
	MaxName   = 15 - len(netSuffix)
)

// Choice is whether the kernel carries a tunnel.
type Choice uint8

// The choices.
const (
	Off  Choice = iota // unless told
	On                 // or the tunnel is refused
	Auto               // if it can
)

var choiceNames = [...]string{Off: "off", On: "on", Auto: "auto"}

func (c *Choice) String() string { return choiceNames[*c] }

// Type is what a flag's value is called.
func (c *Choice) Type() string { return "auto|on|off" }

// Set reads a choice.
func (c *Choice) Set(s string) error {
	i := slices.Index(choiceNames[:], s)
	if i < 0 {
		return errors.New("auto, on or off")
	}
	*c = Choice(i)
	return nil
}

// HubDevice is what the TAP of the hub is called beside a device.
func HubDevice(name string) string { return name + hubSuffix }

// Refuse says why the kernel cannot carry such a tunnel, and what can be done; nil: it can.
func Refuse(name string, spec port.Spec, kind aal.Kind) error {
	switch {
	case spec.Mode != modules.ModeAAL5SDU:
		return fmt.Errorf("mode %s: what stands before a frame is a constant in mode=aal5sdu only", spec.Mode)
	case kind != aal.Bridged:
		return errors.New("the host's end is a veth, which has Ethernet frames: take --tap")
	case spec.Numbered:
		return errors.New("seq=on: the programs number no frames: leave it out at both ends")
	case spec.Kind == port.Ethernet && spec.VLAN != 0:
		return fmt.Errorf("vlan=%d: make a VLAN interface (ip link add link %s name %s.%d type vlan id %d) and put the port on it",
			spec.VLAN, spec.Device, spec.Device, spec.VLAN, spec.VLAN)
	case spec.Driver == port.XDP:
		return errors.New("driver=xdp takes the frames before the programs see them: take driver=packet")
	case spec.Kind == port.UDP && spec.Local.Addr().IsUnspecified():
		return fmt.Errorf("local address %s: give the one that datagrams leave by", spec.Local.Addr())
	case spec.Kind == port.UDP && spec.Local.Addr().Is6() && !spec.ZeroSum:
		return errors.New("IPv6 datagrams of the kernel have no checksum: add checksum=off at both ends (RFC 6935)")
	case spec.ECN:
		return errors.New("ecn=copy: the programs copy no marks: leave it out")
	case spec.Impairment != (modules.Impairment{}):
		return errors.New("harm to what comes in is done by the hub, which the frames pass by")
	case spec.Passed != "":
		return errors.New("fd=: the programs want an interface and not a descriptor")
	case len(name) > MaxName:
		return fmt.Errorf("%s: %d octets; two interfaces beside it are called %s%s and %s%s, so it has at most %d", name, len(name), name, netSuffix, name, hubSuffix, MaxName)
	}
	return nil
}
