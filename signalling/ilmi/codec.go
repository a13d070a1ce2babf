package ilmi

import (
	"bytes"
	"fmt"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// Decode reads a PDU. It takes all encodings that BER allows, lengths that are
// longer than need be too. What it gives has memory of its own. The error is
// or wraps ErrLength, ErrPDU, ErrVersion or ErrCommunity.
func Decode(octets []byte) (PDU, error) {
	if len(octets) > MaxPDU {
		return PDU{}, ErrLength
	}
	in := bytes.NewReader(octets)
	message, err := ber.ReadPacket(in)
	if err != nil {
		return PDU{}, fmt.Errorf("%w: %v", ErrPDU, err)
	}
	if in.Len() != 0 {
		return PDU{}, fmt.Errorf("%w: %d octets behind it", ErrPDU, in.Len())
	}
	d := decoder{}
	p := d.message(message)
	if d.err != nil {
		return PDU{}, d.err
	}
	return p, nil
}

// decoder remembers the first thing that is wrong.
type decoder struct{ err error }

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// children gives the n elements that a constructed one must hold. After an
// error they are nil, which nothing looks at any more.
func (d *decoder) children(p *ber.Packet, n int) []*ber.Packet {
	if p.TagType != ber.TypeConstructed || len(p.Children) != n {
		d.fail(fmt.Errorf("%w: %d elements, not %d", ErrPDU, len(p.Children), n))
		return make([]*ber.Packet, n)
	}
	return p.Children
}

// message reads SEQUENCE { version, community, PDU } (RFC 1157, 4).
func (d *decoder) message(p *ber.Packet) (out PDU) {
	if !is(p, ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence) {
		d.fail(ErrPDU)
		return out
	}
	parts := d.children(p, 3)
	if version := d.number(parts[0], Integer); d.err == nil && version != 0 {
		d.fail(ErrVersion)
	}
	if community := d.octets(parts[1], OctetString); d.err == nil && community != Community {
		d.fail(ErrCommunity)
	}
	if d.err != nil {
		return out
	}
	body := parts[2]
	if body.ClassType != ber.ClassContext || body.Tag >= ber.Tag(numPDUTypes) {
		d.fail(fmt.Errorf("%w: tag %d", ErrPDU, body.Tag))
		return out
	}
	out.Type = PDUType(body.Tag)
	if out.Type == Trap {
		fields := d.children(body, 6)
		out.Trap = d.trap(fields)
		out.Bindings = d.bindings(fields[5])
		return out
	}
	fields := d.children(body, 4)
	out.RequestID = int32(d.number(fields[0], Integer))
	out.ErrorStatus = Status(d.number(fields[1], Integer))
	out.ErrorIndex = int32(d.number(fields[2], Integer))
	out.Bindings = d.bindings(fields[3])
	return out
}

func (d *decoder) trap(fields []*ber.Packet) (h TrapHeader) {
	h.Enterprise = d.identifier(fields[0])
	if agent := d.octets(fields[1], IPAddress); len(agent) == len(h.Agent) {
		copy(h.Agent[:], agent)
	} else {
		d.fail(fmt.Errorf("%w: agent-addr of %d octets", ErrPDU, len(agent)))
	}
	h.Generic = int32(d.number(fields[2], Integer))
	h.Specific = int32(d.number(fields[3], Integer))
	h.TimeStamp = uint32(d.number(fields[4], TimeTicks))
	return h
}

func (d *decoder) bindings(p *ber.Packet) (out []Binding) {
	if d.err != nil || !is(p, ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence) {
		d.fail(fmt.Errorf("%w: no list of bindings", ErrPDU))
		return nil
	}
	for _, b := range p.Children {
		if !is(b, ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence) {
			d.fail(fmt.Errorf("%w: a binding is none", ErrPDU))
			return nil
		}
		parts := d.children(b, 2)
		out = append(out, Binding{Name: d.identifier(parts[0]), Value: d.value(parts[1])})
		if d.err != nil {
			return nil
		}
	}
	return out
}

func (d *decoder) value(p *ber.Packet) (v Value) {
	if d.err != nil {
		return v
	}
	if p.TagType != ber.TypePrimitive || p.Tag >= ber.HighTag {
		d.fail(fmt.Errorf("%w: a value is not primitive", ErrPDU))
		return v
	}
	v.Kind = Kind(p.ClassType) | Kind(p.Tag)
	_, _, number := v.Kind.isNumber()
	switch {
	case number:
		v.Number = d.number(p, v.Kind)
	case v.Kind == ObjectIdentifier:
		v.OID = d.identifier(p)
	case v.Kind == Null:
		if p.Data.Len() != 0 {
			d.fail(fmt.Errorf("%w: NULL is not empty", ErrPDU))
		}
	default:
		v.Octets = p.Data.String()
	}
	return v
}

// number reads an integer of up to 32 bits. An unsigned one is taken without
// the zero octet in front as well.
func (d *decoder) number(p *ber.Packet, kind Kind) int64 {
	content := d.content(p, kind)
	if d.err != nil {
		return 0
	}
	n, err := ber.ParseInt64(content)
	low, high, _ := kind.isNumber()
	if low == 0 && len(content) == 4 {
		n &= high
	}
	if err != nil || len(content) == 0 || n < low || n > high {
		d.fail(fmt.Errorf("%w: number %X", ErrPDU, content))
		return 0
	}
	return n
}

func (d *decoder) octets(p *ber.Packet, kind Kind) string { return string(d.content(p, kind)) }

func (d *decoder) identifier(p *ber.Packet) OID {
	content := d.content(p, ObjectIdentifier)
	if d.err != nil {
		return nil
	}
	o, err := decodeOID(content)
	if err != nil {
		d.fail(err)
	}
	return o
}

// decodeOID reads the content of an object identifier (X.690, 8.19). The
// library reads numbers of up to 31 bits, where MIBs have 32, and panics when
// it is to write one that it does not like.
func decodeOID(content []byte) (OID, error) {
	var o OID
	number, begun := uint64(0), false
	for _, b := range content {
		if !begun && b == 0x80 {
			return nil, fmt.Errorf("%w: object identifier %X has a zero in front", ErrPDU, content)
		}
		number, begun = number<<7|uint64(b&0x7F), b&0x80 != 0
		if number > 1<<32-1 {
			return nil, fmt.Errorf("%w: object identifier %X: more than 32 bits", ErrPDU, content)
		}
		if begun {
			continue
		}
		n := uint32(number)
		if o == nil {
			first := min(n/40, 2)
			o, n = OID{first}, n-40*first
		}
		o, number = append(o, n), 0
	}
	if begun || !o.valid() {
		return nil, fmt.Errorf("%w: object identifier %X", ErrPDU, content)
	}
	return o, nil
}

// content gives the octets of a primitive element, which must be of this kind.
func (d *decoder) content(p *ber.Packet, kind Kind) []byte {
	if d.err != nil {
		return nil
	}
	if !is(p, ber.Class(kind)&ber.ClassBitmask, ber.TypePrimitive, ber.Tag(kind)&ber.TagBitmask) {
		d.fail(fmt.Errorf("%w: class %d, tag %d where %#x is due", ErrPDU, p.ClassType, p.Tag, uint8(kind)))
		return nil
	}
	return p.Data.Bytes()
}

func is(p *ber.Packet, class ber.Class, typ ber.Type, tag ber.Tag) bool {
	return p.ClassType == class && p.TagType == typ && p.Tag == tag
}

// Encode writes a PDU in the shortest form. The octets are the caller's. The
// error is ErrLength, or wraps ErrPDU for a PDU that cannot be written.
func Encode(p PDU) ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	body := ber.Encode(ber.ClassContext, ber.TypeConstructed, ber.Tag(p.Type), nil, "")
	if p.Type == Trap {
		h := p.Trap
		body.AppendChild(encodeValue(identifier(h.Enterprise)))
		body.AppendChild(encodeValue(Value{Kind: IPAddress, Octets: string(h.Agent[:])}))
		body.AppendChild(encodeValue(integer(int(h.Generic))))
		body.AppendChild(encodeValue(integer(int(h.Specific))))
		body.AppendChild(encodeValue(ticks(h.TimeStamp)))
	} else {
		body.AppendChild(encodeValue(integer(int(p.RequestID))))
		body.AppendChild(encodeValue(integer(int(p.ErrorStatus))))
		body.AppendChild(encodeValue(integer(int(p.ErrorIndex))))
	}
	list := ber.NewSequence("")
	for _, b := range p.Bindings {
		binding := ber.NewSequence("")
		binding.AppendChild(encodeValue(identifier(b.Name)))
		binding.AppendChild(encodeValue(b.Value))
		list.AppendChild(binding)
	}
	body.AppendChild(list)
	message := ber.NewSequence("")
	message.AppendChild(encodeValue(integer(0)))
	message.AppendChild(encodeValue(octetString(Community)))
	message.AppendChild(body)
	out := message.Bytes()
	if len(out) > MaxPDU {
		return nil, ErrLength
	}
	return out, nil
}

