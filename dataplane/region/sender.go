package region

import "github.com/cellhub/cellhub/dataplane/ring"

// Sender is the producing side of one direction of a channel: descriptors in a ring, and their
// octets in an area that is used round and round, each SDU in one piece.
type Sender struct {
	ring  *ring.Producer[Descriptor]
	area  []byte
	ends  []uint64 // by slot: where the octets of the entry end, counted since the beginning
	put   uint64   // entries put
	freed uint64   // of these, known to be released
	next  uint64   // octets of the area used since the beginning …
	kept  uint64   // … and of these, the ones free again
}

// Room gives n octets of the area to be filled and then put; nil: the ring or the area is full
// until the other side has released something. MaxSDU octets fit at least when it is empty.
func (s *Sender) Room(n int) []byte {
	at, ok := s.place(uint64(n))
	if !ok && s.reclaim() {
		at, ok = s.place(uint64(n))
	}
	if !ok {
		return nil
	}
	return s.area[at : int(at)+n : int(at)+n]
}

// place finds room for n octets in one piece, as far as is known.
func (s *Sender) place(n uint64) (at uint64, ok bool) {
	size := uint64(len(s.area))
	if s.put-s.freed == uint64(len(s.ends)) || n > size {
		return 0, false
	}
	if s.put == s.freed { // nothing is in use: begin at the begin
		s.next += (size - s.next%size) % size
		s.kept = s.next
	}
	next := s.next
	if rest := size - next%size; n > rest {
		next += rest
	}
	if next+n-s.kept > size {
		return 0, false
	}
	s.next = next
	return next % size, true
}

// reclaim looks at what the other side has released; false when that is nothing new.
func (s *Sender) reclaim() bool {
	freed := s.put - uint64(len(s.ends)-s.ring.Free())
	if freed == s.freed {
		return false
	}
	s.freed = freed
	s.kept = s.ends[(freed-1)%uint64(len(s.ends))]
	return true
}

// Put puts an SDU whose n octets lie in what Room has just given, under d; its Offset and Length
// are set here. It is seen after Publish.
func (s *Sender) Put(n int, d Descriptor) {
	d.Offset, d.Length = uint32(s.next%uint64(len(s.area))), uint32(n)
	s.ring.Put(d)
	s.next += (uint64(n) + align - 1) &^ (align - 1)
	s.ends[s.put%uint64(len(s.ends))] = s.next
	s.put++
}

// Publish lets the other side see what was put; false when that is nothing.
func (s *Sender) Publish() bool { return s.ring.Publish() }

// Idle looks whether the other side has released all that was put.
func (s *Sender) Idle() bool { return s.ring.Free() == len(s.ends) }
