package port

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/dataplane/server"
	"github.com/cellhub/cellhub/nic"
)

// Kind is what carries a port.
type Kind string

// The kinds of port.
const (
	Ethernet Kind = "eth" // MPLS on Ethernet
	UDP      Kind = "udp" // MPLS-in-UDP, RFC 7510
)

// Driver is the kind of device of an Ethernet port.
type Driver uint8

// The drivers.
const (
	Packet Driver = iota // AF_PACKET; unless told
	XDP                  // AF_XDP, and the classifier on the interface
	Auto                 // AF_XDP where it can be opened, else AF_PACKET
)

var driverNames = [...]string{Packet: "packet", XDP: "xdp", Auto: "auto"}

func (d Driver) String() string { return driverNames[d] }

// Spec is a port specification.
type Spec struct {
	Kind    Kind
	Device  string         // Ethernet: the interface
	Peer    [6]byte        // Ethernet: the peer's address, or RFC 7213's
	HasPeer bool           // Ethernet: a peer was given
	VLAN    uint16         // Ethernet: of the frames' tag; 0: none
	Driver  Driver         // Ethernet
	Local   netip.AddrPort // UDP
	Remote  netip.AddrPort // UDP
	Name    string         // UDP: HOST:PORT of the remote when HOST is a name, which may come to mean another address
	DSCP    uint8          // UDP: of the datagrams
	ZeroSum bool           // UDP over IPv6: no checksums, as the peer has it too (checksum=off)
	Entropy string         // UDP: datagrams leave by a port that the label chooses ("on"), or by the local one ("off"); empty: as is cheaper
	VC      aal.VC         // of a mode with one VC (vc=), or one VP (vp=)
	HasVC   bool           // it was given
	path    bool           // … as a VP
	modules.Encapsulation
	modules.Capacity                    // what cross-connects have of the port: rate= and reserve=
	modules.Impairment                  // of what comes in
	Relaying           server.RelayWish // of what comes, in a daemon
	ECN                bool             // UDP: datagrams have the ECN field of the packets in them (ecn=copy)
	GSO                nic.GSO          // of the device; no part of the text
	Cells              int              // most cells in a frame; 0: as many as it holds
	Pack               time.Duration    // how long cells wait for others; 0: those of one pass share frames
	Passed             string           // the name of the descriptor that the device is made of; empty: none
	QoS                string           // the name of the table that chooses what the network is told of frames; empty: none
	table              *modules.QoS     // of that name
}

const maxInterfaceName = 15 // IFNAMSIZ less the terminating zero

// Parse reads a specification; of tables for QoS it knows those that are built in. Its error is one
// line that says what is wrong and what is right.
func Parse(text string) (Spec, error) {
	s, err := parse(text)
	if err == nil {
		err = s.resolveQoS(&builtIn)
	}
	return s, err
}

// parse leaves open which table for QoS is meant.
func parse(text string) (Spec, error) {
	kind, rest, _ := strings.Cut(text, ":")
	rest, harm, err := cutImpairment(rest)
	where, given, _ := strings.Cut(rest, ",")
	s := Spec{Kind: Kind(kind), Impairment: harm}
	if err != nil {
		return s, err
	}
	switch s.Kind {
	case Ethernet:
		if where == "" || len(where) > maxInterfaceName {
			return s, fmt.Errorf("interface %q: eth: and a name of 1 to %d octets", where, maxInterfaceName)
		}
		s.Device, s.Peer = where, modules.RFC7213Address
	case UDP:
		s.LabelOut, s.LabelIn = modules.FirstLabel, modules.FirstLabel
		if s.Local, err = address(where, "udp"); err != nil {
			return s, fmt.Errorf("local address %q: %w", where, err)
		}
		if s.Local.Port() == 0 {
			return s, fmt.Errorf("local address %q: a port of its own, which the peer sends to: RFC 7510 has 6635", where)
		}
	default:
		return s, fmt.Errorf("kind %q: eth:IFNAME or udp:LOCAL:PORT", kind)
	}
	if err := s.parseOptions(given); err != nil {
		return s, err
	}
	return s, s.complete()
}

