package control

// InlineArgument is the number of octets of an MMI argument that fit into the message;
// a longer one is the trailer.
const InlineArgument = 24

const inlineAt = Size - HeaderSize - InlineArgument

// SetCommand makes the message an MMI CMD with body b and an argument, and returns the
// trailer to send with it: nil, or arg itself when it is longer than InlineArgument. In
// a request of direction OUT there is no argument, and b.ArgLen is the most that may
// come back; else ArgLen is set. ErrTrailerLong: the argument is longer than MaxTrailer.
// ErrArgument: there is one where direction and REPLY allow none.
func (m *Message) SetCommand(b *MMI, arg []byte) (trailer []byte, err error) {
	body := *b
	if len(arg) > MaxTrailer {
		return nil, ErrTrailerLong
	}
	if !m.carriesArgument(body.Direction) {
		if len(arg) > 0 {
			return nil, ErrArgument
		}
		if m.Flags&FlagReply != 0 || body.Direction != DirectionOut {
			body.ArgLen = 0
		}
	} else {
		body.ArgLen = uint32(len(arg))
	}
	body.Inline = [InlineArgument]byte{}
	if len(arg) <= InlineArgument {
		copy(body.Inline[:], arg)
		arg = nil
	}
	m.Type = MMICmd
	m.SetMMI(&body)
	return arg, nil
}

// Argument gives the argument of an MMI CMD that came with a trailer. It aliases the
// message or the trailer. ErrArgument: arglen, direction and what came do not agree, or
// it is no CMD. That a reply brings at most what the request allowed is for the caller
// to see to.
func (m *Message) Argument(trailer []byte) ([]byte, error) {
	if m.Class != ClassMMI || m.Type != MMICmd {
		return nil, ErrArgument
	}
	b := m.MMI()
	n := int(b.ArgLen)
	if !m.carriesArgument(b.Direction) {
		most := n // of OUT, arglen only says how much may come back
		if m.Flags&FlagReply == 0 && b.Direction == DirectionOut {
			most = 0
		}
		if most != 0 || len(trailer) != 0 || !isZero(m.body[inlineAt:]) {
			return nil, ErrArgument
		}
		return nil, nil
	}
	if n <= InlineArgument {
		if len(trailer) != 0 {
			return nil, ErrArgument
		}
		return m.body[inlineAt : inlineAt+n : inlineAt+n], nil
	}
	if len(trailer) != n {
		return nil, ErrArgument
	}
	return trailer, nil
}

// carriesArgument tells whether octets move in the message: with a request inwards, with
// a reply outwards, and never with a refusal.
func (m *Message) carriesArgument(d Direction) bool {
	if m.Flags&FlagReply != 0 {
		return m.Status >= 0 && d&DirectionOut != 0
	}
	return d&DirectionIn != 0
}

// ModuleName is the name in the body, of namelen octets.
func (b *MMI) ModuleName() string { return string(b.Name[:min(int(b.NameLen), len(b.Name))]) }

// SetModuleName puts a name into the body. ErrName: s is longer than 32 octets.
func (b *MMI) SetModuleName(s string) error {
	if len(s) > len(b.Name) {
		return ErrName
	}
	b.Name = Name{}
	b.NameLen = uint8(copy(b.Name[:], s))
	return nil
}
