package layers

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// Errors of pseudowires.
var (
	ErrPWControl = errors.New("layers: control word does not begin with 0000")
	ErrPWLength  = errors.New("layers: length in the control word does not fit")
	ErrLabels    = errors.New("layers: no bottom in a stack of 16 labels")
)

const (
	pwControl    = 4 // octets of a control word
	pwLengthMask = 1<<6 - 1
	pwPort       = 6635 // MPLS in UDP (RFC 7510)
	maxLabels    = 16
)

// RegisterMPLS makes gopacket ask [RegisterLabel] of MPLS on Ethernet, and in
// UDP to port 6635 (RFC 7510): it takes the place of gopacket's own MPLS
// decoder, which does not tell labels apart. Labels that are not registered
// are still decoded by gopacket. Not to be called while packets are decoded.
func RegisterMPLS() {
	layers.EthernetTypeMetadata[layers.EthernetTypeMPLSUnicast].DecodeWith = gopacket.DecodeFunc(DecodeMPLS)
	mpls := gopacket.OverrideLayerType(int(layers.LayerTypeMPLS), gopacket.LayerTypeMetadata{
		Name: "MPLS", Decoder: gopacket.DecodeFunc(DecodeMPLS),
	})
	layers.RegisterUDPPortLayerType(pwPort, mpls)
}

// DecodeMPLS decodes a label stack to gopacket's MPLS layers, then what
// [RegisterLabel] says of the bottom label.
func DecodeMPLS(data []byte, p gopacket.PacketBuilder) error {
	for range maxLabels {
		if len(data) < pwControl {
			return short(p)
		}
		v := binary.BigEndian.Uint32(data)
		m := &layers.MPLS{
			BaseLayer: layers.BaseLayer{Contents: data[:pwControl], Payload: data[pwControl:]},
			Label:     v >> 12, TrafficClass: uint8(v>>9) & 7, StackBottom: v>>8&1 == 1, TTL: uint8(v),
		}
		p.AddLayer(m)
		if !m.StackBottom {
			data = m.Payload
			continue
		}
		if t, ok := labels[m.Label]; ok {
			return p.NextDecoder(t)
		}
		return p.NextDecoder(layers.MPLSPayloadDecoder)
	}
	return ErrLabels
}

// control reads a control word (RFC 4385, 3): what the four bits after 0000
// and the third octet mean depends on the pseudowire.
func control(data []byte, df gopacket.DecodeFeedback) (flags uint8, err error) {
	if len(data) < pwControl {
		return 0, short(df)
	}
	if data[0]>>4 != 0 {
		return 0, ErrPWControl
	}
	return data[0] & 15, nil
}

// pwLength cuts what follows a control word to the length in it, which counts
// the word itself; 0 means all. It takes off the padding of Ethernet.
func pwLength(data []byte, length uint8) ([]byte, error) {
	n := int(length)
	switch {
	case n == 0:
		return data[pwControl:], nil
	case n < pwControl || n > len(data):
		return nil, ErrPWLength
	}
	return data[pwControl:n:n], nil
}

// PWN1 is the control word of RFC 4717's N-to-one cell mode: whole cells of 52
// octets follow. Without it, LayerTypeCells decodes.
type PWN1 struct {
	layers.BaseLayer
	Flags    uint8 // four bits, 0
	Length   uint8 // 0, or octets with the control word, when below 64
	Sequence uint16
}

// LayerType gives LayerTypePWN1.
func (*PWN1) LayerType() gopacket.LayerType { return LayerTypePWN1 }

// CanDecode gives LayerTypePWN1.
func (*PWN1) CanDecode() gopacket.LayerClass { return LayerTypePWN1 }

// DecodeFromBytes takes a control word and what follows.
func (w *PWN1) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	flags, err := control(data, df)
	if err != nil {
		return err
	}
	w.Flags, w.Length, w.Sequence = flags, data[1]&pwLengthMask, binary.BigEndian.Uint16(data[2:])
	rest, err := pwLength(data, w.Length)
	if err != nil {
		return err
	}
	w.BaseLayer = layers.BaseLayer{Contents: data[:pwControl], Payload: rest}
	return nil
}

