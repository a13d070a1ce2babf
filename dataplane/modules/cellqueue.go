package modules

import (
	"encoding/binary"

	"github.com/cellhub/cellhub/aal"
)

// Limits of what waits for one port.
const (
	// MaxQueuedCells is how many cells wait for a port, of all its connections.
	MaxQueuedCells = 1 << 14
	// lowestShare is the part of them, in quarters, that connections of the lowest class may
	// have together: some room is always left to the others.
	lowestShare = 3
)

// cellNode is a cell that waits, and the one behind it.
type cellNode struct {
	cell [aal.CellSize]byte
	next uint32
}

// cellStore holds the cells that wait for a port. It grows by doubling up to MaxQueuedCells and
// never shrinks; queues are lists of indices in it.
type cellStore struct {
	nodes []cellNode // 0 is none
	free  uint32
	used  int
}

func (s *cellStore) take(h uint32, cell []byte) uint32 {
	if s.free == 0 {
		s.grow()
	}
	i := s.free
	if i == 0 {
		return 0
	}
	n := &s.nodes[i]
	s.free, n.next = n.next, 0
	copy(n.cell[:], cell[:aal.CellSize])
	binary.BigEndian.PutUint32(n.cell[:], h)
	s.used++
	return i
}

func (s *cellStore) give(i uint32) (next uint32) {
	next = s.nodes[i].next
	s.nodes[i].next, s.free = s.free, i
	s.used--
	return next
}

func (s *cellStore) grow() {
	have := max(len(s.nodes), 1)
	want := min(max(2*have, 256), MaxQueuedCells+1)
	if want <= have {
		return
	}
	nodes := make([]cellNode, want)
	copy(nodes, s.nodes)
	s.nodes = nodes
	for i := want - 1; i >= have; i-- {
		nodes[i].next = s.free
		s.free = uint32(i)
	}
}

// cellQueue is what waits of one connection. It exists only while something does.
type cellQueue struct {
	due        int64 // of a shaped one that is held: when its next cell conforms
	head, tail uint32
	next       uint32 // behind it: in the list of its class, or of those that are free
	leg        uint32
	count      int32
	deficit    int32 // cells that it may still send in its turn, in the lowest class
	class      Class
	gone       bool // its connection has been released
}

// queueList is queues that have something to send, in turn.
type queueList struct{ head, tail uint32 }

func (l *queueList) push(queues []cellQueue, i uint32) {
	queues[i].next = 0
	if l.head == 0 {
		l.head = i
	} else {
		queues[l.tail].next = i
	}
	l.tail = i
}

// hold keeps a queue until it is due.
func (s *scheduler) hold(i uint32) {
	s.held = append(s.held, i)
	for at := len(s.held) - 1; at > 0 && s.sooner(at, (at-1)/2); at = (at - 1) / 2 {
		s.held[at], s.held[(at-1)/2] = s.held[(at-1)/2], s.held[at]
	}
}

func (s *scheduler) sooner(a, b int) bool { return s.queues[s.held[a]].due < s.queues[s.held[b]].due }

// release lets go of queues that are due.
func (s *scheduler) release(now int64) {
	for len(s.held) > 0 && s.queues[s.held[0]].due <= now {
		i, last := s.held[0], len(s.held)-1
		s.held[0] = s.held[last]
		s.held = s.held[:last]
		s.sink()
		s.ready[s.queues[i].class].push(s.queues, i)
	}
}

// sink puts the first of the heap where it belongs.
func (s *scheduler) sink() {
	for at := 0; ; {
		child := 2*at + 1
		if child >= len(s.held) {
			return
		}
		if child+1 < len(s.held) && s.sooner(child+1, child) {
			child++
		}
		if !s.sooner(child, at) {
			return
		}
		s.held[at], s.held[child] = s.held[child], s.held[at]
		at = child
	}
}

func (l *queueList) pop(queues []cellQueue) (i uint32) {
	i = l.head
	if l.head = queues[i].next; l.head == 0 {
		l.tail = 0
	}
	return i
}
