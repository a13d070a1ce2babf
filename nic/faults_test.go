package nic

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
)

// faulty puts a fault injector on the receiving end of a wire.
func faulty(t testing.TB, wire WireConfig, cfg FaultConfig) (tx Device, rx *Faults) {
	t.Helper()
	a, b := wirePair(t, wire)
	f, err := NewFaults(b, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a, f
}

// drain receives until nothing waits, in batches of three, and joins the frames with spaces.
func drain(t testing.TB, dev Device) string {
	t.Helper()
	var frames []string
	for {
		bufs := buffers(3, 1<<10)
		n, err := dev.Receive(bufs)
		if err != nil {
			t.Fatal(err)
		}
		for _, frame := range bufs[:n] {
			frames = append(frames, string(frame))
		}
		dev.Release()
		if n == 0 {
			return strings.Join(frames, " ")
		}
	}
}

func transmitWords(t testing.TB, dev Device, words string) {
	t.Helper()
	var frames [][]byte
	for word := range strings.FieldsSeq(words) {
		frames = append(frames, []byte(word))
	}
	transmitAll(t, dev, frames)
}

func TestFaultsThatAreCertain(t *testing.T) {
	units := func(c FaultConfig) FaultConfig { c.Header, c.Unit = 2, 2; return c }
	for name, c := range map[string]struct {
		cfg      FaultConfig
		in, want string
		count    FaultCounters
	}{
		"none":             {FaultConfig{}, "A BB CCC", "A BB CCC", FaultCounters{Units: 3}},
		"frames lost":      {FaultConfig{Loss: 1}, "A B C", "", FaultCounters{Units: 3, Lost: 3}},
		"frames twice":     {FaultConfig{Duplicate: 1}, "A B", "A A B B", FaultCounters{Units: 2, Duplicated: 2}},
		"frames swapped":   {FaultConfig{Reorder: 1}, "A B C D E", "B A D C", FaultCounters{Units: 5, Reordered: 3}},
		"frames, both":     {FaultConfig{Reorder: 1, Duplicate: 1}, "A B", "B B A", FaultCounters{Units: 2, Reordered: 1, Duplicated: 1}},
		"no unit":          {units(FaultConfig{}), "HHaabb HHcc. HH H", "HHaabb HHcc. HH H", FaultCounters{Units: 3}},
		"units lost":       {units(FaultConfig{Loss: 1}), "HHaabb HHcc. HHd", "HHd", FaultCounters{Units: 3, Lost: 3}},
		"units twice":      {units(FaultConfig{Duplicate: 1}), "HHaabb. HHcc", "HHaaaabbbb. HHcccc", FaultCounters{Units: 3, Duplicated: 3}},
		"no room to grow":  {units(FaultConfig{Duplicate: 1}), "HHaabbccdd HHaabbccddee", "HHaaaabbccdd HHaabbccddee", FaultCounters{Units: 9, Duplicated: 1}},
		"units swapped":    {units(FaultConfig{Reorder: 1}), "HHaabbcc JJdd", "HHbbaa JJddcc", FaultCounters{Units: 4, Reordered: 2}},
		"held, no room":    {units(FaultConfig{Reorder: 1}), "HHaa HHbbccddeeff HHgg", "HHbbccddeeff HHggaa", FaultCounters{Units: 7, Reordered: 1}},
		"lost, not others": {units(FaultConfig{Loss: 1, Duplicate: 1, Reorder: 1, Flip: 1}), "HHaa", "", FaultCounters{Units: 1, Lost: 1}},
	} {
		for _, lends := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/lends=%v", name, lends), func(t *testing.T) {
				tx, rx := faulty(t, WireConfig{MaxFrame: 12, Lends: lends}, c.cfg)
				transmitWords(t, tx, c.in)
				if got := drain(t, rx); got != c.want {
					t.Errorf("received %q, want %q", got, c.want)
				}
				if got := rx.FaultCounters(); got != c.count {
					t.Errorf("counted %+v, want %+v", got, c.count)
				}
			})
		}
	}
}

