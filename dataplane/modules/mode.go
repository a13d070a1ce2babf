package modules

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/cellhub/cellhub/aal"
)

// Mode is how a pseudowire carries ATM, as RFC 4717 has it.
type Mode uint8

// The modes. In N-to-one mode a frame is a run of 52-octet cells of any VCs; the
// control word is optional there. In one-to-one mode it is a run of cells of one VC, or of
// one VP, without what all of them have in common. In AAL5 SDU mode a frame is one CPCS-SDU
// of the one VC that the pseudowire carries, in AAL5 PDU mode the payloads of one PDU's cells,
// or of some of them. In port mode it is as in N-to-one mode, and what is no VC's is left out.
const (
	ModeN1      Mode = iota // N-to-one, without control word
	ModeN1CW                // N-to-one, with control word
	ModeAAL5SDU             // AAL5 CPCS-SDU mode
	ModeVCC                 // one-to-one, of a VCC
	ModeVPC                 // one-to-one, of a VPC
	ModeAAL5PDU             // AAL5 PDU frame mode
	ModePort                // a whole port of cells (RFC 4816), without control word
	ModePortCW              // … with control word
)

var modeNames = [...]string{
	ModeN1: "n1", ModeN1CW: "n1cw", ModeAAL5SDU: "aal5sdu", ModeVCC: "vcc", ModeVPC: "vpc", ModeAAL5PDU: "aal5pdu",
	ModePort: "port", ModePortCW: "portcw",
}

func (m Mode) String() string { return modeNames[m] }

// ParseMode reads a mode by its name.
func ParseMode(s string) (Mode, error) {
	if m := slices.Index(modeNames[:], s); m >= 0 {
		return Mode(m), nil
	}
	last := len(modeNames) - 1
	return 0, fmt.Errorf("%s or %s", strings.Join(modeNames[:last], ", "), modeNames[last])
}

// Cells tells whether frames hold cells, or what becomes cells without AAL5.
func (m Mode) Cells() bool { return m != ModeAAL5SDU }

// ControlWord tells whether a control word stands before the payload.
func (m Mode) ControlWord() bool { return m != ModeN1 && m != ModePort }

// OneVC tells whether a pseudowire carries one VC, which frames do not name.
func (m Mode) OneVC() bool { return m == ModeAAL5SDU || m == ModeVCC || m == ModeAAL5PDU }

// OneVP tells whether a pseudowire carries one VP, which frames do not name.
func (m Mode) OneVP() bool { return m == ModeVPC }

// carries tells whether a pseudowire that was made for a VC, or VP, carries another, with path a
// whole VP.
func (m Mode) carries(own, vc aal.VC, path bool) bool {
	switch {
	case m.OneVC():
		return vc == own && !path
	case m.OneVP():
		return vc.VPI == own.VPI
	}
	return true
}

// Refuse says why a pseudowire that was made for a VC, or VP, does not carry another, with path a
// whole VP; nil: it does.
func (m Mode) Refuse(own, vc aal.VC, path bool) error {
	switch {
	case m.carries(own, vc, path):
		return nil
	case m.OneVP():
		return &refusal{fmt.Sprintf("mode %s carries VP %d alone", m, own.VPI), syscall.EINVAL}
	}
	return &refusal{fmt.Sprintf("mode %s carries VC %s alone", m, own), syscall.EINVAL}
}

// specific tells whether the control word ends in an ATM-specific octet, and no cell has its
// header (RFC 4717, 5.1: the generic control word).
func (m Mode) specific() bool { return m == ModeVCC || m == ModeVPC || m == ModeAAL5PDU }

// port tells whether idle and unassigned cells are left out (RFC 4816).
func (m Mode) port() bool { return m == ModePort || m == ModePortCW }

// cellSize is the octets of a cell in a frame.
func (m Mode) cellSize() int {
	switch m {
	case ModeVCC:
		return aal.ChannelCellSize
	case ModeVPC:
		return aal.PathCellSize
	case ModeAAL5PDU:
		return aal.PayloadSize
	}
	return aal.CellSize
}
