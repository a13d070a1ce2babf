package control

// MaxOutstanding is how many replies one side of a connection may await at a time.
const MaxOutstanding = 1024

// Arrival is what a message is in the sequence of a connection.
type Arrival uint8

// The arrivals.
const (
	Fresh  Arrival = iota // a new message of the peer's
	Answer                // the reply to one of ours, which had been awaited
	Stray                 // says REPLY and answers nothing that is awaited: to be dropped
)

// Sequence numbers the messages of one side of a connection and knows replies from new
// messages, by the rule of the kernel connector: each new message has the next number
// and ack 0; a reply keeps seq and has ack and 1; anything else is new. As both sides
// number their own, equal numbers alone prove nothing. The zero value is ready. It does
// no I/O, and one goroutine uses it at a time.
type Sequence struct {
	last    uint32
	awaited map[uint32]uint32 // ack of the reply, by seq
}

// Stamp makes h a new message: the next seq, ack 0, no REPLY. A reply to it is awaited
// unless it has NOREPLY. ErrOutstanding: too many are; h is unchanged.
func (s *Sequence) Stamp(h *Header) error {
	wanted := h.Flags&FlagNoReply == 0
	if wanted && len(s.awaited) >= MaxOutstanding {
		return ErrOutstanding
	}
	s.last++
	h.Seq, h.Ack = s.last, 0
	h.Flags &^= FlagReply
	if wanted {
		if s.awaited == nil {
			s.awaited = map[uint32]uint32{}
		}
		s.awaited[h.Seq] = h.Ack + 1
	}
	return nil
}

// Withdraw undoes the last Stamp, of a message that could not be sent.
func (s *Sequence) Withdraw(h *Header) {
	s.Forget(h.Seq)
	s.last--
}

// Take tells what an arrived message is. An Answer without MORE is the last: after it
// nothing is awaited under its seq.
func (s *Sequence) Take(h *Header) Arrival {
	if h.Flags&FlagReply == 0 {
		return Fresh
	}
	ack, ok := s.awaited[h.Seq]
	if !ok || h.Ack != ack {
		return Stray
	}
	if h.Flags&FlagMore == 0 {
		delete(s.awaited, h.Seq)
	}
	return Answer
}

// Forget ends the wait for the replies to seq: those that come yet are Stray. False: none was
// awaited, or the last has been taken.
func (s *Sequence) Forget(seq uint32) bool {
	_, awaited := s.awaited[seq]
	delete(s.awaited, seq)
	return awaited
}

// Outstanding is how many replies are awaited.
func (s *Sequence) Outstanding() int { return len(s.awaited) }

// Answers makes h the reply to a request: seq kept, ack and 1, REPLY, and the request's
// class and type. SYNC, MORE, NOREPLY, TRAILER and the length are cleared.
func (h *Header) Answers(request *Header) {
	h.Class, h.Type = request.Class, request.Type
	h.Seq, h.Ack = request.Seq, request.Ack+1
	h.Flags &^= FlagSync | FlagMore | FlagNoReply | FlagTrailer
	h.Flags |= FlagReply
	h.Len = 0
}

// IsAnswer tells whether h is a reply to the request.
func (h *Header) IsAnswer(request *Header) bool {
	return h.Flags&FlagReply != 0 && h.Seq == request.Seq && h.Ack == request.Ack+1
}
