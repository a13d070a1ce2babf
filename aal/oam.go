package aal

import (
	"errors"
	"fmt"
)

// OAMKind is the first octet of an OAM cell's payload: the OAM cell type in
// the upper four bits, the function type in the lower (I.610, 10.1).
type OAMKind uint8

// The kinds of I.610, 10.1.
const (
	OAMAIS      OAMKind = 0x10 // fault management: alarm indication signal
	OAMRDI      OAMKind = 0x11 // remote defect indication, once FERF
	OAMCC       OAMKind = 0x14 // continuity check
	OAMLB       OAMKind = 0x18 // loopback
	OAMFPM      OAMKind = 0x20 // performance: forward monitoring
	OAMBR       OAMKind = 0x21 // backward reporting
	OAMAPSGroup OAMKind = 0x50 // protection switching of a group (I.630)
	OAMAPS      OAMKind = 0x51 // and of one connection
	OAMActPM    OAMKind = 0x80 // activation: forward monitoring and backward reporting
	OAMActCC    OAMKind = 0x81 // continuity check
	OAMActFPM   OAMKind = 0x82 // forward monitoring alone
	OAMSystem   OAMKind = 0xF0 // system management: not to be standardised
)

// The OAM cell types, the upper four bits of a kind.
const (
	OAMTypeFault       = 0x1
	OAMTypePerformance = 0x2
	OAMTypeProtection  = 0x5
	OAMTypeActivation  = 0x8
	OAMTypeSystem      = 0xF
)

// oamUnused fills octets that have no use or no value (I.610, 10.1).
const oamUnused = 0x6A

// oamUsed is the number of octets before the last two, which hold six
// reserved bits and the CRC-10.
const oamUsed = PayloadSize - 2

// ErrOAMKind is returned by a decoder for an OAM cell of another kind.
var ErrOAMKind = errors.New("aal: OAM cell is of another kind")

// Type gives the OAM cell type, 0 to 15.
func (k OAMKind) Type() uint8 { return uint8(k >> 4) }

// Function gives the function type, 0 to 15.
func (k OAMKind) Function() uint8 { return uint8(k & 0xF) }

// String gives both in tcpdump's words:
// "cell-type Fault Management (1), func-type AIS (0)".
func (k OAMKind) String() string {
	typ, fn := "unknown", "none"
	switch k.Type() {
	case OAMTypeFault:
		typ = "Fault Management"
	case OAMTypePerformance:
		typ = "Performance Management"
	case OAMTypeProtection: // of which tcpdump knows nothing
		typ = "Protection Switching"
	case OAMTypeActivation:
		typ = "activate/deactivate"
	case OAMTypeSystem:
		typ, fn = "System Management", "unknown"
	default:
		fn = "unknown"
	}
	if name := oamFunctionName(k); name != "" {
		fn = name
	}
	return fmt.Sprintf("cell-type %s (%d), func-type %s (%d)", typ, k.Type(), fn, k.Function())
}

func oamFunctionName(k OAMKind) string {
	switch k {
	case OAMAIS:
		return "AIS"
	case OAMRDI:
		return "RDI"
	case OAMCC:
		return "Continuity Check"
	case OAMLB:
		return "Loopback"
	case OAMFPM:
		return "Forward Monitoring"
	case OAMBR:
		return "Backward Reporting"
	case OAMAPSGroup:
		return "Group Protection"
	case OAMAPS:
		return "Individual Protection"
	case OAMActPM:
		return "Performance Monitoring"
	case OAMActCC:
		return "Continuity Check"
	case OAMActFPM:
		return "Forward Monitoring"
	}
	return ""
}

// ReadOAM checks the CRC-10 of an OAM cell's payload and tells its kind, which
// may be one that no decoder here knows. A cell with an error must be dropped.
func ReadOAM(payload []byte) (OAMKind, error) {
	if len(payload) != PayloadSize {
		return 0, ErrPayloadSize
	}
	if !CheckCRC10(payload) {
		return 0, ErrCRC10
	}
	return OAMKind(payload[0]), nil
}

// readOAM is ReadOAM for a decoder that wants one kind.
func readOAM(payload []byte, want OAMKind) error {
	kind, err := ReadOAM(payload)
	if err == nil && kind != want {
		err = ErrOAMKind
	}
	return err
}

// PutOAM writes a cell of any kind: its function-specific octets, up to 45,
// then 6A, then the CRC-10.
func PutOAM(payload []byte, k OAMKind, specific []byte) error {
	p, err := startOAM(payload, k)
	if err != nil {
		return err
	}
	copy(p[1:oamUsed], specific)
	PutCRC10(p, 0)
	return nil
}

// startOAM fills a payload but for the CRC-10.
func startOAM(payload []byte, k OAMKind) (*[PayloadSize]byte, error) {
	if len(payload) != PayloadSize {
		return nil, ErrPayloadSize
	}
	p := (*[PayloadSize]byte)(payload)
	*p = oamBlank
	p[0] = uint8(k)
	return p, nil
}

// oamBlank is a payload of unused octets.
var oamBlank = func() (p [PayloadSize]byte) {
	for i := range p {
		p[i] = oamUnused
	}
	return p
}()

// OAMFlow is one of the four flows of the ATM layer (I.610, 7.2).
type OAMFlow uint8

// F4 flows watch a virtual path, F5 flows a virtual channel.
const (
	OAMF4Segment OAMFlow = iota
	OAMF4EndToEnd
	OAMF5Segment
	OAMF5EndToEnd
	numOAMFlows
)

// The VCIs of F4 flows in every virtual path (I.361, table 2).
const (
	F4SegmentVCI  = 3
	F4EndToEndVCI = 4
)

// OAMFlow tells whether h is that of an OAM cell, and of which flow. F4 cells
// have PTI 0 or 2: the middle bit is for the ATM layer's own use.
func (h Header) OAMFlow() (f OAMFlow, ok bool) {
	vci := h.VC().VCI
	switch pti := h.PTI(); {
	case pti == PTISegmentOAM:
		return OAMF5Segment, true
	case pti == PTIEndToEndOAM:
		return OAMF5EndToEnd, true
	case pti&^PTIUserEFCI != 0:
		return 0, false
	case vci == F4SegmentVCI:
		return OAMF4Segment, true
	case vci == F4EndToEndVCI:
		return OAMF4EndToEnd, true
	}
	return 0, false
}

// Header gives the header of a cell of this flow, CLP 0. An F4 flow belongs
// to vc's path: the VCI of vc is not used then.
func (f OAMFlow) Header(vc VC) Header {
	switch f {
	case OAMF4Segment:
		return MakeHeader(VC{vc.VPI, F4SegmentVCI}, PTIUser, false)
	case OAMF4EndToEnd:
		return MakeHeader(VC{vc.VPI, F4EndToEndVCI}, PTIUser, false)
	case OAMF5Segment:
		return MakeHeader(vc, PTISegmentOAM, false)
	}
	return MakeHeader(vc, PTIEndToEndOAM, false)
}

// Segment tells whether the flow ends at the segment's ends rather than at
// the connection's.
func (f OAMFlow) Segment() bool { return f == OAMF4Segment || f == OAMF5Segment }

var oamFlowNames = [numOAMFlows]string{
	"OAM F4 (segment)", "OAM F4 (end)", "OAM F5 (segment)", "OAM F5 (end)",
}

// String gives the flow as tcpdump does: "OAM F4 (segment)", "OAM F4 (end)";
// of F5 it leaves the bracket out.
func (f OAMFlow) String() string {
	if f < numOAMFlows {
		return oamFlowNames[f]
	}
	return "OAM unknown flow"
}
