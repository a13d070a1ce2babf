package layers

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
)

// AAL1 is a SAR-PDU of AAL1 (I.363.1, 2.4.2). Its payload is the 47 octets
// after the header, pointer and all.
type AAL1 struct {
	layers.BaseLayer
	Octet     uint8 // the header as received
	SN        aal.AAL1SN
	Valid     bool // SN can be read, after correction of one bit at most
	Corrected bool
}

// LayerType gives LayerTypeAAL1.
func (*AAL1) LayerType() gopacket.LayerType { return LayerTypeAAL1 }

// CanDecode gives LayerTypeAAL1.
func (*AAL1) CanDecode() gopacket.LayerClass { return LayerTypeAAL1 }

// DecodeFromBytes takes the 48 octets of a payload. One wrong bit of the header
// is corrected.
func (a *AAL1) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if err := exact(data, aal.PayloadSize, df); err != nil {
		return err
	}
	var d aal.AAL1Decoder
	h := d.Decode(data[0])
	a.Octet, a.SN, a.Valid, a.Corrected = data[0], h.SN, h.Valid, h.Corrected
	a.BaseLayer = layers.BaseLayer{Contents: data[:1], Payload: data[1:]}
	return nil
}

// Pointer gives the structure pointer of a cell of structured transfer
// (I.363.1, 2.5.2); ok is false where there is none, or a wrong one. That a
// circuit is structured is not in its cells.
func (a *AAL1) Pointer() (offset uint8, ok bool) {
	if !a.Valid || !a.SN.CSI() || a.SN.Count()&1 == 1 || len(a.Payload) == 0 {
		return 0, false
	}
	offset, err := aal.ParseAAL1Pointer(a.Payload[0], true)
	return offset, err == nil
}

// NextLayerType gives LayerTypePayload.
func (*AAL1) NextLayerType() gopacket.LayerType { return gopacket.LayerTypePayload }

// SerializeTo puts the header before a payload of 47 octets: that of SN with
// ComputeChecksums, else Octet.
func (a *AAL1) SerializeTo(b gopacket.SerializeBuffer, opts gopacket.SerializeOptions) error {
	if len(b.Bytes()) != aal.AAL1Payload {
		return aal.ErrAAL1User
	}
	p, err := b.PrependBytes(1)
	if err != nil {
		return err
	}
	if opts.ComputeChecksums {
		a.Octet = a.SN.Octet()
	}
	p[0] = a.Octet
	return nil
}

// String gives count and CSI.
func (a *AAL1) String() string {
	switch {
	case !a.Valid:
		return fmt.Sprintf("AAL1, header 0x%02x (incorrect)", a.Octet)
	case a.Corrected:
		return fmt.Sprintf("AAL1, %v, header 0x%02x (corrected)", a.SN, a.Octet)
	}
	return fmt.Sprintf("AAL1, %v", a.SN)
}

// AAL2Packet is a CPS-packet, or the start of one that goes on in the next
// cell.
type AAL2Packet struct {
	Header aal.AAL2Header
	Info   []byte // fewer than Header.Size octets where it goes on
}

// AAL2 is a CPS-PDU, the payload of a cell (I.363.2, 9.2). It has no payload
// of its own.
type AAL2 struct {
	layers.BaseLayer
	Start   aal.AAL2Start
	Tail    []byte // end of a packet that began in a cell before
	Packets []AAL2Packet
	// Rest is the start of a header that goes on in the next cell, or all that
	// follows an error.
	Rest        []byte
	OffsetError bool // the offset is above 47
	HECError    bool // Rest begins with a wrong header
}

// LayerType gives LayerTypeAAL2.
func (*AAL2) LayerType() gopacket.LayerType { return LayerTypeAAL2 }

// CanDecode gives LayerTypeAAL2.
func (*AAL2) CanDecode() gopacket.LayerClass { return LayerTypeAAL2 }

// DecodeFromBytes takes the 48 octets of a payload. The parity is not looked
// at: see Start.ParityOK.
func (a *AAL2) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if err := exact(data, aal.PayloadSize, df); err != nil {
		return err
	}
	*a = AAL2{
		BaseLayer: layers.BaseLayer{Contents: data},
		Start:     aal.AAL2Start(data[0]),
		Packets:   a.Packets[:0],
	}
	rest, offset := data[1:], a.Start.Offset()
	if offset > len(rest) {
		a.Rest, a.OffsetError = rest, true
		return nil
	}
	a.Tail, rest = rest[:offset], rest[offset:]
	for len(rest) > 0 && rest[0] != aal.AAL2CIDPad {
		if len(rest) < aal.AAL2HeaderSize {
			a.Rest = rest
			break
		}
		h, err := aal.ParseAAL2Header(rest)
		if err != nil {
			a.Rest, a.HECError = rest, true
			break
		}
		rest = rest[aal.AAL2HeaderSize:]
		n := min(h.Size, len(rest))
		a.Packets = append(a.Packets, AAL2Packet{h, rest[:n:n]})
		rest = rest[n:]
	}
	return nil
}

// NextLayerType gives none: packets straddle cells and have no layers.
func (*AAL2) NextLayerType() gopacket.LayerType { return gopacket.LayerTypeZero }

