package address

import (
	"iter"
	"slices"
)

// Table holds a value for each of any number of prefixes. The zero Table is
// empty. Looking up costs one comparison of hashes for each length in use, not
// for each prefix. It is not safe for use by several goroutines while one of
// them changes it.
type Table[V any] struct {
	entries map[Prefix]V
	lengths map[prefixLength]int // how many prefixes have it
	order   []prefixLength       // longest first
}

// prefixLength is a length in its own unit.
type prefixLength struct {
	kind   prefixKind
	length int
}

// Len gives how many prefixes there are.
func (t *Table[V]) Len() int { return len(t.entries) }

// Set gives the prefix a value, in place of the one it had.
func (t *Table[V]) Set(p Prefix, v V) {
	if t.entries == nil {
		t.entries, t.lengths = map[Prefix]V{}, map[prefixLength]int{}
	}
	if _, have := t.entries[p]; !have {
		l := prefixLength{p.kind, p.Len()}
		if t.lengths[l]++; t.lengths[l] == 1 {
			t.order = append(t.order, l)
			slices.SortFunc(t.order, func(a, b prefixLength) int {
				if a.length != b.length {
					return b.length - a.length
				}
				return int(b.kind) - int(a.kind)
			})
		}
	}
	t.entries[p] = v
}

// Get gives the value of exactly this prefix.
func (t *Table[V]) Get(p Prefix) (v V, ok bool) {
	v, ok = t.entries[p]
	return v, ok
}

// Delete takes a prefix out, if it is there.
func (t *Table[V]) Delete(p Prefix) {
	if _, have := t.entries[p]; !have {
		return
	}
	delete(t.entries, p)
	l := prefixLength{p.kind, p.Len()}
	if t.lengths[l]--; t.lengths[l] == 0 {
		delete(t.lengths, l)
		t.order = slices.DeleteFunc(t.order, func(o prefixLength) bool { return o == l })
	}
}

// Lookup gives the longest prefix that contains the address, and its value.
func (t *Table[V]) Lookup(a Address) (p Prefix, v V, ok bool) {
	for p, v := range t.Matches(a) {
		return p, v, true
	}
	return p, v, false
}

// Matches gives all prefixes that contain the address, the longest first: the
// order in which routes are tried. The table must not change meanwhile.
func (t *Table[V]) Matches(a Address) iter.Seq2[Prefix, V] {
	return func(yield func(Prefix, V) bool) {
		for _, l := range t.order {
			p, fits := l.of(a)
			if !fits {
				continue
			}
			if v, have := t.entries[p]; have && !yield(p, v) {
				return
			}
		}
	}
}

// of gives the prefix of this length that contains the address, if one can.
func (l prefixLength) of(a Address) (Prefix, bool) {
	switch l.kind {
	case prefixAny:
		return Prefix{}, !a.IsZero()
	case prefixBits:
		p, err := BitPrefix(a.AESA, l.length)
		return p, err == nil && a.HasAESA() && a.Number.IsZero()
	case prefixNumber:
		return Whole(a), int(a.Number.length)+1 == l.length
	}
	if int(a.Number.length) < l.length {
		return Prefix{}, false
	}
	n := Number{length: uint8(l.length)}
	copy(n.digits[:], a.Number.digits[:l.length])
	return DigitPrefix(n), true
}
