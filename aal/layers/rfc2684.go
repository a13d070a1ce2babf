package layers

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
)

// KindUnknown is the kind of an SDU with an LLC header that RFC 2684 does not
// have.
const KindUnknown aal.Kind = 0x7F

// llcSNAP is the LLC header before OUI and PID.
const llcSNAP = 0xAAAA03

// Octets of LLC, and of LLC, OUI and PID.
const (
	llcSize  = 3
	snapSize = 8
)

// LLC is the LLC encapsulation of RFC 2684, section 5, in all its forms, with
// PPP (RFC 2364) and the VPN header (section 8); other headers are told by
// their numbers. Its contents end before what is carried. A bridged frame's
// check sequence is checked and cut off.
type LLC struct {
	layers.BaseLayer
	Kind       aal.Kind // without FCS
	FCS        bool     // a frame check sequence follows the payload
	FCSError   bool     // and is wrong
	FrameCheck [4]byte  // as it came
	NLPID      uint8    // of ISO and PPP
	EtherType  layers.EthernetType
	HasVPN     bool
	VPN        aal.VPN

	// With KindUnknown.
	Header uint32 // DSAP, SSAP and control, an octet each
	OUI    uint32 // 24 bits, after the header AA AA 03
	PID    uint16
}

// LayerType gives LayerTypeLLC.
func (*LLC) LayerType() gopacket.LayerType { return LayerTypeLLC }

// CanDecode gives LayerTypeLLC.
func (*LLC) CanDecode() gopacket.LayerClass { return LayerTypeLLC }

// DecodeFromBytes takes an SDU.
func (l *LLC) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	vpn, rest, hasVPN := aal.SplitVPN(data)
	p, err := aal.LLC.Decap(rest, 0)
	*l = LLC{
		Kind: p.Kind, FCS: p.FCS, FCSError: errors.Is(err, aal.ErrEncapFCS),
		NLPID: p.NLPID, EtherType: layers.EthernetType(p.EtherType), HasVPN: hasVPN, VPN: vpn,
	}
	if errors.Is(err, aal.ErrEncapLLC) || errors.Is(err, aal.ErrEncapOUI) || errors.Is(err, aal.ErrEncapPID) {
		p.Data = l.unknown(rest)
		err = nil
	}
	if err = damaged(p, err, df); err != nil {
		return err
	}
	n := len(data) - len(p.Data)
	if p.FCS {
		n -= fcsSize
		l.FrameCheck = [fcsSize]byte(data[len(data)-fcsSize:])
	}
	l.BaseLayer = layers.BaseLayer{Contents: data[:n], Payload: p.Data}
	return nil
}

// unknown reads the numbers of a header that RFC 2684 does not have, and gives
// what follows: nil when the SDU ends within the header.
func (l *LLC) unknown(sdu []byte) []byte {
	const ouiIANA, pidVPN = 0x00005E, 0x0008
	l.Kind, l.Header = KindUnknown, get24(sdu)
	if l.Header != llcSNAP {
		return sdu[llcSize:]
	}
	l.OUI, l.PID = get24(sdu[llcSize:]), binary.BigEndian.Uint16(sdu[llcSize+3:])
	if l.OUI == ouiIANA && l.PID == pidVPN && !l.HasVPN {
		return nil
	}
	return sdu[snapSize:]
}

func get24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(binary.BigEndian.Uint16(b[1:])) }

const fcsSize = 4

// damaged passes an SDU over that can be shown though something is wrong with
// it. What ends before its header does is an error.
func damaged(p aal.Payload, err error, df gopacket.DecodeFeedback) error {
	switch {
	case p.Data == nil:
		return short(df)
	case errors.Is(err, aal.ErrEncapShort):
		df.SetTruncated()
	}
	return nil
}

// NextLayerType tells what gopacket, or this package, can decode.
func (l *LLC) NextLayerType() gopacket.LayerType {
	const hardwareATM, leastPPP = 0x0013, 2
	switch l.Kind {
	case aal.Routed:
		if l.EtherType == layers.EthernetTypeARP && len(l.Payload) >= 2 && binary.BigEndian.Uint16(l.Payload) == hardwareATM {
			return LayerTypeATMARP
		}
		return next(l.EtherType.LayerType(), true)
	case aal.Bridged:
		return layers.LayerTypeEthernet
	case aal.BridgedFDDI:
		return layers.LayerTypeFDDI
	case aal.BPDU:
		return layers.LayerTypeSTP
	case aal.PPP:
		return next(layers.LayerTypePPP, len(l.Payload) >= leastPPP)
	}
	return gopacket.LayerTypePayload
}

// SerializeTo puts the headers before a PDU, and with FCS the sequence after
// it: the right one with ComputeChecksums, else FrameCheck.
func (l *LLC) SerializeTo(b gopacket.SerializeBuffer, opts gopacket.SerializeOptions) error {
	var err error
	switch {
	case l.Kind == KindUnknown:
		err = l.serializeUnknown(b)
	case l.FCS:
		if l.FrameCheck, err = appendFCS(b, l.Kind, l.FrameCheck, opts); err != nil {
			return err
		}
		err = prependEncap(b, aal.LLC, l.Kind|aal.FCS, 0)
	default:
		err = prependEncap(b, aal.LLC, l.Kind, uint16(l.EtherType))
	}
	if err != nil || !l.HasVPN {
		return err
	}
	p, err := b.PrependBytes(aal.VPNHeaderSize)
	if err == nil {
		aal.PutVPN(p, l.VPN)
	}
	return err
}

