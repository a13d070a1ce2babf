package aal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// aal2Cells gives cells full of random packets with checksums, and how many
// packets.
func aal2Cells(t testing.TB, rng *rand.Rand, n int) (cells [][]byte, packets int) {
	t.Helper()
	s, _ := newAAL2(t, 64, time.Second)
	for len(cells) < n {
		cid, uui, info := randomPacket(rng, 64, packets)
		cells = append(cells, s.send(t, 0, cid, uui, info)...)
		packets++
	}
	return cells, packets
}

// An odd number of cells lost in a row is always seen: no packet is wrong, and
// the first packet that begins after the gap is delivered.
func TestAAL2OddLoss(t *testing.T) {
	rng := seeded(t)
	for range 200 {
		cells, _ := aal2Cells(t, rng, 60)
		_, r := newAAL2(t, 64, 0)
		lost := 0
		for i := 0; i < len(cells); i++ {
			if rng.IntN(6) == 0 && i > 0 && i < 55 {
				n := 1 + 2*rng.IntN(2)
				lost += n
				i += n
			}
			if err := r.Load(cells[i]); err != nil {
				t.Fatal(err)
			}
			begins := AAL2Start(cells[i][0]).Offset() < AAL2Payload-AAL2HeaderSize-64
			got := 0
			for pkt, ok := r.Next(); ok; pkt, ok = r.Next() {
				got++
				if !pkt.whole() {
					t.Fatalf("packet %x is wrong", pkt.Info)
				}
			}
			if begins && got == 0 {
				t.Fatal("nothing delivered of a cell with a whole packet")
			}
		}
		if st := r.Stats(); lost > 0 && st.Sequence == 0 {
			t.Fatalf("%d lost: %+v", lost, st)
		}
	}
}

// Under any damage the receiver is in step at the second good cell, and wrong
// packets are few: CPS does not protect what is in a packet.
func TestAAL2Damage(t *testing.T) {
	rng := seeded(t)
	packets, wrong := 0, 0
	for range 300 {
		cells, _ := aal2Cells(t, rng, 120)
		_, r := newAAL2(t, 64, 0)
		i := 0
		next := func() []byte { i++; return bytes.Clone(cells[i-1]) }
		for _, c := range damageCells(rng, 30, next) {
			if err := r.Load(c); err != nil {
				t.Fatal(err)
			}
			for pkt, ok := r.Next(); ok; pkt, ok = r.Next() {
				packets++
				if !pkt.whole() {
					wrong++
				}
			}
		}
		r.load(t, cells[i], cells[i+1])
		before := r.Stats()
		for _, c := range cells[i+2:] {
			if err := r.Load(c); err != nil {
				t.Fatal(err)
			}
			for pkt, ok := r.Next(); ok; pkt, ok = r.Next() {
				if !pkt.whole() {
					t.Fatalf("packet %x after the damage is wrong", pkt.Info)
				}
			}
		}
		after := r.Stats()
		after.Cells, after.Packets = before.Cells, before.Packets
		if before != after {
			t.Fatalf("errors after the damage: %+v, then %+v", before, after)
		}
	}
	t.Logf("%d packets under damage, %d wrong", packets, wrong)
	if packets < 1000 || wrong > packets/10 {
		t.Errorf("%d packets, %d wrong", packets, wrong)
	}
}

// I.366.1: segmentation, then reassembly, is the identity: every length to
// 2,000, then lengths up to the largest.
func TestSSSARIdentity(t *testing.T) {
	sdu := randomOctets(rand.New(rand.NewPCG(366, 1)), MaxSSSAR)
	buf := make([]byte, MaxSSSAR)
	for _, limit := range []int{45, 64} {
		r := MakeSSSARReceiver(buf, time.Second)
		var s SSSARSender
		for n := 1; n <= MaxSSSAR; n += 1 + n/2000 {
			uui := uint8(n % 27)
			if err := s.Start(sdu[:n], uui, limit); err != nil {
				t.Fatal(err)
			}
			packets := 0
			for {
				u, info, ok := s.Next()
				if !ok {
					t.Fatalf("%d octets: no end", n)
				}
				packets++
				got, ev := r.Push(0, AAL2Packet{8, u, info})
				if u == SSSARMore && len(info) == limit && ev == SSSARNone {
					continue
				}
				if u != uui || ev != SSSARDone || !bytes.Equal(got, sdu[:n]) {
					t.Fatalf("%d octets: UUI %d event %d, %d received", n, u, ev, len(got))
				}
				break
			}
			if _, _, ok := s.Next(); ok || packets != (n+limit-1)/limit {
				t.Fatalf("%d octets: %d packets", n, packets)
			}
		}
	}
}

