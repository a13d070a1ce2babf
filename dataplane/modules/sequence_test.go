package modules

import "testing"

// RFC 4385, 4.1: the first frame has 1, and 65,535 is followed by 1.
func TestSequenceSent(t *testing.T) {
	var n numbering
	for i := 1; i <= 1<<17; i++ {
		if got, want := n.take(), uint16((i-1)%65535+1); got != want {
			t.Fatalf("frame %d has number %d, want %d", i, got, want)
		}
	}
}

// RFC 4385, 4.2.
func TestSequenceReceived(t *testing.T) {
	for _, c := range []struct {
		name    string
		last    uint16
		got     uint16
		missing int
		ok      bool
		then    uint16
	}{
		{"first", 0, 700, 0, true, 700},
		{"in order", 7, 8, 0, true, 8},
		{"not numbered", 7, 0, 0, true, 7},
		{"some are missing", 7, 11, 3, true, 11},
		{"repeated", 7, 7, 0, false, 7},
		{"late", 7, 5, 0, false, 7},
		{"wrap skips 0", 65535, 1, 0, true, 1},
		{"65,535 and 1 are missing", 65534, 2, 2, true, 2},
		{"late over the wrap", 3, 65535, 0, false, 3},
		{"half the space ahead", 1, 2 + 1<<15 - 1, 1<<15 - 1, true, 2 + 1<<15 - 1},
		{"more than half ahead is late", 1, 2 + 1<<15, 0, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := ordering{last: c.last}
			missing, ok := o.take(c.got)
			if missing != c.missing || ok != c.ok || o.last != c.then {
				t.Errorf("after %d, %d: %d missing, %v, then %d; want %d, %v, %d", c.last, c.got, missing, ok, o.last, c.missing, c.ok, c.then)
			}
		})
	}
}

// A sender that was started again begins with 1: only so many of its frames are dropped.
func TestSequenceSenderBeginsAnew(t *testing.T) {
	o := ordering{last: 20_000}
	dropped := 0
	for n := uint16(1); n <= 100; n++ {
		missing, ok := o.take(n)
		if !ok {
			dropped++
		}
		if missing != 0 {
			t.Errorf("%d: %d missing", n, missing)
		}
	}
	if dropped != restartRun-1 {
		t.Errorf("%d frames dropped, want %d", dropped, restartRun-1)
	}
}

// Frames of before, repeated or late in any order, are no new beginning.
func TestSequenceLateIsNoBeginning(t *testing.T) {
	o := ordering{last: 20_000}
	for i := range 1000 {
		if _, ok := o.take(uint16(19_000 - 3*i)); ok {
			t.Fatalf("late frame %d was taken", i)
		}
		if _, ok := o.take(20_000); ok {
			t.Fatal("a repeated frame was taken")
		}
	}
}

// Whatever a network drops, what arrives in order is taken and the missing are counted.
func TestSequenceCountsWhatIsMissing(t *testing.T) {
	var sent numbering
	var o ordering
	lost, missing, sinceLast := 0, 0, 0
	for i := range 300_000 {
		n := sent.take()
		if i > 0 && i%7 < 3 {
			lost++
			sinceLast++
			continue
		}
		sinceLast = 0
		k, ok := o.take(n)
		if !ok {
			t.Fatalf("frame %d, number %d, was dropped", i, n)
		}
		missing += k
	}
	if missing != lost-sinceLast {
		t.Errorf("%d counted as missing, %d were lost", missing, lost-sinceLast)
	}
}
