package layers

import (
	"encoding/binary"
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
)

const crc10Mask = 1<<10 - 1

// OAMFunction is the function-specific part of an OAM cell: *aal.OAMFault,
// *aal.OAMLoopback, *aal.OAMForward, *aal.OAMBackward or *aal.OAMActivation.
type OAMFunction interface {
	Decode(payload []byte) error
	Encode(payload []byte) error
	String() string
}

// OAM is the payload of an OAM cell (I.610, 10). It has no payload of its own.
type OAM struct {
	layers.BaseLayer
	Kind     aal.OAMKind
	Function OAMFunction // nil for the kinds that have no fields, or unknown ones
	Specific []byte      // the function-specific octets, at most 45
	CRC      uint16      // CRC-10
	CRCError bool        // CRC is not that of the payload
}

// LayerType gives LayerTypeOAM.
func (*OAM) LayerType() gopacket.LayerType { return LayerTypeOAM }

// CanDecode gives LayerTypeOAM.
func (*OAM) CanDecode() gopacket.LayerClass { return LayerTypeOAM }

// DecodeFromBytes takes the 48 octets of a payload.
func (o *OAM) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if err := exact(data, aal.PayloadSize, df); err != nil {
		return err
	}
	cell := [aal.PayloadSize]byte(data)
	o.BaseLayer = layers.BaseLayer{Contents: data}
	o.Kind = aal.OAMKind(cell[0])
	o.Specific = data[1 : aal.PayloadSize-2]
	o.CRC, o.CRCError = mendCRC10(&cell)
	o.Function = newFunction(o.Kind)
	if o.Function == nil {
		return nil
	}
	return o.Function.Decode(cell[:])
}

// mendCRC10 gives the CRC-10 of a payload and tells whether it is wrong; then
// it is put right, since package aal does not read a cell with a wrong one.
func mendCRC10(cell *[aal.PayloadSize]byte) (crc uint16, wrong bool) {
	last := binary.BigEndian.Uint16(cell[aal.PayloadSize-2:])
	if wrong = !aal.CheckCRC10(cell[:]); wrong {
		aal.PutCRC10(cell, uint8(last>>10))
	}
	return last & crc10Mask, wrong
}

func newFunction(k aal.OAMKind) OAMFunction {
	switch k {
	case aal.OAMAIS, aal.OAMRDI:
		return new(aal.OAMFault)
	case aal.OAMLB:
		return new(aal.OAMLoopback)
	case aal.OAMFPM:
		return new(aal.OAMForward)
	case aal.OAMBR:
		return new(aal.OAMBackward)
	}
	if k.Type() == aal.OAMTypeActivation {
		return new(aal.OAMActivation)
	}
	return nil
}

// NextLayerType gives none: an OAM cell ends here.
func (*OAM) NextLayerType() gopacket.LayerType { return gopacket.LayerTypeZero }

// SerializeTo writes the payload of a cell: Function where there is one, else
// Kind and Specific. The CRC-10 is computed with ComputeChecksums.
func (o *OAM) SerializeTo(b gopacket.SerializeBuffer, opts gopacket.SerializeOptions) error {
	p, err := b.PrependBytes(aal.PayloadSize)
	if err != nil {
		return err
	}
	if o.Function != nil {
		err = o.Function.Encode(p)
	} else {
		err = aal.PutOAM(p, o.Kind, o.Specific)
	}
	if err == nil {
		o.CRC = serializeCRC10(p, o.CRC, opts)
	}
	return err
}

// serializeCRC10 puts crc in place of the right one, unless that is wanted.
func serializeCRC10(p []byte, crc uint16, opts gopacket.SerializeOptions) uint16 {
	last := binary.BigEndian.Uint16(p[aal.PayloadSize-2:])
	if opts.ComputeChecksums {
		return last & crc10Mask
	}
	binary.BigEndian.PutUint16(p[aal.PayloadSize-2:], last&^crc10Mask|crc&crc10Mask)
	return crc
}

// String gives type and function as tcpdump does, then the fields and the
// CRC-10.
func (o *OAM) String() string {
	s := o.Kind.String()
	if o.Function != nil {
		s = o.Function.String()
	}
	return fmt.Sprintf("%s, cksum 0x%03x %s", s, o.CRC, verdict(o.CRCError))
}

// RM is the payload of a resource management cell (TM 4.1, 5.10.3). It has no
// payload of its own.
type RM struct {
	layers.BaseLayer
	Cell     aal.RMCell
	CRC      uint16 // CRC-10
	CRCError bool   // CRC is not that of the payload
}

// LayerType gives LayerTypeRM.
func (*RM) LayerType() gopacket.LayerType { return LayerTypeRM }

// CanDecode gives LayerTypeRM.
func (*RM) CanDecode() gopacket.LayerClass { return LayerTypeRM }

// DecodeFromBytes takes the 48 octets of a payload.
func (r *RM) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if err := exact(data, aal.PayloadSize, df); err != nil {
		return err
	}
	cell := [aal.PayloadSize]byte(data)
	r.BaseLayer = layers.BaseLayer{Contents: data}
	r.CRC, r.CRCError = mendCRC10(&cell)
	return r.Cell.Decode(cell[:])
}

// NextLayerType gives none: an RM cell ends here.
func (*RM) NextLayerType() gopacket.LayerType { return gopacket.LayerTypeZero }

// SerializeTo writes the payload of a cell. The CRC-10 is computed with
// ComputeChecksums.
func (r *RM) SerializeTo(b gopacket.SerializeBuffer, opts gopacket.SerializeOptions) error {
	p, err := b.PrependBytes(aal.PayloadSize)
	if err != nil {
		return err
	}
	if err := r.Cell.Encode(p); err != nil {
		return err
	}
	r.CRC = serializeCRC10(p, r.CRC, opts)
	return nil
}

// String gives the fields and the CRC-10.
func (r *RM) String() string {
	return fmt.Sprintf("%s, cksum 0x%03x %s", r.Cell.String(), r.CRC, verdict(r.CRCError))
}
