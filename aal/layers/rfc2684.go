package layers

import (
	"encoding/binary"
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
)

// LLC is the LLC encapsulation of RFC 2684, section 5, in all its forms, with
// PPP (RFC 2364) and the VPN header (section 8). Its contents end before what
// is carried. A bridged frame's check sequence is checked and cut off; a wrong
// one is an error.
type LLC struct {
	layers.BaseLayer
	Kind      aal.Kind // without FCS
	FCS       bool     // a frame check sequence follows the payload
	NLPID     uint8    // of ISO and PPP
	EtherType layers.EthernetType
	HasVPN    bool
	VPN       aal.VPN
}

// LayerType gives LayerTypeLLC.
func (*LLC) LayerType() gopacket.LayerType { return LayerTypeLLC }

// CanDecode gives LayerTypeLLC.
func (*LLC) CanDecode() gopacket.LayerClass { return LayerTypeLLC }

// DecodeFromBytes takes an SDU.
func (l *LLC) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	vpn, rest, hasVPN := aal.SplitVPN(data)
	p, err := aal.LLC.Decap(rest, 0)
	if err != nil {
		return encapError(err, df)
	}
	*l = LLC{
		Kind: p.Kind, FCS: p.FCS, NLPID: p.NLPID, EtherType: layers.EthernetType(p.EtherType),
		HasVPN: hasVPN, VPN: vpn,
	}
	n := len(data) - len(p.Data)
	if p.FCS {
		n -= fcsSize
	}
	l.BaseLayer = layers.BaseLayer{Contents: data[:n], Payload: p.Data}
	return nil
}

const fcsSize = 4

func encapError(err error, df gopacket.DecodeFeedback) error {
	if err == aal.ErrEncapShort {
		df.SetTruncated()
	}
	return err
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
// it.
func (l *LLC) SerializeTo(b gopacket.SerializeBuffer, _ gopacket.SerializeOptions) error {
	if err := serializeEncap(b, aal.LLC, l.Kind, l.FCS, uint16(l.EtherType)); err != nil || !l.HasVPN {
		return err
	}
	p, err := b.PrependBytes(aal.VPNHeaderSize)
	if err == nil {
		aal.PutVPN(p, l.VPN)
	}
	return err
}

func serializeEncap(b gopacket.SerializeBuffer, e aal.Encap, kind aal.Kind, fcs bool, etherType uint16) error {
	if fcs {
		kind |= aal.FCS
		frame := len(b.Bytes())
		p, err := b.AppendBytes(fcsSize)
		if err != nil {
			return err
		}
		aal.PutFCS(p, kind, b.Bytes()[:frame])
	}
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
	s += kind.String()
	switch l.Kind {
	case aal.Routed:
		s += fmt.Sprintf(", ethertype 0x%04x", uint16(l.EtherType))
	case aal.ISO, aal.PPP:
		s += fmt.Sprintf(", NLPID 0x%02x", l.NLPID)
	}
	return s
}

// Bridged is the pad before an Ethernet frame on a VC of its own (RFC 2684,
// 6.2). The other media are told by nobody and have no layer.
type Bridged struct {
	layers.BaseLayer
	// FCS tells that frames keep their check sequence, which is then checked
	// and cut off. It is set before decoding, or by LayerTypeBridgedFCS.
	FCS bool
}

// LayerType gives LayerTypeBridged.
func (*Bridged) LayerType() gopacket.LayerType { return LayerTypeBridged }

// CanDecode gives LayerTypeBridged.
func (*Bridged) CanDecode() gopacket.LayerClass { return LayerTypeBridged }

// DecodeFromBytes takes an SDU.
func (l *Bridged) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	kind := aal.Bridged
	if l.FCS {
		kind |= aal.FCS
	}
	p, err := aal.VCMux.Decap(data, kind)
	if err != nil {
		return encapError(err, df)
	}
	l.BaseLayer = layers.BaseLayer{Contents: data[:aal.VCMux.HeaderSize(kind)], Payload: p.Data}
	return nil
}

