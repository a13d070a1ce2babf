package aal

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"testing"
)

// The vectors: SN to octet, 0 to 15.
func TestAAL1Vectors(t *testing.T) {
	want := unhex(t, "00172D3A4E5963748B9CA6B1C5D2E8FF")
	for sn := range AAL1SN(16) {
		if got := sn.Octet(); got != want[sn] {
			t.Errorf("SN %d: %02X, want %02X", sn, got, want[sn])
		}
		if again := MakeAAL1SN(sn.CSI(), sn.Count()); again != sn {
			t.Errorf("SN %d became %d", sn, again)
		}
	}
	if s := AAL1SN(11).String(); s != "SC 3 CSI 1" {
		t.Error(s)
	}
}

// I.363.1, 2.4.2: in correction mode no error and one error are valid, more
// are not; in detection mode any error is invalid; only an octet without
// error leads back to correction.
func TestAAL1Decoder(t *testing.T) {
	for o := range 256 {
		nearest, distance := AAL1SN(0), 9
		for sn := range AAL1SN(16) {
			if d := bits.OnesCount8(uint8(o) ^ sn.Octet()); d < distance {
				nearest, distance = sn, d
			}
		}
		for _, detecting := range []bool{false, true} {
			d := AAL1Decoder{detecting: detecting}
			h := d.Decode(uint8(o))
			wantValid := distance == 0 || distance == 1 && !detecting
			if h.Valid != wantValid || h.Valid && h.SN != nearest || h.Corrected != (wantValid && distance == 1) {
				t.Errorf("octet %02X, %d bits from SN %d, detecting %v: %+v", o, distance, nearest, detecting, h)
			}
			if d.detecting != (distance != 0) {
				t.Errorf("octet %02X: detecting %v afterwards", o, d.detecting)
			}
		}
	}
}

// I.363.1, 2.5.2: offset 0 to 93 or 127 under even parity.
func TestAAL1Pointer(t *testing.T) {
	for o := range 256 {
		off, err := ParseAAL1Pointer(uint8(o), false)
		good := bits.OnesCount(uint(o))%2 == 0 && (o&127 <= 93 || o&127 == 127)
		if good != (err == nil) || good && int(off) != o&127 {
			t.Errorf("octet %02X: offset %d, %v", o, off, err)
		}
		if good && PutAAL1Pointer(off) != uint8(o) {
			t.Errorf("offset %d is written %02X, want %02X", off, PutAAL1Pointer(off), o)
		}
		if !good && !errors.Is(err, ErrAAL1Pointer) {
			t.Errorf("octet %02X: %v", o, err)
		}
	}
	if off, err := ParseAAL1Pointer(127, true); err != nil || off != AAL1PointerDummy {
		t.Errorf("pointer of 1993: %d, %v", off, err)
	}
	if _, err := ParseAAL1Pointer(0x80|3, true); err == nil {
		t.Error("wrong parity accepted because of the option")
	}
}

// I.363.1, 2.5.2: the pointer goes exactly once in a cycle, in an even count
// with CSI 1, at the first opportunity; 93 and 127 only at the last.
func TestAAL1PointerPlaces(t *testing.T) {
	blocks := []int{1, 2, 46, 47, 92, 93, 94, 95, 140, 186, 187, 375, 376, 500, 744, 1000, MaxAAL1Block}
	for b := 3; b < 400; b += 7 {
		blocks = append(blocks, b)
	}
	for _, block := range blocks {
		s, err := MakeAAL1Sender(block)
		if err != nil {
			t.Fatal(err)
		}
		at, pointers, missed := 0, 0, false // octets sent so far
		payload := make([]byte, PayloadSize)
		for cell := range 8 * 40 {
			sc := cell % 8
			if sc == 0 {
				if cell > 0 && block > 1 && pointers != 1 {
					t.Fatalf("block %d: %d pointers in the cycle before cell %d", block, pointers, cell)
				}
				pointers, missed = 0, false
			}
			n := s.Need()
			if err := s.Cell(payload, make([]byte, n)); err != nil {
				t.Fatal(err)
			}
			ahead := (block - at%block) % block
			if csi := payload[0]&0x80 != 0; csi {
				pointers++
				off := int(payload[1] & 127)
				if sc%2 == 1 || n != 46 || missed {
					t.Fatalf("block %d cell %d: pointer with %d octets, opportunity missed: %v", block, cell, n, missed)
				}
				switch {
				case off == 127 && sc == 6 && ahead > 93:
				case off == 93 && sc == 6 && ahead == 93:
				case off < 93 && off == ahead:
				default:
					t.Fatalf("block %d cell %d: pointer %d, block starts in %d", block, cell, off, ahead)
				}
			} else if n != 47 {
				t.Fatalf("block %d cell %d: %d octets without pointer", block, cell, n)
			} else if sc%2 == 0 && ahead < 93 && pointers == 0 && block > 1 {
				missed = true
			}
			at += n
		}
		if missed {
			t.Errorf("block %d: an opportunity was missed", block)
		}
	}
}

