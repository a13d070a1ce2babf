package aal

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
)

// ClassicalIPMTU is the default MTU of IP over ATM, in octets (RFC 2225, 7.1).
const ClassicalIPMTU = 9180

// ATMARPOp is the operation of an ATMARP packet (RFC 2225, 8.1).
type ATMARPOp uint16

// The operations. InATMARP asks the other end of a VC who it is.
const (
	ATMARPRequest   ATMARPOp = 1
	ATMARPReply     ATMARPOp = 2
	InATMARPRequest ATMARPOp = 8
	InATMARPReply   ATMARPOp = 9
	ATMARPNAK       ATMARPOp = 10
)

// String names the operation as the RFC does.
func (op ATMARPOp) String() string {
	switch op {
	case ATMARPRequest:
		return "ARP_REQUEST"
	case ATMARPReply:
		return "ARP_REPLY"
	case InATMARPRequest:
		return "InARP_REQUEST"
	case InATMARPReply:
		return "InARP_REPLY"
	case ATMARPNAK:
		return "ARP_NAK"
	}
	return fmt.Sprintf("operation %d", uint16(op))
}

// MaxATMNumber is the octets of the longest ATM number or subaddress: an ATM
// end system address.
const MaxATMNumber = 20

// ATMNumber is an ATM number or subaddress of an ATMARP packet. The zero value
// is none.
type ATMNumber struct {
	Octets [MaxATMNumber]byte
	Len    uint8 // octets in use
	E164   bool  // an E.164 number of ASCII digits, not an ATM end system address
}

// MakeATMNumber copies an address of at most [MaxATMNumber] octets; longer
// ones give ErrATMNumber.
func MakeATMNumber(octets []byte, e164 bool) (n ATMNumber, err error) {
	if len(octets) > MaxATMNumber {
		return n, ErrATMNumber
	}
	n.Len, n.E164 = uint8(copy(n.Octets[:], octets)), e164
	return n, nil
}

// Bytes gives the octets in use, in n's memory.
func (n *ATMNumber) Bytes() []byte { return n.Octets[:n.Len] }

// String gives hexadecimal, "+" and digits for E.164, or "-" for none. An E.164
// number of other characters is quoted.
func (n ATMNumber) String() string {
	switch {
	case n.Len == 0:
		return "-"
	case n.Digits():
		return "+" + string(n.Bytes())
	case n.E164:
		return "+" + strconv.QuoteToASCII(string(n.Bytes()))
	}
	return hex.EncodeToString(n.Bytes())
}

// Digits tells whether this is an E.164 number of digits, as it must be.
func (n *ATMNumber) Digits() bool {
	if !n.E164 || n.Len == 0 {
		return false
	}
	for _, b := range n.Bytes() {
		if b < '0' || b > '9' {
			return false
		}
	}
	return true
}

// ATMARP is a packet of RFC 2225: what LLC with EtherType 0806 carries on the
// VCs of Classical IP. A protocol address that is not in the packet is the
// zero Addr.
type ATMARP struct {
	Op                           ATMARPOp
	SourceNumber, SourceSub      ATMNumber
	TargetNumber, TargetSub      ATMNumber
	SourceAddress, TargetAddress netip.Addr
}

// Errors of ATMARP.
var (
	ErrATMARPShort    = errors.New("atmarp: packet too short for its lengths")
	ErrATMARPHardware = errors.New("atmarp: hardware type is not ATM")
	ErrATMARPProtocol = errors.New("atmarp: protocol is not IPv4")
	ErrATMNumber      = errors.New("atmarp: ATM number longer than 20 octets")
	ErrATMARPOp       = errors.New("atmarp: unknown operation")
)

// The fixed part of a packet (RFC 2225, 8.1), and its type and length octets:
// bit 6 says E.164, six bits are the length, bit 7 is 0.
const (
	atmarpHardware  = 0x0013
	atmarpFixed     = 12
	atmarpE164      = 0x40
	atmarpLength    = 0x3F
	atmarpIPv4Size  = 4
	MaxATMARPPacket = atmarpFixed + 4*MaxATMNumber + 2*atmarpIPv4Size
)

// Size gives the octets of the packet.
func (a *ATMARP) Size() int {
	return atmarpFixed + int(a.SourceNumber.Len) + int(a.SourceSub.Len) + int(a.TargetNumber.Len) + int(a.TargetSub.Len) +
		addrSize(a.SourceAddress) + addrSize(a.TargetAddress)
}

func addrSize(a netip.Addr) int {
	if a.IsValid() {
		return atmarpIPv4Size
	}
	return 0
}

