package aal

import (
	"errors"
	"testing"
	"time"
)

var shaped = []struct {
	name string
	c    Contract
	rate float64 // cells a second in the long run
}{
	{"CBR", Contract{Category: CBR, PCR: 353_207, CDVT: 50 * time.Microsecond}, 353_207},
	{"slow CBR", Contract{Category: CBR, PCR: 171, CDVT: time.Millisecond}, 171},
	{"VBR", Contract{Category: VBR, PCR: 100_000, SCR: 30_000, MBS: 50, CDVT: 100 * time.Microsecond}, 30_000},
	{"VBR.3", Contract{
		Category: RealTimeVBR, PCR: 9_999, SCR: 7_777, MBS: 5, CDVT: 200 * time.Microsecond,
		CLP0: true, Tagging: true,
	}, 7_777},
	{"UBR with a peak", Contract{PCR: 50_000, CDVT: 30 * time.Microsecond}, 50_000},
	{"UBR+MCR", Contract{Category: UBRMCR, PCR: 50_000, MCR: 100, MBS: 9, Tagging: true, CDVT: 30 * time.Microsecond}, 50_000},
}

func TestShaperErrors(t *testing.T) {
	for _, slack := range []time.Duration{-1, 2} {
		if _, err := MakeShaper(Contract{PCR: 1, CDVT: 1}, slack); !errors.Is(err, ErrContract) {
			t.Errorf("slack %d: %v", slack, err)
		}
	}
	s, err := MakeShaper(Contract{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if s.Take(5, 1000) != 1000 || s.Next(5) != 5 || s.Take(5, -1) != 0 {
		t.Error("UBR without a peak is held back")
	}
}

// Whenever the caller comes, what the shaper lets go passes the policer of
// the same contract; and when the caller comes within the slack, the rate is
// the contract's.
func TestShaperConforms(t *testing.T) {
	rng := seeded(t)
	for _, tt := range shaped {
		t.Run(tt.name, func(t *testing.T) {
			for _, late := range []time.Duration{0, tt.c.CDVT, 20 * tt.c.CDVT} {
				s, err := MakeShaper(tt.c, tt.c.CDVT)
				if err != nil {
					t.Fatal(err)
				}
				p, err := MakePolicer(tt.c)
				if err != nil {
					t.Fatal(err)
				}
				const cells = 20000
				start := 17 * time.Second
				now, sent := start, 0
				for sent < cells {
					n := s.Take(now, cells)
					for range n {
						if v := p.Police(now, false); v != Pass && tt.c.Category != UBRMCR || v == Discard {
							t.Fatalf("late by %v, cell %d at %v: %v", late, sent, now, v)
						}
					}
					sent += n
					now = s.Next(now)
					if late > 0 {
						now += time.Duration(rng.Int64N(int64(late)))
					}
				}
				rate := float64(sent-int(tt.c.MBS)) / (now - start).Seconds()
				if late <= tt.c.CDVT && (rate < tt.rate*0.995 || rate > tt.rate*1.005) || rate > tt.rate*1.005 {
					t.Errorf("late by %v: %.0f cells a second, want %.0f", late, rate, tt.rate)
				}
			}
		})
	}
}

// Without slack no two cells are closer than the peak; Next is the very first
// time at which Take lets one go.
func TestShaperSpaces(t *testing.T) {
	for _, tt := range shaped {
		s, err := MakeShaper(tt.c, 0)
		if err != nil {
			t.Fatal(err)
		}
		gap := perSecond(t, tt.c.PCR).whole
		now := time.Second
		if s.Take(now, 1) != 1 {
			t.Fatalf("%s: the first cell is held back", tt.name)
		}
		for n := range 2000 {
			at := s.Next(now)
			if at-now < gap {
				t.Fatalf("%s: cell %d comes %v after the one before", tt.name, n, at-now)
			}
			if s.Next(at) != at || s.Take(at-1, 1) != 0 || s.Take(at, 2) != 1 {
				t.Fatalf("%s: cell %d at %v: Next and Take disagree", tt.name, n, at)
			}
			now = at
		}
	}
}

// TM 4.1, 4.4: after silence a burst of MBS cells goes at the peak rate, then
// the sustained rate holds.
func TestShaperBurst(t *testing.T) {
	c := Contract{Category: VBR, PCR: 1000, SCR: 100, MBS: 10}
	s, err := MakeShaper(c, 0)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Hour
	for n := range 20 {
		at := s.Next(now)
		want := time.Millisecond
		if n >= 10 {
			want = 10 * time.Millisecond
		}
		if n > 0 && at-now != want {
			t.Errorf("cell %d comes %v after the one before, want %v", n, at-now, want)
		}
		if s.Take(at, 1) != 1 {
			t.Fatal("held back")
		}
		now = at
	}
}

func BenchmarkShaper(b *testing.B) {
	b.ReportAllocs()
	s, err := MakeShaper(Contract{Category: VBR, PCR: 353207, SCR: 353206, MBS: 100, CDVT: time.Millisecond}, time.Millisecond)
	if err != nil {
		b.Fatal(err)
	}
	var now time.Duration
	for b.Loop() {
		now += 3000
		s.Take(now, 1)
	}
}
