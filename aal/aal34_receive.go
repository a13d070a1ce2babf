package aal

import (
	"encoding/binary"
	"errors"
	"time"
)

// AAL34Event is what a cell led to.
type AAL34Event uint8

// The events of an [AAL34Receiver]. Those from AAL34CRC on are errors; a PDU
// that was under way on the cell's MID is dropped with all but AAL34CRC.
const (
	AAL34None    AAL34Event = iota // nothing to tell yet
	AAL34Done                      // Data is the whole SDU, or its last piece
	AAL34More                      // streaming mode: Data is a piece
	AAL34Aborted                   // the sender gave the PDU up
	AAL34CRC                       // CRC-10 wrong
	AAL34Form                      // length indicator does not fit the segment type
	AAL34SN                        // sequence number wrong: cells are lost
	AAL34NoBegin                   // COM or EOM without its BOM
	AAL34CPI                       // common part indicator is not 0
	AAL34Tags                      // BTag and ETag differ: parts of two PDUs
	AAL34Length                    // Length, BASize and cells disagree
	AAL34Overrun                   // longer than its memory
	AAL34Full                      // no slot free for another MID
	AAL34Size                      // payload is not 48 octets long
	numAAL34Event
)

var aal34EventNames = [numAAL34Event]string{
	"none", "done", "more", "aborted", "CRC-10", "length indicator", "sequence number", "no BOM",
	"CPI", "tags", "length", "overrun", "no slot", "payload size",
}

// String gives the event's name in a word or two.
func (e AAL34Event) String() string {
	if e < numAAL34Event {
		return aal34EventNames[e]
	}
	return "unknown"
}

// AAL34Unit is a whole SDU or, in streaming mode, a piece of one.
type AAL34Unit struct {
	MID   uint16
	First bool   // the SDU begins here
	Data  []byte // good until the next Receive; it may lie in the payload given
}

// AAL34Slot is the state of one PDU being received. Buf is the caller's: in
// message mode it holds the largest SDU, [AAL34Padded]; in streaming mode
// [AAL34StreamBuf] octets are enough.
type AAL34Slot struct {
	Buf      []byte
	mid      uint16
	next     uint16 // free slots: index of the next, plus one
	busy     bool
	first    bool // nothing delivered yet
	sn       uint8
	btag     uint8
	size     int // BASize
	got      int // octets of data and padding so far
	from     int // streaming: where in Buf those begin that are kept back
	kept     int // and how many
	deadline time.Duration
}

// AAL34StreamBuf is the memory of a slot in streaming mode.
const AAL34StreamBuf = aal34Hold + AAL34Payload

// aal34Hold is what streaming mode keeps back: the padding, of three octets
// at most, may lie in a cell before the trailer.
const aal34Hold = aal34Align - 1

// maxAAL34Slots is one for each MID.
const maxAAL34Slots = MaxAAL34MID + 1

// ErrAAL34Slots is returned for a table of no slots or more than 1,024, or
// with too little memory for streaming.
var ErrAAL34Slots = errors.New("aal34: table of slots is empty, too large or without memory")

// AAL34Receiver receives the PDUs of all MIDs of one VC at once, as many at a
// time as it has slots. Use [MakeAAL34Receiver].
type AAL34Receiver struct {
	slots     []AAL34Slot
	index     [maxAAL34Slots]uint16 // slot of a MID plus one, 0 for none
	free      uint16                // index of the first free slot, plus one
	streaming bool
	timeout   time.Duration
	stats     [numAAL34Event]uint64
	broken    uint64
}

// MakeAAL34Receiver gives a receiver over the caller's table, which it keeps.
// With streaming, data is delivered as it comes; else whole SDUs are. A PDU
// must be whole within timeout of its first cell, see Expire.
func MakeAAL34Receiver(slots []AAL34Slot, streaming bool, timeout time.Duration) (AAL34Receiver, error) {
	r := AAL34Receiver{slots: slots, streaming: streaming, timeout: timeout}
	if len(slots) == 0 || len(slots) > maxAAL34Slots {
		return AAL34Receiver{}, ErrAAL34Slots
	}
	for i := range slots {
		if streaming && len(slots[i].Buf) < AAL34StreamBuf {
			return AAL34Receiver{}, ErrAAL34Slots
		}
		slots[i] = AAL34Slot{Buf: slots[i].Buf, next: r.free}
		r.free = uint16(i) + 1
	}
	return r, nil
}

// Count gives how often an event has come.
func (r *AAL34Receiver) Count(e AAL34Event) uint64 {
	if e < numAAL34Event {
		return r.stats[e]
	}
	return 0
}

// Unfinished gives the PDUs dropped because another began on their MID, or
// because their time had run out.
func (r *AAL34Receiver) Unfinished() uint64 { return r.broken }

