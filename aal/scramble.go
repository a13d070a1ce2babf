package aal

import "encoding/binary"

// Scrambler is the self-synchronising scrambler x^43+1 of cell payloads
// (I.432.1, 4.5.3), or the descrambler: one of each for a link's two
// directions. It runs over payloads only and keeps its state during headers.
// The first 43 bits that a descrambler gives depend on what came before; after
// them it is in step. The zero value is ready.
type Scrambler struct {
	line uint64 // the last bits on the line, the newest lowest
}

const scramblerDelay = 43

// Scramble replaces p, the next payload octets to send, by those of the line.
func (s *Scrambler) Scramble(p []byte) {
	line := s.line
	for ; len(p) >= 4; p = p[4:] {
		w := binary.BigEndian.Uint32(p) ^ uint32(line>>(scramblerDelay-32))
		binary.BigEndian.PutUint32(p, w)
		line = line<<32 | uint64(w)
	}
	for i, b := range p {
		p[i] = b ^ uint8(line>>(scramblerDelay-8))
		line = line<<8 | uint64(p[i])
	}
	s.line = line
}

// Descramble replaces p, payload octets from the line, by those sent.
func (s *Scrambler) Descramble(p []byte) {
	line := s.line
	for ; len(p) >= 4; p = p[4:] {
		w := binary.BigEndian.Uint32(p)
		binary.BigEndian.PutUint32(p, w^uint32(line>>(scramblerDelay-32)))
		line = line<<32 | uint64(w)
	}
	for i, b := range p {
		p[i] = b ^ uint8(line>>(scramblerDelay-8))
		line = line<<8 | uint64(b)
	}
	s.line = line
}
