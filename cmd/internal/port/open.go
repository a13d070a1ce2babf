package port

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// receiveRing is the memory of an Ethernet carrier's receive ring, in octets: 8,192 frames
// of 1,500 octets, so that a host which is busy elsewhere for some tens of
// milliseconds loses nothing at 1 Gb/s.
const receiveRing = 16 << 20

// Open opens the carrier in the network namespace of the calling thread, with the one port
// on it. The caller closes the device, or a carrier does.
func (s Spec) Open() (c modules.CarrierConfig, err error) {
	p, err := s.port()
	if err != nil {
		return c, err
	}
	if s.Kind == UDP {
		c.Link = modules.LinkPeers
		c.Device, err = nic.OpenUDP(nic.UDPConfig{Local: s.Local, TrafficClass: s.DSCP << 2})
	} else {
		c.Link = modules.LinkEthernet
		c.Device, c.Own, err = s.openEthernet()
	}
	c.Ports = []modules.PortConfig{p}
	return c, err
}

// port is the pseudowire of the specification, as it is to be on its carrier.
func (s Spec) port() (p modules.PortConfig, err error) {
	p = modules.PortConfig{Encapsulation: s.Encapsulation, Cells: s.Cells, Pack: s.Pack.Nanoseconds()}
	if s.Kind == Ethernet {
		p.Far = modules.Far{Station: s.Peer, Check: s.HasPeer, VLAN: s.VLAN}
		return p, nil
	}
	if p.Far.Peer, err = nic.PeerOf(s.Remote); err != nil {
		return p, err
	}
	room, err := nic.PathFrame(netip.AddrPortFrom(s.Local.Addr(), 0), s.Remote)
	p.MaxFrame = nic.PeerBytes + room
	return p, err
}

func (s Spec) openEthernet() (dev nic.Device, own [6]byte, err error) {
	state, err := link.Get(s.Device)
	if err != nil {
		if errors.Is(err, link.ErrNotFound) {
			err = fmt.Errorf("interface %q: %w: see `ip link` for those there are", s.Device, nic.ErrNoInterface)
		}
		return nil, own, err
	}
	if len(state.HardwareAddr) != len(own) {
		return nil, own, fmt.Errorf("interface %q is no Ethernet", s.Device)
	}
	pc := nic.PacketConfig{Interface: s.Device, EtherType: modules.EtherTypeMPLS, RxRing: receiveRing, Tagged: s.VLAN != 0}
	if pc.Filter, err = labelFilter([]uint32{s.LabelIn}); err != nil {
		return nil, own, err
	}
	if !s.HasPeer {
		pc.Multicast = append(pc.Multicast, net.HardwareAddr(s.Peer[:]))
	}
	dev, err = nic.OpenPacket(pc)
	return dev, [6]byte(state.HardwareAddr), err
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
