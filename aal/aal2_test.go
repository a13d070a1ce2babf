package aal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"
	"time"
)

// The vectors: CID/LI/UUI to header.
func TestAAL2HeaderVectors(t *testing.T) {
	for _, tt := range []struct {
		h    AAL2Header
		want string
		text string
	}{
		{AAL2Header{8, 1, 0}, "080006", "CID 8 LI 0 UUI 0"},
		{AAL2Header{8, 45, 0}, "08b00b", "CID 8 LI 44 UUI 0"},
		{AAL2Header{255, 64, 31}, "ffffe9", "CID 255 LI 63 UUI 31"},
		{AAL2Header{9, 38, 3}, "099472", "CID 9 LI 37 UUI 3"},
	} {
		p := make([]byte, 3)
		tt.h.Put(p)
		if got := hex.EncodeToString(p); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.h, got, tt.want)
		}
		if back, err := ParseAAL2Header(p); err != nil || back != tt.h || back.String() != tt.text {
			t.Errorf("%s: %v, %v", tt.want, back, err)
		}
	}
	if _, err := ParseAAL2Header(make([]byte, 2)); !errors.Is(err, ErrAAL2Size) {
		t.Error(err)
	}
}

// I.363.2, 9.1: the HEC is the remainder of the first 19 bits, shifted by
// five, by x^5+x^2+1. One and two wrong bits are always found.
func TestAAL2HEC(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	p := make([]byte, 3)
	for range 300 {
		h := AAL2Header{CID: uint8(rng.Uint32()), Size: 1 + rng.IntN(64), UUI: uint8(rng.IntN(32))}
		h.Put(p)
		reg := uint32(h.CID)<<16 | uint32(h.Size-1)<<10 | uint32(h.UUI)<<5
		for bit := 23; bit >= 5; bit-- {
			if reg>>bit&1 == 1 {
				reg ^= 0b100101 << (bit - 5)
			}
		}
		if uint32(p[2]&31) != reg {
			t.Fatalf("%v: HEC %02x, want %02x", h, p[2]&31, reg)
		}
		for i := range 24 {
			for j := range i + 1 {
				q := [3]byte(p)
				q[i/8] ^= 0x80 >> (i % 8)
				if j < i {
					q[j/8] ^= 0x80 >> (j % 8)
				}
				if _, err := ParseAAL2Header(q[:]); !errors.Is(err, ErrAAL2HEC) {
					t.Fatalf("%v with bits %d and %d wrong: %v", h, i, j, err)
				}
			}
		}
	}
}

// I.363.2, 9.2.1: offset, sequence number, odd parity.
func TestAAL2Start(t *testing.T) {
	for f := range 256 {
		s := AAL2Start(f)
		if s.ParityOK() != (bits.OnesCount(uint(f))%2 == 1) || s.Offset() != f>>2 || int(s.SN()) != f>>1&1 {
			t.Errorf("%02x: %v %v", f, s, s.ParityOK())
		}
		if s.ParityOK() && MakeAAL2Start(s.Offset(), s.SN()) != s {
			t.Errorf("%02x is made %02x", f, uint8(MakeAAL2Start(s.Offset(), s.SN())))
		}
	}
	if s := MakeAAL2Start(47, 1).String(); s != "OSF 47 SN 1" {
		t.Error(s)
	}
}

// I.363.2, 9.1: 0 pads, 1 is management, 2 to 7 are reserved.
func TestAAL2CIDs(t *testing.T) {
	all := AllAAL2CIDs()
	var one AAL2CIDs
	for cid := range 256 {
		want := cid == 1 || cid >= 8
		if all.Has(uint8(cid)) != want {
			t.Errorf("CID %d: %v", cid, !want)
		}
		one.Add(uint8(cid))
		if one.Has(uint8(cid)) != want {
			t.Errorf("CID %d added: %v", cid, !want)
		}
		one.Remove(uint8(cid))
		if one != (AAL2CIDs{}) {
			t.Errorf("CID %d is not removed", cid)
		}
	}
}

