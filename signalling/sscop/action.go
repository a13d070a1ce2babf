package sscop

import "fmt"

// Kind says what an Action is.
type Kind uint8

// What a machine asks for or tells. Send and SequenceUsed are work, the others
// are the primitives of Q.2110, 6.1, Tables 1 and A.1.
const (
	// Send: hand Data, a PDU, to the CPCS as one message.
	Send Kind = iota
	// SequenceUsed: VT(SQ) is SQ now. Who wants to survive a restart stores it
	// before doing the actions that follow.
	SequenceUsed

	EstablishIndication  // the peer asks for a connection; Data is its user-to-user data
	EstablishConfirm     // the connection is there; Data likewise
	ReleaseIndication    // the connection is gone; Data likewise, Source
	ReleaseConfirm       // the connection is gone, as asked
	DataIndication       // Data is the message, SN its number
	UnitDataIndication   // Data is the message
	RecoverIndication    // messages may be lost; answer with RecoverResponse
	ResyncIndication     // the peer starts anew; Data; answer with ResyncResponse
	ResyncConfirm        // both have started anew
	RetrieveIndication   // Data is a message that was not acknowledged
	RetrieveComplete     // that was all of them
	ManagementIndication // MAA-UNITDATA.indication: Data is the message
	ErrorIndication      // MAA-ERROR.indication: Code, Count
)

var kindNames = [...]string{
	"Send", "SequenceUsed", "AA-ESTABLISH.indication", "AA-ESTABLISH.confirm", "AA-RELEASE.indication",
	"AA-RELEASE.confirm", "AA-DATA.indication", "AA-UNITDATA.indication", "AA-RECOVER.indication",
	"AA-RESYNC.indication", "AA-RESYNC.confirm", "AA-RETRIEVE.indication", "AA-RETRIEVE COMPLETE.indication",
	"MAA-UNITDATA.indication", "MAA-ERROR.indication",
}

// String gives the primitive's name in Q.2110.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Action is one effect of what was put into a machine. Fields that its Kind
// does not name are zero.
type Action struct {
	Kind   Kind
	Source Source    // ReleaseIndication
	Code   ErrorCode // ErrorIndication
	SQ     uint8     // SequenceUsed
	SN     uint32    // DataIndication: N(S)
	Count  int       // ErrorIndication, code V: how many SDs
	Data   []byte    // the machine's: see Actions
}

// ErrorCode is a code of MAA-ERROR.indication (Q.2110, Annex A).
type ErrorCode byte

// Descriptions of Annex A. A to M are PDUs in a state that they do not fit; E
// is defined but no state raises it, for END fits all.
var errorTexts = map[ErrorCode]string{
	'A': "inappropriate SD", 'B': "inappropriate BGN", 'C': "inappropriate BGAK", 'D': "inappropriate BGREJ",
	'E': "inappropriate END", 'F': "inappropriate ENDAK", 'G': "inappropriate POLL", 'H': "inappropriate STAT",
	'I': "inappropriate USTAT", 'J': "inappropriate RS", 'K': "inappropriate RSAK", 'L': "inappropriate ER",
	'M': "inappropriate ERAK", 'O': "VT(CC) reached MaxCC", 'P': "Timer_NO-RESPONSE expired",
	'Q': "N(S) of SD or POLL", 'R': "N(PS) of STAT", 'S': "N(R) or list of STAT", 'T': "N(R) or list of USTAT",
	'U': "PDU length", 'V': "SDs must be retransmitted", 'W': "no credit", 'X': "credit again",
}

// String gives the letter and what it stands for.
func (c ErrorCode) String() string {
	text, ok := errorTexts[c]
	if !ok {
		text = "unknown code"
	}
	return fmt.Sprintf("%c: %s", c, text)
}

// effects collects actions and the octets that they point to.
type effects struct {
	list []Action
	mem  []byte
}

func (e *effects) reset() { e.list, e.mem = e.list[:0], e.mem[:0] }

// keep copies b. A growing mem moves, and earlier slices keep the old one.
func (e *effects) keep(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	n := len(e.mem)
	e.mem = append(e.mem, b...)
	return e.mem[n:len(e.mem):len(e.mem)]
}
