package aal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func newAAL34(t testing.TB, slots, size int, streaming bool) *AAL34Receiver {
	t.Helper()
	table := make([]AAL34Slot, slots)
	for i := range table {
		table[i].Buf = make([]byte, size)
	}
	r, err := MakeAAL34Receiver(table, streaming, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return &r
}

// cells gives the cells of an SDU in message mode.
func (s *AAL34Sender) cells(t testing.TB, sdu []byte) (cells [][]byte) {
	t.Helper()
	if err := s.Start(sdu); err != nil {
		t.Fatal(err)
	}
	for s.Ready() {
		cells = append(cells, s.next(t))
	}
	return cells
}

func (s *AAL34Sender) next(t testing.TB) []byte {
	t.Helper()
	p := make([]byte, PayloadSize)
	if err := s.Next(p); err != nil {
		t.Fatal(err)
	}
	return p
}

// layout prints the cells' headers.
func layout(t testing.TB, cells [][]byte) (s string) {
	t.Helper()
	for _, p := range cells {
		c, err := ParseAAL34(p)
		if err != nil {
			t.Fatal(err)
		}
		s += c.String() + "; "
	}
	return s
}

// I.363.3: the PDU octet by octet, and the segment types and lengths at every
// edge.
func TestAAL34Layout(t *testing.T) {
	s, err := MakeAAL34Sender(0x155)
	if err != nil {
		t.Fatal(err)
	}
	cell := s.cells(t, []byte("hello"))[0]
	want := payloadOf(t, "c155"+"00010005"+hex.EncodeToString([]byte("hello"))+"000000"+"00010005", 16)
	if !bytes.Equal(cell, want) {
		t.Errorf("cell %x\nwant %x", cell, want)
	}
	for _, tt := range []struct {
		size int
		want string
	}{
		{0, "SSM SN 1 MID 341 LI 8; "},
		{1, "SSM SN 2 MID 341 LI 12; "},
		{36, "SSM SN 3 MID 341 LI 44; "},
		{37, "BOM SN 4 MID 341 LI 44; EOM SN 5 MID 341 LI 4; "},
		{40, "BOM SN 6 MID 341 LI 44; EOM SN 7 MID 341 LI 4; "},
		{41, "BOM SN 8 MID 341 LI 44; EOM SN 9 MID 341 LI 8; "},
		{80, "BOM SN 10 MID 341 LI 44; EOM SN 11 MID 341 LI 44; "},
		{81, "BOM SN 12 MID 341 LI 44; COM SN 13 MID 341 LI 44; EOM SN 14 MID 341 LI 4; "},
		{85, "BOM SN 15 MID 341 LI 44; COM SN 0 MID 341 LI 44; EOM SN 1 MID 341 LI 8; "},
	} {
		cells := s.cells(t, make([]byte, tt.size))
		if got := layout(t, cells); got != tt.want || len(cells) != AAL34Cells(tt.size) {
			t.Errorf("%d octets: %s want %s", tt.size, got, tt.want)
		}
	}
	if MaxAAL34Cells != AAL34Cells(MaxAAL34) {
		t.Error(MaxAAL34Cells, AAL34Cells(MaxAAL34))
	}
}

// payloadOf pads with zeros and ends with LI and CRC-10.
func payloadOf(t testing.TB, s string, li uint8) []byte {
	p := make([]byte, PayloadSize)
	copy(p, unhex(t, s))
	PutCRC10(whole(p), li)
	return p
}

func TestAAL34SenderErrors(t *testing.T) {
	if _, err := MakeAAL34Sender(1024); !errors.Is(err, ErrAAL34MID) {
		t.Error(err)
	}
	var s AAL34Sender
	p := make([]byte, PayloadSize)
	want := func(got, want error) {
		t.Helper()
		if !errors.Is(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	want(s.Start(make([]byte, MaxAAL34+1)), ErrAAL34Size)
	want(s.StartStream(-1), ErrAAL34Size)
	want(s.Next(p), ErrAAL34Idle)
	want(s.Write(nil), ErrAAL34Idle)
	want(s.End(), ErrAAL34Idle)
	want(second(s.Abort(p)), ErrAAL34Idle)
	want(second(s.Abort(p[1:])), ErrPayloadSize)
	want(s.StartStream(100), nil)
	want(s.Start(nil), ErrAAL34Busy)
	want(s.Write(make([]byte, 101)), ErrAAL34Size)
	want(s.Write(make([]byte, 39)), nil)
	want(s.Next(p), ErrAAL34Idle) // 43 octets do not fill a cell
	want(s.Write(make([]byte, 1)), nil)
	want(s.Write(make([]byte, 1)), ErrAAL34Busy)
	want(s.Next(p[1:]), ErrPayloadSize)
	want(s.Next(p), nil)
	want(s.Write(make([]byte, 61)), ErrAAL34Size)
	want(s.Write(make([]byte, 60)), nil)
	want(s.End(), nil)
	want(s.End(), ErrAAL34Idle)
	want(s.Write(nil), ErrAAL34Idle)
	want(s.Next(p), nil)
	want(s.Next(p), nil)
	want(s.Next(p), ErrAAL34Idle)
	for _, n := range []int{0, maxAAL34Slots + 1} {
		if _, err := MakeAAL34Receiver(make([]AAL34Slot, n), false, 0); !errors.Is(err, ErrAAL34Slots) {
			t.Errorf("%d slots: %v", n, err)
		}
	}
	if _, err := MakeAAL34Receiver(make([]AAL34Slot, 1), true, 0); !errors.Is(err, ErrAAL34Slots) {
		t.Errorf("streaming without memory: %v", err)
	}
}

// Segmentation, then reassembly, is the identity for all lengths.
func TestAAL34IdentityAllLengths(t *testing.T) {
	sdu := randomOctets(rand.New(rand.NewPCG(34, 0)), MaxAAL34)
	const parts = 4
	step := 1
	if raceEnabled || testing.Short() {
		step = 41 // every remainder by 44 still comes
	}
	for part := range parts {
		t.Run(fmt.Sprint("part ", part), func(t *testing.T) {
			t.Parallel()
			r := newAAL34(t, 1, AAL34Padded(MaxAAL34), false)
			s, err := MakeAAL34Sender(uint16(part))
			if err != nil {
				t.Fatal(err)
			}
			p := make([]byte, PayloadSize)
			for n := part * step; n <= MaxAAL34; n += parts * step {
				if err := s.Start(sdu[:n]); err != nil {
					t.Fatal(err)
				}
				for s.Ready() {
					if err := s.Next(p); err != nil {
						t.Fatal(err)
					}
					u, ev := r.Receive(0, p)
					if s.Ready() {
						if ev != AAL34None {
							t.Fatalf("%d octets: %v too early", n, ev)
						}
					} else if ev != AAL34Done || !u.First || !bytes.Equal(u.Data, sdu[:n]) {
						t.Fatalf("%d octets: %v with %d", n, ev, len(u.Data))
					}
				}
			}
		})
	}
}

// Streaming mode: pieces of any size in, pieces out as they come, together
// the SDU, whatever size was announced.
func TestAAL34Streaming(t *testing.T) {
	rng := seeded(t)
	for n := range 1500 {
		sdu := randomOctets(rng, n)
		var s AAL34Sender
		r := newAAL34(t, 1, AAL34StreamBuf, true)
		if err := s.StartStream(n + rng.IntN(3)*rng.IntN(1000)); err != nil {
			t.Fatal(err)
		}
		var got []byte
		var last AAL34Event
		drain := func() {
			for s.Ready() {
				u, ev := r.Receive(0, s.next(t))
				if ev != AAL34More && ev != AAL34Done && ev != AAL34None || ev != AAL34None && u.First != (len(got) == 0) {
					t.Fatalf("%d octets, %d received: %v %+v", n, len(got), ev, u)
				}
				got = append(got, u.Data...)
				last = ev
			}
		}
		for rest := sdu; len(rest) > 0; {
			piece := rest[:1+rng.IntN(min(len(rest), 150))]
			rest = rest[len(piece):]
			if err := s.Write(piece); err != nil {
				t.Fatal(err)
			}
			drain()
			if len(got) < n-len(rest)-AAL34Payload-aal34Hold {
				t.Fatalf("%d octets given, only %d received", n-len(rest), len(got))
			}
		}
		if err := s.End(); err != nil {
			t.Fatal(err)
		}
		drain()
		if last != AAL34Done || !bytes.Equal(got, sdu) {
			t.Fatalf("%d octets: %v, %d received", n, last, len(got))
		}
	}
}

// MIDs interleave in one VC up to the table's size, no further.
func TestAAL34Interleave(t *testing.T) {
	const mids, slots = 20, 16
	rng := rand.New(rand.NewPCG(34, 3))
	for _, streaming := range []bool{false, true} {
		r := newAAL34(t, slots, 2000, streaming)
		var queues [mids][][]byte
		var sdus, got [mids][]byte
		for mid := range mids {
			s, err := MakeAAL34Sender(uint16(mid * 51))
			if err != nil {
				t.Fatal(err)
			}
			sdus[mid] = randomOctets(rng, 500+rng.IntN(1000))
			queues[mid] = s.cells(t, sdus[mid])
			if c, _ := ParseAAL34(queues[mid][0]); c.Segment != AAL34BOM {
				t.Fatal(c)
			}
		}
		done := 0
		for round := 0; done < slots; round++ {
			for mid := range mids {
				if round >= len(queues[mid]) {
					continue
				}
				u, ev := r.Receive(0, queues[mid][round])
				switch {
				case mid < slots && (ev == AAL34None || ev == AAL34More || ev == AAL34Done):
					got[mid] = append(got[mid], u.Data...)
				case mid >= slots && round == 0 && ev == AAL34Full:
				case mid >= slots && round > 0 && (ev == AAL34NoBegin):
				default:
					t.Fatalf("MID %d cell %d: %v", mid, round, ev)
				}
				if ev == AAL34Done {
					done++
				}
			}
			if round == 0 && r.Busy() != slots {
				t.Errorf("%d busy", r.Busy())
			}
		}
		for mid := range slots {
			if !bytes.Equal(got[mid], sdus[mid]) {
				t.Errorf("streaming %v: MID %d differs", streaming, mid)
			}
		}
		if r.Busy() != 0 || r.Count(AAL34Full) != mids-slots || r.Unfinished() != 0 {
			t.Errorf("busy %d, full %d, unfinished %d", r.Busy(), r.Count(AAL34Full), r.Unfinished())
		}
	}
}

// I.363.3: an EOM with LI 63 aborts; without a cell sent there is nothing to
// abort.
func TestAAL34Abort(t *testing.T) {
	s, err := MakeAAL34Sender(5)
	if err != nil {
		t.Fatal(err)
	}
	r := newAAL34(t, 1, 1000, false)
	p := make([]byte, PayloadSize)
	if err := s.StartStream(500); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.Abort(p); ok || err != nil {
		t.Errorf("aborted before the first cell: %v %v", ok, err)
	}
	if err := s.Start(make([]byte, 500)); err != nil {
		t.Fatal(err)
	}
	r.Receive(0, s.next(t))
	if ok, err := s.Abort(p); !ok || err != nil || s.Ready() {
		t.Errorf("abort: %v %v", ok, err)
	}
	if got := layout(t, [][]byte{p}); got != "EOM SN 1 MID 5 LI 63; " {
		t.Error(got)
	}
	if u, ev := r.Receive(0, p); ev != AAL34Aborted || u.MID != 5 || r.Busy() != 0 {
		t.Errorf("%v %+v", ev, u)
	}
	if _, ev := r.Receive(0, p); ev != AAL34NoBegin {
		t.Errorf("abort of nothing: %v", ev)
	}
	for _, c := range s.cells(t, make([]byte, 100)) {
		if _, ev := r.Receive(0, c); ev != AAL34None && ev != AAL34Done {
			t.Errorf("after the abort: %v", ev)
		}
	}
}

// Each error of the receiver, and that the next PDU is whole again.
func TestAAL34ReceiverErrors(t *testing.T) {
	change := func(c []byte, f func(p []byte)) { f(c); PutCRC10(whole(c), c[46]>>2) }
	li := func(c []byte, v uint8) { PutCRC10(whole(c), v) }
	for _, tt := range []struct {
		name   string
		damage func(c [][]byte) [][]byte // of 4 cells: BOM COM COM EOM, 140 octets
		want   string                    // events
		broken uint64
	}{
		{"none", func(c [][]byte) [][]byte { return c }, "none none none done ", 0},
		{"CRC-10", func(c [][]byte) [][]byte { c[1][9] ^= 1; return c }, "none CRC-10 sequence number no BOM ", 0},
		{"COM lost", func(c [][]byte) [][]byte { return append(c[:1], c[2:]...) }, "none sequence number no BOM ", 0},
		{"BOM lost", func(c [][]byte) [][]byte { return c[1:] }, "no BOM no BOM no BOM ", 0},
		{"EOM lost", func(c [][]byte) [][]byte { return c[:3] }, "none none none ", 1},
		{"COM doubled", func(c [][]byte) [][]byte { c[2] = c[1]; return c }, "none none sequence number no BOM ", 0},
		{"BOM not full", func(c [][]byte) [][]byte { li(c[0], 40); return c }, "length indicator no BOM no BOM no BOM ", 0},
		{"COM not full", func(c [][]byte) [][]byte { li(c[1], 43); return c }, "none length indicator no BOM no BOM ", 0},
		{"EOM of 0", func(c [][]byte) [][]byte { li(c[3], 0); return c }, "none none none length indicator ", 0},
		{"EOM of 46", func(c [][]byte) [][]byte { li(c[3], 46); return c }, "none none none length indicator ", 0},
		{"CPI", func(c [][]byte) [][]byte { change(c[0], func(p []byte) { p[2] = 1 }); return c }, "CPI no BOM no BOM no BOM ", 0},
		{"tags", func(c [][]byte) [][]byte { change(c[0], func(p []byte) { p[3]++ }); return c }, "none none none tags ", 0},
		{"BASize too small", func(c [][]byte) [][]byte { change(c[0], func(p []byte) { p[4], p[5] = 0, 120 }); return c }, "none none length no BOM ", 0},
		{"BASize a little too small", func(c [][]byte) [][]byte { change(c[0], func(p []byte) { p[5]-- }); return c }, "none none none length ", 0},
		{"BASize larger", func(c [][]byte) [][]byte { change(c[0], func(p []byte) { p[5]++ }); return c }, "none none none done ", 0},
		{"Length too small", func(c [][]byte) [][]byte { change(c[3], func(p []byte) { p[17] -= 4 }); return c }, "none none none length ", 0},
		{"sixteen COMs lost", func(c [][]byte) [][]byte { return c }, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := MakeAAL34Sender(9)
			if err != nil {
				t.Fatal(err)
			}
			r := newAAL34(t, 1, 1024, false)
			cells := tt.damage(s.cells(t, make([]byte, 140)))
			want := tt.want
			if tt.name == "sixteen COMs lost" { // the numbers fit: Length tells
				cells = s.cells(t, make([]byte, 1000))
				cells = append(cells[:3:3], cells[19:]...)
				want = "none none none none none none length "
			}
			got := ""
			for _, p := range cells {
				_, ev := r.Receive(0, p)
				got += ev.String() + " "
			}
			if got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
			sdu := randomOctets(rand.New(rand.NewPCG(1, 2)), 300)
			for _, p := range s.cells(t, sdu) {
				if u, ev := r.Receive(0, p); ev != AAL34None && (ev != AAL34Done || !bytes.Equal(u.Data, sdu)) {
					t.Errorf("next PDU: %v", ev)
				}
			}
			if r.Count(AAL34Done) == 0 || r.Unfinished() != tt.broken {
				t.Errorf("done %d, unfinished %d", r.Count(AAL34Done), r.Unfinished())
			}
		})
	}
}

// A BOM or SSM on a MID whose PDU is not at its end drops that and is itself
// received.
func TestAAL34Unfinished(t *testing.T) {
	for _, size := range []int{10, 200} {
		s, err := MakeAAL34Sender(9)
		if err != nil {
			t.Fatal(err)
		}
		r := newAAL34(t, 1, 1024, false)
		r.Receive(0, s.cells(t, make([]byte, 100))[0])
		sdu := bytes.Repeat([]byte{7}, size)
		for i, p := range s.cells(t, sdu) {
			u, ev := r.Receive(0, p)
			if i == AAL34Cells(size)-1 && (ev != AAL34Done || !bytes.Equal(u.Data, sdu)) {
				t.Errorf("%d octets: %v", size, ev)
			}
		}
		if r.Unfinished() != 1 || r.Busy() != 0 {
			t.Errorf("%d octets: %d unfinished, %d busy", size, r.Unfinished(), r.Busy())
		}
	}
}

func TestAAL34OverrunAndTimer(t *testing.T) {
	s, err := MakeAAL34Sender(1)
	if err != nil {
		t.Fatal(err)
	}
	r := newAAL34(t, 2, 100, false)
	got := ""
	for _, p := range append(s.cells(t, make([]byte, 101)), s.cells(t, make([]byte, 100))...) {
		_, ev := r.Receive(0, p)
		got += ev.String() + " "
	}
	if want := "none none overrun none none done "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, ev := r.Receive(0, make([]byte, 47)); ev != AAL34Size {
		t.Error(ev)
	}
	r.Receive(time.Second, s.cells(t, make([]byte, 100))[0])
	if mid, ok := r.Expire(2*time.Second - 1); ok {
		t.Errorf("MID %d expired too early", mid)
	}
	if mid, ok := r.Expire(2 * time.Second); !ok || mid != 1 || r.Busy() != 0 || r.Unfinished() != 1 {
		t.Errorf("MID %d %v", mid, ok)
	}
	if _, ok := r.Expire(time.Hour); ok {
		t.Error("expired twice")
	}
}

// Under any damage nothing wrong is delivered, and the next whole PDU is.
func TestAAL34Damage(t *testing.T) {
	rng := seeded(t)
	r := newAAL34(t, 8, 4096, false)
	var senders [4]AAL34Sender
	for i := range senders {
		senders[i], _ = MakeAAL34Sender(uint16(i))
	}
	sent := map[string]bool{}
	delivered, lost := 0, 0
	check := func(p []byte) (AAL34Unit, AAL34Event) {
		u, ev := r.Receive(0, p)
		if ev == AAL34Done {
			delivered++
			if !sent[string(u.Data)] {
				t.Fatalf("a PDU of %d octets that nobody sent", len(u.Data))
			}
		}
		return u, ev
	}
	for range 400 {
		var queue [][]byte
		for range 6 {
			sdu := randomOctets(rng, rng.IntN(1500))
			sent[string(sdu)] = true
			queue = append(queue, senders[rng.IntN(len(senders))].cells(t, sdu)...)
		}
		n := 0
		damaged := damageCells(rng, len(queue)/2, func() []byte { n++; return queue[n-1] })
		for _, p := range damaged {
			check(p)
		}
		for i := range senders {
			sdu := randomOctets(rng, 1+rng.IntN(1500))
			sent[string(sdu)] = true
			cells := senders[i].cells(t, sdu)
			for _, p := range cells[:len(cells)-1] {
				check(p)
			}
			if u, ev := check(cells[len(cells)-1]); ev != AAL34Done || !bytes.Equal(u.Data, sdu) {
				t.Fatalf("after the damage: %v", ev)
			}
		}
		lost += 6
	}
	t.Logf("%d delivered of %d", delivered, lost+1600)
}

func FuzzAAL34Cell(f *testing.F) {
	p := make([]byte, PayloadSize)
	AAL34Cell{AAL34BOM, 3, 77, 44}.Put(whole(p))
	f.Add(p)
	f.Add([]byte{0x80})
	f.Fuzz(func(t *testing.T, p []byte) {
		c, err := ParseAAL34(p)
		if err != nil {
			return
		}
		again := bytes.Clone(p[:PayloadSize])
		c.Put(whole(again))
		if !bytes.Equal(again, p[:PayloadSize]) || c.String() == "" {
			t.Fatalf("%x became %x", p, again)
		}
	})
}

func FuzzAAL34Receiver(f *testing.F) {
	s, _ := MakeAAL34Sender(1)
	f.Add(false, bytes.Join(s.cells(f, make([]byte, 200)), nil))
	f.Add(true, bytes.Join(s.cells(f, make([]byte, 85)), nil))
	f.Fuzz(func(t *testing.T, streaming bool, cells []byte) {
		r := newAAL34(t, 2, 256, streaming)
		for len(cells) >= PayloadSize {
			p := bytes.Clone(cells[:PayloadSize])
			p[0] &^= 3
			p[1] &= 3                    // few MIDs, so that they meet again
			PutCRC10(whole(p), p[46]>>2) // past the CRC, or little is reached
			u, ev := r.Receive(0, p)     //
			if (len(u.Data) > 0) && ev != AAL34Done && ev != AAL34More || len(u.Data) > 256 || r.Busy() > 2 {
				t.Fatalf("%v with %d octets, %d busy", ev, len(u.Data), r.Busy())
			}
			cells = cells[PayloadSize:]
		}
	})
}

func TestAAL34Allocs(t *testing.T) {
	for _, streaming := range []bool{false, true} {
		var s AAL34Sender
		r := newAAL34(t, 1, 2000, streaming)
		p, sdu := make([]byte, PayloadSize), make([]byte, 1500)
		if n := testing.AllocsPerRun(100, func() {
			_ = s.Start(sdu)
			for s.Ready() {
				_ = s.Next(p)
				r.Receive(0, p)
			}
			r.Expire(0)
		}); n != 0 {
			t.Errorf("streaming %v: %v allocations", streaming, n)
		}
	}
}

func BenchmarkAAL34(b *testing.B) {
	sdu := make([]byte, 1500)
	n := float64(AAL34Cells(len(sdu)))
	b.Run("segment", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(sdu)))
		var s AAL34Sender
		p := make([]byte, PayloadSize)
		for b.Loop() {
			_ = s.Start(sdu)
			for s.Ready() {
				_ = s.Next(p)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/cell")
	})
	for _, streaming := range []bool{false, true} {
		b.Run(fmt.Sprintf("reassemble/streaming %v", streaming), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(sdu)))
			var s AAL34Sender
			cells := s.cells(b, sdu)
			r := newAAL34(b, 1, len(sdu), streaming)
			for b.Loop() {
				for _, p := range cells {
					r.Receive(0, p)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/cell")
		})
	}
}