func newAAL2(t testing.TB, limit int, timer time.Duration) (*AAL2Sender, *AAL2Receiver) {
	t.Helper()
	s, err := MakeAAL2Sender(limit, timer)
	if err != nil {
		t.Fatal(err)
	}
	r, err := MakeAAL2Receiver(limit, AllAAL2CIDs())
	if err != nil {
		t.Fatal(err)
	}
	return &s, &r
}

// send gives the cells that a packet completed.
func (s *AAL2Sender) send(t testing.TB, now time.Duration, cid, uui uint8, info []byte) (cells [][]byte) {
	t.Helper()
	dst := make([]byte, MaxAAL2Output)
	n, err := s.Send(dst, now, cid, uui, info)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < n; i += PayloadSize {
		cells = append(cells, dst[i:i+PayloadSize])
	}
	return cells
}

// load gives the packets of some cells, as text: CID/UUI and the payload.
func (r *AAL2Receiver) load(t testing.TB, cells ...[]byte) (pkts []string) {
	t.Helper()
	for _, c := range cells {
		if err := r.Load(c); err != nil {
			t.Fatal(err)
		}
		for pkt, ok := r.Next(); ok; pkt, ok = r.Next() {
			pkts = append(pkts, pkt.text())
		}
	}
	return pkts
}

func (p AAL2Packet) text() string { return fmt.Sprintf("%d/%d %x", p.CID, p.UUI, p.Info) }