func decodeBridgedFCS(data []byte, p gopacket.PacketBuilder) error {
	return decodeTo(&Bridged{FCS: true}, data, p)
}

// NextLayerType gives gopacket's LayerTypeEthernet.
func (*Bridged) NextLayerType() gopacket.LayerType { return layers.LayerTypeEthernet }

// SerializeTo puts the pad before a frame, and with FCS the sequence after it.
func (l *Bridged) SerializeTo(b gopacket.SerializeBuffer, _ gopacket.SerializeOptions) error {
	return serializeEncap(b, aal.VCMux, aal.Bridged, l.FCS, 0)
}

// String gives the form.
func (l *Bridged) String() string {
	if l.FCS {
		return "VC-multiplexed, bridged+FCS"
	}
	return "VC-multiplexed, bridged"
}

// ATMARP is a packet of RFC 2225: ARP and InARP of Classical IP. Octets after
// the packet are its payload.
type ATMARP struct {
	layers.BaseLayer
	Packet aal.ATMARP
}

// LayerType gives LayerTypeATMARP.
func (*ATMARP) LayerType() gopacket.LayerType { return LayerTypeATMARP }

// CanDecode gives LayerTypeATMARP.
func (*ATMARP) CanDecode() gopacket.LayerClass { return LayerTypeATMARP }

// DecodeFromBytes takes a packet.
func (a *ATMARP) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if err := a.Packet.Decode(data); err != nil {
		if err == aal.ErrATMARPShort {
			df.SetTruncated()
		}
		return err
	}
	n := a.Packet.Size()
	a.BaseLayer = layers.BaseLayer{Contents: data[:n], Payload: data[n:]}
	return nil
}

// NextLayerType gives LayerTypePayload.
func (*ATMARP) NextLayerType() gopacket.LayerType { return gopacket.LayerTypePayload }

// SerializeTo writes the packet.
func (a *ATMARP) SerializeTo(b gopacket.SerializeBuffer, _ gopacket.SerializeOptions) error {
	p, err := b.PrependBytes(a.Packet.Size())
	if err != nil {
		return err
	}
	_, err = a.Packet.Encode(p)
	return err
}

// String gives question or answer in tcpdump's words.
func (a *ATMARP) String() string {
	p := &a.Packet
	source, target := addressString(p.SourceNumber, p.SourceSub), addressString(p.TargetNumber, p.TargetSub)
	switch p.Op {
	case aal.ATMARPRequest:
		if p.TargetNumber.Len > 0 {
			return fmt.Sprintf("ARP, Request who-has %v (%s) tell %v", p.TargetAddress, target, p.SourceAddress)
		}
		return fmt.Sprintf("ARP, Request who-has %v tell %v", p.TargetAddress, p.SourceAddress)
	case aal.ATMARPReply:
		return fmt.Sprintf("ARP, Reply %v is-at %s", p.SourceAddress, source)
	case aal.InATMARPRequest:
		return fmt.Sprintf("ARP, Inverse Request who-is %s tell %s", target, source)
	case aal.InATMARPReply:
		return fmt.Sprintf("ARP, Inverse Reply %s at %v", source, p.SourceAddress)
	}
	return fmt.Sprintf("ARP, NACK Reply for %v", p.SourceAddress)
}

// addressString gives number and, after a comma, subaddress; an ATM end
// system address in tcpdump's form.
func addressString(number, sub aal.ATMNumber) string {
	s := numberString(number)
	if sub.Len > 0 {
		s += "," + numberString(sub)
	}
	return s
}

func numberString(n aal.ATMNumber) string {
	if n.E164 || n.Len == 0 {
		return n.String()
	}
	s := ""
	for i, b := range n.Bytes() {
		if i > 0 {
			s += ":"
		}
		s += fmt.Sprintf("%02x", b)
	}
	return s
}
