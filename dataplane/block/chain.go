package block

// This file holds what STREAMS does to the blocks of a whole message: linkb, msgdsize,
// dupmsg, copymsg, pullupmsg. A message is never joined with another one here or
// elsewhere: only blocks of one message are.

// Append links tail, and what is linked behind it, behind the last block of b; linkb.
func (p *Pool) Append(b, tail ID) {
	if Debug {
		p.noteLinked(tail)
	}
	for p.head[b].next != 0 {
		b = p.head[b].next
	}
	p.head[b].next = tail
}

// Next is the block linked behind b, 0 for none.
func (p *Pool) Next(b ID) ID { return p.head[b].next }

// Size is the octets of data in b and the blocks behind it; msgdsize.
func (p *Pool) Size(b ID) (n int) {
	for ; b != 0; b = p.head[b].next {
		n += p.Len(b)
	}
	return n
}

// DupMsg duplicates all blocks of a message; 0, and nothing taken, when one cannot
// be; dupmsg.
func (p *Pool) DupMsg(b ID) ID { return p.each(b, p.Dup) }

// CopyMsg copies all blocks of a message; 0, and nothing taken, when one cannot be;
// copymsg.
func (p *Pool) CopyMsg(b ID) ID { return p.each(b, p.Copy) }

func (p *Pool) each(b ID, one func(ID) ID) (first ID) {
	last := ID(0)
	for ; b != 0; b = p.head[b].next {
		c := one(b)
		switch {
		case c == 0:
			p.Free(first)
			return 0
		case first == 0:
			first = c
		default:
			p.head[last].next = c
		}
		last = c
	}
	return first
}

// PullUp makes the first n octets of a message lie in one block, its first, which
// may be written; the message's other octets follow. n < 0 means all of it. The
// blocks are taken; the message's new first block is returned, or 0 with the message
// unchanged when there is no memory, n is more than it has or than a block holds;
// pullupmsg.
func (p *Pool) PullUp(b ID, n int) ID {
	if n < 0 {
		n = p.Size(b)
	}
	if p.Len(b) >= n && p.exclusive(b) {
		return b
	}
	if n > p.Size(b) {
		return 0
	}
	first := p.Alloc(n)
	if first == 0 {
		return 0
	}
	for n > 0 {
		data := p.Bytes(b)
		k := min(n, len(data))
		copy(p.Extend(first, k), data)
		p.Trim(b, k)
		n -= k
		b = p.skipEmpty(b)
	}
	p.head[first].next = b
	return first
}

// skipEmpty frees b if no data is left in it and gives the block to go on with.
func (p *Pool) skipEmpty(b ID) ID {
	if p.Len(b) > 0 {
		return b
	}
	next := p.head[b].next
	p.FreeOne(b)
	return next
}

// Shared tells whether some block of a message is held by others too, or is not the
// arena's: it cannot cross to another hub as it is.
func (p *Pool) Shared(b ID) bool {
	for ; b != 0; b = p.head[b].next {
		if !p.exclusive(b) {
			return true
		}
	}
	return false
}
