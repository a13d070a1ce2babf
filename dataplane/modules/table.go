package modules

import (
	"errors"
	"fmt"
)

// MaxAssociations is how many entries an association table may hold.
const MaxAssociations = 1 << 24

// ErrTable is wrapped by what an association table refuses.
var ErrTable = errors.New("associations")

const (
	firstAssociations = 16 // slots of a fresh table, a power of two
	assocEmpty        = 0  // no key is 0: VPI 0 VCI 0 is never a connection
)

// table finds what a key stands for: (port, VPI, VCI), a SAP, or a wireKey, packed in
// 64 bits by its user. It is a hash table with linear probing in one flat array, so that
// a lookup reads one cache line in the common case. Adding may allocate; looking up never
// does.
type table[V any] struct {
	slots []tableSlot[V]
	count int
	shift uint // 64 less the logarithm of the number of slots
}

type tableSlot[V any] struct {
	key uint64
	val V
}

func (t *table[V]) slot(key uint64) uint {
	const golden = 0x9E3779B97F4A7C15 // Fibonacci hashing: neighbouring VCIs spread out
	return uint(key * golden >> t.shift)
}

// find gives the value of key; false when there is none.
func (t *table[V]) find(key uint64) (val V, ok bool) {
	if len(t.slots) == 0 {
		return val, false
	}
	mask := uint(len(t.slots) - 1)
	for i := t.slot(key); ; i++ {
		switch s := &t.slots[i&mask]; s.key {
		case key:
			return s.val, key != assocEmpty
		case assocEmpty:
			return val, false
		}
	}
}

// add enters a key. It refuses the key 0, one that is there, and more than
// MaxAssociations.
func (t *table[V]) add(key uint64, val V) error {
	switch _, there := t.find(key); {
	case key == assocEmpty:
		return fmt.Errorf("%w: key 0", ErrTable)
	case there:
		return fmt.Errorf("%w: %#x is there already", ErrTable, key)
	case t.count == MaxAssociations:
		return fmt.Errorf("%w: more than %d", ErrTable, MaxAssociations)
	}
	if 4*(t.count+1) > 3*len(t.slots) {
		t.grow()
	}
	t.place(key, val)
	t.count++
	return nil
}

func (t *table[V]) place(key uint64, val V) {
	mask := uint(len(t.slots) - 1)
	i := t.slot(key) & mask
	for t.slots[i].key != assocEmpty {
		i = (i + 1) & mask
	}
	t.slots[i] = tableSlot[V]{key, val}
}

func (t *table[V]) grow() {
	slots := t.slots
	n := max(2*len(slots), firstAssociations)
	t.slots = make([]tableSlot[V], n)
	t.shift = 64
	for m := n; m > 1; m >>= 1 {
		t.shift--
	}
	for _, s := range slots {
		if s.key != assocEmpty {
			t.place(s.key, s.val)
		}
	}
}

// remove takes a key out; false when it is not there. The entries behind it move
// up, so that no lookup meets a hole.
func (t *table[V]) remove(key uint64) bool {
	if _, there := t.find(key); !there {
		return false
	}
	mask := uint(len(t.slots) - 1)
	i := t.slot(key) & mask
	for t.slots[i].key != key {
		i = (i + 1) & mask
	}
	for j := i; ; {
		j = (j + 1) & mask
		s := t.slots[j]
		if s.key == assocEmpty {
			break
		}
		if home := t.slot(s.key) & mask; (j-home)&mask >= (j-i)&mask {
			t.slots[i], i = s, j
		}
	}
	t.slots[i] = tableSlot[V]{}
	t.count--
	return true
}
