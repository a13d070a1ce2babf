package aal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// circuit sends cells of a stream whose octet i is value(i), the octets of
// blocks from the first.
type circuit struct {
	t     testing.TB
	s     AAL1Sender
	sent  int
	value func(i int) byte
}

func newCircuit(t testing.TB, block int) *circuit {
	t.Helper()
	s, err := MakeAAL1Sender(block)
	if err != nil {
		t.Fatal(err)
	}
	return &circuit{t: t, s: s, value: func(i int) byte { return byte(i*167 + i>>8) }}
}

func (c *circuit) cell() []byte {
	c.t.Helper()
	user := make([]byte, c.s.Need())
	for i := range user {
		user[i] = c.value(c.sent + i)
	}
	c.sent += len(user)
	p := make([]byte, PayloadSize)
	if err := c.s.Cell(p, user); err != nil {
		c.t.Fatal(err)
	}
	return p
}

func newAAL1Receiver(t testing.TB, cfg AAL1Config) *AAL1Receiver {
	t.Helper()
	r, err := MakeAAL1Receiver(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &r
}

// receive gives the octets of some cells, and the outputs.
func receive(t testing.TB, r *AAL1Receiver, cells ...[]byte) (stream []byte, outs []AAL1Output) {
	t.Helper()
	dst := make([]byte, MaxAAL1Output)
	for _, p := range cells {
		out, err := r.Receive(dst, p)
		if err != nil {
			t.Fatal(err)
		}
		stream = append(stream, dst[:out.N]...)
		outs = append(outs, out)
	}
	return stream, outs
}

var aal1Blocks = []int{0, 1, 2, 24, 46, 47, 93, 94, 186, 375, 376, 500, 1000}

// eachCircuit runs a test with every block size and both algorithms.
func eachCircuit(t *testing.T, f func(t *testing.T, block int, fast bool)) {
	for _, block := range aal1Blocks {
		for _, fast := range []bool{false, true} {
			t.Run(fmt.Sprintf("block %d fast %v", block, fast), func(t *testing.T) { f(t, block, fast) })
		}
	}
}

// wantStream wants the octets of stream to be those of the circuit from
// octet first on.
func wantStream(t *testing.T, c *circuit, stream []byte, first int) {
	t.Helper()
	for i, b := range stream {
		if b != c.value(first+i) {
			t.Fatalf("octet %d of %d, number %d of the circuit, is %02x, want %02x", i, len(stream), first+i, b, c.value(first+i))
		}
	}
}

// Sending, then receiving, is the identity: nothing is lost but the cells
// before the counts are in step and, with structure, before the first block.
func TestAAL1Identity(t *testing.T) {
	eachCircuit(t, func(t *testing.T, block int, fast bool) {
		c := newCircuit(t, block)
		r := newAAL1Receiver(t, AAL1Config{Block: block, Fast: fast})
		var stream []byte
		first := -1
		for range 8 * 200 {
			before := c.sent
			got, outs := receive(t, r, c.cell())
			out := outs[0]
			if out.N > 0 && first < 0 {
				if out.Event != AAL1Resync || out.Fresh != 0 {
					t.Fatalf("first output %+v", out)
				}
				first = c.sent - out.N // the fast algorithm delivers this cell,
				if !fast {             // the robust one the cell before
					first = before - out.N
				}
				if block > 0 && (out.Start != 0 || first%block != 0) {
					t.Fatalf("first output %+v at octet %d: not the start of a block", out, first)
				}
			} else if out.Event&AAL1Resync != 0 {
				t.Fatalf("output %+v", out)
			}
			if block > 0 && out.Start >= 0 && (first+len(stream)+out.Start)%block != 0 {
				t.Fatalf("start at octet %d", first+len(stream)+out.Start)
			}
			stream = append(stream, got...)
		}
		if first < 0 || len(stream) < c.sent-first-AAL1Payload {
			t.Fatalf("%d of %d octets from %d", len(stream), c.sent, first)
		}
		wantStream(t, c, stream, first)
		if !r.Synced() {
			t.Error("not synced")
		}
		st := r.Stats()
		st.Cells, st.Dropped, st.Unframed = 0, 0, 0
		if st != (AAL1Stats{}) {
			t.Errorf("stats %+v", st)
		}
	})
}

// warm brings a circuit and its receiver into step at the end of a cycle, and
// gives the number of the next octet to come out.
func warm(t *testing.T, c *circuit, r *AAL1Receiver) (next int) {
	t.Helper()
	for range 80 {
		receive(t, r, c.cell())
	}
	if !r.Synced() {
		t.Fatal("not in step")
	}
	if r.cfg.Fast {
		return c.sent
	}
	n := AAL1Payload
	if r.heldSN.CSI() && r.heldSN.Count()%2 == 0 && r.cfg.Block > 1 {
		n = AAL1PPayload
	}
	return c.sent - n
}

// I.363.1, III.3: up to six cells lost are made up for octet by octet, also
// where one of them held the pointer, so that the count of bits holds.
func TestAAL1Loss(t *testing.T) {
	eachCircuit(t, func(t *testing.T, block int, fast bool) {
		for at := range 8 {
			for lose := 1; lose <= 6; lose++ {
				c := newCircuit(t, block)
				r := newAAL1Receiver(t, AAL1Config{Block: block, Fast: fast, Dummy: 0xFF})
				next := warm(t, c, r)
				var cells [][]byte
				for range at {
					cells = append(cells, c.cell())
				}
				from := c.sent
				for range lose {
					c.cell()
				}
				to := c.sent
				for range 24 {
					cells = append(cells, c.cell())
				}
				stream, _ := receive(t, r, cells...)
				if fast { // the cell after the gap comes before the dummies
					to += AAL1Payload
				}
				wantStream(t, c, stream[:from-next], next)
				wantStream(t, c, stream[to-next:], to)
				ones := bytes.Count(stream[from-next:to-next], []byte{0xFF})
				if ones < lose*AAL1PPayload {
					t.Fatalf("at %d, %d lost: %d dummies", at, lose, ones)
				}
				if st := r.Stats(); st.Lost != uint64(lose) || st.Reframes != 0 || st.PointerErrors != 0 {
					t.Fatalf("at %d, %d lost: stats %+v", at, lose, st)
				}
			}
		}
	})
}

// One misinserted cell, whatever its count, does not come through with the
// robust algorithm. One flipped bit in any header does no harm at all.
func TestAAL1MisinsertedAndFlipped(t *testing.T) {
	for _, block := range aal1Blocks {
		for at := range 8 {
			for wrong := range 16 {
				c := newCircuit(t, block)
				r := newAAL1Receiver(t, AAL1Config{Block: block})
				next := warm(t, c, r)
				var cells [][]byte
				for range at {
					cells = append(cells, c.cell())
				}
				if wrong < 8 {
					stray := bytes.Repeat([]byte{0xEE}, PayloadSize)
					stray[0] = AAL1SN(wrong).Octet()
					if wrong == at {
						continue // in sequence: nobody can tell
					}
					cells = append(cells, stray)
				} else {
					p := c.cell()
					p[0] ^= 1 << (wrong - 8)
					cells = append(cells, p)
				}
				for range 16 {
					cells = append(cells, c.cell())
				}
				stream, outs := receive(t, r, cells...)
				wantStream(t, c, stream, next)
				for _, out := range outs {
					if out.Event&(AAL1Resync|AAL1Dummies) != 0 {
						t.Fatalf("block %d at %d wrong %d: %+v", block, at, wrong, out)
					}
				}
			}
		}
	}
}

// Eight cells lost leave the counts in step: only the pointer tells, and the
// receiver is framed again within a cycle and a block.
func TestAAL1Reframe(t *testing.T) {
	for _, block := range []int{24, 47, 375, 376, 500} {
		c := newCircuit(t, block)
		r := newAAL1Receiver(t, AAL1Config{Block: block})
		warm(t, c, r)
		for range 8 {
			c.cell()
		}
		if 8*AAL1Payload-1 == block {
			continue // the loss of a whole block cannot be seen
		}
		dst := make([]byte, MaxAAL1Output)
		got := false
		for i := range 8 + 2 + block/AAL1PPayload {
			out, err := r.Receive(dst, c.cell())
			if err != nil {
				t.Fatal(err)
			}
			if out.Event&AAL1Resync != 0 {
				got = true
				if out.Start != out.Fresh || dst[out.Fresh] != c.value(blockStart(c, out, block)) {
					t.Errorf("block %d: output %+v after %d cells", block, out, i)
				}
			}
		}
		if !got || r.Stats().Reframes != 1 {
			t.Errorf("block %d: resync %v, stats %+v", block, got, r.Stats())
		}
	}
}

// blockStart gives the number of the octet that starts a block in an output
// of the robust algorithm.
func blockStart(c *circuit, out AAL1Output, block int) int {
	back := AAL1Payload // the cell under judgement
	if c.s.used && c.s.sc%2 == 1 {
		back = AAL1PPayload
	}
	n := c.sent - back - (out.N - out.Fresh)
	return (n + block - 1) / block * block
}

// Whatever happens on the way, once it stops the receiver is in step within
// two cycles and a block, and then delivers the circuit's octets.
func TestAAL1Damage(t *testing.T) {
	rng := seeded(t)
	eachCircuit(t, func(t *testing.T, block int, fast bool) {
		c := newCircuit(t, block)
		r := newAAL1Receiver(t, AAL1Config{Block: block, Fast: fast})
		for range 30 {
			for _, p := range damageCells(rng, 50, c.cell) {
				receive(t, r, p)
			}
			for range 24 + 2*block/AAL1PPayload {
				receive(t, r, c.cell())
			}
			stream, outs := receive(t, r, c.cell(), c.cell(), c.cell(), c.cell(), c.cell(), c.cell(), c.cell(), c.cell())
			at := place(c, stream)
			if at < 0 || len(stream) < 7*AAL1PPayload {
				t.Fatalf("not in step: %d octets, %v, %+v", len(stream), &r.seq, r.Stats())
			}
			for _, out := range outs {
				if out.Event&(AAL1Resync|AAL1Dummies) != 0 || out.Start >= 0 && (at+out.Start)%block != 0 {
					t.Fatalf("at %d: %+v", at, out)
				}
				at += out.N
			}
		}
	})
}

// place finds a stream near the end of what was sent, -1 when it is not there.
func place(c *circuit, stream []byte) int {
	for at := c.sent - len(stream); at > c.sent-len(stream)-3*AAL1Payload; at-- {
		same := true
		for i, b := range stream {
			same = same && b == c.value(at+i)
		}
		if same {
			return at
		}
	}
	return -1
}

// damageCells makes n cells and loses, doubles, swaps and flips some.
func damageCells(rng *rand.Rand, n int, next func() []byte) (cells [][]byte) {
	for range n {
		p := next()
		switch rng.IntN(8) {
		case 0:
		case 1:
			cells = append(cells, p, bytes.Clone(p))
		case 2:
			cells = append(cells, next(), p)
		case 3:
			bit := rng.IntN(8 * 4) // near the headers
			p[bit/8] ^= 1 << (bit % 8)
			cells = append(cells, p)
		case 4:
			cells = append(cells, randomOctets(rng, PayloadSize))
		default:
			cells = append(cells, p)
		}
	}
	return cells
}

// I.363.1, 2.5.2: the time stamp goes in the CSI of the counts 1, 3, 5 and 7,
// most significant bit first, beside the pointers.
func TestAAL1RTSCarriage(t *testing.T) {
	eachCircuit(t, func(t *testing.T, block int, fast bool) {
		c := newCircuit(t, block)
		r := newAAL1Receiver(t, AAL1Config{Block: block, Fast: fast})
		want := []uint8{}
		got := []uint8{}
		for i := range 8*16 + 1 {
			if c.s.CycleStart() {
				rts := uint8(i/8*11) % 16
				want = append(want, rts)
				c.s.SetRTS(rts)
			}
			p := c.cell()
			if sc := i % 8; sc%2 == 1 {
				if bit := p[0]>>7 == 1; bit != (want[len(want)-1]>>(3-sc/2)&1 == 1) {
					t.Fatalf("cell %d: CSI %v for stamp %04b", i, bit, want[len(want)-1])
				}
			}
			if i == 8*5+3 { // one bit lost: its stamp does not come
				continue
			}
			_, outs := receive(t, r, p)
			if outs[0].Event&AAL1RTS != 0 {
				got = append(got, outs[0].RTS)
			}
		}
		// Both algorithms deliver the cell with count 1 of the first cycle.
		want = append(want[:5:5], want[6:16]...)
		if !bytes.Equal(got, want) {
			t.Errorf("stamps %v, want %v", got, want)
		}
	})
}

func FuzzAAL1Receiver(f *testing.F) {
	c := newCircuit(f, 24)
	var seed []byte
	for range 12 {
		seed = append(seed, c.cell()...)
	}
	f.Add(24, false, seed)
	f.Add(0, true, seed)
	f.Add(47, true, seed[PayloadSize:])
	f.Fuzz(func(t *testing.T, block int, fast bool, cells []byte) {
		r, err := MakeAAL1Receiver(AAL1Config{Block: block, Fast: fast})
		if err != nil {
			if !errors.Is(err, ErrAAL1Block) {
				t.Fatal(err)
			}
			return
		}
		dst := make([]byte, MaxAAL1Output)
		for len(cells) >= PayloadSize {
			out, err := r.Receive(dst, cells[:PayloadSize:PayloadSize])
			if err != nil || out.N < 0 || out.N > MaxAAL1Output || out.Start >= out.N || out.Fresh > out.N {
				t.Fatalf("%+v, %v", out, err)
			}
			cells = cells[PayloadSize:]
		}
	})
}

func TestAAL1Allocs(t *testing.T) {
	s, err := MakeAAL1Sender(375)
	if err != nil {
		t.Fatal(err)
	}
	r := newAAL1Receiver(t, AAL1Config{Block: 375})
	p, dst, user := make([]byte, PayloadSize), make([]byte, MaxAAL1Output), make([]byte, AAL1Payload)
	if n := testing.AllocsPerRun(1000, func() {
		_ = s.Cell(p, user[:s.Need()])
		_, _ = r.Receive(dst, p)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAAL1(b *testing.B) {
	user, dst := make([]byte, AAL1Payload), make([]byte, MaxAAL1Output)
	for _, block := range []int{0, 375} {
		c := newCircuit(b, block)
		var cells [][]byte
		for range 8 * 375 {
			cells = append(cells, c.cell())
		}
		b.Run(fmt.Sprintf("send/block %d", block), func(b *testing.B) {
			b.ReportAllocs()
			s, p := c.s, make([]byte, PayloadSize)
			for b.Loop() {
				_ = s.Cell(p, user[:s.Need()])
			}
		})
		for _, fast := range []bool{false, true} {
			b.Run(fmt.Sprintf("receive/block %d/fast %v", block, fast), func(b *testing.B) {
				b.ReportAllocs()
				r := newAAL1Receiver(b, AAL1Config{Block: block, Fast: fast})
				i := 0
				for b.Loop() {
					_, _ = r.Receive(dst, cells[i])
					if i++; i == len(cells) {
						i = 0
					}
				}
			})
		}
	}
}