// Encode writes the packet at the start of dst and gives its octets. dst must
// hold Size of them, or ErrNoSpace is returned; [MaxATMARPPacket] is enough
// for any. A protocol address that is not IPv4 gives ErrATMARPProtocol.
func (a *ATMARP) Encode(dst []byte) (int, error) {
	for _, n := range [...]*ATMNumber{&a.SourceNumber, &a.SourceSub, &a.TargetNumber, &a.TargetSub} {
		if n.Len > MaxATMNumber {
			return 0, ErrATMNumber
		}
	}
	for _, ip := range [...]netip.Addr{a.SourceAddress, a.TargetAddress} {
		if ip.IsValid() && !ip.Unmap().Is4() {
			return 0, ErrATMARPProtocol
		}
	}
	if len(dst) < a.Size() {
		return 0, ErrNoSpace
	}
	binary.BigEndian.PutUint16(dst, atmarpHardware)
	binary.BigEndian.PutUint16(dst[2:], EtherTypeIPv4)
	dst[4], dst[5] = a.SourceNumber.typeLength(), a.SourceSub.typeLength()
	binary.BigEndian.PutUint16(dst[6:], uint16(a.Op))
	dst[8] = uint8(addrSize(a.SourceAddress))
	dst[9], dst[10] = a.TargetNumber.typeLength(), a.TargetSub.typeLength()
	dst[11] = uint8(addrSize(a.TargetAddress))
	n := atmarpFixed
	n += copy(dst[n:], a.SourceNumber.Bytes())
	n += copy(dst[n:], a.SourceSub.Bytes())
	n += putAddr(dst[n:], a.SourceAddress)
	n += copy(dst[n:], a.TargetNumber.Bytes())
	n += copy(dst[n:], a.TargetSub.Bytes())
	n += putAddr(dst[n:], a.TargetAddress)
	return n, nil
}

func (n *ATMNumber) typeLength() uint8 {
	if n.E164 && n.Len > 0 {
		return atmarpE164 | n.Len
	}
	return n.Len
}

func putAddr(dst []byte, a netip.Addr) int {
	if !a.IsValid() {
		return 0
	}
	ip := a.Unmap().As4()
	return copy(dst, ip[:])
}

// Decode reads a packet; octets after it are ignored. RFC 1577 systems write
// 0.0.0.0 where RFC 2225 leaves an unknown address out: it is given as it is.
// With ErrATMARPOp all fields are read nevertheless, for dumps.
func (a *ATMARP) Decode(p []byte) error {
	*a = ATMARP{}
	if len(p) < atmarpFixed {
		return ErrATMARPShort
	}
	if binary.BigEndian.Uint16(p) != atmarpHardware {
		return ErrATMARPHardware
	}
	if binary.BigEndian.Uint16(p[2:]) != EtherTypeIPv4 {
		return ErrATMARPProtocol
	}
	a.Op = ATMARPOp(binary.BigEndian.Uint16(p[6:]))
	d := atmarpDecoder{rest: p[atmarpFixed:]}
	d.number(&a.SourceNumber, p[4])
	d.number(&a.SourceSub, p[5])
	d.address(&a.SourceAddress, p[8])
	d.number(&a.TargetNumber, p[9])
	d.number(&a.TargetSub, p[10])
	d.address(&a.TargetAddress, p[11])
	if d.err == nil && !a.Op.known() {
		d.err = ErrATMARPOp
	}
	return d.err
}

func (op ATMARPOp) known() bool {
	switch op {
	case ATMARPRequest, ATMARPReply, InATMARPRequest, InATMARPReply, ATMARPNAK:
		return true
	}
	return false
}

// atmarpDecoder takes fields off a packet until one is wrong.
type atmarpDecoder struct {
	rest []byte
	err  error
}

// take gives the next n octets, or nil after an error.
func (d *atmarpDecoder) take(n int) []byte {
	if d.err == nil && len(d.rest) < n {
		d.err = ErrATMARPShort
	}
	if d.err != nil {
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *atmarpDecoder) number(n *ATMNumber, typeLength uint8) {
	length := typeLength & atmarpLength
	if length > MaxATMNumber && d.err == nil {
		d.err = ErrATMNumber
	}
	b := d.take(int(length))
	if len(b) == 0 {
		return
	}
	n.Len = uint8(copy(n.Octets[:], b))
	n.E164 = typeLength&atmarpE164 != 0
}

func (d *atmarpDecoder) address(a *netip.Addr, length uint8) {
	if length != 0 && length != atmarpIPv4Size && d.err == nil {
		d.err = ErrATMARPProtocol
	}
	if b := d.take(int(length)); len(b) == atmarpIPv4Size {
		*a = netip.AddrFrom4([atmarpIPv4Size]byte(b))
	}
}

// NAK gives the answer to a request that cannot be resolved: the request with
// another operation (RFC 2225, 8.3).
func (a *ATMARP) NAK() ATMARP {
	nak := *a
	nak.Op = ATMARPNAK
	return nak
}

// Answer gives the reply to a request, ATMARP or InATMARP, from the system
// asked for: number, subaddress and address are its own, and the asker becomes
// the target.
func (a *ATMARP) Answer(number, sub ATMNumber, address netip.Addr) ATMARP {
	reply := ATMARP{
		Op: ATMARPReply, SourceNumber: number, SourceSub: sub, SourceAddress: address,
		TargetNumber: a.SourceNumber, TargetSub: a.SourceSub, TargetAddress: a.SourceAddress,
	}
	if a.Op == InATMARPRequest {
		reply.Op = InATMARPReply
	}
	return reply
}
