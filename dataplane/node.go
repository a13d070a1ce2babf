package dataplane

// MaxQueued is how many messages may stand in all queues of a hub together.
const MaxQueued = 1 << 18

// reserveNodes is the part of MaxQueued that data may not take, and of that
// barrierNodes what nothing may take but the barriers of moves: a stream that lost one
// would stand still.
const (
	reserveNodes = MaxQueued / 16
	barrierNodes = reserveNodes / 16
)

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
	switch {
	case back || m.Type == Barrier || m.Type == PCBarrier:
	case m.Type == Data:
		limit -= reserveNodes
	default:
		limit -= barrierNodes
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
