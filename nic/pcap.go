package nic

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"time"
)

// LinkTypeEthernet is the pcap link type of Ethernet frames.
const LinkTypeEthernet = 1

const (
	pcapMagicNanos   = 0xA1B23C4D // times in nanoseconds
	pcapFileHeader   = 24
	pcapRecordHeader = 16
	pcapBuffer       = 256 << 10
)

// Pcap writes a capture file: classic pcap with times in nanoseconds, in the byte
// order of this machine. Records are collected and written in large pieces, by the
// call that fills one; nothing is allocated for a record. The first error sticks.
type Pcap struct {
	w       *bufio.Writer
	c       io.Closer
	snap    int
	header  [pcapRecordHeader]byte
	records uint64
	err     error
}

// NewPcap begins a capture on w. snap is the octets kept of a record at most. Close
// closes w if it is an io.Closer.
func NewPcap(w io.Writer, linkType, snap int) (*Pcap, error) {
	p := &Pcap{w: bufio.NewWriterSize(w, pcapBuffer), snap: snap}
	p.c, _ = w.(io.Closer)
	var h [pcapFileHeader]byte
	e := binary.NativeEndian
	e.PutUint32(h[0:], pcapMagicNanos)
	e.PutUint16(h[4:], 2)
	e.PutUint16(h[6:], 4)
	e.PutUint32(h[16:], uint32(snap))
	e.PutUint32(h[20:], uint32(linkType))
	_, p.err = p.w.Write(h[:])
	return p, p.err
}

// CreatePcap begins a capture in a file, which it makes or empties, and whose header
// it writes at once, so that a capture of nothing is one too.
func CreatePcap(name string, linkType, snap int) (*Pcap, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	p, err := NewPcap(f, linkType, snap)
	if err == nil {
		err = p.Flush()
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("pcap: %w", err)
	}
	return p, nil
}

// Write adds a record, whose octets are those of parts one after the other; what is
// over the snapshot length is cut.
func (p *Pcap) Write(at time.Time, parts ...[]byte) error {
	if p.err != nil {
		return p.err
	}
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	kept := min(size, p.snap)
	e := binary.NativeEndian
	e.PutUint32(p.header[0:], uint32(at.Unix()))
	e.PutUint32(p.header[4:], uint32(at.Nanosecond()))
	e.PutUint32(p.header[8:], uint32(kept))
	e.PutUint32(p.header[12:], uint32(size))
	if _, p.err = p.w.Write(p.header[:]); p.err != nil {
		return p.err
	}
	for _, part := range parts {
		n := min(len(part), kept)
		if _, p.err = p.w.Write(part[:n]); p.err != nil {
			return p.err
		}
		kept -= n
	}
	p.records++
	return nil
}

// Records is how many records were written.
func (p *Pcap) Records() uint64 { return p.records }

// Flush writes out what was collected.
func (p *Pcap) Flush() error {
	if p.err == nil {
		p.err = p.w.Flush()
	}
	return p.err
}

// Close flushes and closes the file.
func (p *Pcap) Close() error {
	err := p.Flush()
	if p.c != nil {
		if e := p.c.Close(); err == nil {
			err = e
		}
	}
	return err
}
