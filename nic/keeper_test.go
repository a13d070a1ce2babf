package nic

import (
	"bytes"
	"errors"
	"testing"
)

// pieces cuts a region into n pieces of size octets.
func pieces(n, size int) [][]byte {
	region := make([]byte, n*size)
	var p [][]byte
	for ; len(region) > 0; region = region[size:] {
		p = append(p, region[:size:size])
	}
	return p
}

// TestWireThatKeeps hands frames over for good in both directions: a frame comes in memory
// that was posted, one that was sent comes back once, by Complete, and after Close all does.
func TestWireThatKeeps(t *testing.T) {
	da, db, err := NewWire(WireConfig{MaxFrame: 200, Depth: 4, Keeps: true})
	if err != nil {
		t.Fatal(err)
	}
	a, b := da.(Keeper), db.(Keeper)
	if i := a.Info(); !i.Keeps || i.Posts == 0 || i.Ready == nil || i.Lends {
		t.Errorf("%+v", i)
	}
	bufs := make([][]byte, 8)
	frames := pieces(6, 100)
	for i := range frames {
		frames[i][0] = byte(i)
	}
	if n, err := a.Transmit(frames); n != 4 || err != nil {
		t.Fatalf("%d of 6 frames were taken by a wire of 4: %v", n, err)
	}
	if n, err := b.Receive(bufs); n != 0 || err != nil {
		t.Errorf("%d frames came without memory: %v", n, err)
	}
	if !b.Info().Ready() || a.Info().Ready() {
		t.Error("ready is not who has something")
	}
	posted := pieces(3, 256)
	if n := b.Post(posted); n != 3 {
		t.Fatalf("%d pieces were taken", n)
	}
	n, err := b.Receive(bufs)
	if n != 3 || err != nil {
		t.Fatalf("%d frames came into 3 pieces: %v", n, err)
	}
	for i, f := range bufs[:n] {
		if len(f) != 100 || f[0] != byte(i) || !bytes.Contains(posted[i], f[:1]) || &f[:1][0] == &posted[i][0] {
			t.Errorf("frame %d of %d octets is not where it was posted", i, len(f))
		}
	}
	if n := a.Complete(bufs); n != 4 || &bufs[0][0] != &frames[0][0] {
		t.Errorf("%d frames came back, want the 4 that were taken", n)
	}
	if n := a.Complete(bufs); n != 0 {
		t.Errorf("%d frames came back twice", n)
	}
	b.Post(pieces(5, 256))
	_ = a.Close()
	if n, err := b.Transmit(frames[:2]); n != 2 || !errors.Is(err, ErrGone) || b.Counters().TxDown != 2 {
		t.Errorf("after the end %d were taken: %v", n, err)
	}
	_ = b.Close()
	if n := b.Complete(bufs); n != 7 {
		t.Errorf("%d pieces came back after Close, want 2 that were lost and 5 that were posted", n)
	}
}

func TestWrappersOfAKeeper(t *testing.T) {
	a, b, err := NewWire(WireConfig{Keeps: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewFaults(a, FaultConfig{}); err == nil {
		t.Error("faults in memory that is not theirs")
	}
	var w bytes.Buffer
	file, err := NewPcap(nopCloser{&w}, 1, 2000)
	if err != nil {
		t.Fatal(err)
	}
	tracer, ok := Device(NewTracer(b, file, nil)).(Keeper)
	if !ok || tracer.Post(pieces(2, 256)) != 2 || tracer.Complete(make([][]byte, 1)) != 0 {
		t.Error("a traced keeper keeps no more")
	}
	if _, _, err := NewWire(WireConfig{Keeps: true, Lends: true}); err == nil {
		t.Error("a wire that does both")
	}
}

type nopCloser struct{ *bytes.Buffer }

func (nopCloser) Close() error { return nil }
