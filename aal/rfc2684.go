package aal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Encap is how an AAL5 SDU tells what it carries (RFC 2684).
type Encap uint8

// LLC puts an LLC header, and mostly SNAP, before every PDU (section 5);
// VCMux gives each protocol a VC of its own (section 6).
const (
	LLC Encap = iota
	VCMux
)

// ParseEncap reads "llc" or "vcmux".
func ParseEncap(s string) (Encap, error) {
	switch s {
	case "llc":
		return LLC, nil
	case "vcmux":
		return VCMux, nil
	}
	return 0, fmt.Errorf("encapsulation %q: want llc or vcmux", s)
}

// String gives "llc" or "vcmux".
func (e Encap) String() string {
	switch e {
	case LLC:
		return "llc"
	case VCMux:
		return "vcmux"
	}
	return "unknown"
}

// Kind is a form of PDU inside an AAL5 SDU.
type Kind uint8

// The kinds. A bridged kind may be combined with [FCS].
const (
	Routed      Kind = iota // a PDU named by an EtherType
	Bridged                 // an Ethernet or 802.3 MAC frame
	Bridged8024             // 802.4, from the frame control octet
	Bridged8025             // 802.5 (token ring), from the frame control octet
	BridgedFDDI             // FDDI, from the frame control octet
	Bridged8026             // 802.6, from the common PDU header to its trailer
	BPDU                    // a bridge PDU of 802.1D
	ISO                     // an ISO PDU whose first octet is its NLPID
	PPP                     // a PPP packet, from its protocol field (RFC 2364)
	numKinds

	// FCS marks a bridged MAC frame that keeps its frame check sequence.
	FCS Kind = 0x80
)

var kindNames = [numKinds]string{
	"routed", "bridged", "bridged 802.4", "bridged 802.5", "bridged FDDI", "bridged 802.6", "BPDU", "ISO", "PPP",
}

// String names the kind, with "+FCS" where it keeps one.
func (k Kind) String() string {
	base := k &^ FCS
	if base >= numKinds {
		return "unknown"
	}
	if k&FCS != 0 {
		return kindNames[base] + "+FCS"
	}
	return kindNames[base]
}

// EtherTypes that an SDU without one is told by.
const (
	EtherTypeIPv4 = 0x0800
	EtherTypeARP  = 0x0806
	EtherTypeIPv6 = 0x86DD
)

// NLPIDPPP is the NLPID of PPP (RFC 2364, 5).
const NLPIDPPP = 0xCF

// Payload is what an SDU carries.
type Payload struct {
	Kind      Kind   // without FCS
	FCS       bool   // a frame check sequence came with it, and is cut off
	NLPID     uint8  // ISO and PPP
	EtherType uint16 // Routed
	Data      []byte // a slice of the SDU
}

// Errors of decapsulation. Each is one counted drop. With ErrEncapShort,
// ErrEncapPad and ErrEncapFCS the Payload is what there is all the same, for
// dumps: Data is nil where the SDU ends within the header or the frame check
// sequence.
var (
	ErrEncapShort   = errors.New("rfc2684: SDU too short for what it says it carries")
	ErrEncapLLC     = errors.New("rfc2684: unknown LLC header")
	ErrEncapOUI     = errors.New("rfc2684: unknown SNAP OUI")
	ErrEncapPID     = errors.New("rfc2684: unknown PID of a bridged PDU")
	ErrEncapPad     = errors.New("rfc2684: pad before a bridged frame is not zero")
	ErrEncapFCS     = errors.New("rfc2684: frame check sequence wrong")
	ErrEncapVersion = errors.New("rfc2684: VC-multiplexed PDU is neither IPv4 nor IPv6")
	ErrEncapKind    = errors.New("rfc2684: unknown kind or encapsulation")
)

const (
	llcSize     = 3
	snapSize    = 8 // LLC, OUI, PID
	llcSNAP     = 0xAAAA03
	llcISO      = 0xFEFE03
	ouiRouted   = 0x000000
	ouiBridged  = 0x0080C2
	minEthernet = 14
	fcsSize     = 4
)

