package port

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/dataplane/server"
	"github.com/cellhub/cellhub/nic"
)

// The kinds of port that are a device by themselves: one port a carrier.
const (
	ATMTCP Kind = "atmtcp" // linux-atm's, over TCP: SDUs
	GNS3   Kind = "gns3"   // a cell of 53 octets in each UDP datagram
	PCAP   Kind = "pcap"   // a file that is written
	Replay Kind = "replay" // a file that is played
)

// Trunk is the specification of such a port.
type Trunk struct {
	Kind          Kind
	Listen        bool           // ATMTCP: Local is listened at; else Remote is connected to
	Local, Remote netip.AddrPort //
	IgnoreHEC     bool           // GNS3: peers that don't set it
	AnyCRC        bool           // GNS3: peers whose AAL5 CRC is another
	File          string         // PCAP, Replay
	SDUs          bool           // PCAP: AAL5 PDUs are recorded, and not cells
	Rate          uint32         // Replay: cells a second; 0: as recorded
	modules.Impairment
}

// atmtcpPort is linux-atm's.
const atmtcpPort = "2812"

// parseTrunk reads a specification of one of these kinds; is tells whether it is one:
//
//	atmtcp:HOST[:PORT]   atmtcp:listen=ADDR[:PORT]
//	gns3:LOCAL:PORT,remote=HOST:PORT[,hec=ignore][,aal5crc=any]
//	pcap:FILE[,mode=aal5sdu]
//	replay:FILE[,rate=CELLS]
func parseTrunk(text string) (t *Trunk, is bool, err error) {
	kind, rest, _ := strings.Cut(text, ":")
	t = &Trunk{Kind: Kind(kind)}
	if !slices.Contains([]Kind{ATMTCP, GNS3, PCAP, Replay}, t.Kind) {
		return nil, false, nil
	}
	if rest, t.Impairment, err = cutImpairment(rest); err != nil {
		return t, true, err
	}
	switch t.Kind {
	case ATMTCP:
		err = t.parseATMTCP(rest)
	case GNS3:
		err = t.parseGNS3(rest)
	case PCAP, Replay:
		err = t.parseFile(rest)
	}
	if err == nil && t.Misinsert > 0 && !t.CarriesCells() {
		err = fmt.Errorf("misinsert=%v: no cells come by %s, but SDUs", t.Misinsert, t.Kind)
	}
	return t, true, err
}

// Checked is what a configuration has to know of a specification.
type Checked struct {
	Key    string                           // of two ports with one key only one can be
	SDUs   bool                             // it carries AAL5 SDUs, and no cells
	QoS    string                           // the table that it names; empty: none
	Refuse func(vc aal.VC, path bool) error // why it does not carry a VC, or VP; nil: it carries any
}

// Check reads a specification of any kind.
func Check(text string) (c Checked, err error) {
	if t, is, err := parseTrunk(text); is {
		return Checked{Key: t.Carrier(), SDUs: !t.CarriesCells()}, err
	}
	spec, err := parse(text)
	if err == nil {
		err = spec.needVC()
	}
	c = Checked{Key: spec.Key(), SDUs: !spec.Mode.Cells(), QoS: spec.QoS}
	if spec.HasVC {
		c.Refuse = func(vc aal.VC, path bool) error { return spec.Mode.Refuse(spec.VC, vc, path) }
	}
	return c, err
}

func (t *Trunk) parseATMTCP(rest string) (err error) {
	where, listen := strings.CutPrefix(rest, "listen=")
	if t.Listen = listen; strings.Contains(where, ",") {
		return fmt.Errorf("%q: atmtcp takes no options: atmtcp:HOST:PORT or atmtcp:listen=ADDR:PORT", rest)
	}
	if _, err := netip.ParseAddr(where); err == nil && strings.Contains(where, ":") {
		where = "[" + where + "]:" + atmtcpPort
	} else if !strings.Contains(where, ":") {
		where += ":" + atmtcpPort
	}
	a, err := address(where, "tcp")
	if err != nil {
		return fmt.Errorf("address %q: %w", where, err)
	}
	if t.Listen {
		t.Local = a
	} else {
		t.Remote = a
	}
	return nil
}

