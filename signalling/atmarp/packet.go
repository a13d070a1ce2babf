package atmarp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/cellhub/cellhub/signalling/address"
)

// Op is what a packet is (RFC 2225, 8.7).
type Op uint16

// The operations.
const (
	Request   Op = 1  // ATMARP_Request: who has the target's IP address?
	Reply     Op = 2  // ATMARP_Reply: the source has
	InRequest Op = 8  // InATMARP_Request: who is at the other end of this VC?
	InReply   Op = 9  // InATMARP_Reply: the source is
	NAK       Op = 10 // ATMARP_NAK: nobody is known to have it
)

// String gives the operation's name in RFC 2225.
func (o Op) String() string {
	switch o {
	case Request:
		return "ATMARP_Request"
	case Reply:
		return "ATMARP_Reply"
	case InRequest:
		return "InATMARP_Request"
	case InReply:
		return "InATMARP_Reply"
	case NAK:
		return "ATMARP_NAK"
	}
	return fmt.Sprintf("operation %d", uint16(o))
}

// Packet is an ATMARP or InATMARP packet. Addresses may be missing: their zero values.
type Packet struct {
	Op                 Op
	Source, Target     address.Address
	SourceIP, TargetIP netip.Addr // IPv4
}

// Errors of Parse.
var (
	// ErrNotARP is an SDU with another header of LLC and SNAP (RFC 2684, 5.1), or of another
	// hardware or protocol.
	ErrNotARP = errors.New("atmarp: not a packet of ATMARP for IP")
	// ErrLength is a packet that ends early, or an address of a length that there is not.
	ErrLength = errors.New("atmarp: wrong length")
	// ErrAddress is an ATM address of the right length that is none.
	ErrAddress = errors.New("atmarp: not an ATM address")
)

// MaxPacket is the octets of the longest packet, with the header of LLC and SNAP.
const MaxPacket = headerSize + fixedSize + 4*address.AESASize + 2*ipSize

const (
	headerSize = 8  // LLC, OUI, EtherType
	fixedSize  = 12 // ar$hrd to ar$tpln
	ipSize     = 4

	hardwareATM = 19     // ar$hrd
	protocolIP  = 0x0800 // ar$pro

	typeE164   = 0x40 // of a number's type and length: E.164; else an AESA (8.7)
	lengthMask = 0x3F
	reserved   = 0x80
)

var llcSNAP = [headerSize]byte{0xAA, 0xAA, 0x03, 0, 0, 0, 0x08, 0x06}

// IsPacket tells whether an SDU of a routed VC with LLC says that it is of ATMARP.
func IsPacket(sdu []byte) bool {
	return len(sdu) >= headerSize && [headerSize]byte(sdu) == llcSNAP
}

// Append writes a packet as an SDU of AAL5. An ATM address is one of the three of 8.7: an
// AESA, a number, or a number with an AESA for its subaddress.
func (p *Packet) Append(dst []byte) []byte {
	var source, target halves
	source.of(p.Source)
	target.of(p.Target)
	dst = append(dst, llcSNAP[:]...)
	dst = binary.BigEndian.AppendUint16(dst, hardwareATM)
	dst = binary.BigEndian.AppendUint16(dst, protocolIP)
	dst = append(dst, source.lengths[0], source.lengths[1])
	dst = binary.BigEndian.AppendUint16(dst, uint16(p.Op))
	dst = append(dst, ipLength(p.SourceIP), target.lengths[0], target.lengths[1], ipLength(p.TargetIP))
	dst = source.append(dst)
	dst = appendIP(dst, p.SourceIP)
	dst = target.append(dst)
	return appendIP(dst, p.TargetIP)
}

// halves are the number and the subaddress of an ATM address, with their types and lengths.
type halves struct {
	lengths [2]byte
	octets  [2][]byte
}

