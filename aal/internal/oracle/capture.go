package oracle

import "encoding/binary"

// Link types of pcap files (tcpdump.org/linktypes.html).
const (
	LinkEthernet = 1
	LinkRFC1483  = 100
	LinkCLIP     = 106
	LinkSunATM   = 123
	LinkERF      = 197
)

// ERF record types of ATM (Endace ERF types reference).
const (
	ERFCell = 3  // four octets of header and 48 of payload
	ERFAAL5 = 4  // four octets of header and a CPCS-PDU
	ERFAAL2 = 18 // four octets of AAL2 header, four of header, and the payload of a CPS-packet
)

// What a cell in a Sniffer file is said to carry (Wireshark's
// wiretap/ngsniffer.c, AppTrafType).
const (
	SnifferUnknown = 0
	SnifferAAL1    = 1
	SnifferAAL34   = 2
	SnifferOAM     = 6
)

const (
	pcapMagic  = 0xA1B2C3D4
	pcapSnap   = 1 << 18
	erfHeader  = 16
	erfVarying = 4 // flag: records vary in length
)

// Capture collects records as a capture file.
type Capture struct {
	name string
	b    []byte
}

// NewPcap gives a pcap file without records.
func NewPcap(link uint32) *Capture {
	c := &Capture{name: "records.pcap"}
	c.b = binary.BigEndian.AppendUint32(c.b, pcapMagic)
	c.b = append(c.b, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0)
	c.b = binary.BigEndian.AppendUint32(c.b, pcapSnap)
	c.b = binary.BigEndian.AppendUint32(c.b, link)
	return c
}

// NewERF gives a pcap file of ERF records.
func NewERF() *Capture { return NewPcap(LinkERF) }

// Add appends a record of a pcap file, in pieces.
func (c *Capture) Add(pieces ...[]byte) {
	n := 0
	for _, p := range pieces {
		n += len(p)
	}
	c.b = append(c.b, 0, 0, 0, 1, 0, 0, 0, 0)
	c.b = binary.BigEndian.AppendUint32(c.b, uint32(n))
	c.b = binary.BigEndian.AppendUint32(c.b, uint32(n))
	for _, p := range pieces {
		c.b = append(c.b, p...)
	}
}

// AddERF appends an ERF record of a type: the header of a cell, without HEC,
// then a payload or a CPCS-PDU.
func (c *Capture) AddERF(typ uint8, header uint32, payload []byte) {
	c.Add(ERFHeader(typ, 4+len(payload)), binary.BigEndian.AppendUint32(nil, header), payload)
}

// ERFHeader gives the 16 octets before n octets of a record. Lengths stop at
// 65,535.
func ERFHeader(typ uint8, n int) []byte {
	b := []byte{0, 0, 0, 0, 1, 0, 0, 0, typ, erfVarying}
	b = binary.BigEndian.AppendUint16(b, uint16(min(erfHeader+n, 0xFFFF)))
	b = append(b, 0, 0)
	return binary.BigEndian.AppendUint16(b, uint16(min(n, 0xFFFF)))
}

// NewSniffer gives an ATM Sniffer file without records. It is the one format
// in which tshark learns from the file that a cell is of AAL1 or AAL3/4.
func NewSniffer() *Capture {
	c := &Capture{name: "records.atc", b: []byte("TRSNIFF data    \x1a")}
	version := []byte{
		5, 0, 0, 0, 0, 0, // version 5.0, time of day
		0x21, 0x28, // 1 January 2000
		4, 10, 1, 1, // ATM; not compressed; time unit
		0, 0, 0, 0, 0, 0,
	}
	c.record(1, version)
	return c
}

// AddCell appends a cell of 53 octets to a Sniffer file.
func (c *Capture) AddCell(kind uint8, cell []byte) {
	const rawCell = 0x100 // of the status word
	f := make([]byte, 48, 48+len(cell))
	binary.LittleEndian.PutUint16(f[6:], uint16(len(cell)))
	binary.LittleEndian.PutUint16(f[10:], uint16(len(cell)))
	binary.LittleEndian.PutUint32(f[16:], rawCell)
	f[28] = kind
	c.record(8, append(f, cell...))
}

// record appends a record of a Sniffer file.
func (c *Capture) record(typ uint16, b []byte) {
	c.b = binary.LittleEndian.AppendUint16(c.b, typ)
	c.b = binary.LittleEndian.AppendUint16(c.b, uint16(len(b)))
	c.b = append(c.b, 0, 0)
	c.b = append(c.b, b...)
}
