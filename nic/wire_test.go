package nic

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

func wirePair(t testing.TB, cfg WireConfig) (a, b Device) {
	t.Helper()
	a, b, err := NewWire(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

func TestWireBothWays(t *testing.T) {
	for _, lends := range []bool{false, true} {
		a, b := wirePair(t, WireConfig{MaxFrame: 100, Lends: lends})
		var frames [][]byte
		for size := range 101 {
			frames = append(frames, bytes.Repeat([]byte{byte(size)}, size))
		}
		for _, ends := range [][2]Device{{a, b}, {b, a}} {
			transmitAll(t, ends[0], frames)
			equalFrames(t, receiveN(t, ends[1], len(frames)), frames)
			if n, err := ends[1].Receive(buffers(1, 100)); n != 0 || err != nil {
				t.Errorf("lends=%v: empty wire gave %d, %v", lends, n, err)
			}
			if c := ends[1].Counters(); c.RxFrames != 101 || c.RxOctets != 5050 {
				t.Errorf("lends=%v: counted %d frames, %d octets, want 101 and 5050", lends, c.RxFrames, c.RxOctets)
			}
		}
	}
}

func TestWireBackpressure(t *testing.T) {
	for _, lends := range []bool{false, true} {
		a, b := wirePair(t, WireConfig{MaxFrame: 8, Depth: 4, Lends: lends})
		frames := buffers(10, 8)
		for i := range frames {
			frames[i][0] = byte(i)
		}
		if n, err := a.Transmit(frames); n != 4 || err != nil {
			t.Fatalf("lends=%v: Transmit into room for 4 = %d, %v", lends, n, err)
		}
		if n, _ := a.Transmit(frames[4:]); n != 0 {
			t.Fatalf("lends=%v: a full wire took %d frames", lends, n)
		}
		bufs := buffers(2, 8)
		if n, _ := b.Receive(bufs); n != 2 {
			t.Fatalf("lends=%v: received %d, want 2", lends, n)
		}
		want := 2
		if lends { // what is lent is still in the ring
			want = 0
		}
		if n, _ := a.Transmit(frames[4:]); n != want {
			t.Errorf("lends=%v: before Release the wire took %d frames, want %d", lends, n, want)
		}
		equalFrames(t, bufs, frames[:2])
		b.Release()
		if n, _ := a.Transmit(frames[4+want:]); n != 2-want {
			t.Errorf("lends=%v: after Release the wire took %d frames, want %d", lends, n, 2-want)
		}
		equalFrames(t, receiveN(t, b, 4), frames[2:6])
	}
}

func TestWireCountsDrops(t *testing.T) {
	a, b := wirePair(t, WireConfig{MaxFrame: 8})
	transmitAll(t, a, [][]byte{make([]byte, 9), {1}, {1, 2, 3}, {4}})
	if c := a.Counters(); c.TxTooLong != 1 || c.TxFrames != 3 || c.TxDropped() != 1 {
		t.Errorf("sender counted %+v", c)
	}
	bufs := [][]byte{make([]byte, 2), make([]byte, 2), make([]byte, 2)}
	if n, err := b.Receive(bufs); n != 2 || err != nil || bufs[1][0] != 4 {
		t.Fatalf("Receive = %d, %v, %v", n, err, bufs)
	}
	if c := b.Counters(); c.RxTruncated != 1 || c.RxFrames != 2 || c.RxDropped() != 1 {
		t.Errorf("receiver counted %+v", c)
	}
}

func TestWireClose(t *testing.T) {
	a, b := wirePair(t, WireConfig{})
	transmitAll(t, a, [][]byte{{1}})
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	receiveN(t, b, 1)
	if _, err := b.Receive(buffers(1, 10)); !errors.Is(err, ErrGone) {
		t.Errorf("Receive = %v, want ErrGone", err)
	}
	if n, err := b.Transmit([][]byte{{1}, {2}}); n != 2 || !errors.Is(err, ErrGone) || b.Counters().TxDown != 2 {
		t.Errorf("Transmit = %d, %v, counted %d; want 2, ErrGone, 2", n, err, b.Counters().TxDown)
	}
}

func TestWireRefusesConfig(t *testing.T) {
	for name, cfg := range map[string]WireConfig{
		"frame":          {MaxFrame: maxWireFrame + 1},
		"negative frame": {MaxFrame: -1},
		"depth":          {Depth: maxWireDepth + 1},
		"batch":          {Batch: -1},
	} {
		if _, _, err := NewWire(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestWireTwoGoroutines lets the race detector see both ends at work, over many turns of a small ring.
func TestWireTwoGoroutines(t *testing.T) {
	const count = 20000
	for _, lends := range []bool{false, true} {
		a, b := wirePair(t, WireConfig{MaxFrame: 8, Depth: 16, Lends: lends})
		go func() {
			frame := [][]byte{make([]byte, 8)}
			for i := uint64(0); i < count; {
				binary.BigEndian.PutUint64(frame[0], i)
				n, _ := a.Transmit(frame)
				i += uint64(n)
			}
		}()
		for i, frame := range receiveN(t, b, count) {
			if got := binary.BigEndian.Uint64(frame); got != uint64(i) {
				t.Fatalf("lends=%v: frame %d says %d", lends, i, got)
			}
		}
	}
}

func TestWireAllocatesNothing(t *testing.T) {
	for _, lends := range []bool{false, true} {
		a, b := wirePair(t, WireConfig{Lends: lends})
		frames, bufs, room := buffers(64, 1500), make([][]byte, 64), buffers(64, 2048)
		noAllocation(t, func() {
			_, _ = a.Transmit(frames)
			copy(bufs, room)
			if n, _ := b.Receive(bufs); n != 64 {
				t.Fatalf("received %d", n)
			}
			b.Release()
		})
	}
}