// bridgedForm is one row of RFC 2684, appendix B, with its format from 5.2.
type bridgedForm struct {
	pid, pidFCS uint16
	pad         int  // octets between PID and frame
	free        int  // of these, octets at the end with any value
	least       int  // octets of the shortest frame, without FCS
	msbFirst    bool // the medium sends, and the FCS takes, bit 7 of an octet first
}

var bridgedForms = [numKinds]bridgedForm{
	Bridged:     {pid: 0x0007, pidFCS: 0x0001, pad: 2, least: minEthernet},
	Bridged8024: {pid: 0x0008, pidFCS: 0x0002, pad: 3, least: 13},
	Bridged8025: {pid: 0x0009, pidFCS: 0x0003, pad: 3, free: 1, least: 13, msbFirst: true},
	BridgedFDDI: {pid: 0x000A, pidFCS: 0x0004, pad: 3, least: 13, msbFirst: true},
	Bridged8026: {pid: 0x000B, pidFCS: 0x000B, least: 24},
	BPDU:        {pid: 0x000E, pidFCS: 0x000E, least: 4},
}

// kindOfPID is the inverse of bridgedForms. 0005 and 000B both mean 802.6,
// whose own header tells whether a CRC is there.
var kindOfPID = [...]Kind{
	0x1: Bridged | FCS, 0x2: Bridged8024 | FCS, 0x3: Bridged8025 | FCS, 0x4: BridgedFDDI | FCS, 0x5: Bridged8026,
	0x7: Bridged, 0x8: Bridged8024, 0x9: Bridged8025, 0xA: BridgedFDDI, 0xB: Bridged8026,
	0xE: BPDU,
}

// HeaderSize gives the octets before a PDU of that kind: 0 to 11. It is 0 for
// an unknown kind.
func (e Encap) HeaderSize(kind Kind) int {
	kind &^= FCS
	if kind >= numKinds {
		return 0
	}
	pad := bridgedForms[kind].pad
	if e != LLC {
		return pad
	}
	switch kind {
	case ISO:
		return llcSize // the NLPID is the PDU's own first octet
	case PPP:
		return llcSize + 1
	}
	return snapSize + pad
}

// PutHeader writes what comes before a PDU of that kind at the start of dst
// and gives its octets, HeaderSize(kind); dst must hold them. etherType is for
// Routed only. With [FCS] the caller adds the sequence: see [PutFCS].
func (e Encap) PutHeader(dst []byte, kind Kind, etherType uint16) int {
	n := e.HeaderSize(kind)
	dst = dst[:n]
	if n == 0 {
		return 0
	}
	clear(dst)
	if e != LLC {
		return n
	}
	switch base := kind &^ FCS; base {
	case Routed:
		put24(dst, llcSNAP)
		binary.BigEndian.PutUint16(dst[6:], etherType)
	case ISO:
		put24(dst, llcISO)
	case PPP:
		put24(dst, llcISO)
		dst[3] = NLPIDPPP
	default:
		put24(dst, llcSNAP)
		put24(dst[3:], ouiBridged)
		pid := bridgedForms[base].pid
		if kind&FCS != 0 {
			pid = bridgedForms[base].pidFCS
		}
		binary.BigEndian.PutUint16(dst[6:], pid)
	}
	return n
}

// Decap tells what an SDU carries. kind is what a VC-multiplexed VC is
// configured for, with [FCS] where frames keep theirs; an LLC header speaks
// for itself and kind is ignored. The FCS of a bridged frame is checked and
// cut off. Data is a slice of sdu and, without an error, never empty.
func (e Encap) Decap(sdu []byte, kind Kind) (Payload, error) {
	switch {
	case e == LLC:
		return decapLLC(sdu)
	case e != VCMux || kind&^FCS >= numKinds:
		return Payload{}, ErrEncapKind
	case len(sdu) == 0:
		return Payload{}, ErrEncapShort
	}
	switch kind {
	case Routed:
		return decapIP(sdu)
	case ISO:
		return Payload{Kind: ISO, NLPID: sdu[0], Data: sdu}, nil
	case PPP:
		return Payload{Kind: PPP, NLPID: NLPIDPPP, Data: sdu}, nil
	}
	p, err := decapBridged(sdu, kind)
	if !zeroPad(sdu, kind) {
		err = ErrEncapPad
	}
	return p, err
}