func (l *LLC) serializeUnknown(b gopacket.SerializeBuffer) error {
	n := llcSize
	if l.Header == llcSNAP {
		n = snapSize
	}
	p, err := b.PrependBytes(n)
	if err != nil {
		return err
	}
	put24(p, l.Header)
	if n == snapSize {
		put24(p[llcSize:], l.OUI)
		binary.BigEndian.PutUint16(p[llcSize+3:], l.PID)
	}
	return nil
}

func put24(b []byte, v uint32) { b[0], b[1], b[2] = uint8(v>>16), uint8(v>>8), uint8(v) }

// appendFCS puts a frame check sequence after a frame and gives it.
func appendFCS(b gopacket.SerializeBuffer, kind aal.Kind, fcs [fcsSize]byte, opts gopacket.SerializeOptions) ([fcsSize]byte, error) {
	if opts.ComputeChecksums {
		aal.PutFCS(fcs[:], kind, b.Bytes())
	}
	p, err := b.AppendBytes(fcsSize)
	copy(p, fcs[:])
	return fcs, err
}

func prependEncap(b gopacket.SerializeBuffer, e aal.Encap, kind aal.Kind, etherType uint16) error {
	p, err := b.PrependBytes(e.HeaderSize(kind))
	if err == nil {
		e.PutHeader(p, kind, etherType)
	}
	return err
}

// String gives the form and what names the protocol.
func (l *LLC) String() string {
	s := "LLC, "
	if l.HasVPN {
		s += fmt.Sprintf("VPN %06x:%08x, ", l.VPN.OUI, l.VPN.Index)
	}
	kind := l.Kind
	if l.FCS {
		kind |= aal.FCS
	}
	s += kind.String() + wrong(l.FCSError)
	switch l.Kind {
	case KindUnknown:
		if l.Header != llcSNAP {
			return s + fmt.Sprintf(", header 0x%06x", l.Header)
		}
		return s + fmt.Sprintf(", OUI %06x, PID 0x%04x", l.OUI, l.PID)
	case aal.Routed:
		s += fmt.Sprintf(", ethertype 0x%04x", uint16(l.EtherType))
	case aal.ISO, aal.PPP:
		s += fmt.Sprintf(", NLPID 0x%02x", l.NLPID)
	}
	return s
}

func decodeCLIP(data []byte, p gopacket.PacketBuilder) error {
	switch t := guessSDU(data); t {
	case LayerTypeLLC, layers.LayerTypeIPv4, layers.LayerTypeIPv6:
		return t.Decode(data, p)
	}
	return gopacket.LayerTypePayload.Decode(data, p)
}

// Bridged is the pad before an Ethernet frame on a VC of its own (RFC 2684,
// 6.2). The other media are told by nobody and have no layer.
type Bridged struct {
	layers.BaseLayer
	// FCS tells that frames keep their check sequence, which is then checked
	// and cut off. It is set before decoding, or by LayerTypeBridgedFCS.
	FCS        bool
	FCSError   bool    // the sequence is wrong
	FrameCheck [4]byte // as it came
	Pad        uint16  // 0: another value tells that the peer does not bridge
}

// LayerType gives LayerTypeBridged, or with FCS LayerTypeBridgedFCS.
func (l *Bridged) LayerType() gopacket.LayerType {
	if l.FCS {
		return LayerTypeBridgedFCS
	}
	return LayerTypeBridged
}

// CanDecode gives the same.
func (l *Bridged) CanDecode() gopacket.LayerClass { return l.LayerType() }

// DecodeFromBytes takes an SDU.
func (l *Bridged) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	kind := aal.Bridged
	if l.FCS {
		kind |= aal.FCS
	}
	p, err := aal.VCMux.Decap(data, kind)
	*l = Bridged{FCS: l.FCS}
	if err := damaged(p, err, df); err != nil {
		return err
	}
	if l.FCS {
		l.FrameCheck = [fcsSize]byte(data[len(data)-fcsSize:])
		var right [fcsSize]byte
		aal.PutFCS(right[:], kind, p.Data)
		l.FCSError = right != l.FrameCheck
	}
	n := aal.VCMux.HeaderSize(kind)
	l.Pad = binary.BigEndian.Uint16(data)
	l.BaseLayer = layers.BaseLayer{Contents: data[:n], Payload: p.Data}
	return nil
}

func decodeBridgedFCS(data []byte, p gopacket.PacketBuilder) error {
	return decodeTo(&Bridged{FCS: true}, data, p)
}

// NextLayerType gives gopacket's LayerTypeEthernet.
func (*Bridged) NextLayerType() gopacket.LayerType { return layers.LayerTypeEthernet }

// SerializeTo puts the pad before a frame, and with FCS the sequence after it:
// the right one with ComputeChecksums, else FrameCheck.
func (l *Bridged) SerializeTo(b gopacket.SerializeBuffer, opts gopacket.SerializeOptions) error {
	var err error
	if l.FCS {
		if l.FrameCheck, err = appendFCS(b, aal.Bridged, l.FrameCheck, opts); err != nil {
			return err
		}
	}
	if err = prependEncap(b, aal.VCMux, aal.Bridged, 0); err == nil {
		binary.BigEndian.PutUint16(b.Bytes(), l.Pad)
	}
	return err
}

// String gives the form.
func (l *Bridged) String() string {
	s := "VC-multiplexed, bridged"
	if l.FCS {
		s += "+FCS" + wrong(l.FCSError)
	}
	if l.Pad != 0 {
		s += fmt.Sprintf(", pad 0x%04x (incorrect)", l.Pad)
	}
	return s
}
