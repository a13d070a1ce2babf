package dataplane

import (
	"testing"
	"unsafe"
)

// A queue is a cache line, and what stands behind it in memory begins in another: the
// allocator places pieces of whole lines at lines.
func TestQueueIsALine(t *testing.T) {
	if n := unsafe.Sizeof(Queue{}); n != cacheLine {
		t.Errorf("a queue has %d octets", n)
	}
	if n := unsafe.Sizeof(body{}); n%cacheLine != 0 {
		t.Errorf("the rest of a pair has %d octets, which are no whole lines", n)
	}
}
