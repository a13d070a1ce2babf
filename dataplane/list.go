package dataplane

// list is queued messages in order of precedence: high priority first, then by falling
// band, each in order of arrival. The messages lie in a hub's node table.
type list struct{ first, last nodeID }

// insert places a message at the head or the tail of its equals; false when the table is
// at its limit.
func (l *list) insert(t *nodeTable, m *Msg, head bool) bool {
	n := t.take(m, head)
	if n == 0 {
		return false
	}
	rank := m.rank()
	switch { // the common cases: nothing of lower precedence waits
	case l.first == 0:
		l.first, l.last = n, n
		return true
	case !head && t.at(l.last).msg.rank() >= rank:
		t.at(l.last).next, l.last = n, n
		return true
	}
	before := l.place(t, rank, head)
	node := t.at(n)
	if before == 0 {
		node.next, l.first = l.first, n
	} else {
		b := t.at(before)
		node.next, b.next = b.next, n
	}
	if node.next == 0 {
		l.last = n
	}
	return true
}

// place finds the node behind which a message of the rank goes; 0 for the front.
func (l *list) place(t *nodeTable, rank int, head bool) nodeID {
	before := nodeID(0)
	for n := l.first; n != 0; n = t.at(n).next {
		r := t.at(n).msg.rank()
		if r < rank || head && r == rank {
			break
		}
		before = n
	}
	return before
}

// remove takes node n, which stands behind before, out and gives its message, which is
// good until the next is inserted.
func (l *list) remove(t *nodeTable, before, n nodeID) *Msg {
	node := t.at(n)
	if before == 0 {
		l.first = node.next
	} else {
		t.at(before).next = node.next
	}
	if l.last == n {
		l.last = before
	}
	t.give(n)
	return &node.msg
}

// rank orders messages in a list.
func (m *Msg) rank() int {
	if m.Type.HighPriority() {
		return 256
	}
	return int(m.Band)
}

// MaxQueued is how many messages may stand in all queues of a hub together.
const MaxQueued = 1 << 18

// reserveNodes is the part of MaxQueued that data may not take.
const reserveNodes = MaxQueued / 16

type nodeID uint32

// node is a queued message and its place in a list.
type node struct {
	msg  Msg
	next nodeID
}

// nodeTable holds the queued messages of a hub. It grows by doubling up to its
// limit and never shrinks, so that a steady state allocates nothing.
type nodeTable struct {
	slots []node // 0 is nobody
	free  nodeID
	used  int
}

const firstNodes = 256

func (t *nodeTable) at(n nodeID) *node { return &t.slots[n] }

// take stores a message; 0 when the table is at its limit. One that is put back had
// its place and gets it again.
func (t *nodeTable) take(m *Msg, back bool) nodeID {
	limit := MaxQueued
	if !back && m.Type == Data {
		limit -= reserveNodes
	}
	if t.used >= limit || t.free == 0 && !t.grow() {
		return 0
	}
	n := t.free
	s := &t.slots[n]
	t.free = s.next
	s.msg, s.next = *m, 0
	t.used++
	return n
}

func (t *nodeTable) give(n nodeID) {
	t.slots[n].next = t.free
	t.free = n
	t.used--
}

func (t *nodeTable) grow() bool {
	have := max(len(t.slots), 1)
	want := min(max(2*have, firstNodes), MaxQueued+1)
	if want <= have {
		return false
	}
	slots := make([]node, want)
	copy(slots, t.slots)
	t.slots = slots
	for n := want - 1; n >= have; n-- {
		t.slots[n].next = t.free
		t.free = nodeID(n)
	}
	return true
}