func (h *halves) of(a address.Address) {
	digits := a.Number.Digits()
	if digits == "" {
		if a.HasAESA() {
			h.lengths[0], h.octets[0] = address.AESASize, a.AESA[:]
		}
		return
	}
	h.lengths[0], h.octets[0] = typeE164|byte(len(digits)), []byte(digits)
	if a.HasAESA() {
		h.lengths[1], h.octets[1] = address.AESASize, a.AESA[:]
	}
}

func (h *halves) append(dst []byte) []byte {
	return append(append(dst, h.octets[0]...), h.octets[1]...)
}

func ipLength(a netip.Addr) byte {
	if a.Is4() {
		return ipSize
	}
	return 0
}

func appendIP(dst []byte, a netip.Addr) []byte {
	if !a.Is4() {
		return dst
	}
	ip := a.As4()
	return append(dst, ip[:]...)
}

// Parse reads an SDU of AAL5. What follows the packet is ignored, as ARP's padding is.
func Parse(sdu []byte) (p Packet, err error) {
	if !IsPacket(sdu) {
		return p, ErrNotARP
	}
	b := sdu[headerSize:]
	if len(b) < fixedSize {
		return p, ErrLength
	}
	if binary.BigEndian.Uint16(b) != hardwareATM || binary.BigEndian.Uint16(b[2:]) != protocolIP {
		return p, ErrNotARP
	}
	p.Op = Op(binary.BigEndian.Uint16(b[6:]))
	lengths := [8]byte(b[4:12])
	b = b[fixedSize:]
	if p.Source, b, err = parseAddress(b, lengths[0], lengths[1]); err != nil {
		return p, err
	}
	if p.SourceIP, b, err = parseIP(b, lengths[4]); err != nil {
		return p, err
	}
	if p.Target, b, err = parseAddress(b, lengths[5], lengths[6]); err != nil {
		return p, err
	}
	p.TargetIP, _, err = parseIP(b, lengths[7])
	return p, err
}

func parseIP(b []byte, length byte) (netip.Addr, []byte, error) {
	switch {
	case length == 0:
		return netip.Addr{}, b, nil
	case length != ipSize || len(b) < ipSize:
		return netip.Addr{}, nil, ErrLength
	}
	return netip.AddrFrom4([ipSize]byte(b)), b[ipSize:], nil
}

// parseAddress reads an ATM address by the types and lengths of its number and subaddress.
func parseAddress(b []byte, number, sub byte) (a address.Address, rest []byte, err error) {
	n, s := int(number&lengthMask), int(sub&lengthMask)
	if n+s > len(b) || (number|sub)&reserved != 0 || sub&typeE164 != 0 && s > 0 {
		return a, nil, ErrLength
	}
	octets, subaddress, rest := b[:n], b[n:n+s], b[n+s:]
	switch {
	case n == 0:
		if s > 0 {
			return a, nil, ErrLength
		}
	case number&typeE164 != 0:
		if a.Number, err = address.NewNumber(string(octets)); err != nil {
			return a, nil, ErrAddress
		}
		a.AESA, err = parseAESA(subaddress)
	case s > 0: // an AESA has no subaddress
		return a, nil, ErrLength
	default:
		a.AESA, err = parseAESA(octets)
	}
	return a, rest, err
}

func parseAESA(octets []byte) (address.AESA, error) {
	switch len(octets) {
	case 0:
		return address.AESA{}, nil
	case address.AESASize:
	default:
		return address.AESA{}, ErrLength
	}
	a, err := address.FromOctets(octets)
	if err != nil {
		return a, ErrAddress
	}
	return a, nil
}

// String is a packet in a line.
func (p *Packet) String() string {
	return fmt.Sprintf("%v %v %v to %v %v", p.Op, printed(p.SourceIP), p.Source, printed(p.TargetIP), p.Target)
}

func printed(a netip.Addr) string {
	if !a.IsValid() {
		return "-"
	}
	return a.String()
}
