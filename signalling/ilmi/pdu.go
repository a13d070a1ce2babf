package ilmi

import (
	"errors"
	"fmt"
)

// MaxPDU is the longest PDU in octets (af-ilmi-0065, 7: the SDU of VCC 0/16).
const MaxPDU = 484

// Community is in every PDU.
const Community = "ILMI"

// What is wrong with a PDU.
var (
	ErrPDU       = errors.New("ilmi: not a PDU of SNMPv1")
	ErrVersion   = errors.New("ilmi: not version 1 of SNMP")
	ErrCommunity = errors.New("ilmi: community is not " + Community)
	ErrLength    = fmt.Errorf("ilmi: PDU of more than %d octets", MaxPDU)
)

// PDUType tells PDUs apart (RFC 1157, 4.1).
type PDUType uint8

// The PDUs of SNMPv1.
const (
	GetRequest PDUType = iota
	GetNextRequest
	GetResponse
	SetRequest
	Trap
	numPDUTypes
)

var pduNames = [numPDUTypes]string{"GetRequest", "GetNextRequest", "GetResponse", "SetRequest", "Trap"}

// String gives the PDU's name.
func (t PDUType) String() string {
	if t < numPDUTypes {
		return pduNames[t]
	}
	return fmt.Sprintf("PDU %d", uint8(t))
}

// Status is the error-status of a GetResponse (RFC 1157, 4.1).
type Status int32

// What a GetResponse may say.
const (
	NoError Status = iota
	TooBig
	NoSuchName
	BadValue
	ReadOnly
	GenErr
)

var statusNames = [...]string{"noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr"}

// String gives the status's name.
func (s Status) String() string {
	if s >= 0 && int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status %d", int32(s))
}

// Generic traps (RFC 1157, 4.1.6).
const (
	ColdStart          = 0
	EnterpriseSpecific = 6
)

// PDU is one message of SNMPv1 with the community ILMI.
type PDU struct {
	Type        PDUType
	RequestID   int32  // not of a Trap
	ErrorStatus Status // likewise
	ErrorIndex  int32  // likewise; the binding, from 1
	Trap        TrapHeader
	Bindings    []Binding
}

// TrapHeader is what a Trap has instead.
type TrapHeader struct {
	Enterprise OID
	Agent      [4]byte // an IP address
	Generic    int32
	Specific   int32
	TimeStamp  uint32 // hundredths of a second
}

// Binding is a variable with its value.
type Binding struct {
	Name  OID
	Value Value
}

// Kind is the type of a value, as its tag on the wire.
type Kind uint8

// The kinds of RFC 1155. Others are kept as octets.
const (
	Integer          Kind = 0x02
	OctetString      Kind = 0x04
	Null             Kind = 0x05
	ObjectIdentifier Kind = 0x06
	IPAddress        Kind = 0x40
	Counter          Kind = 0x41
	Gauge            Kind = 0x42
	TimeTicks        Kind = 0x43
	Opaque           Kind = 0x44
)

// Value is the value of a variable.
type Value struct {
	Kind   Kind
	Number int64  // Integer; Counter, Gauge and TimeTicks, 0 to 2^32-1
	Octets string // the others, but Null
	OID    OID    // ObjectIdentifier
}

// isNumber says whether a value of this kind is in Number, and its limits.
func (k Kind) isNumber() (low, high int64, ok bool) {
	switch k {
	case Integer:
		return -1 << 31, 1<<31 - 1, true
	case Counter, Gauge, TimeTicks:
		return 0, 1<<32 - 1, true
	}
	return 0, 0, false
}

// String writes the value for a trace.
func (v Value) String() string {
	if _, _, ok := v.Kind.isNumber(); ok {
		return fmt.Sprint(v.Number)
	}
	switch v.Kind {
	case Null:
		return "NULL"
	case ObjectIdentifier:
		return v.OID.String()
	}
	return fmt.Sprintf("%X", v.Octets)
}

func integer(n int) Value           { return Value{Kind: Integer, Number: int64(n)} }
func octetString(s string) Value    { return Value{Kind: OctetString, Octets: s} }
func identifier(o OID) Value        { return Value{Kind: ObjectIdentifier, OID: o} }
func ticks(hundredths uint32) Value { return Value{Kind: TimeTicks, Number: int64(hundredths)} }
