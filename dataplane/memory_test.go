package dataplane

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/block"
)

// TestBorrowedControlMayTakeTheReserve: a control message on loan that must be kept is
// copied even when data gets no blocks any more.
func TestBorrowedControlMayTakeTheReserve(t *testing.T) {
	r := newRig(t, 1, block.Config{Small: 8})
	n := 0
	_, q := r.queues(r.add(r.h, runs(&n)))
	var held []block.ID
	for b := r.h.Pool.Alloc(1); b != 0; b = r.h.Pool.Alloc(1) {
		held = append(held, b)
	}
	loan := r.h.Pool.Loan()
	for _, typ := range []Type{Data, Proto, PCProto} {
		r.h.Pool.Lend(loan, []byte("x"))
		q.PutQ(Msg{Type: typ, Block: loan, Len: 1})
	}
	r.h.Pool.Reclaim(loan)
	if q.Len() != 2 || r.h.counters.NoBlocks != 1 {
		t.Errorf("%d queued and %d refused, want 2 and 1", q.Len(), r.h.counters.NoBlocks)
	}
	for _, b := range held {
		r.h.Pool.Free(b)
	}
}

// TestBufCallServesInOrder: who waits for many is not starved by who waits for few.
func TestBufCallServesInOrder(t *testing.T) {
	r := newRig(t, 1, block.Config{Small: 16}) // 12 for data
	var held, served []block.ID
	for b := r.h.Pool.Alloc(1); b != 0; b = r.h.Pool.Alloc(1) {
		held = append(held, b)
	}
	for _, n := range []int{5, 1, 2} {
		if !r.h.BufCall(n, 1, func() {
			served = append(served, block.ID(n))
			for range n {
				held = append(held, r.h.Pool.Alloc(1))
			}
		}) {
			t.Fatal("refused")
		}
	}
	for i, want := range [][]block.ID{nil, nil, nil, nil, {5}, {5, 1}, {5, 1}, {5, 1, 2}} {
		r.h.Pool.Free(held[0])
		held = held[1:]
		if r.h.Pass(); !slices.Equal(served, want) {
			t.Errorf("after %d blocks: served %v, want %v", i+1, served, want)
		}
	}
	for _, b := range held {
		r.h.Pool.Free(b)
	}
	if r.h.BufCall(13, 1, func() {}) {
		t.Error("a call that can never be served")
	}
}

func TestBufCallIsBounded(t *testing.T) {
	r := newRig(t, 1, block.Config{Small: 8})
	var held []block.ID
	for b := r.h.Pool.Alloc(1); b != 0; b = r.h.Pool.Alloc(1) {
		held = append(held, b)
	}
	n := 0
	for range MaxBufCalls {
		if !r.h.BufCall(1, 1, func() { n++ }) {
			t.Fatal("refused")
		}
	}
	if r.h.BufCall(1, 1, func() { n++ }) || r.h.counters.NoBufCalls != 1 {
		t.Error("one too many, or not counted")
	}
	for _, b := range held {
		r.h.Pool.Free(b)
	}
	if r.settle(); n != MaxBufCalls {
		t.Errorf("%d served", n)
	}
}

// TestShedAndRecover: a stream whose sink keeps all blocks sheds, counts, lets control
// through, and carries data again by itself when the blocks are back.
func TestShedAndRecover(t *testing.T) {
	r := newRig(t, 1, block.Config{Small: 32})
	e := &end{stalled: true}
	shed, sent := 0, 0
	top := r.add(r.h, Module{Name: "source"})
	_, w := r.queues(top)
	if err := r.h.AddPoller(top, &poller{poll: func() int {
		if sent == 100 {
			return 0
		}
		if sent++; r.h.Pool.Available(1) == 0 {
			r.h.Pool.Alloc(1)
			shed++
			return 1
		}
		w.PutNext(text(t, r.h, "data"))
		return 1
	}}); err != nil {
		t.Fatal(err)
	}
	r.join(r.add(r.h, e.bottom()), top)
	r.settle()
	if shed != 100-28 || r.h.Pool.Counters().Refused != uint64(shed) {
		t.Fatalf("%d shed, %d counted", shed, r.h.Pool.Counters().Refused)
	}
	b := r.h.Pool.AllocControl(1)
	if b == 0 {
		t.Fatal("no block for control")
	}
	w.PutNext(Msg{Type: PCProto, Block: b})
	e.resume()
	r.settle()
	sent = 0
	e.got = nil
	if r.settle(); len(e.got) != 100 {
		t.Errorf("%d of 100 arrived afterwards", len(e.got))
	}
}

// TestNoSleepOverServableBufCall: blocks that a flush freed at the end of a pass are
// seen before the hub sleeps.
func TestNoSleepOverServableBufCall(t *testing.T) {
	r := newRig(t, 1, block.Config{Small: 8})
	var held []block.ID
	for b := r.h.Pool.Alloc(1); b != 0; b = r.h.Pool.Alloc(1) {
		held = append(held, b)
	}
	r.h.BufCall(1, 1, func() {})
	if r.h.Pass(); r.h.pending() {
		t.Error("it may sleep: nothing has come back")
	}
	for _, b := range held {
		r.h.Pool.Free(b)
	}
	if !r.h.pending() {
		t.Error("it would sleep while a call could be served")
	}
}

// A ring that is hushed under load is watched again when the load has gone, in a hub that
// does not sleep, too, and by a hub that does.
func TestHushedUntilLoadGoes(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	ends := [2]int{}
	if err := unix.Pipe2(ends[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[0])
	defer unix.Close(ends[1])
	var w *Watch
	some, polled := true, 0
	m := Module{Name: "ring", Poller: pollFunc(func() int { polled++; return 1 }), Open: func(q *Queue) (err error) {
		w, err = q.Watch(ends[0], func() bool { return some })
		return err
	}}
	if _, err := r.h.Add(m); err != nil {
		t.Fatal(err)
	}
	for _, loaded := range []bool{true, false} {
		r.h.pace.Grows = loaded
		r.h.decide(r.h.Pass())
		if w.quiet != loaded {
			t.Errorf("load %v: hushed: %v", loaded, w.quiet)
		}
	}
	r.h.pace.Grows = true
	if r.h.decide(r.h.Pass()); !w.quiet || polled != 3 {
		t.Errorf("hushed again: %v, polled %d times", w.quiet, polled)
	}
	if some = false; r.h.Pass() != 0 {
		t.Error("work without anything ready")
	}
	r.now += int64(time.Second)
	if r.h.decide(r.h.Pass()); w.quiet {
		t.Error("hushed without load")
	}
	if allocs := testing.AllocsPerRun(100, func() { w.hush(); w.rouse() }); allocs != 0 {
		t.Errorf("%v allocations to hush and rouse", allocs)
	}
}

type pollFunc func() int

func (f pollFunc) Poll() int { return f() }
func (f pollFunc) Send()     {}
