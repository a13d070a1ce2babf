package modules

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cellhub/cellhub/aal"
)

// LinkTypeERF is the pcap link type of Endace's record format, which can hold cells, and
// whole AAL5 PDUs: Wireshark then checks their CRC.
const LinkTypeERF = 197

// Of an ERF record: 16 octets of its own header, then the ATM header without HEC, then the
// information field, or the CPCS-PDU.
const (
	erfHeader  = 16
	erfCell    = 3
	erfAAL5    = 4
	erfType    = 0x7F   // above is a flag: there are extension headers
	erfVarying = 1 << 2 // flags: records of varying length; the low bits are the interface

	maxERF = 65535
)

// putERF writes the header of a record of n octets, and the ATM header; at is nanoseconds
// since 1970.
func putERF(r []byte, n int, at int64, kind, direction byte, h aal.Header) {
	const second = int64(time.Second)
	binary.LittleEndian.PutUint32(r, uint32(uint64(at%second)<<32/uint64(second)))
	binary.LittleEndian.PutUint32(r[4:], uint32(at/second))
	r[8], r[9] = kind, erfVarying|direction
	binary.BigEndian.PutUint16(r[10:], uint16(n))
	binary.BigEndian.PutUint16(r[12:], 0)
	binary.BigEndian.PutUint16(r[14:], uint16(n-erfHeader))
	h.Put(r[erfHeader:])
}

var errERF = errors.New("no whole ERF record of ATM")

// erfCells gives what cells a record is, of 53 octets each, behind those in cells.
func erfCells(cells, record []byte) ([]byte, error) {
	const least = erfHeader + aal.CellSize
	if len(record) < least || int(binary.BigEndian.Uint16(record[10:])) > len(record) {
		return cells, errERF
	}
	record = record[:binary.BigEndian.Uint16(record[10:])]
	if len(record) < least {
		return cells, errERF
	}
	body := record[erfHeader+aal.HeaderSize:]
	h := aal.ReadHeader(record[erfHeader:])
	switch kind := record[8]; {
	case kind == erfCell:
		return appendWireCell(cells, h, body[:aal.PayloadSize]), nil
	case kind != erfAAL5:
		return cells, fmt.Errorf("an ERF record of type %d: %d is a cell, and %d an AAL5 PDU", kind&erfType, erfCell, erfAAL5)
	case len(body)%aal.PayloadSize != 0:
		return cells, fmt.Errorf("an AAL5 PDU of %d octets: no whole cells", len(body))
	}
	for ; len(body) > 0; body = body[aal.PayloadSize:] {
		cells = appendWireCell(cells, h.WithAUU(len(body) == aal.PayloadSize), body[:aal.PayloadSize])
	}
	return cells, nil
}

// appendWireCell appends a cell with its HEC.
func appendWireCell(to []byte, h aal.Header, payload []byte) []byte {
	to = binary.BigEndian.AppendUint32(to, uint32(h))
	return append(append(to, h.HEC()), payload...)
}
