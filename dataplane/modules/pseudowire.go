package modules

import (
	"encoding/binary"
	"errors"
)

// Mode is how a pseudowire carries ATM, as RFC 4717 has it.
type Mode uint8

// The modes. In N-to-one mode a frame is a run of 52-octet cells of any VCs; the
// control word is optional there. In AAL5 SDU mode a frame is one CPCS-SDU of the
// one VC that the pseudowire carries.
const (
	ModeN1      Mode = iota // N-to-one, without control word
	ModeN1CW                // N-to-one, with control word
	ModeAAL5SDU             // AAL5 CPCS-SDU mode
)

var modeNames = [...]string{ModeN1: "n1", ModeN1CW: "n1cw", ModeAAL5SDU: "aal5sdu"}

func (m Mode) String() string { return modeNames[m] }

// ParseMode reads n1, n1cw or aal5sdu.
func ParseMode(s string) (Mode, error) {
	for m, name := range modeNames {
		if s == name {
			return Mode(m), nil
		}
	}
	return 0, errors.New("n1, n1cw or aal5sdu")
}

// Cells tells whether frames hold cells.
func (m Mode) Cells() bool { return m != ModeAAL5SDU }

// Sizes and limits of the encapsulation, in octets.
const (
	LabelBytes       = 4
	ControlWordBytes = 4
	ethernetHeader   = 14

	FirstLabel = 16        // RFC 3032: 0 to 15 are reserved
	MaxLabel   = 1<<20 - 1 // 20 bits

	EtherTypeMPLS = 0x8847
	labelTTL      = 255
	bottomOfStack = 1 << 8

	// Control word of RFC 4717: four zero bits, flags, two reserved bits, length,
	// sequence number. The flags are those of AAL5 SDU mode.
	cwFlagT       = 1 << 27 // an administrative cell, not an SDU
	cwFlagE       = 1 << 26 // EFCI
	cwFlagC       = 1 << 25 // CLP
	cwFlagU       = 1 << 24 // CPCS-UU, its least significant bit
	cwLengthShift = 16
	cwLengthMask  = 63
	// A control word's length counts itself and the payload, and is 0 from this size on.
	cwLengthLimit = 64
)

// HeaderBytes is what the encapsulation puts before the cells or the SDU: the label
// and, where there is one, the control word.
func (m Mode) HeaderBytes() int {
	if m == ModeN1 {
		return LabelBytes
	}
	return LabelBytes + ControlWordBytes
}

// dropCause says why a received frame was not taken.
type dropCause uint8

const (
	taken        dropCause = iota
	badFrame               // shorter than its headers, not MPLS, or a stack that goes on
	wrongLabel             // another pseudowire's
	wrongStation           // from another station than the peer
	badControl             // the control word's first bits are not 0: VCCV or no control word at all
	badLength              // not whole cells, or a length field that the frame does not hold
	adminCell              // an OAM cell inside AAL5 SDU mode
	dropCauses
)

// pseudowire builds and strips the headers of one pseudowire over one carrier.
type pseudowire struct {
	mode   Mode
	prefix []byte // what every frame begins with, up to the label's end
	in     uint32 // label expected
	ether  bool   // the carrier is Ethernet
	peer   [6]byte
	check  bool // frames must come from peer
}

func newPseudowire(c *PortConfig) pseudowire {
	w := pseudowire{mode: c.Mode, in: c.LabelIn}
	if c.Ethernet != nil {
		w.ether, w.peer, w.check = true, c.Ethernet.Peer, c.Ethernet.CheckPeer
		w.prefix = append(w.prefix, c.Ethernet.Peer[:]...)
		w.prefix = append(w.prefix, c.Ethernet.Own[:]...)
		w.prefix = binary.BigEndian.AppendUint16(w.prefix, EtherTypeMPLS)
	}
	w.prefix = binary.BigEndian.AppendUint32(w.prefix, c.LabelOut<<12|bottomOfStack|labelTTL)
	return w
}

// overhead is the octets before the cells or the SDU.
func (w *pseudowire) overhead() int { return len(w.prefix) - LabelBytes + w.mode.HeaderBytes() }

// put writes the headers into dst, overhead octets, for a payload of n octets.
func (w *pseudowire) put(dst []byte, n int, clp, efci bool, uu uint8) {
	i := copy(dst, w.prefix)
	if w.mode == ModeN1 {
		return
	}
	var cw uint32
	if w.mode == ModeAAL5SDU {
		if efci {
			cw |= cwFlagE
		}
		if clp {
			cw |= cwFlagC
		}
		cw |= uint32(uu&1) * cwFlagU
		if n += ControlWordBytes; n < cwLengthLimit {
			cw |= uint32(n) << cwLengthShift
		}
	}
	binary.BigEndian.PutUint32(dst[i:], cw)
}

// strip finds the payload of a frame: f[from:to]. cw is the control word, 0 where
// the mode has none.
func (w *pseudowire) strip(f []byte) (from, to int, cw uint32, cause dropCause) {
	if w.ether {
		if len(f) < ethernetHeader || binary.BigEndian.Uint16(f[12:]) != EtherTypeMPLS {
			return 0, 0, 0, badFrame
		}
		if w.check && [6]byte(f[6:12]) != w.peer {
			return 0, 0, 0, wrongStation
		}
		from = ethernetHeader
	}
	if len(f) < from+w.mode.HeaderBytes() {
		return 0, 0, 0, badFrame
	}
	switch label := binary.BigEndian.Uint32(f[from:]); {
	case label>>12 != w.in:
		return 0, 0, 0, wrongLabel
	case label&bottomOfStack == 0:
		return 0, 0, 0, badFrame
	}
	from, to = from+LabelBytes, len(f)
	if w.mode == ModeN1 {
		return from, to, 0, taken
	}
	cw = binary.BigEndian.Uint32(f[from:])
	if cw>>28 != 0 {
		return 0, 0, 0, badControl
	}
	from += ControlWordBytes
	// In N-to-one mode the cells say themselves how many they are.
	if n := int(cw>>cwLengthShift) & cwLengthMask; n != 0 && w.mode == ModeAAL5SDU {
		if n < ControlWordBytes || from+n-ControlWordBytes > to {
			return 0, 0, 0, badLength
		}
		to = from + n - ControlWordBytes
	}
	if cw&cwFlagT != 0 && w.mode == ModeAAL5SDU {
		return 0, 0, 0, adminCell
	}
	return from, to, cw, taken
}