// zeroPad tells whether the pad of a VC-multiplexed bridged frame is zero.
// Nothing else shows there that the peer sends routed PDUs; an LLC header
// does, so its pad is not looked at.
func zeroPad(b []byte, kind Kind) bool {
	form := &bridgedForms[kind&^FCS]
	for _, v := range b[:min(len(b), form.pad-form.free)] {
		if v != 0 {
			return false
		}
	}
	return true
}

func decapLLC(sdu []byte) (Payload, error) {
	if len(sdu) <= llcSize {
		return Payload{}, ErrEncapShort
	}
	switch get24(sdu) {
	case llcISO:
		if sdu[llcSize] != NLPIDPPP {
			return Payload{Kind: ISO, NLPID: sdu[llcSize], Data: sdu[llcSize:]}, nil
		}
		return filled(Payload{Kind: PPP, NLPID: NLPIDPPP, Data: sdu[llcSize+1:]})
	case llcSNAP:
		if len(sdu) < snapSize {
			return Payload{}, ErrEncapShort
		}
		return decapSNAP(sdu)
	}
	return Payload{}, ErrEncapLLC
}

// filled refuses a payload without data.
func filled(p Payload) (Payload, error) {
	if len(p.Data) == 0 {
		return p, ErrEncapShort
	}
	return p, nil
}

func decapSNAP(sdu []byte) (Payload, error) {
	pid := binary.BigEndian.Uint16(sdu[6:])
	switch get24(sdu[llcSize:]) {
	case ouiRouted:
		return filled(Payload{Kind: Routed, EtherType: pid, Data: sdu[snapSize:]})
	case ouiBridged:
		if int(pid) >= len(kindOfPID) || kindOfPID[pid] == Routed {
			return Payload{}, ErrEncapPID
		}
		return decapBridged(sdu[snapSize:], kindOfPID[pid])
	}
	return Payload{}, ErrEncapOUI
}

// decapIP tells IPv4 from IPv6 by the version, as linux-atm's br2684 does.
func decapIP(sdu []byte) (Payload, error) {
	switch sdu[0] >> 4 {
	case 4:
		return Payload{Kind: Routed, EtherType: EtherTypeIPv4, Data: sdu}, nil
	case 6:
		return Payload{Kind: Routed, EtherType: EtherTypeIPv6, Data: sdu}, nil
	}
	return Payload{}, ErrEncapVersion
}

// decapBridged takes what follows the PID.
func decapBridged(b []byte, kind Kind) (Payload, error) {
	base := kind &^ FCS
	form := &bridgedForms[base]
	if form.least == 0 {
		return Payload{}, ErrEncapKind
	}
	p := Payload{Kind: base, FCS: kind&FCS != 0 && form.pid != form.pidFCS}
	end := len(b)
	if p.FCS {
		end -= fcsSize
	}
	if end < form.pad {
		return p, ErrEncapShort
	}
	p.Data = b[form.pad:end:end]
	switch {
	case len(p.Data) < form.least:
		return p, ErrEncapShort
	case p.FCS && !form.goodFCS(p.Data, b[end:]):
		return p, ErrEncapFCS
	}
	return p, nil
}

func (f *bridgedForm) goodFCS(frame, fcs []byte) bool {
	if f.msbFirst {
		return CRC32(frame) == binary.BigEndian.Uint32(fcs)
	}
	return crc32.ChecksumIEEE(frame) == binary.LittleEndian.Uint32(fcs)
}

// PutFCS writes the four octets of frame check sequence of a MAC frame of
// that kind at the start of dst. All media use one generator; 802.5 and FDDI
// send the most significant bit of an octet first, and their sequence follows
// that order.
func PutFCS(dst []byte, kind Kind, frame []byte) {
	if kind &^= FCS; kind < numKinds && bridgedForms[kind].msbFirst {
		binary.BigEndian.PutUint32(dst, CRC32(frame))
		return
	}
	binary.LittleEndian.PutUint32(dst, crc32.ChecksumIEEE(frame))
}

func get24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

func put24(b []byte, v uint32) { b[0], b[1], b[2] = uint8(v>>16), uint8(v>>8), uint8(v) }
