package port

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/cellhub/cellhub/dataplane/modules"
)

// Kind is what carries a port.
type Kind string

// The kinds of port.
const (
	Ethernet Kind = "eth" // MPLS on Ethernet, by AF_PACKET
	UDP      Kind = "udp" // MPLS-in-UDP, RFC 7510
)

// Spec is a port specification.
type Spec struct {
	Kind     Kind
	Device   string         // Ethernet: the interface
	Peer     [6]byte        // Ethernet: the peer's address, or RFC 7213's
	HasPeer  bool           // Ethernet: a peer was given
	Local    netip.AddrPort // UDP
	Remote   netip.AddrPort // UDP
	Name     string         // UDP: HOST:PORT of the remote when HOST is a name, which may come to mean another address
	LabelOut uint32
	LabelIn  uint32
	Mode     modules.Mode
	ZeroSum  bool // UDP over IPv6: no checksums, as the peer has it too (checksum=off)
}

const maxInterfaceName = 15 // IFNAMSIZ less the terminating zero

// Parse reads a specification. Its error is one line that says what is wrong and
// what is right.
func Parse(text string) (Spec, error) {
	kind, rest, _ := strings.Cut(text, ":")
	where, options, _ := strings.Cut(rest, ",")
	s := Spec{Kind: Kind(kind)}
	var keys map[string]func(string) error
	switch s.Kind {
	case Ethernet:
		keys = map[string]func(string) error{"label": s.setLabel, "mode": s.setMode, "peer": s.setPeer}
		if where == "" || len(where) > maxInterfaceName {
			return s, fmt.Errorf("interface %q: eth: and a name of 1 to %d octets", where, maxInterfaceName)
		}
		s.Device, s.Peer = where, modules.RFC7213Address
	case UDP:
		keys = map[string]func(string) error{"label": s.setLabel, "mode": s.setMode, "remote": s.setRemote, "checksum": s.setChecksum}
		s.LabelOut, s.LabelIn = modules.FirstLabel, modules.FirstLabel
		var err error
		if s.Local, err = address(where, "udp"); err != nil {
			return s, fmt.Errorf("local address %q: %w", where, err)
		}
		if s.Local.Port() == 0 {
			return s, fmt.Errorf("local address %q: a port of its own, which the peer sends to: RFC 7510 has 6635", where)
		}
	default:
		return s, fmt.Errorf("kind %q: eth:IFNAME or udp:LOCAL:PORT", kind)
	}
	if err := s.parseOptions(options, keys); err != nil {
		return s, err
	}
	return s, s.complete()
}

func (s *Spec) parseOptions(options string, keys map[string]func(string) error) error {
	if options == "" {
		return nil
	}
	for option := range strings.SplitSeq(options, ",") {
		key, value, _ := strings.Cut(option, "=")
		set, known := keys[key]
		if !known {
			return fmt.Errorf("unknown key %q: %s takes %s", key, s.Kind, keyNames(s.Kind))
		}
		if value == "" {
			return fmt.Errorf("key %q has no value: %s=…", key, key)
		}
		if err := set(value); err != nil {
			return fmt.Errorf("%s=%s: %w", key, value, err)
		}
		keys[key] = func(string) error { return errors.New("given twice; once is enough") }
	}
	return nil
}

func keyNames(k Kind) string {
	if k == Ethernet {
		return "label=, mode= and peer="
	}
	return "remote=, label=, mode= and checksum="
}

// complete checks what must be there.
func (s *Spec) complete() error {
	switch {
	case s.LabelOut == 0:
		return fmt.Errorf("no label: add label=N, %d to %d, as the peer has it", modules.FirstLabel, modules.MaxLabel)
	case s.Kind == UDP && !s.Remote.IsValid():
		return errors.New("no remote: add remote=HOST:PORT, the peer's address")
	}
	if s.Kind != UDP {
		return nil
	}
	if s.Local.Addr().Is4() != s.Remote.Addr().Is4() {
		return fmt.Errorf("%s and remote=%s: both IPv4, or both IPv6", s.Local, s.Remote)
	}
	local, remote := s.Local.Addr(), s.Remote.Addr()
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

func (s *Spec) setChecksum(v string) error {
	switch {
	case v != "on" && v != "off":
		return errors.New("on or off")
	case v == "off" && !s.Local.Addr().Is6():
		return errors.New("for IPv6 only")
	}
	s.ZeroSum = v == "off"
	return nil
}

func (s *Spec) setMode(v string) (err error) {
	s.Mode, err = modules.ParseMode(v)
	return err
}

func (s *Spec) setLabel(v string) (err error) {
	out, in, both := strings.Cut(v, "/")
	if s.LabelOut, err = label(out); err != nil {
		return err
	}
	if s.LabelIn = s.LabelOut; both {
		s.LabelIn, err = label(in)
	}
	return err
}

func label(v string) (uint32, error) {
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil || n < modules.FirstLabel || n > modules.MaxLabel {
		return 0, fmt.Errorf("a label is a number from %d to %d (0 to 15 are reserved)", modules.FirstLabel, modules.MaxLabel)
	}
	return uint32(n), nil
}

func (s *Spec) setPeer(v string) error {
	mac, err := net.ParseMAC(v)
	if err != nil || len(mac) != len(s.Peer) {
		return errors.New("a MAC address such as 02:00:00:00:00:01")
	}
	if mac[0]&1 != 0 {
		return errors.New("a station's own address, not a group's")
	}
	s.Peer, s.HasPeer = [6]byte(mac), true
	return nil
}

func (s *Spec) setRemote(v string) (err error) {
	network := "udp4" // a name is looked up for the local address's family
	if s.Local.Addr().Is6() {
		network = "udp6"
	}
	if s.Remote, err = address(v, network); err != nil {
		return err
	}
	switch a := s.Remote.Addr(); {
	case a.IsUnspecified() || s.Remote.Port() == 0:
		return errors.New("the peer's own address and port")
	case a.IsMulticast():
		return errors.New("a group's address: give the peer's own")
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return errors.New("the broadcast address: give the peer's own")
	}
	if _, err := netip.ParseAddrPort(v); err != nil {
		s.Name = v
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

// String writes the specification in full.
func (s Spec) String() string {
	labels := strconv.Itoa(int(s.LabelOut))
	if s.LabelIn != s.LabelOut {
		labels += "/" + strconv.Itoa(int(s.LabelIn))
	}
	if s.Kind == UDP {
		text := fmt.Sprintf("udp:%s,remote=%s,label=%s,mode=%s", s.Local, s.Remote, labels, s.Mode)
		if s.ZeroSum {
			text += ",checksum=off"
		}
		return text
	}
	text := fmt.Sprintf("eth:%s,label=%s,mode=%s", s.Device, labels, s.Mode)
	if s.HasPeer {
		text += ",peer=" + net.HardwareAddr(s.Peer[:]).String()
	}
	return text
}
