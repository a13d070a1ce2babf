package modules

import "errors"

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

// ControlWord tells whether a control word stands before the payload.
func (m Mode) ControlWord() bool { return m != ModeN1 }