// check finds what cannot be written.
func (p PDU) check() error {
	if p.Type >= numPDUTypes {
		return fmt.Errorf("%w: %v", ErrPDU, p.Type)
	}
	if p.Type == Trap && !p.Trap.Enterprise.valid() {
		return fmt.Errorf("%w: enterprise %v", ErrPDU, p.Trap.Enterprise)
	}
	for _, b := range p.Bindings {
		low, high, number := b.Value.Kind.isNumber()
		switch {
		case !b.Name.valid(), b.Value.Kind == ObjectIdentifier && !b.Value.OID.valid():
			return fmt.Errorf("%w: an object identifier in %v", ErrPDU, b)
		case number && (b.Value.Number < low || b.Value.Number > high), b.Value.Kind&0x3F >= 0x1F:
			return fmt.Errorf("%w: %v", ErrPDU, b)
		}
	}
	return nil
}

func encodeValue(v Value) *ber.Packet {
	class, tag := ber.Class(v.Kind)&ber.ClassBitmask, ber.Tag(v.Kind)&ber.TagBitmask
	_, _, number := v.Kind.isNumber()
	if number {
		return ber.NewInteger(class, ber.TypePrimitive, tag, v.Number, "")
	}
	p := ber.Encode(class, ber.TypePrimitive, tag, nil, "")
	switch v.Kind {
	case Null:
	case ObjectIdentifier:
		p.Data.Write(encodeOID(v.OID))
	default:
		p.Data.WriteString(v.Octets)
	}
	return p
}

// encodeOID undoes decodeOID.
func encodeOID(o OID) []byte {
	out := make([]byte, 0, 2*len(o))
	for i, n := range o[1:] {
		if i == 0 {
			n += 40 * o[0]
		}
		for shift := 28; shift > 0; shift -= 7 {
			if n>>shift != 0 {
				out = append(out, byte(n>>shift)|0x80)
			}
		}
		out = append(out, byte(n&0x7F))
	}
	return out
}
