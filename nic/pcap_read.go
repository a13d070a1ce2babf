package nic

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// pcapMagicMicros is that of times in microseconds.
const pcapMagicMicros = 0xA1B2C3D4

// MaxPcapRecord is the octets of the longest record that is read: libpcap's limit.
const MaxPcapRecord = 256 << 10

// PcapReader reads a capture file: classic pcap, in either byte order, with times in microseconds or nanoseconds.
type PcapReader struct {
	r        *bufio.Reader
	order    binary.ByteOrder
	nanos    int64 // of a unit of a record's time
	linkType int
	record   []byte
}

// NewPcapReader reads the header of a file.
func NewPcapReader(r io.Reader) (*PcapReader, error) {
	p := &PcapReader{r: bufio.NewReaderSize(r, pcapBuffer), order: binary.LittleEndian, nanos: 1}
	var h [pcapFileHeader]byte
	if _, err := io.ReadFull(p.r, h[:]); err != nil {
		return nil, errors.New("no pcap file: it has no header")
	}
	if magic := binary.BigEndian.Uint32(h[:]); magic == pcapMagicNanos || magic == pcapMagicMicros {
		p.order = binary.BigEndian
	}
	switch p.order.Uint32(h[:]) {
	case pcapMagicNanos:
	case pcapMagicMicros:
		p.nanos = int64(time.Microsecond)
	default:
		return nil, errors.New("no pcap file: classic pcap is read, and pcapng is not (editcap -F nsecpcap makes one of the other)")
	}
	const linkTypeBits = 0xFFFF // those above say what follows a frame
	p.linkType = int(p.order.Uint32(h[20:]) & linkTypeBits)
	return p, nil
}

// LinkType is that of all records.
func (p *PcapReader) LinkType() int { return p.linkType }

// Next reads a record, which is good until the call after this; io.EOF: there is no other. whole tells that none of it
// was cut.
func (p *PcapReader) Next() (at time.Time, record []byte, whole bool, err error) {
	var h [pcapRecordHeader]byte
	switch _, err := io.ReadFull(p.r, h[:]); {
	case errors.Is(err, io.EOF):
		return at, nil, false, io.EOF
	case err != nil:
		return at, nil, false, fmt.Errorf("pcap: the last record is not whole: %w", err)
	}
	n := p.order.Uint32(h[8:])
	if n > MaxPcapRecord {
		return at, nil, false, fmt.Errorf("pcap: a record of %d octets: at most %d", n, MaxPcapRecord)
	}
	if int(n) > cap(p.record) {
		p.record = make([]byte, n)
	}
	p.record = p.record[:n]
	if _, err := io.ReadFull(p.r, p.record); err != nil {
		return at, nil, false, fmt.Errorf("pcap: the last record is not whole: %w", err)
	}
	at = time.Unix(int64(p.order.Uint32(h[0:])), int64(p.order.Uint32(h[4:]))*p.nanos)
	return at, p.record, p.order.Uint32(h[12:]) == n, nil
}
