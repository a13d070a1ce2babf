package layers

import (
	"encoding/binary"
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// PWChannelType tells what an associated channel carries (RFC 4385, 5).
type PWChannelType uint16

// The types that are decoded further (IANA, MPLS generalized associated channel
// types).
const (
	PWChannelBFD  PWChannelType = 0x0007 // BFD control without IP (RFC 5885)
	PWChannelIPv4 PWChannelType = 0x0021 // RFC 4385
	PWChannelIPv6 PWChannelType = 0x0057 // RFC 4385
)

// String names the type.
func (t PWChannelType) String() string {
	switch t {
	case PWChannelBFD:
		return "BFD"
	case PWChannelIPv4:
		return "IPv4"
	case PWChannelIPv6:
		return "IPv6"
	}
	return "unknown"
}

// PWACH is the header of a pseudowire's associated channel, in the place of a
// control word (RFC 4385, 5). VCCV (RFC 5085) is carried behind it: LSP ping
// and BFD. The same header follows the label 13 (RFC 5586).
type PWACH struct {
	layers.BaseLayer
	Nibble   PWNibble // 1
	Version  uint8    // four bits, 0
	Reserved uint8    // 0
	Channel  PWChannelType
}

// LayerType gives LayerTypePWACH.
func (*PWACH) LayerType() gopacket.LayerType { return LayerTypePWACH }

// CanDecode gives LayerTypePWACH.
func (*PWACH) CanDecode() gopacket.LayerClass { return LayerTypePWACH }

// bfdLength is where a BFD control packet has its own length (RFC 5880, 4.1).
const bfdLength = 3

// DecodeFromBytes takes a header and what follows, of BFD without the padding
// of Ethernet.
func (w *PWACH) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if len(data) < pwControl {
		return short(df)
	}
	*w = PWACH{
		BaseLayer: layers.BaseLayer{Contents: data[:pwControl], Payload: data[pwControl:]},
		Nibble:    PWNibble(data[0] >> 4), Version: data[0] & 15, Reserved: data[1],
		Channel: PWChannelType(binary.BigEndian.Uint16(data[2:])),
	}
	if p := w.Payload; w.Channel == PWChannelBFD && len(p) > bfdLength {
		if n := int(p[bfdLength]); n > bfdLength && n < len(p) {
			w.Payload = p[:n:n]
		}
	}
	return nil
}

// NextLayerType tells by the channel type.
func (w *PWACH) NextLayerType() gopacket.LayerType {
	switch w.Channel {
	case PWChannelBFD:
		return layers.LayerTypeBFD
	case PWChannelIPv4:
		return layers.LayerTypeIPv4
	case PWChannelIPv6:
		return layers.LayerTypeIPv6
	}
	return gopacket.LayerTypePayload
}

// SerializeTo puts the header before what the channel carries. FixLengths sets
// the nibble.
func (w *PWACH) SerializeTo(b gopacket.SerializeBuffer, opts gopacket.SerializeOptions) error {
	p, err := b.PrependBytes(pwControl)
	if err != nil {
		return err
	}
	if opts.FixLengths {
		w.Nibble = nibbleACH
	}
	p[0], p[1] = w.Nibble.put(w.Version), w.Reserved
	binary.BigEndian.PutUint16(p[2:], uint16(w.Channel))
	return nil
}

// String gives version and channel type.
func (w *PWACH) String() string {
	return fmt.Sprintf("PW associated channel%s, version %d%s, type %v (0x%04x)",
		w.Nibble.mark(nibbleACH), w.Version, wrong(w.Version != 0), w.Channel, uint16(w.Channel))
}
