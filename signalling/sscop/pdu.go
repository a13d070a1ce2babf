package sscop

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// PDUType is the type field of a PDU (Q.2110, 7.2, Table 2). It is also the
// number of the signal that the PDU's arrival is.
type PDUType uint8

// The fifteen PDUs of Q.2110, Table 2.
const (
	BGN   PDUType = 1  // begin: asks for a connection
	BGAK  PDUType = 2  // begin acknowledge
	END   PDUType = 3  // end: releases the connection
	ENDAK PDUType = 4  // end acknowledge
	RS    PDUType = 5  // resynchronization
	RSAK  PDUType = 6  // resynchronization acknowledge
	BGREJ PDUType = 7  // begin reject
	SD    PDUType = 8  // sequenced data
	ER    PDUType = 9  // error recovery
	POLL  PDUType = 10 // transmitter state, asks for STAT
	STAT  PDUType = 11 // solicited receiver state
	USTAT PDUType = 12 // unsolicited receiver state
	UD    PDUType = 13 // unnumbered user data
	MD    PDUType = 14 // unnumbered management data
	ERAK  PDUType = 15 // error recovery acknowledge
)

var pduNames = [...]string{
	BGN: "BGN", BGAK: "BGAK", END: "END", ENDAK: "ENDAK", RS: "RS", RSAK: "RSAK", BGREJ: "BGREJ", SD: "SD",
	ER: "ER", POLL: "POLL", STAT: "STAT", USTAT: "USTAT", UD: "UD", MD: "MD", ERAK: "ERAK",
}

