package dataplane

import "github.com/cellhub/cellhub/dataplane/links"

// MaxQueued is how many messages may stand in all queues of a hub together.
const MaxQueued = 1 << 18

// reserveNodes is the part of MaxQueued that data may not take.
const reserveNodes = MaxQueued / 16

// nodeID names a queued message, and nodeTable holds those of a hub.
type (
	nodeID    = links.ID
	nodeTable = links.Table[Msg]
)

// list is queued messages in order of precedence: high priority first, then by falling
// band, each in order of arrival.
type list struct{ links.List }

// insert places a message at the head or the tail of its equals; false when the table is
// at its limit. One that is put back had its place and gets it again.
func (l *list) insert(t *nodeTable, m *Msg, head bool) bool {
	limit := MaxQueued
	if !head && m.Type == Data {
		limit -= reserveNodes
	}
	n := t.Take(limit)
	if n == 0 {
		return false
	}
	t.At(n).Value = *m
	if l.First == 0 || !head && t.At(l.Last).Value.rank() >= m.rank() { // the common cases: nothing of lower precedence waits
		links.Append(t, &l.List, n)
		return true
	}
	links.Put(t, &l.List, l.place(t, m.rank(), head), n)
	return true
}

// place finds the node behind which a message of the rank goes; 0 for the front.
func (l *list) place(t *nodeTable, rank int, head bool) nodeID {
	before := nodeID(0)
	for n := l.First; n != 0; n = t.At(n).Next {
		r := t.At(n).Value.rank()
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
	links.Remove(t, &l.List, before, n)
	return &t.At(n).Value
}

// rank orders messages in a list.
func (m *Msg) rank() int {
	if m.Type.HighPriority() {
		return 256
	}
	return int(m.Band)
}
