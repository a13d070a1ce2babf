package modules

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cellhub/cellhub/aal"
)

// Encapsulation is how one pseudowire lies on its carrier: RFC 4717 behind a label stack.
type Encapsulation struct {
	Mode     Mode
	LabelOut uint32   // the pseudowire's own, FirstLabel to MaxLabel
	LabelIn  uint32   // what the peer puts
	Outer    []uint32 // the network's labels before ours, outermost first; at most MaxOuterLabels
	TC       uint8    // traffic class of all of them, at most MaxTC
	TTL      uint8    // of all of them; 0: DefaultTTL
	Numbered bool     // frames sent are numbered, late ones received dropped; needs a control word
	Fragment bool     // SDUs that a frame does not hold go in fragments, RFC 4623; needs numbers
}

// Control word of RFC 4717: four zero bits, flags, two reserved bits, length, sequence
// number. The flags are those of AAL5 SDU mode.
const (
	ControlWordBytes = 4

	cwFlagT       = 1 << 27 // an administrative cell, not an SDU
	cwFlagE       = 1 << 26 // EFCI
	cwFlagC       = 1 << 25 // CLP
	cwFlagU       = 1 << 24 // CPCS-UU, its least significant bit
	cwPartShift   = 22      // B and E, RFC 4623
	cwPartMask    = 3
	cwLengthShift = 16
	cwLengthMask  = 63
	// A control word's length counts itself and the payload, and is 0 from this size on.
	cwLengthLimit = 64

	// In the other modes with a control word the number stands before the ATM-specific octet.
	specificBits = 8

	vccvNibble = 1 // first four bits of a control channel's word, RFC 4385
)

// check refuses what no pseudowire is.
func (e *Encapsulation) check() error {
	for _, label := range append([]uint32{e.LabelOut, e.LabelIn}, e.Outer...) {
		if label < FirstLabel || label > MaxLabel {
			return fmt.Errorf("label %d: %d to %d", label, FirstLabel, MaxLabel)
		}
	}
	switch {
	case len(e.Outer) > MaxOuterLabels:
		return fmt.Errorf("%d outer labels: at most %d", len(e.Outer), MaxOuterLabels)
	case e.TC > MaxTC:
		return fmt.Errorf("traffic class %d: 0 to %d", e.TC, MaxTC)
	case e.Numbered && !e.Mode.ControlWord():
		return fmt.Errorf("mode %s has no control word to number frames in", e.Mode)
	case e.Fragment && (e.Mode != ModeAAL5SDU || !e.Numbered):
		return errors.New("fragments are of AAL5 SDU mode, and of numbered frames")
	}
	return nil
}

// Overhead is the octets between the carrier's header and the cells or the SDU.
func (e *Encapsulation) Overhead() int {
	n := (len(e.Outer) + 1) * LabelBytes
	if e.Mode.ControlWord() {
		n += ControlWordBytes
	}
	return n
}

// dropCause says why a received frame was not taken.
type dropCause uint8

const (
	taken         dropCause = iota
	badFrame                // shorter than its headers, not MPLS, or a stack that goes on
	wrongStation            // from another station than the peer
	badControl              // the control word's first bits are not 0
	vccv                    // the control channel's, RFC 5085: not traffic
	badLength               // not whole cells, or a length field that the frame does not hold
	portStopped             // of a port that carries nothing, by SetUp
	adminCell               // an OAM cell inside AAL5 SDU mode, where nobody takes it
	outOfOrder              // late or repeated, where frames are numbered
	wrongMode               // cells, or parts of PDUs, that the mode has not
	noMemory                // nothing to unpack it into, or to put it together
	strayFragment           // of an SDU whose beginning, or a part between, has not come
	incomplete              // SDUs of which a fragment has not come
	dropCauses
)

// pseudowire puts and strips the headers of one pseudowire: all of what it sends, and of
// what it receives what stands behind the label stack.
type pseudowire struct {
	mode     Mode
	numbered bool
	lent     bool   // somebody else numbers: frames have 0 here, which the far end takes at any time
	prefix   []byte // what is put before the control word: the link's header and the labels
	sent     numbering
	order    ordering
	missing  uint64 // frames that never came, or came too late
}