// String gives the name that Q.2110 uses.
func (t PDUType) String() string {
	if int(t) < len(pduNames) && pduNames[t] != "" {
		return pduNames[t]
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Sizes of PDUs in octets. All are multiples of four (7.2.1).
const (
	MaxPDUSize = 65532 // the most that a CPCS-SDU of AAL5 holds in words
	word       = 4
)

var (
	// ErrPDUType is an unknown type: 7.2.4, case a. Nobody is told.
	ErrPDUType = errors.New("sscop: unknown PDU type")
	// ErrPDULength is a length that is no multiple of four, or that the type
	// does not allow: 7.2.4, cases b and c. Layer management is told by code U.
	ErrPDULength = errors.New("sscop: PDU length violation")
)

// PDU is any PDU of Q.2110, 7.2. What a type does not have is zero.
//
//	BGN, RS           SQ, MR, Data
//	BGAK              MR, Data
//	BGREJ             Data
//	END               Source, Data
//	ER                SQ, MR
//	RSAK, ERAK        MR
//	SD                S, Data
//	POLL              PS, S
//	STAT, USTAT       PS (not USTAT), MR, R, List
//	UD, MD            Data
type PDU struct {
	Type   PDUType
	SQ     uint8  // N(SQ): connection sequence value
	Source Source // S bit: who releases
	MR     uint32 // N(MR): first number that the sender of this PDU will not take
	S      uint32 // N(S): of this SD, or of the next new one after this POLL
	PS     uint32 // N(PS): number of the POLL
	R      uint32 // N(R): all SDs before it have come
	List   List   // gaps and what lies between; exactly two elements in USTAT
	Data   []byte // user data, without padding
}

// Source says who released a connection: the S bit of END (7.2.2) and the
// parameter Source of AA-RELEASE.indication (6.1).
type Source uint8

// The two sources of a release.
const (
	SourceUser  Source = 0
	SourceSSCOP Source = 1
)

// String gives "user" or "SSCOP".
func (s Source) String() string {
	if s == SourceUser {
		return "user"
	}
	return "SSCOP"
}

// List holds the list elements of a STAT or USTAT as they travel, four octets
// each: the first number of a gap, the first one after it that came, the first
// one of the next gap, and so on (7.5).
type List []byte

// Len counts the elements.
func (l List) Len() int { return len(l) / word }

// At gives element i, a sequence number.
func (l List) At(i int) uint32 { return binary.BigEndian.Uint32(l[i*word:]) & seqMask }

// Add appends an element and gives the longer list, as append does.
func (l List) Add(seq uint32) List { return binary.BigEndian.AppendUint32(l, seq&seqMask) }

// shape says how a PDU looks: what its last words hold, counted from the end,
// and whether data of variable length comes before them.
type shape struct {
	words int  // fixed words at the end
	data  bool // padded user data before them, PL in the last word
}

var shapes = [16]shape{
	BGN: {2, true}, BGAK: {2, true}, BGREJ: {2, true}, END: {2, true}, RS: {2, true},
	ENDAK: {2, false}, RSAK: {2, false}, ER: {2, false}, ERAK: {2, false}, POLL: {2, false},
	SD: {1, true}, UD: {1, true}, MD: {1, true},
	STAT: {3, false}, USTAT: {4, false},
}

// Decode reads a PDU: the CPCS-SDU that carried it. p.Data and p.List are
// slices of b. Reserved bits and padding are not looked at. The error is
// ErrPDUType or ErrPDULength. Nothing is allocated.
func Decode(b []byte) (p PDU, err error) {
	if len(b) < word || len(b)%word != 0 || len(b) > MaxPDUSize {
		return p, ErrPDULength
	}
	last := binary.BigEndian.Uint32(b[len(b)-word:])
	p.Type = PDUType(last >> 24 & 0xF)
	sh := shapes[p.Type]
	if sh.words == 0 {
		return p, ErrPDUType
	}
	rest := len(b) - sh.words*word
	switch {
	case rest < 0:
		return p, ErrPDULength
	case sh.data:
		pad := int(last >> 30)
		if pad > rest {
			return p, ErrPDULength
		}
		if rest > 0 {
			p.Data = b[:rest-pad]
		}
	case p.Type == STAT:
		p.List = List(b[:rest])
	case rest > 0:
		return p, ErrPDULength
	}
	p.fields(b, last)
	return p, nil
}

// fields reads the fixed words at the end of b, the last of which is given.
func (p *PDU) fields(b []byte, last uint32) {
	at := func(fromEnd int) uint32 { return binary.BigEndian.Uint32(b[len(b)-fromEnd*word:]) & seqMask }
	switch p.Type {
	case BGN, RS, ER:
		p.SQ, p.MR = uint8(at(2)), last&seqMask
	case BGAK, RSAK, ERAK:
		p.MR = last & seqMask
	case END:
		p.Source = Source(last >> 28 & 1)
	case SD:
		p.S = last & seqMask
	case POLL:
		p.PS, p.S = at(2), last&seqMask
	case STAT:
		p.PS, p.MR, p.R = at(3), at(2), last&seqMask
	case USTAT:
		p.List = List(b[:2*word])
		p.MR, p.R = at(2), last&seqMask
	}
}

// Append encodes p after dst and gives the longer slice, as append does.
// Reserved bits and padding are zero. Fields that p.Type does not have are
// ignored. p must be what the type allows: a known type, two elements in a
// USTAT, and no more than MaxPDUSize octets in all; otherwise the error is
// ErrPDUType or ErrPDULength, and dst comes back as it was.
func Append(dst []byte, p *PDU) ([]byte, error) {
	sh := shapes[p.Type&0xF]
	if sh.words == 0 || p.Type > ERAK {
		return dst, ErrPDUType
	}
	last := uint32(p.Type) << 24
	switch {
	case sh.data:
		pad := -len(p.Data) & (word - 1)
		if len(p.Data)+pad+sh.words*word > MaxPDUSize {
			return dst, ErrPDULength
		}
		dst = append(dst, p.Data...)
		dst = append(dst, "\x00\x00\x00"[:pad]...)
		last |= uint32(pad) << 30
	case p.Type == STAT && (len(p.List)%word != 0 || len(p.List) > MaxPDUSize-3*word),
		p.Type == USTAT && len(p.List) != 2*word:
		return dst, ErrPDULength
	case p.Type == STAT, p.Type == USTAT:
		for i := range p.List.Len() {
			dst = List(dst).Add(p.List.At(i))
		}
	}
	return p.appendFields(dst, last), nil
}

// appendFields writes the fixed words at the end; last has all but the number.
func (p *PDU) appendFields(dst []byte, last uint32) []byte {
	put := func(v uint32) { dst = binary.BigEndian.AppendUint32(dst, v) }
	switch p.Type {
	case BGN, RS, ER:
		put(uint32(p.SQ))
		last |= p.MR & seqMask
	case BGAK, RSAK, ERAK:
		put(0)
		last |= p.MR & seqMask
	case BGREJ, ENDAK:
		put(0)
	case END:
		put(0)
		last |= uint32(p.Source&1) << 28
	case SD:
		last |= p.S & seqMask
	case POLL:
		put(p.PS & seqMask)
		last |= p.S & seqMask
	case STAT:
		put(p.PS & seqMask)
		put(p.MR & seqMask)
		last |= p.R & seqMask
	case USTAT:
		put(p.MR & seqMask)
		last |= p.R & seqMask
	}
	put(last)
	return dst
}

// String gives the PDU on one line, for traces: the name, the fields that the
// type has, and the number of octets of data.
func (p *PDU) String() string {
	s := p.Type.String()
	add := func(format string, args ...any) { s += fmt.Sprintf(format, args...) }
	switch p.Type {
	case BGN, RS, ER:
		add(" N(SQ)=%d N(MR)=%d", p.SQ, p.MR)
	case BGAK, RSAK, ERAK:
		add(" N(MR)=%d", p.MR)
	case END:
		add(" source=%v", p.Source)
	case SD:
		add(" N(S)=%d", p.S)
	case POLL:
		add(" N(PS)=%d N(S)=%d", p.PS, p.S)
	case STAT:
		add(" N(PS)=%d N(R)=%d N(MR)=%d", p.PS, p.R, p.MR)
	case USTAT:
		add(" N(R)=%d N(MR)=%d", p.R, p.MR)
	}
	if p.List.Len() > 0 {
		add(" list")
		for i := range p.List.Len() {
			add(" %d", p.List.At(i))
		}
	}
	if len(p.Data) > 0 {
		add(" %d octets", len(p.Data))
	}
	return s
}
