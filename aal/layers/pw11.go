package layers

import (
	"encoding/binary"
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
)

// The ATM-specific octet of the 1:1 and AAL5 PDU pseudowires of RFC 4717: bit M
// tells them apart, bit V paths from channels.
const (
	pwM = 1 << 7
	pwV = 1 << 6
	pwU = 1 << 2
	pwE = 1 << 1
	pwC = 1 << 0
)

const pw11Header = 3 // the ATM-specific octet is the first cell's

// PW11 is the control word of RFC 4717's one-to-one cell mode, without its last
// octet, which belongs to the first PWCell of those that follow.
type PW11 struct {
	layers.BaseLayer
	Nibble   PWNibble
	Flags    uint8 // four bits, 0
	Sequence uint16
}

// LayerType gives LayerTypePW11.
func (*PW11) LayerType() gopacket.LayerType { return LayerTypePW11 }

// CanDecode gives LayerTypePW11.
func (*PW11) CanDecode() gopacket.LayerClass { return LayerTypePW11 }

// DecodeFromBytes takes a control word and what follows.
func (w *PW11) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	nibble, flags, err := control(data, df)
	if err != nil {
		return err
	}
	w.Nibble, w.Flags, w.Sequence = nibble, flags, binary.BigEndian.Uint16(data[1:])
	w.BaseLayer = layers.BaseLayer{Contents: data[:pw11Header], Payload: data[pw11Header:]}
	return nil
}

// NextLayerType gives LayerTypePWCell.
func (*PW11) NextLayerType() gopacket.LayerType { return LayerTypePWCell }

// SerializeTo puts the control word before cells, each a serialized PWCell.
func (w *PW11) SerializeTo(b gopacket.SerializeBuffer, _ gopacket.SerializeOptions) error {
	p, err := b.PrependBytes(pw11Header)
	if err != nil {
		return err
	}
	p[0] = w.Nibble.put(w.Flags)
	binary.BigEndian.PutUint16(p[1:], w.Sequence)
	return nil
}

// String gives the fields.
func (w *PW11) String() string {
	return fmt.Sprintf("PW ATM 1:1%s, flags 0x%x, seq %d", w.Nibble.mark(nibbleControl), w.Flags, w.Sequence)
}

// PWCell is a cell of the 1:1 pseudowire: of a channel, or with Path of a
// path. Its payload is the information field.
type PWCell struct {
	layers.BaseLayer
	Path     bool  // VCI is present
	VError   bool  // V is not what Path says: it differs from the first cell's
	Frame    bool  // M, 0 in a cell
	Reserved uint8 // two bits, 0
	PTI      uint8
	CLP      bool
	VCI      uint16 // with Path
}

// LayerType gives LayerTypePWCell.
func (*PWCell) LayerType() gopacket.LayerType { return LayerTypePWCell }

// CanDecode gives LayerTypePWCell.
func (*PWCell) CanDecode() gopacket.LayerClass { return LayerTypePWCell }

// pwCellHeader gives the octets of a cell before its payload.
func pwCellHeader(path bool) int {
	if path {
		return 3
	}
	return 1
}

// DecodeFromBytes takes one cell, 49 octets or with V 51.
func (c *PWCell) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if len(data) == 0 {
		return short(df)
	}
	return c.decode(data, data[0]&pwV != 0, df)
}

// decode takes one cell of a path or of a channel, whatever V says.
func (c *PWCell) decode(data []byte, path bool, df gopacket.DecodeFeedback) error {
	n := pwCellHeader(path)
	if err := exact(data, n+aal.PayloadSize, df); err != nil {
		return err
	}
	*c = PWCell{
		Path: path, VError: data[0]&pwV != 0 != path, Frame: data[0]&pwM != 0,
		Reserved: data[0] >> 4 & 3, PTI: data[0] >> 1 & 7, CLP: data[0]&pwC != 0,
	}
	if path {
		c.VCI = binary.BigEndian.Uint16(data[1:])
	}
	c.BaseLayer = layers.BaseLayer{Contents: data[:n], Payload: data[n:]}
	return nil
}

// NextLayerType tells OAM and RM cells. The channel is not known: other
// payloads are plain.
func (c *PWCell) NextLayerType() gopacket.LayerType {
	h := aal.MakeHeader(aal.VC{VCI: c.VCI}, c.PTI, c.CLP)
	if _, oam := h.OAMFlow(); oam {
		return LayerTypeOAM
	}
	return next(LayerTypeRM, c.PTI == aal.PTIResourceMgmt)
}

// SerializeTo puts the octets of the header before 48 of payload.
func (c *PWCell) SerializeTo(b gopacket.SerializeBuffer, _ gopacket.SerializeOptions) error {
	if len(b.Bytes()) != aal.PayloadSize {
		return aal.ErrPayloadSize
	}
	p, err := b.PrependBytes(pwCellHeader(c.Path))
	if err != nil {
		return err
	}
	p[0] = bit(c.Frame, pwM) | bit(c.Path != c.VError, pwV) | c.Reserved&3<<4 | c.PTI&7<<1 | bit(c.CLP, pwC)
	if c.Path {
		binary.BigEndian.PutUint16(p[1:], c.VCI)
	}
	return nil
}

