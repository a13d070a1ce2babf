package modules

// vcIndex finds a place by the VPI and VCI of a header, or by a whole VP: 29 bits. It is a
// hash table with linear probing whose slots are words of key and place, at most half of them
// in use: one line of memory a look, in the common case. Adding may allocate.
type vcIndex struct {
	slots []uint64 // key and, in the low half, place; 0 is empty, for no key is 0
	count int
	shift uint
}

const firstIndex = 16 // slots of a fresh index, a power of two

// home is where the search for a key begins: neighbouring VCIs are spread out.
func (t *vcIndex) home(key uint32) uint { return uint(uint64(key) * 0x9E3779B97F4A7C15 >> t.shift) }

// first is the slot where a key is, unless another has taken it.
func (t *vcIndex) first(key uint32) uint64 {
	if i := t.home(key) & uint(len(t.slots)-1); i < uint(len(t.slots)) {
		return t.slots[i]
	}
	return 0
}

// find gives the place of a key; false when there is none.
func (t *vcIndex) find(key uint32) (uint32, bool) {
	slots := t.slots
	if len(slots) == 0 {
		return 0, false
	}
	mask := uint(len(slots) - 1)
	for i := t.home(key); ; i++ {
		switch s := slots[i&mask]; {
		case s == 0: // before the key: that of idle cells is 0 too
			return 0, false
		case uint32(s>>32) == key:
			return uint32(s), true
		}
	}
}

// add enters a key that is not there.
func (t *vcIndex) add(key, place uint32) {
	if 2*(t.count+1) > len(t.slots) {
		t.grow()
	}
	t.set(uint64(key)<<32 | uint64(place))
	t.count++
}

func (t *vcIndex) set(slot uint64) {
	mask := uint(len(t.slots) - 1)
	i := t.home(uint32(slot>>32)) & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = slot
}

func (t *vcIndex) grow() {
	old := t.slots
	t.slots = make([]uint64, max(2*len(old), firstIndex))
	t.shift = 64
	for n := len(t.slots); n > 1; n >>= 1 {
		t.shift--
	}
	for _, s := range old {
		if s != 0 {
			t.set(s)
		}
	}
}

// remove takes a key out that is there. Those behind it move up: no search meets a hole.
func (t *vcIndex) remove(key uint32) {
	mask := uint(len(t.slots) - 1)
	i := t.home(key) & mask
	for uint32(t.slots[i]>>32) != key {
		i = (i + 1) & mask
	}
	for j := i; ; {
		j = (j + 1) & mask
		s := t.slots[j]
		if s == 0 {
			break
		}
		if home := t.home(uint32(s>>32)) & mask; (j-home)&mask >= (j-i)&mask {
			t.slots[i] = s
			i = j
		}
	}
	t.slots[i] = 0
	t.count--
}
