package port

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/loader/classifier"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// receiveRing is the memory of an Ethernet carrier's receive ring, in octets: 8,192 frames
// of 1,500 octets, so that a host which is busy elsewhere for some tens of
// milliseconds loses nothing at 1 Gb/s.
const receiveRing = 16 << 20

// Opening says how a port is opened another time; the zero value is the first.
type Opening struct {
	Index    int        // of the interface of an Ethernet port, or of a zone; 0: the one of the name
	Replaces nic.Device // the device that is open still and will be closed
	Region   []byte     // of the hub's blocks of block.Small, which AF_XDP moves frames in
	Passed   *Descriptors
	Shared   bool // other ports, with labels of their own, will come to the same carrier: no label passes yet
}

// Open opens the carrier in the network namespace of the calling thread, with the one port
// on it. The caller closes the device, or a carrier does. In place of another, an Ethernet
// device is held: it receives nothing until it is admitted.
func (s Spec) Open(o Opening) (c modules.CarrierConfig, err error) {
	c.Ports = []modules.PortConfig{s.portConfig()}
	if s.Kind == UDP {
		if err := s.checkPath(); err != nil {
			return c, err
		}
		fd, err := s.descriptor(o.Passed)
		if err != nil {
			return c, err
		}
		udp := nic.UDPConfig{
			Local: s.Local, Remote: s.Remote, AnySourcePort: true, ZeroChecksum: s.ZeroSum, Replaces: o.Replaces,
			TrafficClass: s.DSCP << 2, Marks: true, GSO: s.GSO,
			Descriptor: fd,
			Lends:      s.Mode.Cells(), // cells are copied out of a frame at once; what goes up as a frame would be copied once more
		}
		if s.Entropy != "off" {
			udp.SourcePorts, udp.Entropy = 1, entropy(s.LabelOut)
		}
		c.Device, err = nic.OpenUDP(udp)
		return c, err
	}
	c.Link = modules.LinkEthernet
	state, own, err := s.station(o.Index)
	if err != nil {
		return c, err
	}
	c.Own = own
	c.Device, err = s.openEthernet(state, o)
	return c, err
}

// Station is the address that frames of an Ethernet port come from, on the interface of a number.
func (s Spec) Station(index int) ([6]byte, error) {
	_, own, err := s.station(index)
	return own, err
}

func (s Spec) station(index int) (state link.State, own [6]byte, err error) {
	if state, err = s.find(index); err == nil {
		err = s.checkInterface(state)
	}
	if err == nil {
		own = [6]byte(state.HardwareAddr)
	}
	return state, own, err
}

// entropy spreads labels over source ports. It is the pseudowire's and not the VC's: a pseudowire keeps its order, and
// cells of several VCs share frames.
func entropy(label uint32) uint32 {
	const golden = 0x9E3779B1 // 2^32 divided by the golden ratio: neighbours end far apart
	return label * golden >> 16
}

// openEthernet opens the device of an Ethernet carrier by the driver asked for. In place of another AF_XDP device on the
// same interface the error is nic.ErrQueueInUse until that one is closed.
func (s Spec) openEthernet(state link.State, o Opening) (nic.Device, error) {
	if s.Driver == Packet || s.Passed != "" {
		return s.openPacket(state, o, "")
	}
	dev, err := s.openXDP(state, o)
	switch {
	case err == nil:
		return dev, nil
	case s.Driver == XDP, errors.Is(err, nic.ErrQueueInUse) && o.Replaces != nil:
		return nil, err
	}
	return s.openPacket(state, o, fmt.Sprintf("AF_PACKET: %v", err))
}

// openPacket opens a packet socket; note says what it takes the place of.
func (s Spec) openPacket(state link.State, o Opening, note string) (nic.Device, error) {
	pc := nic.PacketConfig{
		Interface: state.Name, Index: state.Index, EtherType: modules.EtherTypeMPLS, RxRing: receiveRing, Held: o.Replaces != nil,
		Tagged: s.VLAN != 0, GSO: s.GSO, Multicast: s.groups(o.Shared), Note: note,
	}
	var err error
	var labels []uint32
	if !o.Shared {
		labels = append(labels, s.LabelIn)
	}
	if pc.Filter, err = labelFilter(labels); err != nil {
		return nil, err
	}
	if pc.Descriptor, err = s.descriptor(o.Passed); err != nil {
		return nil, err
	}
	if n, _ := nic.PacketSockets(state.Index, modules.EtherTypeMPLS); n >= maxListeners && !o.Shared && s.VLAN == 0 && s.Passed == "" {
		pc.Divert = s.sort
	}
	return nic.OpenPacket(pc)
}

// maxListeners is how many tunnels of one interface the kernel shows every frame to. A frame costs some 90 ns for each; whoever
// comes later has its frames sorted, which costs its own some 450 ns, and others' 50 ns in all.
const maxListeners = 2

// sort has the port's frames shown to its own socket only.
func (s Spec) sort(index int) (nic.Diversion, error) {
	var from [6]byte
	if s.HasPeer {
		from = s.Peer
	}
	sorted, err := classifier.Sort(index, s.LabelIn, from)
	if err != nil {
		return nil, err
	}
	return sorted, nil
}

// descriptor gives what the device is to be made of; 0: none.
func (s Spec) descriptor(d *Descriptors) (int, error) {
	if s.Passed == "" {
		return 0, nil
	}
	return d.open(s.Passed)
}

