package layers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
)

// ATMARP is a packet of RFC 2225: ARP and InARP of Classical IP. Octets after
// the packet are its payload.
type ATMARP struct {
	layers.BaseLayer
	Packet aal.ATMARP
	// Fault tells why the addresses cannot be read: the lengths do not fit, or
	// the protocol is not IPv4. The contents are then the fixed part of the
	// packet alone, the payload all that follows, and Packet has no more than
	// the operation.
	Fault error
}

// atmarpFixed is the octets of a packet before its addresses.
const atmarpFixed = 12

// LayerType gives LayerTypeATMARP.
func (*ATMARP) LayerType() gopacket.LayerType { return LayerTypeATMARP }

// CanDecode gives LayerTypeATMARP.
func (*ATMARP) CanDecode() gopacket.LayerClass { return LayerTypeATMARP }

// DecodeFromBytes takes a packet.
func (a *ATMARP) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if len(data) < atmarpFixed {
		return short(df)
	}
	err := a.Packet.Decode(data)
	a.Fault = nil
	switch {
	case errors.Is(err, aal.ErrATMARPHardware):
		return err
	case errors.Is(err, aal.ErrATMARPShort):
		df.SetTruncated()
	}
	n := a.Packet.Size()
	if err != nil && !errors.Is(err, aal.ErrATMARPOp) {
		a.Fault, n = err, atmarpFixed
		a.Packet = aal.ATMARP{Op: aal.ATMARPOp(binary.BigEndian.Uint16(data[6:]))}
	}
	a.BaseLayer = layers.BaseLayer{Contents: data[:n], Payload: data[n:]}
	return nil
}

// NextLayerType gives LayerTypePayload.
func (*ATMARP) NextLayerType() gopacket.LayerType { return gopacket.LayerTypePayload }

// SerializeTo writes the packet; after a Fault, the contents as they came.
func (a *ATMARP) SerializeTo(b gopacket.SerializeBuffer, _ gopacket.SerializeOptions) error {
	if a.Fault != nil {
		fixed := slices.Clone(a.Contents)
		p, err := b.PrependBytes(len(fixed))
		copy(p, fixed)
		return err
	}
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
	if c := a.Contents; a.Fault != nil && len(c) == atmarpFixed {
		return fmt.Sprintf("ARP, %v, protocol 0x%04x, lengths %d %d %d, %d %d %d (incorrect: %v)", p.Op,
			binary.BigEndian.Uint16(c[2:]), c[4], c[5], c[8], c[9], c[10], c[11], a.Fault)
	}
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
	if p.Op == aal.ATMARPNAK {
		return fmt.Sprintf("ARP, NACK Reply for %v", p.SourceAddress)
	}
	return fmt.Sprintf("ARP, %v (incorrect), from %v (%s) to %v (%s)", p.Op, p.SourceAddress, source, p.TargetAddress, target)
}

// addressString gives number and, after a comma, subaddress: in tcpdump's form,
// but for an E.164 number of digits.
func addressString(number, sub aal.ATMNumber) string {
	s := numberString(number)
	if sub.Len > 0 {
		s += "," + numberString(sub)
	}
	return s
}

func numberString(n aal.ATMNumber) string {
	if n.Digits() || n.Len == 0 {
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