// NextLayerType gives LayerTypeCells.
func (*PWN1) NextLayerType() gopacket.LayerType { return LayerTypeCells }

// SerializeTo puts the control word before cells. FixLengths sets Length to 0.
func (w *PWN1) SerializeTo(b gopacket.SerializeBuffer, opts gopacket.SerializeOptions) error {
	if opts.FixLengths {
		w.Length = 0
	}
	p, err := b.PrependBytes(pwControl)
	if err != nil {
		return err
	}
	p[0], p[1] = w.Flags&15, w.Length&pwLengthMask
	binary.BigEndian.PutUint16(p[2:], w.Sequence)
	return nil
}

// String gives the fields.
func (w *PWN1) String() string {
	return fmt.Sprintf("PW ATM N:1, flags 0x%x, length %d, seq %d", w.Flags, w.Length, w.Sequence)
}

func decodePWN1(data []byte, p gopacket.PacketBuilder) error {
	w := new(PWN1)
	if err := w.DecodeFromBytes(data, p); err != nil {
		return err
	}
	p.AddLayer(w)
	return decodeCells(w.Payload, p)
}

// PWAAL5SDU is the control word of RFC 4717's AAL5 CPCS-SDU mode. A CPCS-SDU
// without pad and trailer follows, or one OAM cell of 52 octets.
type PWAAL5SDU struct {
	layers.BaseLayer
	OAM      bool  // T: an administrative cell
	EFCI     bool  // E
	CLP      bool  // C
	CPCSUU   bool  // U: the least significant bit of CPCS-UU
	Length   uint8 // 0, or octets with the control word, when below 64
	Sequence uint16
}

// LayerType gives LayerTypePWAAL5SDU.
func (*PWAAL5SDU) LayerType() gopacket.LayerType { return LayerTypePWAAL5SDU }

// CanDecode gives LayerTypePWAAL5SDU.
func (*PWAAL5SDU) CanDecode() gopacket.LayerClass { return LayerTypePWAAL5SDU }

// DecodeFromBytes takes a control word and what follows.
func (w *PWAAL5SDU) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	flags, err := control(data, df)
	if err != nil {
		return err
	}
	*w = PWAAL5SDU{
		OAM: flags&8 != 0, EFCI: flags&4 != 0, CLP: flags&2 != 0, CPCSUU: flags&1 != 0,
		Length: data[1] & pwLengthMask, Sequence: binary.BigEndian.Uint16(data[2:]),
	}
	rest, err := pwLength(data, w.Length)
	if err != nil {
		return err
	}
	w.BaseLayer = layers.BaseLayer{Contents: data[:pwControl], Payload: rest}
	return nil
}

// NextLayerType gives LayerTypeCell after T, else a guess at the SDU.
func (w *PWAAL5SDU) NextLayerType() gopacket.LayerType {
	if w.OAM {
		return LayerTypeCell
	}
	return guessSDU(w.Payload)
}

// SerializeTo puts the control word before SDU or cell. FixLengths sets
// Length.
func (w *PWAAL5SDU) SerializeTo(b gopacket.SerializeBuffer, opts gopacket.SerializeOptions) error {
	p, err := b.PrependBytes(pwControl)
	if err != nil {
		return err
	}
	if opts.FixLengths {
		w.Length = 0
		if n := len(b.Bytes()); n <= pwLengthMask && !w.OAM {
			w.Length = uint8(n)
		}
	}
	p[0] = bit(w.OAM, 8) | bit(w.EFCI, 4) | bit(w.CLP, 2) | bit(w.CPCSUU, 1)
	p[1] = w.Length & pwLengthMask
	binary.BigEndian.PutUint16(p[2:], w.Sequence)
	return nil
}

// String gives the fields.
func (w *PWAAL5SDU) String() string {
	return fmt.Sprintf("PW AAL5 SDU, T %d, E %d, C %d, U %d, length %d, seq %d",
		bit(w.OAM, 1), bit(w.EFCI, 1), bit(w.CLP, 1), bit(w.CPCSUU, 1), w.Length, w.Sequence)
}

// bit is v when on, else 0.
func bit(on bool, v uint8) uint8 {
	if on {
		return v
	}
	return 0
}