// String gives VCI, payload type and CLP.
func (c *PWCell) String() string {
	s := "ATM, "
	if c.Path {
		s += fmt.Sprintf("vci %d, ", c.VCI)
	}
	s += fmt.Sprintf("payload [ %s ], clp %d", payloadTypes[c.PTI&7], bit(c.CLP, 1))
	if c.VError {
		s += fmt.Sprintf(", V %d (incorrect)", bit(!c.Path, 1))
	}
	if c.Frame {
		s += ", M 1 (incorrect)"
	}
	return s
}

// PWAAL5PDU is the control word of RFC 4717's AAL5 PDU frame mode: a CPCS-PDU
// with pad and trailer follows, or whole cells' worth of one.
type PWAAL5PDU struct {
	layers.BaseLayer
	Nibble   PWNibble
	Flags    uint8 // four bits, 0
	Sequence uint16
	Reserved uint8 // V and three bits, 0
	Last     bool  // U: the last cell of the PDU is here
	EFCI     bool  // E
	CLP      bool  // C
	// LengthError tells that no whole cells' worth of a PDU follows.
	LengthError bool
}

// LayerType gives LayerTypePWAAL5PDU.
func (*PWAAL5PDU) LayerType() gopacket.LayerType { return LayerTypePWAAL5PDU }

// CanDecode gives LayerTypePWAAL5PDU.
func (*PWAAL5PDU) CanDecode() gopacket.LayerClass { return LayerTypePWAAL5PDU }

// DecodeFromBytes takes a control word and what follows. Bit M must be set.
func (w *PWAAL5PDU) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	nibble, flags, err := control(data, df)
	if err != nil {
		return err
	}
	a := data[pw11Header]
	if a&pwM == 0 {
		return ErrPWMode
	}
	*w = PWAAL5PDU{
		Nibble: nibble, Flags: flags, Sequence: binary.BigEndian.Uint16(data[1:]),
		Reserved: a >> 3 & 15, Last: a&pwU != 0, EFCI: a&pwE != 0, CLP: a&pwC != 0,
		BaseLayer:   layers.BaseLayer{Contents: data[:pwControl], Payload: data[pwControl:]},
		LengthError: !wholePDU(len(data) - pwControl),
	}
	if w.LengthError {
		df.SetTruncated()
	}
	return nil
}

// NextLayerType gives LayerTypeAAL5 where the last cell is here and Length
// says that all are: a PDU may come in several frames.
func (w *PWAAL5PDU) NextLayerType() gopacket.LayerType {
	n := len(w.Payload)
	if !w.Last || !wholePDU(n) {
		return gopacket.LayerTypePayload
	}
	length := int(binary.BigEndian.Uint16(w.Payload[n-aal.TrailerSize+2:]))
	return next(LayerTypeAAL5, aal.AAL5PDUSize(length) == n)
}

// SerializeTo puts the control word before a PDU or a part of one, of whatever
// length.
func (w *PWAAL5PDU) SerializeTo(b gopacket.SerializeBuffer, _ gopacket.SerializeOptions) error {
	p, err := b.PrependBytes(pwControl)
	if err != nil {
		return err
	}
	p[0] = w.Nibble.put(w.Flags)
	binary.BigEndian.PutUint16(p[1:], w.Sequence)
	p[pw11Header] = pwM | w.Reserved&15<<3 | bit(w.Last, pwU) | bit(w.EFCI, pwE) | bit(w.CLP, pwC)
	return nil
}

// String gives the fields.
func (w *PWAAL5PDU) String() string {
	s := fmt.Sprintf("PW AAL5 PDU%s, flags 0x%x, seq %d, U %d, E %d, C %d", w.Nibble.mark(nibbleControl),
		w.Flags, w.Sequence, bit(w.Last, 1), bit(w.EFCI, 1), bit(w.CLP, 1))
	if w.LengthError {
		s += fmt.Sprintf(", %d octets (incorrect)", len(w.Payload))
	}
	return s
}

// decodePW11 decodes a 1:1 or an AAL5 PDU pseudowire, as bit M says. All cells
// of a 1:1 pseudowire are of the first one's kind.
func decodePW11(data []byte, p gopacket.PacketBuilder) error {
	if len(data) < pwControl || PWNibble(data[0]>>4) == nibbleACH {
		return decodePW[PW11](data, p)
	}
	if data[pw11Header]&pwM != 0 {
		return decodeTo(new(PWAAL5PDU), data, p)
	}
	w := new(PW11)
	if err := w.DecodeFromBytes(data, p); err != nil {
		return err
	}
	p.AddLayer(w)
	path := w.Payload[0]&pwV != 0
	cell := gopacket.DecodeFunc(func(data []byte, p gopacket.PacketBuilder) error {
		c := new(PWCell)
		if err := c.decode(data, path, p); err != nil {
			return err
		}
		p.AddLayer(c)
		return p.NextDecoder(c.NextLayerType())
	})
	return items(p, cell, w.Payload, pwCellHeader(path)+aal.PayloadSize)
}
