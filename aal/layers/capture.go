package layers

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
)

// ERFType is the type of an ERF record.
type ERFType uint8

// The record types that carry ATM (Endace ERF types reference). Those with MC
// have four octets, of multichannel equipment, before the cell or PDU.
const (
	ERFCell   ERFType = 3 // Cell
	ERFAAL5   ERFType = 4 // PDU
	ERFMCCell ERFType = 7
	ERFMCAAL5 ERFType = 9
	ERFMCAAL2 ERFType = 12 // header of a cell, payload of a CPS-packet
	ERFAAL2   ERFType = 18 // as MC_AAL2
)

// String names the type.
func (t ERFType) String() string {
	switch t {
	case ERFCell:
		return "ATM"
	case ERFAAL5:
		return "AAL5"
	case ERFMCCell:
		return "MC_ATM"
	case ERFMCAAL5:
		return "MC_AAL5"
	case ERFMCAAL2:
		return "MC_AAL2"
	case ERFAAL2:
		return "AAL2"
	}
	return "unknown"
}

func (t ERFType) channels() bool {
	return t == ERFMCCell || t == ERFMCAAL5 || t == ERFMCAAL2 || t == ERFAAL2
}

const (
	erfHeader    = 16
	erfExtension = 8
	erfMore      = 1 << 7 // of the type: an extension header follows
	erfChannels  = 4
	erfAny       = 0xFFFF // a length that is as large or larger
)

// ERF is a record of an ERF capture, such as Endace's cards and this project
// write.
type ERF struct {
	layers.BaseLayer
	Stamp        uint64 // seconds since 1970 and, below the 32nd bit, a fraction
	Type         ERFType
	Flags        uint8 // low two bits: interface; 4: records vary in length; higher: errors
	RecordLength uint16
	LossCounter  uint16 // or colour
	WireLength   uint16 // octets that follow the header and its extensions
	Extensions   []byte // extension headers of eight octets
	Channel      uint32 // multichannel or AAL2 header
	LengthError  bool   // WireLength ends within that header; it is not believed then
}

// LayerType gives LayerTypeERF.
func (*ERF) LayerType() gopacket.LayerType { return LayerTypeERF }

// CanDecode gives LayerTypeERF.
func (*ERF) CanDecode() gopacket.LayerClass { return LayerTypeERF }

// DecodeFromBytes takes a record; octets after its wire length are ignored, and
// those after a cell: records are padded, and a cell's wire length may count its
// HEC.
func (e *ERF) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if len(data) < erfHeader {
		return short(df)
	}
	*e = ERF{
		Stamp:        binary.LittleEndian.Uint64(data),
		Type:         ERFType(data[8] &^ erfMore),
		Flags:        data[9],
		RecordLength: binary.BigEndian.Uint16(data[10:]),
		LossCounter:  binary.BigEndian.Uint16(data[12:]),
		WireLength:   binary.BigEndian.Uint16(data[14:]),
	}
	n := erfHeader
	for more := data[8]; more&erfMore != 0; n += erfExtension {
		if len(data) < n+erfExtension {
			return short(df)
		}
		more = data[n]
	}
	e.Extensions = data[erfHeader:n]
	end := len(data)
	switch wire := n + int(e.WireLength); {
	case e.Type.channels() && e.WireLength < erfChannels:
		e.LengthError = true
	case e.WireLength == erfAny:
	case wire > end:
		df.SetTruncated()
	default:
		end = wire
	}
	if e.Type.channels() {
		if end < n+erfChannels {
			return short(df)
		}
		e.Channel = binary.BigEndian.Uint32(data[n:])
		n += erfChannels
	}
	if e.NextLayerType() == LayerTypeCell {
		end = min(end, n+aal.CellSize)
	}
	e.BaseLayer = layers.BaseLayer{Contents: data[:n], Payload: data[n:end:end]}
	return nil
}

// Time gives Stamp as a time.
func (e *ERF) Time() time.Time {
	return time.Unix(int64(e.Stamp>>32), int64(e.Stamp&(1<<32-1)*uint64(time.Second)>>32)).UTC()
}

// NextLayerType gives LayerTypeCell or LayerTypePDU, by the type. Payloads of
// CPS-packets, and what is not ATM, are plain.
func (e *ERF) NextLayerType() gopacket.LayerType {
	switch e.Type {
	case ERFCell, ERFMCCell:
		return LayerTypeCell
	case ERFAAL5, ERFMCAAL5:
		return LayerTypePDU
	}
	return gopacket.LayerTypePayload
}