func TestFaultsFlipOneBit(t *testing.T) {
	for _, unit := range []int{0, 4} {
		tx, rx := faulty(t, WireConfig{}, FaultConfig{Flip: 1, Header: 3, Unit: unit, Seed: 7})
		frame := []byte("HHHaaaabbbb")
		seen := make([]byte, len(frame))
		for range 500 {
			transmitAll(t, tx, [][]byte{frame})
			got, wrong := receiveN(t, rx, 1)[0], 0
			for i := range frame {
				wrong += bits.OnesCount8(got[i] ^ frame[i])
				seen[i] |= got[i] ^ frame[i]
			}
			if want := 1 + unit/4; wrong != want {
				t.Fatalf("unit %d: %d bits flipped, want %d", unit, wrong, want)
			}
		}
		for i, bits := range seen {
			if want := byte(0xff); i < 3 && bits != 0 || i >= 3 && bits != want {
				t.Errorf("unit %d: octet %d had bits %#02x flipped: want none in the header, all behind it", unit, i, bits)
			}
		}
	}
}

// TestFaultsCountWhatTheyDo sends numbered units and compares what comes with the counters, for each rate and kind.
func TestFaultsCountWhatTheyDo(t *testing.T) {
	const perFrame, frames, unit = 7, 3000, 4
	for _, rate := range []float64{0.01, 0.1, 0.5} {
		for _, kind := range []string{"loss", "duplicate", "reorder"} {
			cfg := FaultConfig{Seed: 42, Header: 2, Unit: unit}
			switch kind {
			case "loss":
				cfg.Loss = rate
			case "duplicate":
				cfg.Duplicate = rate
			case "reorder":
				cfg.Reorder = rate
			}
			tx, rx := faulty(t, WireConfig{MaxFrame: 2 + 2*perFrame*unit}, cfg)
			var got []uint32
			for i := range frames {
				frame := []byte("HH")
				for u := range perFrame {
					frame = binary.BigEndian.AppendUint32(frame, uint32(i*perFrame+u))
				}
				transmitAll(t, tx, [][]byte{frame})
				bufs := buffers(4, 128)
				n, err := rx.Receive(bufs)
				if err != nil {
					t.Fatal(err)
				}
				for _, frame := range bufs[:n] {
					for at := 2; at < len(frame); at += unit {
						got = append(got, binary.BigEndian.Uint32(frame[at:]))
					}
				}
			}
			seen, repeated, backwards := make(map[uint32]bool), 0, 0
			for i, number := range got {
				if seen[number] {
					repeated++
				}
				seen[number] = true
				if i > 0 && number < got[i-1] {
					backwards++
				}
			}
			c, total := rx.FaultCounters(), perFrame*frames
			missing := total - len(seen)
			if rx.holding > 0 {
				missing--
				backwards++
			}
			if c.Units != uint64(total) || c.Lost != uint64(missing) || c.Duplicated != uint64(repeated) || c.Reordered != uint64(backwards) {
				t.Errorf("%s %v: counted %+v; of %d, %d are missing, %d repeated, %d backwards", kind, rate, c, total, missing, repeated, backwards)
			}
			// Of a held unit the next cannot be held, so p comes to p/(1+p). The margin is over five deviations at 1%.
			want := rate * float64(total)
			if kind == "reorder" {
				want /= 1 + rate
			}
			if done := float64(c.Lost + c.Duplicated + c.Reordered); done < 0.6*want || done > 1.4*want {
				t.Errorf("%s %v: done %v times, want about %v", kind, rate, done, want)
			}
		}
	}
}

func TestFaultsRepeatFromTheSeed(t *testing.T) {
	run := func(seed uint64, lends bool, batch int) string {
		tx, rx := faulty(t, WireConfig{Lends: lends, Batch: batch}, FaultConfig{
			Seed: seed, Loss: 0.2, Duplicate: 0.2, Reorder: 0.2, Flip: 0.2, Header: 1, Unit: 2,
		})
		var all []string
		for i := range 50 {
			transmitWords(t, tx, fmt.Sprintf("Haabbccdd%c Hee", 'A'+i%26))
			all = append(all, drain(t, rx))
		}
		return strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), " ")
	}
	first := run(1, false, 0)
	if again := run(1, true, 2); again != first {
		t.Error("the same seed gave other faults when lending and in other batches")
	}
	if other := run(2, false, 0); other == first {
		t.Error("another seed gave the same faults")
	}
}

