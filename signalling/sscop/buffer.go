package sscop

// sendBuffer is the transmission buffer and the transmission queue of Q.2110,
// 7.4, in one ring: first the messages that were sent and may be sent again,
// numbered from VT(A) on, then those that wait for a number. Each slot keeps
// its octets for the next message.
type sendBuffer struct {
	slots  []sendSlot // a power of two of them
	head   int        // index of the oldest message
	sent   int        // in the transmission buffer, those released early included
	queued int        // in the transmission queue
	again  int        // marked for retransmission
	first  int        // no mark comes before this place in the transmission buffer
	limit  int        // of sent and queued together
}

type sendSlot struct {
	data  []byte
	poll  uint32 // VT(PS) when it was sent last
	held  bool   // not yet acknowledged
	again bool   // to be retransmitted
}

const firstSlots = 16

// at gives the slot at a place counted from VT(A).
func (b *sendBuffer) at(place int) *sendSlot {
	return &b.slots[(b.head+place)&(len(b.slots)-1)]
}

// push queues a copy of a message, or says that there is no room.
func (b *sendBuffer) push(mu []byte) bool {
	n := b.sent + b.queued
	if n >= b.limit {
		return false
	}
	if n == len(b.slots) {
		b.grow()
	}
	s := b.at(n)
	s.data = append(s.data[:0], mu...)
	s.held, s.again = true, false
	b.queued++
	return true
}

func (b *sendBuffer) grow() {
	slots := make([]sendSlot, max(firstSlots, 2*len(b.slots)))
	for i := range b.slots {
		slots[i] = *b.at(i)
	}
	b.slots, b.head = slots, 0
}

// mark asks for a message to be sent again and says whether it was not asked
// for yet.
func (b *sendBuffer) mark(place int) bool {
	s := b.at(place)
	if s.again {
		return false
	}
	s.again = true
	if b.again == 0 || place < b.first {
		b.first = place
	}
	b.again++
	return true
}

// unmarked gives the first place that is marked, and takes the mark off.
// There must be one.
func (b *sendBuffer) unmarked() int {
	for !b.at(b.first).again {
		b.first++
	}
	b.at(b.first).again = false
	b.again--
	return b.first
}

// drop takes a message out before its turn, or because its user has it back.
func (b *sendBuffer) drop(place int) {
	s := b.at(place)
	s.held = false
	if s.again {
		s.again = false
		b.again--
	}
}

// advance forgets the n oldest messages of the transmission buffer.
func (b *sendBuffer) advance(n int) {
	for i := range n {
		b.drop(i)
	}
	b.head = (b.head + n) & (max(len(b.slots), 1) - 1)
	b.sent -= n
	b.first = max(b.first-n, 0)
}

// unmark forgets what was to be retransmitted.
func (b *sendBuffer) unmark() {
	for i := range b.sent {
		b.at(i).again = false
	}
	b.again = 0
}

// clear forgets everything.
func (b *sendBuffer) clear() {
	b.sent, b.queued = b.sent+b.queued, 0
	b.advance(b.sent)
}

// receiveBuffer holds SDs that came before their turn, by number. It has more
// slots than the window is wide.
type receiveBuffer struct {
	slots []receiveSlot // a power of two of them
	count int
}

type receiveSlot struct {
	data []byte
	full bool
}

func newReceiveBuffer(window int) receiveBuffer {
	n := 1
	for n < window {
		n *= 2
	}
	return receiveBuffer{slots: make([]receiveSlot, n)}
}

func (b *receiveBuffer) at(seq uint32) *receiveSlot {
	return &b.slots[int(seq)&(len(b.slots)-1)]
}

func (b *receiveBuffer) has(seq uint32) bool { return b.at(seq).full }

func (b *receiveBuffer) put(seq uint32, data []byte) {
	s := b.at(seq)
	s.data = append(s.data[:0], data...)
	s.full = true
	b.count++
}

// take gives a message that is there. It is valid until the next put.
func (b *receiveBuffer) take(seq uint32) []byte {
	s := b.at(seq)
	s.full = false
	b.count--
	return s.data
}

func (b *receiveBuffer) clear() {
	for i := range b.slots {
		if b.count == 0 {
			return
		}
		if b.slots[i].full {
			b.slots[i].full = false
			b.count--
		}
	}
}

// units holds unnumbered messages while the layer below is busy.
type units struct {
	list [][]byte
	n    int
}

func (u *units) push(mu []byte) bool {
	if u.n == MaxUnits {
		return false
	}
	if u.n == len(u.list) {
		u.list = append(u.list, nil)
	}
	u.list[u.n] = append(u.list[u.n][:0], mu...)
	u.n++
	return true
}