func newPseudowire(e *Encapsulation, link []byte) pseudowire {
	return pseudowire{mode: e.Mode, numbered: e.Numbered, prefix: e.AppendStack(link)}
}

// AppendStack appends the label stack of frames that are sent.
func (e *Encapsulation) AppendStack(p []byte) []byte {
	ttl := e.TTL
	if ttl == 0 {
		ttl = DefaultTTL
	}
	for _, label := range e.Outer {
		p = appendLabel(p, label, e.TC, ttl, false)
	}
	return appendLabel(p, e.LabelOut, e.TC, ttl, true)
}

// overhead is the octets before the cells or the SDU, in a whole frame.
func (w *pseudowire) overhead() int {
	if w.mode.ControlWord() {
		return len(w.prefix) + ControlWordBytes
	}
	return len(w.prefix)
}

// put writes the headers into dst, overhead octets, for a payload of n octets.
func (w *pseudowire) put(dst []byte, n int, clp, efci bool, uu uint8) {
	i := copy(dst, w.prefix)
	if !w.mode.ControlWord() {
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
	if w.numbered && !w.lent {
		cw |= uint32(w.sent.take())
	}
	if w.mode.specific() {
		cw <<= specificBits
	}
	binary.BigEndian.PutUint32(dst[i:], cw)
}

// strip finds the payload in what stands behind the label stack: p[from:to]. cw is the
// control word, 0 where the mode has none; an ATM-specific octet in it is part of the payload.
// An administrative cell is found too.
func (w *pseudowire) strip(p []byte) (from, to int, cw uint32, cause dropCause) {
	to = len(p)
	if !w.mode.ControlWord() {
		return 0, to, 0, taken
	}
	if len(p) < ControlWordBytes {
		return 0, 0, 0, badFrame
	}
	cw, from = binary.BigEndian.Uint32(p), ControlWordBytes
	switch cw >> 28 {
	case 0:
	case vccvNibble:
		return 0, 0, 0, vccv
	default:
		return 0, 0, 0, badControl
	}
	// In N-to-one mode the cells say themselves how many they are.
	if n := int(cw>>cwLengthShift) & cwLengthMask; n != 0 && w.mode == ModeAAL5SDU {
		if n < ControlWordBytes || n > to {
			return 0, 0, 0, badLength
		}
		to = n
	}
	if w.mode.specific() {
		cw >>= specificBits
		from-- // the last octet of the word is the first of the cells
	}
	if w.numbered {
		missing, ok := w.order.take(uint16(cw))
		if !ok {
			return 0, 0, 0, outOfOrder
		}
		w.missing += uint64(missing)
	}
	if cw&cwFlagT != 0 && w.mode == ModeAAL5SDU {
		return from, to, cw, adminCell
	}
	return from, to, cw, taken
}

// putPart is put for a fragment.
func (w *pseudowire) putPart(dst []byte, part aal.Fragment, n int, clp, efci bool, uu uint8) {
	w.put(dst, n, clp, efci, uu)
	dst[len(w.prefix)+1] |= byte(part) << (cwPartShift - 16)
}

// putAdmin is put for an administrative cell, which AAL5 SDU mode carries beside SDUs: its
// payload is a cell as N-to-one mode has it (RFC 4717, 11.1, the T bit).
func (w *pseudowire) putAdmin(dst []byte) {
	w.put(dst, aal.CellSize, false, false, 0)
	dst[len(w.prefix)] |= cwFlagT >> 24
}

// pack gives a frame of headers and whole cells the form of the mode: it tells how many octets of
// f there are then.
func (w *pseudowire) pack(f []byte) int {
	at := len(w.prefix) + ControlWordBytes
	cells := f[at:]
	switch at--; {
	case w.mode == ModeVPC:
		return at + aal.PackPath(f[at:], cells)
	case w.mode == ModeAAL5PDU && aal.ReadHeader(cells).User():
		octet, n := aal.PackPDU(cells, cells)
		f[at] = octet
		return at + 1 + n
	}
	return at + aal.PackChannel(f[at:], cells)
}