func equalStrings(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestAAL2SenderErrors(t *testing.T) {
	s, _ := newAAL2(t, 45, 0)
	dst := make([]byte, MaxAAL2Output)
	for _, tt := range []struct {
		name     string
		dst      []byte
		cid, uui uint8
		size     int
		want     error
	}{
		{"padding", dst, 0, 0, 1, ErrAAL2CID},
		{"reserved", dst, 7, 0, 1, ErrAAL2CID},
		{"UUI", dst, 8, 32, 1, ErrAAL2UUI},
		{"empty", dst, 8, 0, 0, ErrAAL2Size},
		{"long", dst, 8, 0, 46, ErrAAL2Size},
		{"memory", dst[1:], 8, 0, 1, ErrAAL2Space},
		{"good", dst, 255, 31, 45, nil},
		{"management", dst, 1, 0, 1, nil},
	} {
		if _, err := s.Send(tt.dst, 0, tt.cid, tt.uui, make([]byte, tt.size)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	for _, limit := range []int{0, 46, 63, 65} {
		if _, err := MakeAAL2Sender(limit, 0); !errors.Is(err, ErrAAL2Limit) {
			t.Errorf("limit %d: %v", limit, err)
		}
		if _, err := MakeAAL2Receiver(limit, AAL2CIDs{}); !errors.Is(err, ErrAAL2Limit) {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
	for _, err := range []error{second(s.Flush(nil)), second(s.Expire(dst[:47], 0))} {
		if !errors.Is(err, ErrAAL2Space) {
			t.Error(err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// I.363.2, 9.2 and appendix I: two packets in cells, octet by octet.
func TestAAL2Packing(t *testing.T) {
	s, r := newAAL2(t, 64, time.Second)
	a, b := bytes.Repeat([]byte{0xAA}, 20), bytes.Repeat([]byte{0xBB}, 30)
	if cells := s.send(t, 0, 8, 1, a); len(cells) != 0 {
		t.Fatalf("%d cells too early", len(cells))
	}
	cells := s.send(t, 0, 9, 2, b)
	last := make([]byte, PayloadSize)
	if n, err := s.Flush(last); n != PayloadSize || err != nil {
		t.Fatal(n, err)
	}
	ha, hb := make([]byte, 3), make([]byte, 3)
	AAL2Header{8, 20, 1}.Put(ha)
	AAL2Header{9, 30, 2}.Put(hb)
	first := append(append(append(append([]byte{0x01}, ha...), a...), hb...), b[:21]...)
	if len(cells) != 1 || !bytes.Equal(cells[0], first) {
		t.Errorf("first cell %x\nwant       %x", cells, first)
	}
	want := make([]byte, PayloadSize)
	want[0] = 9<<2 | 1<<1 // offset 9, SN 1, parity odd
	copy(want[1:], b[21:])
	if !bytes.Equal(last, want) {
		t.Errorf("last cell %x\nwant      %x", last, want)
	}
	if n, err := s.Flush(last); n != 0 || err != nil {
		t.Errorf("flushed again: %d, %v", n, err)
	}
	got := r.load(t, cells[0], want)
	if !equalStrings(got, []string{fmt.Sprintf("8/1 %x", a), fmt.Sprintf("9/2 %x", b)}) {
		t.Errorf("received %v", got)
	}
}

// I.363.2, 10.1: Timer_CU runs from the first octet in a cell.
func TestAAL2Timer(t *testing.T) {
	s, r := newAAL2(t, 45, 10*time.Millisecond)
	ms := time.Millisecond
	dst := make([]byte, PayloadSize)
	want := func(at time.Duration, running bool) {
		t.Helper()
		if d, ok := s.Deadline(); ok != running || ok && d != at {
			t.Errorf("deadline %v %v, want %v %v", d, ok, at, running)
		}
	}
	want(0, false)
	s.send(t, 5*ms, 8, 0, make([]byte, 10))
	want(15*ms, true)
	s.send(t, 7*ms, 8, 0, make([]byte, 10))
	want(15*ms, true) // not restarted by a second packet
	if n, _ := s.Expire(dst, 14*ms); n != 0 {
		t.Error("expired too early")
	}
	if n, _ := s.Expire(dst, 15*ms); n != PayloadSize || len(r.load(t, dst)) != 2 {
		t.Error("not expired")
	}
	want(0, false)
	s.send(t, 20*ms, 8, 0, make([]byte, 30))
	if cells := s.send(t, 22*ms, 8, 0, make([]byte, 30)); len(cells) != 1 {
		t.Fatal(len(cells))
	}
	want(32*ms, true) // of the octets that straddle
	if cells := s.send(t, 40*ms, 8, 0, make([]byte, 1)); len(cells) != 1 {
		t.Error("a late packet does not take the cell with it")
	}
	s.send(t, 50*ms, 8, 0, make([]byte, 2))
	if cells := s.send(t, 50*ms, 8, 0, make([]byte, 39)); len(cells) != 1 {
		t.Fatal("47 octets do not fill a cell")
	}
	want(0, false)
	s0, _ := newAAL2(t, 64, 0)
	if cells := s0.send(t, 0, 8, 0, make([]byte, 64)); len(cells) != 2 {
		t.Error("a timer of zero holds a cell back")
	}
}

// randomPacket gives a packet whose payload starts with its number and its
// own checksum, where there is room.
func randomPacket(rng *rand.Rand, limit, number int) (cid, uui uint8, info []byte) {
	cid = uint8(8 + rng.IntN(248))
	uui = uint8(rng.IntN(28))
	info = randomOctets(rng, 1+rng.IntN(limit))
	if len(info) >= 4 {
		info[0], info[1] = byte(number>>8), byte(number)
		info[2], info[3] = 0, 0
		sum := CRC10(append([]byte{cid, uui, byte(len(info))}, info...))
		info[2], info[3] = byte(sum>>8), byte(sum)
	}
	return cid, uui, info
}

// whole tells whether a packet is one that randomPacket made; only those with
// room for a checksum are asked about.
func (p AAL2Packet) whole() bool {
	if len(p.Info) < 4 {
		return true
	}
	info := bytes.Clone(p.Info)
	info[2], info[3] = 0, 0
	sum := CRC10(append([]byte{p.CID, p.UUI, byte(len(info))}, info...))
	return p.Info[2] == byte(sum>>8) && p.Info[3] == byte(sum)
}

// Sending, then receiving, is the identity, with straddling at every place;
// and every offset is right.
func TestAAL2Identity(t *testing.T) {
	rng := seeded(t)
	for _, limit := range []int{1, 2, 3, 4, 44, 45, 64} {
		s, r := newAAL2(t, limit, 5*time.Millisecond)
		var now time.Duration
		var sent, got []string
		dst := make([]byte, PayloadSize)
		for i := range 4000 {
			now += time.Duration(rng.IntN(2000)) * time.Microsecond
			if n, _ := s.Expire(dst, now); n > 0 {
				got = append(got, r.load(t, dst)...)
			}
			cid, uui, info := randomPacket(rng, limit, i)
			sent = append(sent, AAL2Packet{cid, uui, info}.text())
			got = append(got, r.load(t, s.send(t, now, cid, uui, info)...)...)
		}
		if n, _ := s.Flush(dst); n > 0 {
			got = append(got, r.load(t, dst)...)
		}
		if !equalStrings(sent, got) {
			t.Fatalf("limit %d: %d packets sent, %d received, or they differ", limit, len(sent), len(got))
		}
		st := r.Stats()
		if st.Packets != uint64(len(sent)) {
			t.Errorf("limit %d: stats %+v", limit, st)
		}
		if st.Cells, st.Packets = 0, 0; st != (AAL2Stats{}) {
			t.Errorf("limit %d: stats %+v", limit, st)
		}
	}
}

// What the caller leaves in a cell is gone, but a packet that straddles its
// end is not; and the set of channels can change.
func TestAAL2Undrained(t *testing.T) {
	s, r := newAAL2(t, 64, time.Second)
	var cells [][]byte
	for i := range 3 {
		cells = append(cells, s.send(t, 0, uint8(8+i), 0, make([]byte, 40))...)
	}
	if err := r.Load(cells[0]); err != nil {
		t.Fatal(err)
	}
	got := r.load(t, cells[1])
	if len(got) != 1 || got[0][:4] != "9/0 " || r.Stats().Packets != 2 {
		t.Errorf("received %v, %+v", got, r.Stats())
	}
	r.CIDs().Remove(9)
	r2 := *r
	r.CIDs().Add(9)
	if r2.cids.Has(9) || !r.cids.Has(9) {
		t.Error("the set is not the receiver's own")
	}
}

// Packets held from one cell stay good while the rest of it is read.
func TestAAL2InfoStaysGood(t *testing.T) {
	s, r := newAAL2(t, 64, time.Second)
	var cells [][]byte
	for i := range 9 {
		cells = append(cells, s.send(t, 0, 8, 0, bytes.Repeat([]byte{byte(i)}, 30))...)
	}
	next := byte(0)
	for _, c := range cells {
		if err := r.Load(c); err != nil {
			t.Fatal(err)
		}
		var kept []AAL2Packet
		for pkt, ok := r.Next(); ok; pkt, ok = r.Next() {
			kept = append(kept, pkt)
		}
		for _, pkt := range kept {
			if !bytes.Equal(pkt.Info, bytes.Repeat([]byte{next}, 30)) {
				t.Fatalf("packet %d: %x", next, pkt.Info)
			}
			next++
		}
	}
	if next < 5 {
		t.Errorf("only %d packets", next)
	}
}

// I.363.2, 10.2 and 10.3: each error, what it drops and what it leaves.
func TestAAL2Errors(t *testing.T) {
	// Three packets of 40 octets: p0 | p0 p1 | p1 p2 | p2 pad, and a fourth
	// in a cell of its own.
	build := func() [][]byte {
		s, _ := newAAL2(t, 45, time.Second)
		var cells [][]byte
		for i := range 3 {
			cells = append(cells, s.send(t, 0, 8, 0, bytes.Repeat([]byte{byte(i + 1)}, 45))...)
		}
		last := make([]byte, PayloadSize)
		if n, err := s.Flush(last); n == 0 || err != nil {
			t.Fatal(n, err)
		}
		cells = append(cells, bytes.Clone(last))
		s.send(t, 0, 8, 0, []byte{4, 4})
		if n, err := s.Flush(last); n == 0 || err != nil {
			t.Fatal(n, err)
		}
		return append(cells, last)
	}
	restart := func(c []byte, offset int, sn uint8) { c[0] = uint8(MakeAAL2Start(offset, sn)) }
	for _, tt := range []struct {
		name   string
		damage func(cells [][]byte) [][]byte
		want   string // first octets of the packets delivered
		stats  AAL2Stats
	}{
		{"none", func(c [][]byte) [][]byte { return c }, "1234", AAL2Stats{}},
		{"0 parity", func(c [][]byte) [][]byte { c[1][0] ^= 1; return c }, "34", AAL2Stats{Parity: 1, Partial: 1}},
		{"1 sequence", func(c [][]byte) [][]byte { return append(c[:1:1], c[2:]...) }, "34", AAL2Stats{Sequence: 1, Partial: 1}},
		{"1 sequence, no start", func(c [][]byte) [][]byte {
			restart(c[1], 47, 0)
			return c
		}, "34", AAL2Stats{Sequence: 2, Partial: 1}},
		{"2 offset too large", func(c [][]byte) [][]byte { restart(c[3], 5, 1); return c }, "124", AAL2Stats{Mismatch: 1, Partial: 1}},
		{"2 offset too small", func(c [][]byte) [][]byte { restart(c[2], 1, 0); return c }, "14", AAL2Stats{Mismatch: 1, Partial: 1, HEC: 1}},
		{"2 offset without straddling", func(c [][]byte) [][]byte { restart(c[4], 1, 0); return c }, "123", AAL2Stats{Mismatch: 1, HEC: 1}},
		{"3 offset", func(c [][]byte) [][]byte { restart(c[1], 48, 1); return c }, "34", AAL2Stats{Offset: 1, Partial: 1}},
		{"4 HEC", func(c [][]byte) [][]byte { c[0][1] ^= 1; return c }, "234", AAL2Stats{HEC: 1}},
		{"7 straddling HEC", func(c [][]byte) [][]byte {
			// p1's header: one octet at the end of the first cell would do,
			// made here by moving the parts of the second.
			s, _ := newAAL2(t, 45, time.Second)
			a := s.send(t, 0, 8, 0, bytes.Repeat([]byte{1}, 43))
			a = append(a, s.send(t, 0, 8, 0, bytes.Repeat([]byte{2}, 10))...)
			a = append(a, s.send(t, 0, 8, 0, bytes.Repeat([]byte{3}, 40))...)
			a[1][2] ^= 0x10
			return a
		}, "1", AAL2Stats{StraddleHEC: 1, Partial: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, r := newAAL2(t, 45, 0)
			got := ""
			for _, pkt := range r.load(t, tt.damage(build())...) {
				got += pkt[5:6]
			}
			r.abandon()
			st := r.Stats()
			st.Cells, st.Packets = 0, 0
			if got != tt.want || st != tt.stats {
				t.Errorf("packets %s, stats %+v\nwant %s, %+v", got, st, tt.want, tt.stats)
			}
		})
	}
}

// 5, and channels that nobody has: the packet is dropped, the next is not.
func TestAAL2Unwanted(t *testing.T) {
	s, _ := newAAL2(t, 64, time.Second)
	var cids AAL2CIDs
	cids.Add(8)
	r, err := MakeAAL2Receiver(45, cids)
	if err != nil {
		t.Fatal(err)
	}
	var cells [][]byte
	for i, size := range []int{10, 46, 45, 64} {
		cells = append(cells, s.send(t, 0, 8, uint8(i), make([]byte, size))...)
		cells = append(cells, s.send(t, 0, 9, uint8(i), make([]byte, size%45+1))...)
	}
	last := make([]byte, PayloadSize)
	if n, err := s.Flush(last); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	got := r.load(t, append(cells, last)...)
	if len(got) != 2 || got[0][:4] != "8/0 " || got[1][:4] != "8/2 " {
		t.Errorf("received %v", got)
	}
	st := r.Stats()
	if st.Oversize != 2 || st.UnknownCID != 4 || st.HEC+st.Mismatch+st.StraddleHEC != 0 {
		t.Errorf("stats %+v", st)
	}
}
