package meta

import (
	"bytes"
	"hash/crc32"
	"math/bits"
	"strings"
)

// crcAt is where the CRC stands; it covers all that is before it.
const crcAt = CellPayload - 4

// crc gives the CRC-32 of AAL5 (generator 04C11DB7, most significant bit
// first): that of package crc32 with the bits of each octet, and of the
// result, the other way round.
func crc(p []byte) uint32 {
	var mirror [CellPayload]byte
	for i, b := range p {
		mirror[i] = bits.Reverse8(b)
	}
	return bits.Reverse32(crc32.ChecksumIEEE(mirror[:len(p)]))
}

// Encode writes a message as a cell payload. The error is ErrType or
// ErrParameter.
func Encode(m Message) (out [CellPayload]byte, err error) {
	if err := m.check(); err != nil {
		return out, err
	}
	out[0], out[1], out[2] = Discriminator, Version, byte(m.Type)
	for _, p := range params {
		if messages[m.Type].has&p.is != 0 {
			p.put(&m, out[p.at:p.at+p.size])
		}
	}
	order.PutUint32(out[crcAt:], crc(out[:crcAt]))
	return out, nil
}

// check says whether the parameters are those of the message, and valid.
func (m Message) check() error {
	if m.Type < AssignRequest || m.Type >= numTypes {
		return ErrType
	}
	bare := Message{Type: m.Type}
	for _, p := range params {
		if messages[m.Type].has&p.is == 0 {
			continue
		}
		if !p.valid(&m) {
			return ErrParameter
		}
		octets := make([]byte, p.size)
		p.put(&m, octets)
		p.take(&bare, octets)
	}
	if bare != m { // something is set that the message does not have
		return ErrParameter
	}
	return nil
}

// Decode reads a cell payload. All octets must be as Encode writes them
// (10.3). The error is one of those above.
func Decode(payload []byte) (m Message, err error) {
	switch {
	case len(payload) != CellPayload:
		return m, ErrLength
	case order.Uint32(payload[crcAt:]) != crc(payload[:crcAt]):
		return m, ErrCRC
	case payload[0] != Discriminator:
		return m, ErrDiscriminator
	case payload[1] != Version:
		return m, ErrVersion
	}
	m.Type = Type(payload[2])
	if m.Type < AssignRequest || m.Type >= numTypes {
		return Message{}, ErrType
	}
	for _, p := range params {
		if messages[m.Type].has&p.is != 0 {
			p.take(&m, payload[p.at:p.at+p.size])
		}
	}
	again, err := Encode(m)
	if err != nil || !bytes.Equal(again[:], payload) {
		return Message{}, ErrParameter
	}
	return m, nil
}

// String writes the message with its parameters.
func (m Message) String() string {
	var b strings.Builder
	b.WriteString(m.Type.String())
	if m.Type < AssignRequest || m.Type >= numTypes {
		return b.String()
	}
	for _, p := range params {
		if messages[m.Type].has&p.is != 0 {
			b.WriteString(" " + p.name + "=" + p.text(&m))
		}
	}
	return b.String()
}