func TestSSSARErrors(t *testing.T) {
	var s SSSARSender
	for _, tt := range []struct {
		name  string
		size  int
		uui   uint8
		limit int
		want  error
	}{
		{"empty", 0, 0, 45, ErrSSSARSize},
		{"long", MaxSSSAR + 1, 0, 45, ErrSSSARSize},
		{"UUI", 1, 27, 45, ErrSSSARUUI},
		{"limit", 1, 0, 50, ErrAAL2Limit},
		{"good", MaxSSSAR, 26, 64, nil},
	} {
		if err := s.Start(make([]byte, tt.size), tt.uui, tt.limit); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	r := MakeSSSARReceiver(make([]byte, 100), time.Second)
	push := func(now time.Duration, uui uint8, n int, want SSSAREvent, size int) {
		t.Helper()
		sdu, ev := r.Push(now, AAL2Packet{8, uui, make([]byte, n)})
		if ev != want || len(sdu) != size {
			t.Errorf("event %d with %d octets, want %d with %d", ev, len(sdu), want, size)
		}
	}
	push(0, SSSARMore, 60, SSSARNone, 0)
	push(0, 30, 10, SSSAROther, 0)
	push(0, SSSARMore, 41, SSSAROversize, 0)
	push(0, SSSARMore, 1, SSSARNone, 0)
	push(0, 0, 1, SSSARNone, 0) // the end of what is dropped
	push(0, 3, 100, SSSARDone, 100)
	push(0, 3, 101, SSSAROversize, 0)
	push(0, 3, 1, SSSARDone, 1)
	push(time.Second, SSSARMore, 60, SSSARNone, 0)
	if r.Expire(2*time.Second-1) || !r.Expire(2*time.Second) || r.Expire(time.Hour) {
		t.Error("RAS_Timer is wrong")
	}
	push(2*time.Second, 0, 5, SSSARDone, 5)
}

func FuzzAAL2Header(f *testing.F) {
	f.Add([]byte{8, 0xB0, 0x0B})
	f.Add([]byte{0xFF})
	f.Fuzz(func(t *testing.T, p []byte) {
		h, err := ParseAAL2Header(p)
		if err != nil {
			return
		}
		var again [AAL2HeaderSize]byte
		h.Put(again[:])
		if h.Size < 1 || h.Size > MaxAAL2Info || !bytes.Equal(again[:], p[:AAL2HeaderSize]) {
			t.Fatalf("%x is %v, written %x", p[:AAL2HeaderSize], h, again)
		}
	})
}

func FuzzAAL2Receiver(f *testing.F) {
	cells, _ := aal2Cells(f, rand.New(rand.NewPCG(1, 1)), 6)
	f.Add(bytes.Join(cells, nil))
	f.Add(bytes.Join([][]byte{cells[0], cells[2], cells[3]}, nil))
	f.Fuzz(func(t *testing.T, cells []byte) {
		_, r := newAAL2(t, 64, 0)
		for len(cells) >= PayloadSize {
			if err := r.Load(cells[:PayloadSize:PayloadSize]); err != nil {
				t.Fatal(err)
			}
			n := 0
			for pkt, ok := r.Next(); ok; pkt, ok = r.Next() {
				if n++; len(pkt.Info) < 1 || len(pkt.Info) > 64 || pkt.CID == 0 || n > 13 {
					t.Fatalf("packet %d: %+v", n, pkt)
				}
			}
			cells = cells[PayloadSize:]
		}
	})
}

// Any packets at any times come out as they went in.
func FuzzAAL2Identity(f *testing.F) {
	f.Add([]byte{10, 20, 64, 1, 1, 1, 47, 44, 3})
	f.Fuzz(func(t *testing.T, sizes []byte) {
		s, r := newAAL2(t, 64, 3)
		var sent, got []string
		for i, b := range sizes {
			info := bytes.Repeat([]byte{byte(i)}, int(b%64)+1)
			sent = append(sent, AAL2Packet{b | 8, b % 32, info}.text())
			got = append(got, r.load(t, s.send(t, time.Duration(i), b|8, b%32, info)...)...)
		}
		last := make([]byte, PayloadSize)
		if n, _ := s.Flush(last); n > 0 {
			got = append(got, r.load(t, last)...)
		}
		if !equalStrings(sent, got) {
			t.Fatalf("sent %v\ngot %v", sent, got)
		}
	})
}

func FuzzSSSAR(f *testing.F) {
	f.Add([]byte{27, 60, 27, 60, 3, 10, 30, 1, 27, 64, 0, 1})
	f.Fuzz(func(t *testing.T, packets []byte) {
		r := MakeSSSARReceiver(make([]byte, 100), 10)
		for now := time.Duration(0); len(packets) >= 2; now++ {
			pkt := AAL2Packet{CID: 8, UUI: packets[0] % 32, Info: make([]byte, packets[1]%64+1)}
			sdu, ev := r.Push(now, pkt)
			if (ev == SSSARDone) != (len(sdu) > 0) || len(sdu) > 100 {
				t.Fatalf("event %d with %d octets", ev, len(sdu))
			}
			if packets[0] > 200 {
				r.Expire(now)
			}
			packets = packets[2:]
		}
	})
}

func TestAAL2Allocs(t *testing.T) {
	s, r := newAAL2(t, 64, 0)
	dst, info := make([]byte, MaxAAL2Output), make([]byte, 44)
	if n := testing.AllocsPerRun(1000, func() {
		n, _ := s.Send(dst, 0, 8, 0, info)
		for i := 0; i < n; i += PayloadSize {
			_ = r.Load(dst[i : i+PayloadSize])
			for _, ok := r.Next(); ok; _, ok = r.Next() {
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAAL2(b *testing.B) {
	for _, size := range []int{10, 44} {
		b.Run(fmt.Sprintf("send/%d octets/packet", size), func(b *testing.B) {
			b.ReportAllocs()
			s, _ := newAAL2(b, 64, time.Second)
			dst, info := make([]byte, MaxAAL2Output), make([]byte, size)
			cells := 0
			for b.Loop() {
				n, _ := s.Send(dst, 0, 8, 0, info)
				cells += n / PayloadSize
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(max(cells, 1)), "ns/cell")
		})
		b.Run(fmt.Sprintf("receive/%d octets/cell", size), func(b *testing.B) {
			b.ReportAllocs()
			s, r := newAAL2(b, 64, time.Second)
			var cells [][]byte
			for len(cells) < 2*(size+AAL2HeaderSize)*AAL2Payload {
				cells = append(cells, s.send(b, 0, 8, 0, make([]byte, size))...)
			}
			i := 0
			for b.Loop() {
				_ = r.Load(cells[i])
				for _, ok := r.Next(); ok; _, ok = r.Next() {
				}
				if i++; i == len(cells) {
					i = 0
				}
			}
		})
	}
}