// SerializeTo writes the payload of a cell: Start, Tail, Packets, Rest and
// padding. FixLengths sets the offset and parity of Start.
func (a *AAL2) SerializeTo(b gopacket.SerializeBuffer, opts gopacket.SerializeOptions) error {
	n := 1 + len(a.Tail) + len(a.Rest)
	for i := range a.Packets {
		n += aal.AAL2HeaderSize + len(a.Packets[i].Info)
	}
	if n > aal.PayloadSize {
		return aal.ErrAAL2Space
	}
	p, err := b.PrependBytes(aal.PayloadSize)
	if err != nil {
		return err
	}
	if opts.FixLengths {
		a.Start = aal.MakeAAL2Start(len(a.Tail), a.Start.SN())
	}
	clear(p)
	p[0] = uint8(a.Start)
	p = p[1+copy(p[1:], a.Tail):]
	for _, pkt := range a.Packets {
		if pkt.Header.Size < 1 || pkt.Header.Size > aal.MaxAAL2Info {
			return aal.ErrAAL2Size
		}
		pkt.Header.Put(p)
		p = p[aal.AAL2HeaderSize+copy(p[aal.AAL2HeaderSize:], pkt.Info):]
	}
	copy(p, a.Rest)
	return nil
}

// String gives the start field and the packets' headers.
func (a *AAL2) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "AAL2, %v", a.Start)
	s.WriteString(wrong(a.OffsetError || !a.Start.ParityOK()))
	for _, pkt := range a.Packets {
		fmt.Fprintf(&s, ", %v", pkt.Header)
	}
	if a.HECError {
		s.WriteString(", header (incorrect)")
	}
	return s.String()
}

// AAL34 is a SAR-PDU of AAL3/4 (I.363.3). Its payload is the octets that the
// length indicator counts, or all 44 where it is wrong.
type AAL34 struct {
	layers.BaseLayer
	Cell     aal.AAL34Cell
	LIError  bool   // Cell.LI does not fit the segment type
	CRC      uint16 // CRC-10
	CRCError bool   // CRC is not that of the cell's payload
}

// LayerType gives LayerTypeAAL34.
func (*AAL34) LayerType() gopacket.LayerType { return LayerTypeAAL34 }

// CanDecode gives LayerTypeAAL34.
func (*AAL34) CanDecode() gopacket.LayerClass { return LayerTypeAAL34 }

const aal34Header = 2

// DecodeFromBytes takes the 48 octets of a payload.
func (a *AAL34) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if err := exact(data, aal.PayloadSize, df); err != nil {
		return err
	}
	cell := [aal.PayloadSize]byte(data)
	*a = AAL34{}
	a.CRC, a.CRCError = mendCRC10(&cell)
	var err error
	if a.Cell, err = aal.ParseAAL34(cell[:]); err != nil {
		return err
	}
	end := aal34Header + int(a.Cell.LI)
	if a.Cell.Abort() {
		end = aal34Header
	} else if a.LIError = !a.Cell.Formed(); a.LIError {
		end = aal34Header + aal.AAL34Payload
	}
	a.BaseLayer = layers.BaseLayer{Contents: data[:aal34Header], Payload: data[aal34Header:end:end]}
	return nil
}

// NextLayerType gives LayerTypePayload.
func (*AAL34) NextLayerType() gopacket.LayerType { return gopacket.LayerTypePayload }

// SerializeTo puts header and trailer around a payload of at most 44 octets.
// FixLengths sets LI, but that of a cell that aborts; the CRC-10 is computed
// with ComputeChecksums.
func (a *AAL34) SerializeTo(b gopacket.SerializeBuffer, opts gopacket.SerializeOptions) error {
	n := len(b.Bytes())
	if n > aal.AAL34Payload {
		return aal.ErrAAL34Size
	}
	pad, err := b.AppendBytes(aal.PayloadSize - aal34Header - n)
	if err != nil {
		return err
	}
	clear(pad)
	if _, err := b.PrependBytes(aal34Header); err != nil {
		return err
	}
	if opts.FixLengths && !a.Cell.Abort() {
		a.Cell.LI = uint8(n)
	}
	p := b.Bytes()
	a.Cell.Put((*[aal.PayloadSize]byte)(p))
	a.CRC = serializeCRC10(p, a.CRC, opts)
	return nil
}

// CPCSHeader gives the header of a CPCS-PDU, in a BOM or an SSM (I.363.3).
func (a *AAL34) CPCSHeader() (cpi, btag uint8, baSize uint16, ok bool) {
	p := a.Payload
	if len(p) < aal.AAL34Header || a.Cell.Segment != aal.AAL34BOM && a.Cell.Segment != aal.AAL34SSM {
		return 0, 0, 0, false
	}
	return p[0], p[1], binary.BigEndian.Uint16(p[2:]), true
}

// CPCSTrailer gives the trailer of a CPCS-PDU, in an EOM or an SSM.
func (a *AAL34) CPCSTrailer() (al, etag uint8, length uint16, ok bool) {
	p := a.Payload
	if len(p) < aal.AAL34Trailer || a.LIError || a.Cell.Segment != aal.AAL34EOM && a.Cell.Segment != aal.AAL34SSM {
		return 0, 0, 0, false
	}
	p = p[len(p)-aal.AAL34Trailer:]
	return p[0], p[1], binary.BigEndian.Uint16(p[2:]), true
}

// String gives header, length indicator and CRC-10.
func (a *AAL34) String() string {
	return fmt.Sprintf("AAL3/4, %v%s, cksum 0x%03x %s", a.Cell, wrong(a.LIError), a.CRC, verdict(a.CRCError))
}
