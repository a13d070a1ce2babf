package ring

import (
	"fmt"
	"reflect"
	"sync/atomic"
	"unsafe"
)

// A ring in memory that another process maps too begins with the producer's index and the
// consumer's, 64 bits each in the machine's order, alone on their cache lines; the entries
// follow. All of it is zero at first.
const (
	tailOffset  = 0
	headOffset  = spacing
	slotsOffset = 2 * spacing
)

// Octets is how much memory a ring of capacity entries of T takes.
func Octets[T any](capacity int) int {
	var v T
	return slotsOffset + capacity*int(unsafe.Sizeof(v))
}

// NewOver makes a side of a ring, or both, over memory that is shared with another process:
// Octets of it, zero at first, at an address that is a multiple of 64. Whatever the other
// side writes there, an index is checked before it is believed; an entry may be anything,
// and may change while it is read: Get copies it, and the copy is what to check. T holds no
// pointers.
func NewOver[T any](mem []byte, capacity int) (*Producer[T], *Consumer[T], error) {
	if err := checkCapacity(capacity); err != nil {
		return nil, nil, err
	}
	if t := reflect.TypeFor[T](); pointers(t) {
		return nil, nil, fmt.Errorf("ring: %s holds pointers", t)
	}
	base := unsafe.Pointer(unsafe.SliceData(mem))
	if len(mem) < Octets[T](capacity) || uintptr(base)%64 != 0 {
		return nil, nil, fmt.Errorf("ring: %d octets at %p: want %d, aligned to 64", len(mem), base, Octets[T](capacity))
	}
	slots := unsafe.Slice((*T)(unsafe.Add(base, slotsOffset)), capacity)
	tail, head := (*atomic.Uint64)(unsafe.Add(base, tailOffset)), (*atomic.Uint64)(unsafe.Add(base, headOffset))
	p := &Producer[T]{slots: slots, limit: uint64(capacity), tail: tail, head: head}
	c := &Consumer[T]{slots: slots, tail: tail, head: head}
	return p, c, nil
}

// pointers tells whether a type holds Go pointers.
func pointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return pointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if pointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	}
	return t.Kind() > reflect.Complex128
}
