package aal

// Headers that a UNI and an NNI reserve (I.361, tables 1 and 3; I.432.1,
// 4.3.6 and 4.4): VPI and VCI 0, and the CLP bit tells the physical layer's
// cells from the ATM layer's.
const (
	UnassignedHeader Header = 0x00000000 // the sender's ATM layer had nothing to send
	IdleHeader       Header = 0x00000001 // the physical layer filled a gap
)

// IdleOctet fills the payload of idle cells (I.432.1, 4.4).
const IdleOctet = 0x6A

// Unassigned tells whether h, read from a UNI or an NNI, is that of an
// unassigned cell: the bits of PTI, and of the GFC on a UNI, may have any
// value. Give a UNI header by [Header.UNI].
func (h Header) Unassigned() bool { return h&^headerPTI == UnassignedHeader }

// PhysicalLayer tells whether h is kept for the physical layer: an idle cell,
// or one of its OAM cells. The ATM layer never sees them.
func (h Header) PhysicalLayer() bool { return h&^headerPTI == IdleHeader }

// Idle tells whether h is that of an idle cell.
func (h Header) Idle() bool { return h == IdleHeader }

// PutIdle writes an idle cell of 53 octets at the start of cell.
func PutIdle(cell []byte) {
	cell = cell[:WireCellSize]
	IdleHeader.Put(cell)
	cell[HeaderSize] = IdleHeader.HEC()
	for i := HeaderSize + 1; i < WireCellSize; i++ {
		cell[i] = IdleOctet
	}
}
