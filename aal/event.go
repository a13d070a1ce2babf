package aal

// Event is what a run of cells led to at its last consumed cell.
type Event uint8

// The events of reassembly. Those from EvCRC to EvAbort mean that a PDU was
// discarded: count it by cause.
const (
	EvNone     Event = iota // the run is consumed, nothing to tell
	EvPDU                   // a PDU is complete and good
	EvCRC                   // CRC-32 wrong
	EvLength                // Length and number of cells disagree
	EvOverrun               // PDU larger than its memory, or than 1,366 cells
	EvAbort                 // the sender aborted the PDU: Length 0, CRC good
	EvOAM                   // an F5 OAM cell, PTI 4 or 5
	EvRM                    // a resource management cell, PTI 6
	EvReserved              // a cell with the reserved PTI 7
	EvRoom                  // the memory is full, and may be made larger: see StartSmall
	numEvents
)

var eventNames = [numEvents]string{
	"none", "PDU", "CRC", "length", "overrun", "abort", "OAM", "RM", "reserved PTI", "room",
}

// String gives the event's name in a word or two.
func (e Event) String() string {
	if e < numEvents {
		return eventNames[e]
	}
	return "unknown"
}
