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

// table finds the association of a key: (port, VPI, VCI), or a SAP, packed in
// 64 bits by its user. It is a hash table with linear probing in two flat arrays,
// so that a lookup reads one cache line in the common case and the garbage
// collector sees no pointers. Adding may allocate; looking up never does.
type table struct {
	keys  []uint64
	vals  []uint32
	count int
	shift uint // 64 less the logarithm of the number of slots
}

// size is the number of associations.
func (t *table) size() int { return t.count }

func (t *table) slot(key uint64) uint {
	const golden = 0x9E3779B97F4A7C15 // Fibonacci hashing: neighbouring VCIs spread out
	return uint(key * golden >> t.shift)
}

// find gives the value of key; false when there is none.
func (t *table) find(key uint64) (uint32, bool) {
	if len(t.keys) == 0 {
		return 0, false
	}
	mask := uint(len(t.keys) - 1)
	for i := t.slot(key); ; i++ {
		switch t.keys[i&mask] {
		case key:
			return t.vals[i&mask], key != assocEmpty
		case assocEmpty:
			return 0, false
		}
	}
}

// add enters a key. It refuses the key 0, one that is there, and more than
// MaxAssociations.
func (t *table) add(key uint64, val uint32) error {
	switch _, there := t.find(key); {
	case key == assocEmpty:
		return fmt.Errorf("%w: key 0", ErrTable)
	case there:
		return fmt.Errorf("%w: %#x is there already", ErrTable, key)
	case t.count == MaxAssociations:
		return fmt.Errorf("%w: more than %d", ErrTable, MaxAssociations)
	}
	if 4*(t.count+1) > 3*len(t.keys) {
		t.grow()
	}
	t.place(key, val)
	t.count++
	return nil
}

func (t *table) place(key uint64, val uint32) {
	mask := uint(len(t.keys) - 1)
	i := t.slot(key) & mask
	for t.keys[i] != assocEmpty {
		i = (i + 1) & mask
	}
	t.keys[i], t.vals[i] = key, val
}

func (t *table) grow() {
	keys, vals := t.keys, t.vals
	n := max(2*len(keys), firstAssociations)
	t.keys, t.vals = make([]uint64, n), make([]uint32, n)
	t.shift = 64
	for m := n; m > 1; m >>= 1 {
		t.shift--
	}
	for i, k := range keys {
		if k != assocEmpty {
			t.place(k, vals[i])
		}
	}
}

// remove takes a key out; false when it is not there. The entries behind it move
// up, so that no lookup meets a hole.
func (t *table) remove(key uint64) bool {
	if _, there := t.find(key); !there {
		return false
	}
	mask := uint(len(t.keys) - 1)
	i := t.slot(key) & mask
	for t.keys[i] != key {
		i = (i + 1) & mask
	}
	for j := i; ; {
		j = (j + 1) & mask
		k := t.keys[j]
		if k == assocEmpty {
			break
		}
		if home := t.slot(k) & mask; (j-home)&mask >= (j-i)&mask {
			t.keys[i], t.vals[i] = k, t.vals[j]
			i = j
		}
	}
	t.keys[i] = assocEmpty
	t.count--
	return true
}