func TestFaultsHoldLentMemory(t *testing.T) {
	tx, rx := faulty(t, WireConfig{Lends: true, Batch: 2}, FaultConfig{Duplicate: 1})
	transmitWords(t, tx, "A B C")
	first, second := make([][]byte, 2), make([][]byte, 2)
	for i, bufs := range [][][]byte{first, second} {
		if n, err := rx.Receive(bufs); n != 2 || err != nil {
			t.Fatalf("Receive %d = %d, %v", i, n, err)
		}
	}
	if n, err := rx.Receive(make([][]byte, 2)); n != 0 || err != nil {
		t.Fatalf("Receive while all is lent = %d, %v", n, err)
	}
	if got := string(slices.Concat(slices.Concat(first, second)...)); got != "AABB" {
		t.Errorf("lent %q, want AABB", got)
	}
	rx.Release()
	if got := drain(t, rx); got != "C C" {
		t.Errorf("then %q, want C C", got)
	}
}

func TestFaultsCountWhatDoesNotFit(t *testing.T) {
	tx, rx := faulty(t, WireConfig{MaxFrame: 10}, FaultConfig{Header: 1, Unit: 2, Duplicate: 1})
	transmitWords(t, tx, "Haa Hb")
	bufs := buffers(2, 4)
	if n, err := rx.Receive(bufs); n != 1 || err != nil || string(bufs[0]) != "Hb" {
		t.Errorf("Receive = %d, %v, %q, want only Hb", n, err, bufs[0])
	}
	if c := rx.FaultCounters(); c.TooLong != 1 {
		t.Errorf("counted %+v, want one too long", c)
	}
}

func TestFaultsRefuseConfig(t *testing.T) {
	_, dev := wirePair(t, WireConfig{MaxFrame: 60})
	nan := 0.0
	nan /= nan
	for name, cfg := range map[string]FaultConfig{
		"negative":    {Loss: -0.1},
		"over one":    {Flip: 1.1},
		"not a rate":  {Reorder: nan},
		"header":      {Header: -1},
		"unit":        {Unit: -1},
		"over length": {Header: 9, Unit: 52},
	} {
		if _, err := NewFaults(dev, cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestFaultsAllocateNothing(t *testing.T) {
	for _, lends := range []bool{false, true} {
		tx, rx := faulty(t, WireConfig{Lends: lends}, FaultConfig{Loss: 0.1, Duplicate: 0.3, Reorder: 0.1, Flip: 0.1, Header: 10, Unit: 52})
		frames, bufs, room := buffers(64, 10+20*52), make([][]byte, 64), buffers(64, 2048)
		noAllocation(t, func() {
			_, _ = tx.Transmit(frames)
			for n := 1; n > 0; {
				copy(bufs, room)
				n, _ = rx.Receive(bufs)
				rx.Release()
			}
		})
	}
}

func FuzzFaults(f *testing.F) {
	f.Add([]byte("HHaabbccdd"), uint64(1), uint8(2), uint8(2), 0.5)
	f.Add([]byte("H"), uint64(2), uint8(0), uint8(1), 1.0)
	f.Add([]byte{}, uint64(3), uint8(5), uint8(0), 0.9)
	f.Fuzz(func(t *testing.T, frame []byte, seed uint64, header, unit uint8, rate float64) {
		const longest = 100
		a, b := wirePair(t, WireConfig{MaxFrame: longest, Depth: 8})
		rx, err := NewFaults(b, FaultConfig{
			Seed: seed, Header: int(header), Unit: int(unit), Loss: rate / 4, Duplicate: rate, Reorder: rate, Flip: rate,
		})
		if err != nil {
			return // not a configuration
		}
		frames := [][]byte{frame, frame, frame, frame}
		transmitAll(t, a, frames)
		for range 8 { // of each frame at most three come
			bufs := buffers(2, longest)
			n, err := rx.Receive(bufs)
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range bufs[:n] {
				if keep := min(len(frame), int(header)); len(got) < keep || string(got[:keep]) != string(frame[:keep]) {
					t.Fatalf("the header of %q came as %q", frame, got)
				}
			}
		}
		if n, _ := rx.Receive(buffers(2, longest)); n != 0 {
			t.Fatal("more came than the faults can make")
		}
		if c := rx.FaultCounters(); c.TooLong != 0 {
			t.Fatalf("a frame grew over the limit: %+v", c)
		}
	})
}
