// Package links keeps lists of values in one table, linked by index: many short lists that come and go, of which the garbage
// collector sees one piece of memory. A table grows by doubling up to its limit and never shrinks, so that a steady state
// allocates nothing.
package links

// ID is a place in a table; 0 is nobody.
type ID uint32

// Link is a value and the one behind it.
type Link[T any] struct {
	Value T
	Next  ID
}

// Table is the places of all lists that share it. The zero value has none.
type Table[T any] struct {
	Used  int // places taken
	links []Link[T]
	free  ID
}

// At is what stands at a place, until the next Take.
func (t *Table[T]) At(i ID) *Link[T] { return &t.links[i] }

// Len is how many places there are, 0 with them.
func (t *Table[T]) Len() int { return len(t.links) }

// Take takes a place, of at most limit; 0 when all are taken.
func (t *Table[T]) Take(limit int) ID {
	if t.Used >= limit || t.free == 0 && !t.grow(limit) {
		return 0
	}
	i := t.free
	l := &t.links[i]
	t.free, l.Next = l.Next, 0
	t.Used++
	return i
}

// Give gives a place back. Its value stays there until it is taken again.
func (t *Table[T]) Give(i ID) {
	t.links[i].Next = t.free
	t.free = i
	t.Used--
}

const first = 256 // places

func (t *Table[T]) grow(limit int) bool {
	have := max(len(t.links), 1)
	want := min(max(2*have, first), limit+1)
	if want <= have {
		return false
	}
	links := make([]Link[T], want)
	copy(links, t.links)
	t.links = links
	for i := want - 1; i >= have; i-- {
		t.links[i].Next = t.free
		t.free = ID(i)
	}
	return true
}

// List is a list in a table. The zero value is empty.
type List struct{ First, Last ID }

// Append places i, taken, at the end.
func Append[T any](t *Table[T], l *List, i ID) {
	if l.Last == 0 {
		l.First = i
	} else {
		t.links[l.Last].Next = i
	}
	l.Last = i
}

// Put places i, taken, behind before; 0 is the front.
func Put[T any](t *Table[T], l *List, before, i ID) {
	at := &l.First
	if before != 0 {
		at = &t.links[before].Next
	}
	t.links[i].Next, *at = *at, i
	if l.Last == before {
		l.Last = i
	}
}

// Remove takes i, which stands behind before, out of the list and gives its place back.
func Remove[T any](t *Table[T], l *List, before, i ID) {
	next := t.links[i].Next
	if before == 0 {
		l.First = next
	} else {
		t.links[before].Next = next
	}
	if l.Last == i {
		l.Last = before
	}
	t.Give(i)
}
