package port

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/dataplane/server"
)

// option is one key of a specification.
type option struct {
	key   string
	kinds []Kind
	set   func(*Spec, string) error
}

// options in the order in which String writes them.
var options = []option{
	{"remote", []Kind{UDP}, (*Spec).setRemote},
	{"label", both, (*Spec).setLabel},
	{"mode", both, (*Spec).setMode},
	{"vc", both, (*Spec).setVC},
	{"vp", both, (*Spec).setVP},
	{"peer", []Kind{Ethernet}, (*Spec).setPeer},
	{"vlan", []Kind{Ethernet}, (*Spec).setVLAN},
	{"driver", []Kind{Ethernet}, (*Spec).setDriver},
	{"outer", both, (*Spec).setOuter},
	{"tc", both, (*Spec).setTC},
	{"ttl", both, (*Spec).setTTL},
	{"dscp", []Kind{UDP}, (*Spec).setDSCP},
	{"checksum", []Kind{UDP}, (*Spec).setChecksum},
	{"entropy", []Kind{UDP}, (*Spec).setEntropy},
	{"ecn", []Kind{UDP}, (*Spec).setECN},
	{"seq", both, (*Spec).setSequence},
	{"frag", both, (*Spec).setFragment},
	{"cells", both, (*Spec).setCells},
	{"pack", both, (*Spec).setPack},
	{"rate", both, (*Spec).setRate},
	{"reserve", both, (*Spec).setReserve},
	{"relay", both, (*Spec).setRelay},
	{"qos", both, (*Spec).setQoS},
	{"fd", both, (*Spec).setPassed},
}

var both = []Kind{Ethernet, UDP}

func (s *Spec) setMode(v string) (err error) {
	s.Mode, err = modules.ParseMode(v)
	return err
}

func (s *Spec) setVC(v string) (err error) {
	if s.path {
		return errors.New("a VC, or a VP")
	}
	s.HasVC = true
	s.VC, err = aal.ParseVC(v)
	return err
}

func (s *Spec) setVP(v string) error {
	if s.HasVC {
		return errors.New("a VC, or a VP")
	}
	n, err := number(v, "a VPI", 0, aal.MaxVPI)
	s.HasVC, s.path, s.VC.VPI = true, true, uint16(n)
	return err
}

func (s *Spec) setLabel(v string) (err error) {
	out, in, two := strings.Cut(v, "/")
	if s.LabelOut, err = label(out); err != nil {
		return err
	}
	if s.LabelIn = s.LabelOut; two {
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

// setOuter reads the network's labels, outermost first.
func (s *Spec) setOuter(v string) error {
	for text := range strings.SplitSeq(v, "/") {
		l, err := label(text)
		if err != nil {
			return err
		}
		if s.Outer = append(s.Outer, l); len(s.Outer) > modules.MaxOuterLabels {
			return fmt.Errorf("at most %d labels", modules.MaxOuterLabels)
		}
	}
	return nil
}

// number reads a number within limits; what says what it counts.
func number(v, what string, least, most int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || v[0] == '+' || n < least || n > most {
		return 0, fmt.Errorf("%s, %d to %d", what, least, most)
	}
	return n, nil
}

func (s *Spec) setTC(v string) error {
	n, err := number(v, "the labels' traffic class", 0, modules.MaxTC)
	s.TC = uint8(n)
	return err
}

func (s *Spec) setTTL(v string) error {
	n, err := number(v, "the labels' time to live", 1, modules.DefaultTTL)
	s.TTL = uint8(n)
	return err
}

func (s *Spec) setVLAN(v string) error {
	n, err := number(v, "a VLAN", 1, modules.MaxVLAN)
	s.VLAN = uint16(n)
	return err
}

func (s *Spec) setDSCP(v string) error {
	n, err := number(v, "a code point (46 is EF)", 0, modules.MaxDSCP)
	s.DSCP = uint8(n)
	return err
}

func onOff(v string) (on bool, err error) {
	if v != "on" && v != "off" {
		err = errors.New("on or off")
	}
	return v == "on", err
}

func (s *Spec) setChecksum(v string) error {
	on, err := onOff(v)
	if err == nil && !on && !s.Local.Addr().Is6() {
		return errors.New("for IPv6 only")
	}
	s.ZeroSum = !on
	return err
}

func (s *Spec) setEntropy(v string) error {
	s.Entropy = v
	_, err := onOff(v)
	return err
}

func (s *Spec) setECN(v string) error {
	if v != "copy" && v != "off" {
		return errors.New("copy or off")
	}
	s.ECN = v == "copy"
	return nil
}

func (s *Spec) setRelay(v string) (err error) {
	s.Relaying, err = server.ParseRelayWish(v)
	return err
}

func (s *Spec) setSequence(v string) (err error) {
	s.Numbered, err = onOff(v)
	return err
}

func (s *Spec) setFragment(v string) (err error) {
	s.Fragment, err = onOff(v)
	return err
}

func (s *Spec) setCells(v string) (err error) {
	s.Cells, err = number(v, "most cells in a frame", 1, modules.MaxCellFrame/aal.CellSize)
	return err
}

func (s *Spec) setPack(v string) (err error) {
	s.Pack, err = time.ParseDuration(v)
	if err != nil || s.Pack <= 0 || s.Pack > modules.MaxPack {
		return fmt.Errorf("how long cells wait for others, such as 200us; at most %v", time.Duration(modules.MaxPack))
	}
	return nil
}

func (s *Spec) setPassed(v string) error {
	s.Passed = v
	return nil
}

func (s *Spec) setRate(v string) error {
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil || n == 0 || v[0] == '+' {
		return fmt.Errorf("cells a second that the way to the far end carries, 1 to %d", uint32(math.MaxUint32))
	}
	s.Capacity.Rate = uint32(n)
	return nil
}

// setReserve reads what cross-connects may reserve of the rate: in all, and of each class.
func (s *Spec) setReserve(v string) error {
	c := &s.Capacity
	places := append([]*uint8{&c.Most}, &c.Shares[0], &c.Shares[1], &c.Shares[2], &c.Shares[3])
	shares := strings.Split(v, "/")
	if len(shares) > len(places) {
		return errors.New("TOTAL/CBR/RT-VBR/NRT-VBR/UBR in percent; what is left out may be all")
	}
	for i, text := range shares {
		n, err := number(text, "percent of the rate", 1, modules.MaxPercent)
		if err != nil {
			return err
		}
		*places[i] = uint8(n)
	}
	return nil
}

// reserve is the text of that.
func (s *Spec) reserve() string {
	n := []uint8{s.Most}
	n = append(n, s.Shares[:]...)
	for len(n) > 0 && n[len(n)-1] == 0 {
		n = n[:len(n)-1]
	}
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(n), "[]"), " ", "/")
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

func (s *Spec) setDriver(v string) error {
	i := slices.Index(driverNames[:], v)
	if i < 0 {
		return errors.New("packet, xdp or auto")
	}
	s.Driver = Driver(i)
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