func TestAAL1SenderErrors(t *testing.T) {
	if _, err := MakeAAL1Sender(MaxAAL1Block + 1); !errors.Is(err, ErrAAL1Block) {
		t.Error(err)
	}
	if _, err := MakeAAL1Receiver(AAL1Config{Block: -1}); !errors.Is(err, ErrAAL1Block) {
		t.Error(err)
	}
	var s AAL1Sender
	if err := s.Cell(make([]byte, 47), make([]byte, 47)); !errors.Is(err, ErrPayloadSize) {
		t.Error(err)
	}
	if err := s.Cell(make([]byte, 48), make([]byte, 46)); !errors.Is(err, ErrAAL1User) {
		t.Error(err)
	}
	r, err := MakeAAL1Receiver(AAL1Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Receive(make([]byte, MaxAAL1Output), make([]byte, 47)); !errors.Is(err, ErrPayloadSize) {
		t.Error(err)
	}
	if _, err := r.Receive(make([]byte, MaxAAL1Output-1), make([]byte, 48)); !errors.Is(err, ErrAAL1User) {
		t.Error(err)
	}
}

// I.363.1, III.2: each state, each kind of arrival. A letter is a cell: its
// count, or x for a header that cannot be read.
func TestAAL1Sequence(t *testing.T) {
	for _, tt := range []struct {
		name, cells string
		robust      string // verdicts on the cells before: see verdict
		fast        string // verdicts on the cells themselves
		state       string
	}{
		{"start to sync", "x01", "--0", "--1", "sync"},
		{"start to out of sync and back", "0x", "--", "--", "start"},
		{"out of sync, out of sequence", "024", "---", "---", "out of sync"},
		{"in sequence", "0123456701", "-012345670", "-123456701", "sync"},
		{"unreadable in sequence", "012x45", "-012?4", "-12?45", "sync"},
		{"unreadable is stray", "012x34", "-012s3", "-12?s4", "sync"},
		{"two unreadable", "012xx", "-012-", "-12?-", "start"},
		{"unreadable, then far off", "012x7", "-012-", "-12?-", "out of sync"},
		{"one lost", "012456", "-012+45", "-12?+56", "sync"},
		{"six lost", "0123234", "-0123++++++23", "-123?++++++34", "sync"},
		{"one misinserted", "012634", "-012s3", "-12?s4", "sync"},
		{"number wrong but passed", "012645", "-012?4", "-12?45", "sync"},
		{"seven lost are one misinserted", "01223", "-012s", "-12?s", "sync"},
		{"out of sequence twice", "01262", "-012-", "-12?-", "out of sync"},
		{"out of sequence, then unreadable", "0126x", "-012-", "-12?-", "start"},
	} {
		for _, fast := range []bool{false, true} {
			s := AAL1Sequence{Fast: fast}
			got, want := "", tt.robust
			if fast {
				want = tt.fast
			}
			for _, c := range tt.cells {
				got += verdict(s.Step(uint8(c-'0'), c != 'x'))
			}
			if got != want || s.String() != tt.state {
				t.Errorf("%s, fast %v: %s ends in %v, want %s, %s", tt.name, fast, got, &s, want, tt.state)
			}
		}
	}
}

// verdict prints - for a break, s for a stray, + for each dummy and the place
// of an accepted cell, ? when that is assumed.
func verdict(v AAL1Verdict) string {
	switch {
	case v.Break:
		return "-"
	case v.Stray:
		return "s"
	case v.Assumed:
		return "?"
	}
	return fmt.Sprintf("%s%d", bytes.Repeat([]byte("+"), int(v.Dummies)), v.Count)
}

func FuzzAAL1Header(f *testing.F) {
	f.Add([]byte{0x00, 0x17, 0x2D, 0x2C, 0x4E})
	f.Fuzz(func(t *testing.T, octets []byte) {
		var d AAL1Decoder
		bad := false
		for _, o := range octets {
			h := d.Decode(o)
			dist := bits.OnesCount8(o ^ h.SN.Octet())
			if h.Valid && (dist > 1 || dist == 1 && bad) {
				t.Fatalf("octet %02X taken for %v", o, h.SN)
			}
			bad = !h.Valid || h.Corrected
		}
	})
}
