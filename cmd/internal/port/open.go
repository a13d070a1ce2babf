package port

import (
	"errors"
	"fmt"
	"net"

	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// receiveRing is the memory of an Ethernet port's receive ring, in octets: 8,192 frames
// of 1,500 octets, so that a host which is busy elsewhere for some tens of
// milliseconds loses nothing at 1 Gb/s.
const receiveRing = 16 << 20

// Open opens the device in the network namespace of the calling thread and gives
// the port's configuration. The caller closes the device, or a port does.
func (s Spec) Open() (modules.PortConfig, error) {
	c := modules.PortConfig{Mode: s.Mode, LabelOut: s.LabelOut, LabelIn: s.LabelIn}
	var err error
	if s.Kind == UDP {
		c.Device, err = nic.OpenUDP(nic.UDPConfig{
			Local: s.Local, Remote: s.Remote, AnySourcePort: true, GSO: s.GSO,
			Lends: s.Mode.Cells(), // cells are copied out of a frame at once; what goes up as a frame would be copied once more
		})
		return c, err
	}
	state, err := link.Get(s.Device)
	if err != nil {
		if errors.Is(err, link.ErrNotFound) {
			return c, fmt.Errorf("interface %q: %w: see `ip link` for those there are", s.Device, nic.ErrNoInterface)
		}
		return c, err
	}
	if len(state.HardwareAddr) != 6 {
		return c, fmt.Errorf("interface %q is no Ethernet", s.Device)
	}
	c.Ethernet = &modules.Ethernet{Own: [6]byte(state.HardwareAddr), Peer: s.Peer, CheckPeer: s.HasPeer}
	pc := nic.PacketConfig{Interface: s.Device, EtherType: modules.EtherTypeMPLS, RxRing: receiveRing, GSO: s.GSO}
	if !s.HasPeer {
		pc.Multicast = append(pc.Multicast, net.HardwareAddr(s.Peer[:]))
	}
	c.Device, err = nic.OpenPacket(pc)
	return c, err
}

// Underlay is the interface that the port's frames leave by, as far as it can be
// told: the named one, or the one that has the local address. "" when none is.
func (s Spec) Underlay() string {
	if s.Kind == Ethernet {
		return s.Device
	}
	if zone := s.Local.Addr().Zone(); zone != "" {
		return zone
	}
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.Equal(s.Local.Addr().AsSlice()) {
				return i.Name
			}
		}
	}
	return ""
}