func (s *Spec) parseOptions(text string) error {
	if text == "" {
		return nil
	}
	given := map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		key, value, _ := strings.Cut(part, "=")
		i := slices.IndexFunc(options, func(o option) bool { return o.key == key && slices.Contains(o.kinds, s.Kind) })
		switch {
		case i < 0:
			return fmt.Errorf("unknown key %q: %s takes %s", key, s.Kind, keyNames(s.Kind))
		case value == "":
			return fmt.Errorf("key %q has no value: %s=…", key, key)
		case given[key]:
			return fmt.Errorf("%s=%s: given twice; once is enough", key, value)
		}
		given[key] = true
		if err := options[i].set(s, value); err != nil {
			return fmt.Errorf("%s=%s: %w", key, value, err)
		}
	}
	return nil
}

func keyNames(k Kind) string {
	var names []string
	for _, o := range options {
		if slices.Contains(o.kinds, k) {
			names = append(names, o.key+"=")
		}
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// complete checks what must be there.
func (s *Spec) complete() error {
	switch {
	case s.HasVC && s.path && !s.Mode.OneVP():
		return fmt.Errorf("vp=%d: mode %s carries no VP alone: that is mode=vpc", s.VC.VPI, s.Mode)
	case s.HasVC && !s.path && !s.Mode.OneVC():
		return fmt.Errorf("vc=%s: mode %s carries no VC alone: that is mode=vcc, aal5sdu or aal5pdu", s.VC, s.Mode)
	case s.LabelOut == 0:
		return fmt.Errorf("no label: add label=N, %d to %d, as the peer has it", modules.FirstLabel, modules.MaxLabel)
	case s.Kind == UDP && !s.Remote.IsValid():
		return errors.New("no remote: add remote=HOST:PORT, the peer's address")
	case s.Numbered && !s.Mode.ControlWord():
		return fmt.Errorf("seq=on: mode %s has no control word to number frames in: any other has, n1cw too", s.Mode)
	case s.Fragment && s.Mode != modules.ModeAAL5SDU:
		return fmt.Errorf("frag=on: mode %s sends no SDUs that could go in fragments: that is aal5sdu", s.Mode)
	case s.Fragment && !s.Numbered:
		return errors.New("frag=on: fragments are told apart by their numbers: add seq=on, at both ends")
	case !s.Mode.Cells() && s.Cells != 0:
		return fmt.Errorf("cells=%d: mode %s has no cells to pack", s.Cells, s.Mode)
	case !s.Mode.Cells() && s.Rate != 0:
		return fmt.Errorf("rate=%d: mode %s has no cells to hold back", s.Rate, s.Mode)
	case !s.Mode.Cells() && s.Misinsert > 0:
		return fmt.Errorf("misinsert=%v: mode %s has no cells", s.Misinsert, s.Mode)
	case s.Most != 0 && s.Rate == 0:
		return errors.New("reserve= is a part of a rate: add rate=CELLS")
	case !s.Mode.Cells() && s.Pack != 0:
		return fmt.Errorf("pack=%v: mode %s has no cells to pack", s.Pack, s.Mode)
	case s.Kind != UDP:
		return nil
	}
	return s.checkAddresses()
}

// needVC refuses a port that has to say which VC, or VP, it carries.
func (s *Spec) needVC() error {
	switch {
	case s.HasVC:
	case s.Mode.OneVP():
		return fmt.Errorf("mode %s carries one VP: add vp=VPI", s.Mode)
	case s.Mode.OneVC() && s.Mode.Cells():
		return fmt.Errorf("mode %s carries one VC: add vc=VPI/VCI", s.Mode)
	}
	return nil
}

// Only is the key that says which VC, or VP, the port carries.
func (s *Spec) Only() string {
	if s.path {
		return fmt.Sprintf("vp=%d", s.VC.VPI)
	}
	return "vc=" + s.VC.String()
}

// For is the specification of a port that carries a VC, which it may have named. It is an error where the mode does
// not let it.
func (s Spec) For(vc aal.VC) (Spec, error) {
	switch {
	case !s.HasVC:
		if s.needVC() == nil { // any will do
			return s, nil
		}
		s.HasVC, s.path = true, s.Mode.OneVP()
	case s.path && s.VC.VPI != vc.VPI:
		return s, fmt.Errorf("VC %s is not in vp=%d of the port", vc, s.VC.VPI)
	case !s.path && s.VC != vc:
		return s, fmt.Errorf("VC %s is not vc=%s of the port", vc, s.VC)
	}
	if s.VC = vc; s.path {
		s.VC.VCI = 0
	}
	return s, nil
}

// checkAddresses refuses pairs of addresses that cannot speak with each other.
func (s *Spec) checkAddresses() error {
	local, remote := s.Local.Addr(), s.Remote.Addr()
	if local.Is4() != remote.Is4() {
		return fmt.Errorf("%s and remote=%s: both IPv4, or both IPv6", s.Local, s.Remote)
	}
	for _, a := range []netip.Addr{local, remote} {
		if a.IsLinkLocalUnicast() && a.Is6() && a.Zone() == "" {
			return fmt.Errorf("%s is link-local: say on which interface, as in %s%%eth0", a, a)
		}
	}
	if local.Zone() != "" && remote.Zone() != "" && local.Zone() != remote.Zone() {
		return fmt.Errorf("%s and remote=%s: one interface for both", s.Local, s.Remote)
	}
	if local.IsMulticast() {
		return fmt.Errorf("local address %s is a group's: give this host's own", local)
	}
	return nil
}

// Resolve asks for the addresses that the remote's name has now and gives the
// specification with one of them: the present one where that is still among them. It
// may take as long as the resolver does.
func (s Spec) Resolve(ctx context.Context) (Spec, error) {
	host, service, err := net.SplitHostPort(s.Name)
	if err != nil {
		return s, nil // no name
	}
	network, family := "ip4", "udp4"
	if s.Local.Addr().Is6() {
		network, family = "ip6", "udp6"
	}
	port, err := net.DefaultResolver.LookupPort(ctx, family, service)
	if err != nil {
		return s, err
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	if err != nil {
		return s, err
	}
	for i, a := range addrs {
		if a = a.Unmap(); i == 0 || a == s.Remote.Addr() {
			s.Remote = netip.AddrPortFrom(a, uint16(port))
		}
	}
	return s, nil
}

// address reads HOST:PORT; a name is looked up in the network.
func address(v, network string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddrPort(v); err == nil {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), nil
	}
	if host, _, err := net.SplitHostPort(v); err != nil || host == "" {
		return netip.AddrPort{}, errors.New("HOST:PORT, such as 192.0.2.1:6635 or [2001:db8::1]:6635")
	}
	a, err := net.ResolveUDPAddr(network, v)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("no such host or port: %w", err)
	}
	ap := a.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
}

// String writes the specification in full; what is as it is unless told, and was added
// after the first keys, is left out.
func (s Spec) String() string {
	var b strings.Builder
	add := func(key string, given bool, value any) {
		if given {
			fmt.Fprintf(&b, ",%s=%v", key, value)
		}
	}
	labels := strconv.Itoa(int(s.LabelOut))
	if s.LabelIn != s.LabelOut {
		labels += "/" + strconv.Itoa(int(s.LabelIn))
	}
	if s.Kind == UDP {
		fmt.Fprintf(&b, "udp:%s,remote=%s", s.Local, s.Remote)
	} else {
		fmt.Fprintf(&b, "eth:%s", s.Device)
	}
	add("label", true, labels)
	add("mode", true, s.Mode)
	if s.HasVC {
		b.WriteString("," + s.Only())
	}
	add("peer", s.HasPeer, net.HardwareAddr(s.Peer[:]))
	add("vlan", s.VLAN != 0, s.VLAN)
	add("driver", s.Driver != Packet, s.Driver)
	add("outer", len(s.Outer) > 0, strings.ReplaceAll(strings.Trim(fmt.Sprint(s.Outer), "[]"), " ", "/"))
	add("tc", s.TC != 0, s.TC)
	add("ttl", s.TTL != 0, s.TTL)
	add("dscp", s.DSCP != 0, s.DSCP)
	add("checksum", s.ZeroSum, "off")
	add("entropy", s.Entropy != "", s.Entropy)
	add("ecn", s.ECN, "copy")
	add("seq", s.Numbered, "on")
	add("frag", s.Fragment, "on")
	add("cells", s.Cells != 0, s.Cells)
	add("pack", s.Pack != 0, s.Pack)
	add("rate", s.Rate != 0, s.Rate)
	add("reserve", s.Capacity.Most != 0, s.reserve())
	add("relay", s.Relaying != server.RelayAuto, s.Relaying)
	add("qos", s.QoS != "", s.QoS)
	add("fd", s.Passed != "", s.Passed)
	writeImpairment(&s.Impairment, add)
	return b.String()
}
