package layers

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
)

// Errors of pseudowires.
var (
	// ErrPWChannel is returned for a first nibble of 1: what follows is no
	// control word. LayerTypePWACH decodes it.
	ErrPWChannel = errors.New("layers: an associated channel, not a control word")
	// ErrPWMode is returned by PWAAL5PDU for a word without bit M.
	ErrPWMode = errors.New("layers: bit M is not set: no AAL5 PDU pseudowire")
	ErrLabels = errors.New("layers: no bottom in a stack of 16 labels")
)

const (
	pwControl    = 4 // octets of a control word
	pwLengthMask = 1<<6 - 1
	pwPort       = 6635 // MPLS in UDP (RFC 7510)
	maxLabels    = 16
	labelGAL     = 13 // an associated channel follows (RFC 5586)
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
		if m.Label == labelGAL {
			return p.NextDecoder(LayerTypePWACH)
		}
		return p.NextDecoder(layers.MPLSPayloadDecoder)
	}
	return ErrLabels
}

// PWNibble is the first four bits of a control word: 0 (RFC 4385, 3). Another
// is damage, or no control word at all, but for the 1 of an associated channel.
type PWNibble uint8

// The first nibbles of control words and of associated channel headers.
const (
	nibbleControl PWNibble = 0
	nibbleACH     PWNibble = 1
)

// mark points at a nibble that is not the wanted one.
func (n PWNibble) mark(want PWNibble) string {
	if n == want {
		return ""
	}
	return fmt.Sprintf(", first nibble %d (incorrect)", uint8(n))
}

// control reads the first octet of a control word (RFC 4385, 3): what the four
// bits after 0000 and the third octet mean depends on the pseudowire.
func control(data []byte, df gopacket.DecodeFeedback) (nibble PWNibble, flags uint8, err error) {
	if len(data) < pwControl {
		return 0, 0, short(df)
	}
	if nibble = PWNibble(data[0] >> 4); nibble == nibbleACH {
		return 0, 0, ErrPWChannel
	}
	return nibble, data[0] & 15, nil
}

// put gives the first octet of a control word.
func (n PWNibble) put(flags uint8) uint8 { return uint8(n)<<4 | flags&15 }

// decodePW decodes a control word with what follows, or the associated channel
// in its place.
func decodePW[T any, P decoder[T]](data []byte, p gopacket.PacketBuilder) error {
	if len(data) > 0 && PWNibble(data[0]>>4) == nibbleACH {
		return decodeTo(new(PWACH), data, p)
	}
	return decode[T, P](data, p)
}

// PWN1 is the control word of RFC 4717's N-to-one cell mode: whole cells of 52
// octets follow. Without it, LayerTypeCells decodes.
//
// Length is not used in this mode: the frame tells how many cells there are,
// and Ethernet pads none that holds one.
type PWN1 struct {
	layers.BaseLayer
	Nibble   PWNibble
	Flags    uint8 // four bits, 0
	Length   uint8 // six bits, 0
	Sequence uint16
}

// LayerType gives LayerTypePWN1.
func (*PWN1) LayerType() gopacket.LayerType { return LayerTypePWN1 }

// CanDecode gives LayerTypePWN1.
func (*PWN1) CanDecode() gopacket.LayerClass { return LayerTypePWN1 }

// DecodeFromBytes takes a control word and what follows.
func (w *PWN1) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	nibble, flags, err := control(data, df)
	if err != nil {
		return err
	}
	*w = PWN1{
		BaseLayer: layers.BaseLayer{Contents: data[:pwControl], Payload: data[pwControl:]},
		Nibble:    nibble, Flags: flags, Length: data[1] & pwLengthMask, Sequence: binary.BigEndian.Uint16(data[2:]),
	}
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
	p[0], p[1] = w.Nibble.put(w.Flags), w.Length&pwLengthMask
	binary.BigEndian.PutUint16(p[2:], w.Sequence)
	return nil
}

// String gives the fields. A length that is not 0 is marked as ignored.
func (w *PWN1) String() string {
	ignored := ""
	if w.Length != 0 {
		ignored = " (ignored)"
	}
	return fmt.Sprintf("PW ATM N:1%s, flags 0x%x, length %d%s, seq %d", w.Nibble.mark(nibbleControl), w.Flags, w.Length, ignored, w.Sequence)
}

// PWAAL5SDU is the control word of RFC 4717's AAL5 CPCS-SDU mode. A CPCS-SDU
// without pad and trailer follows, or one OAM cell of 52 octets. The flags of
// RFC 4717's figure 4, reserved there, are T, E, C and U (erratum 2920).
type PWAAL5SDU struct {
	layers.BaseLayer
	Nibble   PWNibble
	OAM      bool  // T: an administrative cell
	EFCI     bool  // E
	CLP      bool  // C
	CPCSUU   bool  // U: the least significant bit of CPCS-UU
	Length   uint8 // 0, or octets with the control word, when below 64
	Sequence uint16
	// LengthError tells that Length does not fit what follows. All of that is
	// then the payload; after T, one cell of it.
	LengthError bool
}

// LayerType gives LayerTypePWAAL5SDU.
func (*PWAAL5SDU) LayerType() gopacket.LayerType { return LayerTypePWAAL5SDU }

// CanDecode gives LayerTypePWAAL5SDU.
func (*PWAAL5SDU) CanDecode() gopacket.LayerClass { return LayerTypePWAAL5SDU }

// DecodeFromBytes takes a control word and what follows.
func (w *PWAAL5SDU) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	nibble, flags, err := control(data, df)
	if err != nil {
		return err
	}
	*w = PWAAL5SDU{
		Nibble: nibble, OAM: flags&8 != 0, EFCI: flags&4 != 0, CLP: flags&2 != 0, CPCSUU: flags&1 != 0,
		Length: data[1] & pwLengthMask, Sequence: binary.BigEndian.Uint16(data[2:]),
	}
	end := w.end(len(data))
	w.BaseLayer = layers.BaseLayer{Contents: data[:pwControl], Payload: data[pwControl:end:end]}
	return nil
}

// end gives the octets, of those there are, that belong to the packet: Ethernet
// may have padded it.
func (w *PWAAL5SDU) end(have int) int {
	const admin = pwControl + aal.CellSize
	n := int(w.Length)
	switch {
	case w.OAM:
		w.LengthError = n != 0 && n != admin
		return min(have, admin)
	case n == 0:
		return have
	case n < pwControl || n > have:
		w.LengthError = true
		return have
	}
	return n
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
	p[0] = w.Nibble.put(bit(w.OAM, 8) | bit(w.EFCI, 4) | bit(w.CLP, 2) | bit(w.CPCSUU, 1))
	p[1] = w.Length & pwLengthMask
	binary.BigEndian.PutUint16(p[2:], w.Sequence)
	return nil
}

// String gives the fields.
func (w *PWAAL5SDU) String() string {
	return fmt.Sprintf("PW AAL5 SDU%s, T %d, E %d, C %d, U %d, length %d%s, seq %d", w.Nibble.mark(nibbleControl),
		bit(w.OAM, 1), bit(w.EFCI, 1), bit(w.CLP, 1), bit(w.CPCSUU, 1), w.Length, wrong(w.LengthError), w.Sequence)
}

// bit is v when on, else 0.
func bit(on bool, v uint8) uint8 {
	if on {
		return v
	}
	return 0
}