// SerializeTo puts the header before a cell or PDU. FixLengths sets both
// lengths; they stop at 65,535.
func (e *ERF) SerializeTo(b gopacket.SerializeBuffer, opts gopacket.SerializeOptions) error {
	if len(e.Extensions)%erfExtension != 0 {
		return ErrLength
	}
	wire, n := len(b.Bytes()), erfHeader+len(e.Extensions)
	if e.Type.channels() {
		wire, n = wire+erfChannels, n+erfChannels
	}
	p, err := b.PrependBytes(n)
	if err != nil {
		return err
	}
	if opts.FixLengths {
		e.WireLength = uint16(min(wire, erfAny))
		e.RecordLength = uint16(min(wire+erfHeader+len(e.Extensions), erfAny))
	}
	binary.LittleEndian.PutUint64(p, e.Stamp)
	p[8] = uint8(e.Type) &^ erfMore
	p[9] = e.Flags
	binary.BigEndian.PutUint16(p[10:], e.RecordLength)
	binary.BigEndian.PutUint16(p[12:], e.LossCounter)
	binary.BigEndian.PutUint16(p[14:], e.WireLength)
	copy(p[erfHeader:], e.Extensions)
	if len(e.Extensions) > 0 {
		p[8] |= erfMore
	}
	if e.Type.channels() {
		binary.BigEndian.PutUint32(p[n-erfChannels:], e.Channel)
	}
	return nil
}

// String gives type, flags and lengths.
func (e *ERF) String() string {
	s := fmt.Sprintf("ERF, type %v (%d), flags 0x%02x, loss %d, length %d%s",
		e.Type, uint8(e.Type), e.Flags, e.LossCounter, e.WireLength, wrong(e.LengthError))
	if e.Type.channels() {
		s += fmt.Sprintf(", channel 0x%08x", e.Channel)
	}
	return s
}

// SunATMType tells what a SunATM record carries.
type SunATMType uint8

// The types that are in use (tcpdump.org/linktypes.html, LINKTYPE_SUNATM).
const (
	SunATMLANE  SunATMType = 1
	SunATMLLC   SunATMType = 2
	SunATMILMI  SunATMType = 5
	SunATMSSCOP SunATMType = 6 // signalling
)

// String names the type.
func (t SunATMType) String() string {
	switch t {
	case SunATMLANE:
		return "LANE"
	case SunATMLLC:
		return "LLC"
	case SunATMILMI:
		return "ILMI"
	case SunATMSSCOP:
		return "SSCOP"
	}
	return "unknown"
}

const sunATMSent = 1 << 7

// SunATM is the header of a record of link type 123: an AAL5 SDU, without pad
// and trailer, follows it.
type SunATM struct {
	layers.BaseLayer
	Sent bool       // by the host that captured
	Type SunATMType // four bits
	VPI  uint8
	VCI  uint16
}

const sunATMSize = 4

// LayerType gives LayerTypeSunATM.
func (*SunATM) LayerType() gopacket.LayerType { return LayerTypeSunATM }

// CanDecode gives LayerTypeSunATM.
func (*SunATM) CanDecode() gopacket.LayerClass { return LayerTypeSunATM }

// DecodeFromBytes takes a record.
func (s *SunATM) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if len(data) < sunATMSize {
		return short(df)
	}
	*s = SunATM{
		BaseLayer: layers.BaseLayer{Contents: data[:sunATMSize], Payload: data[sunATMSize:]},
		Sent:      data[0]&sunATMSent != 0, Type: SunATMType(data[0] & 15),
		VPI: data[1], VCI: binary.BigEndian.Uint16(data[2:]),
	}
	return nil
}

// VC gives the channel.
func (s *SunATM) VC() aal.VC { return aal.VC{VPI: uint16(s.VPI), VCI: s.VCI} }

// NextLayerType gives LayerTypeLLC for type LLC. LANE, ILMI and SSCOP are
// plain. For the rest [RegisterVC] tells, else the first octets do.
func (s *SunATM) NextLayerType() gopacket.LayerType {
	switch s.Type {
	case SunATMLLC:
		return LayerTypeLLC
	case SunATMLANE, SunATMILMI, SunATMSSCOP:
		return gopacket.LayerTypePayload
	}
	return carriedSDU(s.VC(), s.Payload)
}

// SerializeTo puts the header before an SDU.
func (s *SunATM) SerializeTo(b gopacket.SerializeBuffer, _ gopacket.SerializeOptions) error {
	p, err := b.PrependBytes(sunATMSize)
	if err != nil {
		return err
	}
	p[0], p[1] = uint8(s.Type)&15, s.VPI
	if s.Sent {
		p[0] |= sunATMSent
	}
	binary.BigEndian.PutUint16(p[2:], s.VCI)
	return nil
}

// String gives direction, VC and type.
func (s *SunATM) String() string {
	direction := "Rx:"
	if s.Sent {
		direction = "Tx:"
	}
	return fmt.Sprintf("%s VPI:%d VCI:%d, type %v (%d)", direction, s.VPI, s.VCI, s.Type, uint8(s.Type))
}