func (t *Trunk) parseGNS3(rest string) (err error) {
	where, given, _ := strings.Cut(rest, ",")
	if t.Local, err = address(where, "udp"); err != nil {
		return fmt.Errorf("local address %q: %w", where, err)
	}
	for part := range strings.SplitSeq(given, ",") {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "remote":
			t.Remote, err = address(value, "udp")
		case "hec":
			if t.IgnoreHEC = value == "ignore"; !t.IgnoreHEC && value != "check" {
				err = errors.New("check or ignore")
			}
		case "aal5crc":
			if t.AnyCRC = value == "any"; !t.AnyCRC && value != "check" {
				err = errors.New("check or any")
			}
		default:
			err = errors.New("gns3 takes remote=, hec= and aal5crc=")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	switch {
	case !t.Remote.IsValid():
		return errors.New("no remote: add remote=HOST:PORT, the peer's address")
	case t.Local.Addr().Is4() != t.Remote.Addr().Is4():
		return fmt.Errorf("%s and remote=%s: both IPv4, or both IPv6", t.Local, t.Remote)
	}
	return nil
}

// Carrier names the device: nobody shares it.
func (t *Trunk) Carrier() string {
	switch t.Kind {
	case GNS3:
		return "gns3:" + t.Local.String()
	case PCAP, Replay:
		return string(t.Kind) + ":" + t.File
	}
	if t.Listen {
		return "atmtcp:listen=" + t.Local.String()
	}
	return "atmtcp:" + t.Remote.String()
}

// CarriesCells tells whether there are cells on it, or SDUs.
func (t *Trunk) CarriesCells() bool { return t.Kind != ATMTCP && !t.SDUs }

// Hold takes nothing: the kernel refuses a second socket of the address, and the daemon a
// second port of the carrier.
func (t *Trunk) Hold() (release func(), err error) { return func() {}, nil }

// Open opens the device.
func (t *Trunk) Open() (server.Carrier, error) {
	c := modules.TrunkConfig{Format: modules.TrunkATMTCP, IgnoreHEC: t.IgnoreHEC, AnyCRC: t.AnyCRC, Impairment: seeded(t.Impairment)}
	if t.CarriesCells() {
		c.Format = modules.TrunkCell
	}
	var err error
	switch {
	case t.File != "":
		err = t.openFile(&c)
	case t.Kind == GNS3:
		c.Device, err = nic.OpenUDP(nic.UDPConfig{Local: t.Local, Remote: t.Remote, MaxFrame: aal.CellSize + 1})
	case t.Listen:
		c.Device, err = nic.OpenATMTCP(nic.ATMTCPConfig{Listen: t.Local})
	default:
		c.Device, err = nic.OpenATMTCP(nic.ATMTCPConfig{Remote: t.Remote})
	}
	if err != nil {
		return nil, Remedy(err)
	}
	return &trunk{Trunk: modules.NewTrunk(c)}, nil
}

// trunk is the carrier of one port.
type trunk struct {
	*modules.Trunk
	taken bool
}

func (t *trunk) AddPort(p server.PortSpec) (uint32, error) {
	if t.taken {
		return 0, fmt.Errorf("%s is a port already", p.Carrier())
	}
	t.taken = true
	return 0, nil
}

func (t *trunk) RemovePort(server.PortSpec, uint32) error {
	t.taken = false
	return nil
}

func (t *trunk) SetUp(_ uint32, up bool) error {
	t.Trunk.SetUp(up)
	return nil
}

func (t *trunk) Started(uint32) { t.Begin() }

func (t *trunk) AddVC(_ uint32, vpi, vci uint16) error { return t.Trunk.AddVC(vpi, vci) }

func (t *trunk) RemoveVC(_ uint32, vpi, vci uint16) { t.Trunk.RemoveVC(vpi, vci) }

func (t *trunk) PortCounts(uint32) []dataplane.Count { return t.Counts() }
