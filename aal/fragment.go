package aal

// This file is the fragmentation of pseudowires, RFC 4623: which of the frames that come make a
// packet. The octets are the caller's.

// Fragment is which part of a packet a frame holds: the bits B and E of a control word, 0 where
// the packet begins, and ends (RFC 4623, 4.1).
type Fragment uint8

// The parts.
const (
	FragmentWhole  Fragment = 0 // all of it
	FragmentFirst  Fragment = 1
	FragmentLast   Fragment = 2
	FragmentMiddle Fragment = 3
)

// FragmentAction is what to do with a frame.
type FragmentAction uint8

// The actions. What was kept before is of no use with FragmentTake, FragmentBegin and FragmentDrop.
const (
	FragmentTake   FragmentAction = iota // it is a packet
	FragmentBegin                        // keep its octets: they are the first
	FragmentAppend                       // append its octets
	FragmentEnd                          // append its octets: the packet is whole
	FragmentDrop                         // its beginning, or one between, did not come, or it is too much
)

// FragmentCounts is what a [FragmentReceiver] has counted.
type FragmentCounts struct {
	Packets    uint64 // made of fragments
	Incomplete uint64 // begun, and given up
	Stray      uint64 // fragments of nothing that was begun
	TooLong    uint64 // packets given up for their length, Incomplete too
}

// FragmentReceiver puts packets together that come in fragments, by their numbers: those of one
// packet follow each other without a gap (RFC 4623, 4). The zero value waits for a packet.
type FragmentReceiver struct {
	next   uint16 // number of the fragment that is due
	octets int
	open   bool
	counts FragmentCounts
}

// Open tells whether a packet has begun and not ended.
func (r *FragmentReceiver) Open() bool { return r.open }

// Counts gives what was counted.
func (r *FragmentReceiver) Counts() FragmentCounts { return r.counts }

// Abandon gives up what was begun: its end has not come in time, or there is no memory for it.
func (r *FragmentReceiver) Abandon() {
	if r.open {
		r.open = false
		r.counts.Incomplete++
	}
}

// Receive takes a frame with that part of a packet, that sequence number and so many octets; a
// packet has at most [MaxSDU] octets. Fragments without a number, 0, are of nothing.
func (r *FragmentReceiver) Receive(part Fragment, number uint16, octets int) FragmentAction {
	switch part {
	case FragmentWhole:
		r.Abandon()
		return FragmentTake
	case FragmentFirst:
		r.Abandon()
		if number == 0 || octets > MaxSDU {
			r.counts.Stray++
			return FragmentDrop
		}
		r.open, r.octets, r.next = true, octets, NextSequence(number)
		return FragmentBegin
	}
	if !r.open || number != r.next {
		r.Abandon()
		r.counts.Stray++
		return FragmentDrop
	}
	if r.octets += octets; r.octets > MaxSDU {
		r.counts.TooLong++
		r.Abandon()
		return FragmentDrop
	}
	if r.next = NextSequence(number); part == FragmentMiddle {
		return FragmentAppend
	}
	r.open = false
	r.counts.Packets++
	return FragmentEnd
}

// NextSequence is the sequence number of a pseudowire after n: the wrap skips 0, which says that there is none (RFC 4385, 4.1).
func NextSequence(n uint16) uint16 {
	if n++; n == 0 {
		return 1
	}
	return n
}
