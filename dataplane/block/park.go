package block

// Parked blocks: what a module holds in the hope of more, such as the beginning of a PDU,
// and what others may need more. A peer that begins PDUs on every VC and ends none gets
// parkedShare of a size at most; past that, and when a size has run out, the block that
// was parked first is taken back.

// parkedShare of each size's blocks may be parked: three quarters.
const (
	parkedShare   = 3
	parkedShareOf = 4
)

// parkedList is the parked blocks of a size, oldest first.
type parkedList struct {
	first, last ID
	n           int
}

// Park puts aside a block that its holder alone has and that nothing is linked behind,
// until Unpark with the ticket that it gives. Meanwhile the block may be taken back, and
// Unpark then says so.
func (p *Pool) Park(b ID) (ticket uint64) {
	if !p.exclusive(b) {
		panic("block: parked a block that others hold")
	}
	if Debug {
		p.noteParked(b)
	}
	h := &p.head[b]
	size := h.where.size()
	l := &p.stocks[size].parked
	h.kind, h.base, h.next = kindParked, l.last, 0
	if l.last == 0 {
		l.first = b
	} else {
		p.head[l.last].next = b
	}
	l.last = b
	l.n++
	p.tickets++
	ticket = p.tickets<<hubBits | uint64(p.hub) // no other pool's, for blocks travel
	p.ticket[b] = ticket
	if l.n > p.parkedLimit(size) {
		p.expropriate(l)
	}
	return ticket
}

// parkedLimit is how many blocks of a size may be parked.
func (p *Pool) parkedLimit(s Size) int {
	return max(p.BlocksOf(s)*parkedShare/parkedShareOf, 1)
}

// Unpark gives a block back to who parked it; false when it has been taken back.
func (p *Pool) Unpark(b ID, ticket uint64) bool {
	if p.head[b].kind != kindParked || p.ticket[b] != ticket {
		return false
	}
	p.unlist(b)
	if Debug {
		p.noteUnparked(b)
	}
	return true
}

// Parked is how many blocks of a size are parked.
func (p *Pool) Parked(s Size) int { return p.stocks[s].parked.n }

// unlist takes a block off its list; it is an ordinary one again.
func (p *Pool) unlist(b ID) {
	h := &p.head[b]
	l := &p.stocks[h.where.size()].parked
	if h.base == 0 {
		l.first = h.next
	} else {
		p.head[h.base].next = h.next
	}
	if h.next == 0 {
		l.last = h.base
	} else {
		p.head[h.next].base = h.base
	}
	l.n--
	h.kind, h.next, h.base = kindOwned, 0, 0
}

// expropriate frees the block that was parked first.
func (p *Pool) expropriate(l *parkedList) {
	b := l.first
	p.unlist(b)
	if Debug {
		p.noteUnparked(b)
	}
	p.stats.TakenBack++
	p.FreeOne(b)
}

// takeBack frees parked blocks until more than keep are free, and tells whether they are.
// Another hub's block among them goes home and helps nobody here.
func (p *Pool) takeBack(st *stock, keep int) bool {
	for st.n <= keep && st.parked.n > 0 {
		p.expropriate(&st.parked)
	}
	return st.n > keep
}
