package control

import (
	"sync/atomic"
	"syscall"
)

// Packet is what one datagram carries: a message, its trailer, and the file descriptors
// that came or go with it.
type Packet struct {
	Message
	// Trailer is the trailer, nil if there is none. Sending sets the message's Len and the
	// flag TRAILER from it. A received one is the receiver's to keep.
	Trailer []byte
	// Files are descriptors. Those received are the receiver's to close and have
	// close-on-exec set; those sent stay the sender's.
	Files []int
}

// CloseFiles closes the descriptors.
func (p *Packet) CloseFiles() {
	for _, fd := range p.Files {
		syscall.Close(fd)
	}
	p.Files = nil
}

// seal makes header and trailer agree and checks both, as the receiver will.
func (p *Packet) seal(b []byte) ([]byte, error) {
	if len(p.Trailer) > MaxTrailer {
		return nil, ErrTrailerLong
	}
	p.Len = uint32(len(p.Trailer))
	p.Flags &^= FlagTrailer
	if p.Len > 0 {
		p.Flags |= FlagTrailer
	}
	if len(p.Files) > p.Descriptors() {
		return nil, ErrDescriptors
	}
	octets := (*[Size]byte)(b)
	p.Encode(octets)
	if err := CheckMessage(octets); err != nil {
		return nil, err
	}
	if p.Class.TLVTrailer() {
		if err := CheckTLVs(p.Trailer); err != nil {
			return nil, err
		}
	}
	return b[:Size+copy(b[Size:], p.Trailer)], nil
}

// Stats counts what a connection has carried, and what it has refused by cause.
type Stats struct {
	Sent        uint64            // messages sent
	Received    uint64            // messages received and well formed
	Strays      uint64            // of these, replies to nothing that was awaited: dropped
	Descriptors uint64            // descriptors that no type asked for: closed
	Faults      [NumFaults]uint64 // messages refused, by Fault
}

type counters struct {
	sent, received, strays, descriptors atomic.Uint64
	faults                              [NumFaults]atomic.Uint64
}

// Stats gives the counters. Any goroutine may ask.
func (c *Conn) Stats() Stats {
	s := Stats{
		Sent:        c.count.sent.Load(),
		Received:    c.count.received.Load(),
		Strays:      c.count.strays.Load(),
		Descriptors: c.count.descriptors.Load(),
	}
	for i := range s.Faults {
		s.Faults[i] = c.count.faults[i].Load()
	}
	return s
}
