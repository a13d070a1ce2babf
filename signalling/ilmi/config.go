package ilmi

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
)

// Limits.
const (
	MaxPrefixes    = 16  // network prefixes of an interface
	MaxIdentifiers = 16  // ESIs with selectors of an interface
	MaxGroups      = 64  // group addresses of an interface
	MaxRows        = 512 // rows of a table that a peer fills, or that we find there
	MaxServices    = 64  // rows of the service registry
	MaxDiscoveries = 16  // searches of the peer's registry that wait
	MaxName        = 64  // octets of a name in Config
	MaxParameter   = 64  // octets of a service's parameter
)

// Side is which end of a UNI we are.
type Side uint8

// The sides. They are also the values of atmfAtmLayerDeviceType.
const (
	UserSide    Side = 1 // an end system: has ESIs, registers addresses
	NetworkSide Side = 2 // a switch: has prefixes, keeps the table of addresses
)

// String gives the side's name.
func (s Side) String() string {
	switch s {
	case UserSide:
		return "user"
	case NetworkSide:
		return "network"
	}
	return "unknown"
}

// UNIVersion is a version of the UNI, by its value in the MIB.
type UNIVersion int32

// The versions.
const (
	UNI20          UNIVersion = 1
	UNI30          UNIVersion = 2
	UNI31          UNIVersion = 3
	UNI40          UNIVersion = 4
	UNIUnsupported UNIVersion = 5 // no UNI signalling
)

// String gives the version's number.
func (v UNIVersion) String() string {
	switch v {
	case UNI20:
		return "2.0"
	case UNI30:
		return "3.0"
	case UNI31:
		return "3.1"
	case UNI40:
		return "4.0"
	case UNIUnsupported:
		return "unsupported"
	}
	return "unknown"
}

// Interface is who an interface is: the peer tells by it when a cable was
// moved.
type Interface struct {
	System     address.ESI // atmfMySystemIdentifier: a MAC address of the device
	Identifier int32       // atmfPortMyIfIdentifier: unique within the device
	Name       string      // atmfPortMyIfName
	IP         netip.Addr  // atmfMyIpNmAddress, where management is; none, or IPv4
}

// Layer is what the ATM layer of an interface can do: atmfAtmLayerTable.
type Layer struct {
	MaxVPCs        int32 // 0 to 4096
	MaxVCCs        int32 // 0 to 2^28
	ConfiguredVPCs int32 // permanent ones
	ConfiguredVCCs int32
	MaxVPIBits     int32 // 0 to 12
	MaxVCIBits     int32 // 0 to 16
	Public         bool  // atmfAtmLayerUniType: public, not private
	UNI            UNIVersion
	ILMIVersion    int32 // 1 unsupported, 2 version 4.0
	NNIVersion     int32 // atmfAtmLayerNniSigVersion: 1 unsupported, 2 IISP, 3 PNNI 1.0
	MaxSVPCVPI     int32 // for switched connections: the highest VPI of a path,
	MaxSVCCVPI     int32 // the highest of a channel,
	MinSVCCVCI     int32 // and the lowest VCI
}

// System is the system group of RFC 1213. Each text has up to MaxName octets.
type System struct {
	Description string
	ObjectID    OID // 0.0 if none
	Contact     string
	Name        string
	Location    string
	Services    int32
}

// Config is one end of ILMI on one interface.
type Config struct {
	Side      Side
	System    System
	Interface Interface
	Layer     Layer

	Establish time.Duration // S: between requests while the peer does not answer, and before a repetition
	Poll      time.Duration // T: between requests that see whether the peer lives
	Retries   int           // K: requests without an answer until it does not

	// VerifyEvery is how many polls there are to each look at the rows that we
	// have registered with the peer. 0: none.
	VerifyEvery int

	// FirstRequestID should differ from start to start of a program, so that
	// an answer to an earlier life is not taken for one to this.
	FirstRequestID int32
}

// DefaultConfig gives a UNI 4.0 end with the timers of af-ilmi-0065, 8:
// S = 1 s, T = 5 s, K = 4. The look at the rows, every 30 s, is ours.
func DefaultConfig(side Side) Config {
	return Config{
		Side:      side,
		System:    System{Description: "cellhub", ObjectID: oidNothing},
		Establish: time.Second, Poll: 5 * time.Second, Retries: 4, VerifyEvery: 6,
		FirstRequestID: 1,
		Layer: Layer{
			MaxVPCs: 255, MaxVCCs: 65536, MaxVPIBits: 8, MaxVCIBits: 16, UNI: UNI40, ILMIVersion: 2, NNIVersion: 1,
			MaxSVPCVPI: 255, MaxSVCCVPI: 255, MinSVCCVCI: 32,
		},
	}
}

// ErrConfig is wrapped by what New says of a Config.
var ErrConfig = errors.New("ilmi: bad configuration")

func (c *Config) validate() error {
	if c.Side != UserSide && c.Side != NetworkSide {
		return fmt.Errorf("%w: side %d", ErrConfig, c.Side)
	}
	if !c.System.ObjectID.valid() || len(c.System.ObjectID) > 32 {
		return fmt.Errorf("%w: system's object identifier %v", ErrConfig, c.System.ObjectID)
	}
	for _, text := range []string{c.System.Description, c.System.Contact, c.System.Name, c.System.Location, c.Interface.Name} {
		if len(text) > MaxName {
			return fmt.Errorf("%w: text of %d octets, more than %d", ErrConfig, len(text), MaxName)
		}
	}
	if c.Interface.IP.IsValid() && !c.Interface.IP.Is4() {
		return fmt.Errorf("%w: %v is not IPv4", ErrConfig, c.Interface.IP)
	}
	l := c.Layer
	for _, n := range []struct {
		name      string
		v         int64
		low, high int64
	}{
		{"S in ns", int64(c.Establish), 1, int64(time.Hour)}, {"T in ns", int64(c.Poll), 1, int64(time.Hour)},
		{"K", int64(c.Retries), 1, 1000}, {"VerifyEvery", int64(c.VerifyEvery), 0, 1000000},
		{"interface identifier", int64(c.Interface.Identifier), 0, 1<<31 - 1}, {"services", int64(c.System.Services), 0, 127},
		{"VPCs", int64(l.MaxVPCs), 0, 4096}, {"VCCs", int64(l.MaxVCCs), 0, 1 << 28},
		{"configured VPCs", int64(l.ConfiguredVPCs), 0, 4096}, {"configured VCCs", int64(l.ConfiguredVCCs), 0, 1 << 28},
		{"VPI bits", int64(l.MaxVPIBits), 0, 12}, {"VCI bits", int64(l.MaxVCIBits), 0, 16},
		{"UNI version", int64(l.UNI), 1, 5}, {"ILMI version", int64(l.ILMIVersion), 1, 2}, {"NNI version", int64(l.NNIVersion), 1, 3},
		{"SVPC VPI", int64(l.MaxSVPCVPI), 0, 4095}, {"SVCC VPI", int64(l.MaxSVCCVPI), 0, 4095}, {"SVCC VCI", int64(l.MinSVCCVCI), 0, 65535},
	} {
		if n.v < n.low || n.v > n.high {
			return fmt.Errorf("%w: %s is %d, not %d to %d", ErrConfig, n.name, n.v, n.low, n.high)
		}
	}
	return nil
}