// Receive takes the payload of the next cell. The clock is a time since any
// fixed origin. In streaming mode a piece with First drops what was under way
// on the MID, and so does every error that names the MID.
func (r *AAL34Receiver) Receive(now time.Duration, payload []byte) (AAL34Unit, AAL34Event) {
	c, err := ParseAAL34(payload)
	if err != nil {
		if errors.Is(err, ErrPayloadSize) {
			return r.count(AAL34Unit{}, AAL34Size)
		}
		return r.count(AAL34Unit{}, AAL34CRC)
	}
	data := payload[aal34SARHeader : aal34SARHeader+AAL34Payload]
	u := AAL34Unit{MID: c.MID}
	at := r.index[c.MID]
	switch {
	case c.Abort():
		if at == 0 {
			return r.count(u, AAL34NoBegin)
		}
		r.release(at)
		return r.count(u, AAL34Aborted)
	case !c.Formed():
		if at != 0 {
			r.release(at)
		}
		return r.count(u, AAL34Form)
	case c.Segment&AAL34BOM != 0:
		if at != 0 {
			r.release(at)
			r.broken++
		}
		return r.count(r.begin(now, c, u, data[:c.LI]))
	case at == 0:
		return r.count(u, AAL34NoBegin)
	}
	u, ev := r.proceed(&r.slots[at-1], c, u, data[:c.LI])
	if ev != AAL34None && ev != AAL34More {
		r.release(at)
	}
	return r.count(u, ev)
}

func (r *AAL34Receiver) count(u AAL34Unit, ev AAL34Event) (AAL34Unit, AAL34Event) {
	r.stats[ev]++
	return u, ev
}

// release gives a slot back.
func (r *AAL34Receiver) release(at uint16) {
	s := &r.slots[at-1]
	r.index[s.mid] = 0
	s.busy = false
	s.next, r.free = r.free, at
}

// begin takes a BOM or SSM.
func (r *AAL34Receiver) begin(now time.Duration, c AAL34Cell, u AAL34Unit, data []byte) (AAL34Unit, AAL34Event) {
	if data[0] != 0 {
		return u, AAL34CPI
	}
	size := int(binary.BigEndian.Uint16(data[2:]))
	if c.Segment == AAL34SSM {
		n := len(data) - AAL34Trailer
		length, ev := aal34Check(data[n:], data[1], size, n-AAL34Header)
		if ev == AAL34Done {
			u.First, u.Data = true, data[AAL34Header:AAL34Header+length]
		}
		return u, ev
	}
	at := r.free
	if at == 0 {
		return u, AAL34Full
	}
	s := &r.slots[at-1]
	r.free, r.index[c.MID] = s.next, at
	*s = AAL34Slot{
		Buf: s.Buf, mid: c.MID, busy: true, first: true, sn: (c.SN + 1) % aal34Sequence,
		btag: data[1], size: size, deadline: now + r.timeout,
	}
	u, ev := r.store(s, u, data[AAL34Header:])
	if ev != AAL34None && ev != AAL34More {
		r.release(at)
	}
	return u, ev
}

// aal34Check checks a trailer against the CPCS header and the octets between:
// it gives the length of the SDU.
func aal34Check(trailer []byte, btag uint8, size, got int) (int, AAL34Event) {
	length := int(binary.BigEndian.Uint16(trailer[2:]))
	switch {
	case trailer[1] != btag:
		return 0, AAL34Tags
	case AAL34Padded(length) != got || length > size:
		return 0, AAL34Length
	}
	return length, AAL34Done
}

// proceed takes a COM or EOM.
func (r *AAL34Receiver) proceed(s *AAL34Slot, c AAL34Cell, u AAL34Unit, data []byte) (AAL34Unit, AAL34Event) {
	if c.SN != s.sn {
		return u, AAL34SN
	}
	s.sn = (s.sn + 1) % aal34Sequence
	if c.Segment == AAL34COM {
		return r.store(s, u, data)
	}
	n := len(data) - AAL34Trailer
	length, ev := aal34Check(data[n:], s.btag, s.size, s.got+n)
	if ev != AAL34Done {
		return u, ev
	}
	before := s.got - s.kept // octets delivered
	if u, ev = r.store(s, u, data[:n]); ev != AAL34None && ev != AAL34More {
		return u, ev
	}
	if r.streaming {
		length -= before
	}
	u.Data = s.Buf[:length]
	u.First = u.First || s.first
	return u, AAL34Done
}

// store adds data, which may have padding at its end, to a PDU. More of it
// than was announced cannot come to a good end.
func (r *AAL34Receiver) store(s *AAL34Slot, u AAL34Unit, data []byte) (AAL34Unit, AAL34Event) {
	if s.got+len(data) > AAL34Padded(s.size) {
		return u, AAL34Length
	}
	if !r.streaming {
		if len(data) > len(s.Buf)-s.got {
			return u, AAL34Overrun
		}
		s.got += copy(s.Buf[s.got:], data)
		return u, AAL34None
	}
	n := copy(s.Buf, s.Buf[s.from:s.from+s.kept])
	n += copy(s.Buf[n:], data)
	s.got += len(data)
	s.kept = min(n, aal34Hold)
	s.from = n - s.kept
	if s.from == 0 {
		return u, AAL34None
	}
	u.Data, u.First = s.Buf[:s.from], s.first
	s.first = false
	return u, AAL34More
}

// Expire drops one PDU whose time has run out and gives its MID; ok is false
// when there is none. Call it until then, a few times a second: a PDU whose
// end is lost keeps its slot.
func (r *AAL34Receiver) Expire(now time.Duration) (mid uint16, ok bool) {
	for i := range r.slots {
		if s := &r.slots[i]; s.busy && now >= s.deadline {
			r.release(uint16(i) + 1)
			r.broken++
			return s.mid, true
		}
	}
	return 0, false
}

// Busy tells how many PDUs are under way.
func (r *AAL34Receiver) Busy() (n int) {
	for i := range r.slots {
		if r.slots[i].busy {
			n++
		}
	}
	return n
}