// openXDP opens AF_XDP sockets, and has the classifier give them the port's frames.
func (s Spec) openXDP(state link.State, o Opening) (nic.Device, error) {
	return nic.OpenXDP(nic.XDPConfig{
		Interface: state.Name, Index: state.Index, Multicast: s.groups(false), Region: o.Region, Replaces: o.Replaces,
		Steer: func(index int, sockets []int) (nic.Steering, string, error) {
			c, err := classifier.New(classifier.Config{Sockets: sockets})
			if err == nil {
				err = c.Attach(index)
			}
			if err != nil {
				return nil, "", errors.Join(err, c.Close())
			}
			return steering{c, classifier.Wire{Interface: index, Label: s.LabelIn, VLAN: s.VLAN}}, c.Mode(index).String(), nil
		},
	})
}

// steering is the classifier on a port's interface.
type steering struct {
	*classifier.Classifier
	wire classifier.Wire
}

// Start gives the port's frames to its sockets.
func (s steering) Start() error { return s.Bind(s.wire, classifier.Port{Verdict: classifier.Hub}) }

// groups are the group addresses that the port's frames come to.
func (s Spec) groups(shared bool) []net.HardwareAddr {
	switch {
	case shared:
		return []net.HardwareAddr{modules.RFC7213Address[:]}
	case s.HasPeer:
		return nil
	}
	return []net.HardwareAddr{s.Peer[:]}
}

func (s Spec) find(index int) (link.State, error) {
	if index != 0 {
		return link.GetIndex(index)
	}
	state, err := link.Get(s.Device)
	if errors.Is(err, link.ErrNotFound) {
		err = fmt.Errorf("interface %q: %w: see `ip link` for those there are", s.Device, nic.ErrNoInterface)
	}
	return state, err
}

// checkInterface refuses interfaces that a port could be opened on, and would not work.
func (s Spec) checkInterface(state link.State) error {
	switch {
	case len(state.HardwareAddr) != 6:
		return fmt.Errorf("interface %q is no Ethernet", state.Name)
	case s.HasPeer && s.Peer == [6]byte(state.HardwareAddr):
		return fmt.Errorf("peer=%s is the address of %s itself: give the far end's", state.HardwareAddr, state.Name)
	case state.Master == 0:
		return nil
	}
	master := MasterName(state)
	return fmt.Errorf("interface %q belongs to %s, which gets all its frames: take it out (ip link set %s nomaster), or put the port on %s",
		state.Name, master, state.Name, master)
}

// MasterName is what the master of an interface is called; empty: it has none.
func MasterName(state link.State) string {
	if state.Master == 0 {
		return ""
	}
	master, err := link.GetIndex(state.Master)
	if err != nil {
		return "interface " + strconv.Itoa(state.Master)
	}
	return master.Name
}

// checkPath refuses remote addresses that are no other program's. That there is no
// route yet is no reason: one may come.
func (s Spec) checkPath() error {
	path, err := link.PathTo(s.Local.Addr(), s.Remote.Addr())
	switch {
	case errors.Is(err, link.ErrNotFound):
		return fmt.Errorf("%w: see `ip link` for those there are", err)
	case err != nil:
		return nil
	}
	switch path.Kind {
	case link.Broadcast:
		return fmt.Errorf("remote=%s is a broadcast address: give the peer's own", s.Remote)
	case link.Local:
		if s.Remote.Port() == s.Local.Port() && (s.Local.Addr().IsUnspecified() || s.Local.Addr() == s.Remote.Addr()) {
			return fmt.Errorf("remote=%s is this port's own address: give the peer's", s.Remote)
		}
	}
	return nil
}

// Octets before the payload of a datagram.
const (
	headersIPv4 = 20 + 8
	headersIPv6 = 40 + 8
	headersMAC  = 14
)

// MaxFrame is the longest frame of the port's device, in octets, where packets have at
// most mtu.
func (s Spec) MaxFrame(mtu int) int {
	switch {
	case s.Kind == Ethernet:
		return mtu + headersMAC
	case s.Remote.Addr().Is4():
		return mtu - headersIPv4
	}
	return mtu - headersIPv6
}

// Underlay is the interface that the port's frames leave by; the zero State when that
// cannot be told yet.
func (s Spec) Underlay() (state link.State) {
	if s.Kind == Ethernet {
		state, _ = link.Get(s.Device)
		return state
	}
	if path, err := link.PathTo(s.Local.Addr(), s.Remote.Addr()); err == nil {
		state, _ = link.GetIndex(path.Index)
	}
	return state
}

// Zone is the interface that a UDP port's link-local addresses are on; empty: none.
func (s Spec) Zone() string {
	if zone := s.Remote.Addr().Zone(); zone != "" {
		return zone
	}
	return s.Local.Addr().Zone()
}

// InZone is the specification with its zone replaced by the interface of a number,
// which stays when the name changes.
func (s Spec) InZone(index int) Spec {
	for _, a := range []*netip.AddrPort{&s.Local, &s.Remote} {
		if a.Addr().Zone() != "" {
			*a = netip.AddrPortFrom(a.Addr().WithZone(strconv.Itoa(index)), a.Port())
		}
	}
	return s
}

// Remedy adds what to do about a refusal of a carrier.
func Remedy(err error) error {
	switch {
	case errors.Is(err, nic.ErrNeedNetRaw), errors.Is(err, nic.ErrPrivilegedPort):
		return fmt.Errorf("%w: run as root, or give the capability", err)
	case errors.Is(err, classifier.ErrNeedCapability), errors.Is(err, nic.ErrMemoryLock):
		return fmt.Errorf("%w: run as root, or take driver=packet", err)
	case errors.Is(err, classifier.ErrOtherProgram), errors.Is(err, nic.ErrQueueInUse):
		return fmt.Errorf("%w: end the program that has it, or take driver=packet", err)
	case errors.Is(err, nic.ErrAddressInUse):
		return fmt.Errorf("%w: take another port, or end the program that has it", err)
	}
	return err
}
