package dlpi

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// SAP is what a frame is handed up by: an EtherType, a DSAP of 802.2, or what SNAP (IEEE 802,
// clause 9) has behind SAP 0xAA. 0 is none.
type SAP uint64

const (
	snapSAP = 0xAA
	// Kinds are kept apart by the bits above their values.
	kindLLC   SAP = 1 << 40
	kindEther SAP = 2 << 40
	kindSNAP  SAP = 3 << 40
	kindMask  SAP = 3 << 40

	minEtherType = 0x600 // below it the field is a length (IEEE 802.3, 3.2.6)
)

// LLC is an individual DSAP.
func LLC(sap byte) SAP { return kindLLC | SAP(sap) }

// EtherType is a protocol of Ethernet's own.
func EtherType(t uint16) SAP { return kindEther | SAP(t) }

// SNAP is an organization's 24 bits and its protocol.
func SNAP(oui uint32, protocol uint16) SAP { return kindSNAP | SAP(oui&0xFFFFFF)<<16 | SAP(protocol) }

// Valid tells whether a user may be bound to it: an individual DSAP, an EtherType and no length, or any of SNAP's.
func (s SAP) Valid() bool {
	switch v := s &^ kindMask; s & kindMask {
	case kindLLC:
		return v > 0 && v < 0x100 && v&groupBit == 0
	case kindEther:
		return v >= minEtherType && v <= 0xFFFF
	case kindSNAP:
		return v>>40 == 0
	}
	return false
}

// ParseSAP reads one as people write it: "0x88cc", an EtherType, or with two digits a DSAP, "0x42"; or SNAP's
// "00000c:2000", an organization and a protocol.
func ParseSAP(text string) (s SAP, err error) {
	oui, protocol, snap := strings.Cut(text, ":")
	hex, isHex := strings.CutPrefix(text, "0x")
	switch {
	case snap:
		var o, p uint64
		o, err = strconv.ParseUint(oui, 16, 24)
		if err == nil {
			p, err = strconv.ParseUint(protocol, 16, 16)
		}
		s = SNAP(uint32(o), uint16(p))
	case isHex && len(hex) <= 2:
		var n uint64
		n, err = strconv.ParseUint(hex, 16, 8)
		s = LLC(byte(n))
	case isHex:
		var n uint64
		n, err = strconv.ParseUint(hex, 16, 16)
		s = EtherType(uint16(n))
	}
	if err != nil || !s.Valid() {
		return 0, fmt.Errorf("SAP %q: an EtherType such as 0x88cc, a DSAP such as 0x42, or an organization and protocol of SNAP such as 00000c:2000", text)
	}
	return s, nil
}

// String writes a SAP as ParseSAP reads it.
func (s SAP) String() string {
	switch s & kindMask {
	case kindLLC:
		return fmt.Sprintf("0x%02x", byte(s))
	case kindEther:
		return fmt.Sprintf("0x%04x", uint16(s))
	}
	return fmt.Sprintf("%06x:%04x", uint32(s>>16)&0xFFFFFF, uint16(s))
}

// readSAP takes one from an address: 1 octet is a DSAP, 2 are an EtherType, 5 or 6 are SNAP's.
func readSAP(b []byte) SAP {
	switch {
	case len(b) == 1 && b[0] != 0 && b[0]&1 == 0:
		return LLC(b[0])
	case len(b) == 2 && binary.BigEndian.Uint16(b) >= minEtherType:
		return EtherType(binary.BigEndian.Uint16(b))
	case len(b) == 6 && b[0] == snapSAP:
		b = b[1:]
		fallthrough
	case len(b) == 5:
		return SNAP(uint32(b[0])<<16|uint32(b[1])<<8|uint32(b[2]), binary.BigEndian.Uint16(b[3:]))
	}
	return 0
}

// append writes a SAP as a DLSAP address has it behind the station's.
func (s SAP) append(dst []byte) []byte {
	switch s & kindMask {
	case kindLLC:
		return append(dst, byte(s))
	case kindEther:
		return binary.BigEndian.AppendUint16(dst, uint16(s))
	}
	return append(dst, snapSAP, byte(s>>32), byte(s>>24), byte(s>>16), byte(s>>8), byte(s))
}

// Octets of headers.
const (
	macHeader  = 14
	llcHeader  = 3
	snapHeader = 5
	// MaxHeader is the longest that a Machine puts before data.
	MaxHeader = macHeader + llcHeader + snapHeader
)

// Control fields of 802.2, 5.4.1, and what is in them and in the SSAP beside.
const (
	controlUI   = 0x03
	controlXID  = 0xAF
	controlTest = 0xE3
	pollBit     = 0x10
	responseBit = 0x01 // of SSAP
	groupBit    = 0x01 // of DSAP, and of a station's address
)

// pdu is a frame that was taken apart.
type pdu struct {
	dst, src [6]byte
	sap      SAP // whose it is
	from     SAP // the sender's; of Ethernet and SNAP the same
	control  byte
	poll     bool
	response bool
	data     []byte
}

// Classify says whose a frame is: 0, nobody's that a user could be bound to.
func Classify(frame []byte) SAP {
	var p pdu
	if !p.read(frame) {
		return 0
	}
	return p.sap
}

// read takes a frame apart; false when it makes no sense.
func (p *pdu) read(frame []byte) bool {
	if len(frame) < macHeader {
		return false
	}
	copy(p.dst[:], frame)
	copy(p.src[:], frame[6:])
	n := binary.BigEndian.Uint16(frame[12:])
	data := frame[macHeader:]
	if n >= minEtherType {
		p.sap, p.control, p.data = EtherType(n), controlUI, data
		p.from = p.sap
		return true
	}
	if int(n) > len(data) || n < llcHeader {
		return false
	}
	data = data[:n] // what follows fills up to the shortest frame
	if data[0]&groupBit != 0 || data[2]&3 != 3 {
		return false // group DSAPs, and PDUs of type 2, are nobody's
	}
	p.response, p.poll = data[1]&responseBit != 0, data[2]&pollBit != 0
	p.sap, p.from, p.control = LLC(data[0]), LLC(data[1]&^responseBit), data[2]&^pollBit
	p.data = data[llcHeader:]
	if data[0] == snapSAP && data[1] == snapSAP && p.control == controlUI {
		if len(p.data) < snapHeader {
			return false
		}
		p.sap = readSAP(p.data[:snapHeader])
		p.from, p.data = p.sap, p.data[snapHeader:]
	}
	return true
}

// appendHeader writes what goes before data: from and to are of one kind.
func (p *pdu) appendHeader(dst []byte) []byte {
	dst = append(append(dst, p.dst[:]...), p.src[:]...)
	if p.sap&kindMask == kindEther {
		return binary.BigEndian.AppendUint16(dst, uint16(p.sap))
	}
	control, length := p.control, llcHeader+len(p.data)
	dsap, ssap := byte(snapSAP), byte(snapSAP)
	if p.sap&kindMask == kindSNAP {
		length += snapHeader
	} else {
		dsap, ssap = byte(p.sap), byte(p.from)
	}
	if p.response {
		ssap |= responseBit
	}
	if p.poll {
		control |= pollBit
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(length))
	dst = append(dst, dsap, ssap, control)
	if p.sap&kindMask == kindSNAP {
		dst = append(dst, byte(p.sap>>32), byte(p.sap>>24), byte(p.sap>>16), byte(p.sap>>8), byte(p.sap))
	}
	return dst
}
