package aal

import (
	"errors"
	"fmt"
	"math/bits"
	"testing"
)

// mulDiv gives a*b/c without overflow.
func mulDiv(a, b, c uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	q, _ := bits.Div64(hi, lo, c)
	return q
}

// I.363.1, 2.5.2: f_nx = f_n/2^x, at least f_s and below 2 f_s.
func TestSRTSShift(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hz    uint64
		shift uint
	}{
		{"64 kbit/s", 64_000, 11},
		{"DS1", 1_544_000, 6},
		{"E1", 2_048_000, 6},
		{"E3", 34_368_000, 2},
		{"DS3", 44_736_000, 1},
		{"half the network clock", 77_760_000, 1},
		{"the network clock", 155_520_000, 0},
	} {
		s, err := MakeSRTS(tt.hz)
		if err != nil || s.Shift() != tt.shift {
			t.Errorf("%s: x = %d (%v), want %d", tt.name, s.Shift(), err, tt.shift)
		}
		if low := tt.hz << s.Shift(); low > 155_520_000 || 2*low <= 155_520_000 {
			t.Errorf("%s: f_nx is not 1 to 2 times f_s", tt.name)
		}
	}
	for _, hz := range []uint64{0, 155_520_001} {
		if _, err := MakeSRTS(hz); !errors.Is(err, ErrSRTSClock) {
			t.Errorf("%d Hz: %v", hz, err)
		}
	}
}

// Stamps of a service clock that is off by parts in a million, with some
// missing, give the exact count of network cycles and the rate.
func TestSRTSRecovery(t *testing.T) {
	const periods = 4000
	for _, hz := range []uint64{64_000, 1_544_000, 2_048_000, 34_368_000, 44_736_000, 139_264_000} {
		for _, ppm := range []int64{-200, -50, 0, 1, 50, 200} {
			t.Run(fmt.Sprintf("%d Hz %+d ppm", hz, ppm), func(t *testing.T) {
				s, err := MakeSRTS(hz)
				if err != nil {
					t.Fatal(err)
				}
				microhertz := uint64(int64(hz)*1_000_000 + int64(hz)*ppm)
				r := MakeSRTSReceiver(s)
				var first, last, sum uint64
				for i := range uint64(periods) {
					count := mulDiv(i*SRTSPeriod, srtsNetworkHz*1_000_000, microhertz)
					if i%100 == 42 || i%100 == 43 || i%1000 > 995 {
						r.Miss()
						continue
					}
					m, ok := r.Stamp(s.Stamp(count))
					if ok != (i != 0) {
						t.Fatalf("stamp %d: %v", i, ok)
					}
					if i == 0 {
						first = count >> s.Shift()
					}
					last = count >> s.Shift()
					if sum += m; sum != last-first {
						t.Fatalf("stamp %d: %d cycles, want %d", i, sum, last-first)
					}
				}
				got, want := int64(r.Rate()), int64(microhertz)
				if d := got - want; d < -want/1_000_000 || d > want/1_000_000 {
					t.Errorf("rate %d, want %d millionths of a hertz", got, want)
				}
			})
		}
	}
}

// After too long a gap the count starts anew rather than be wrong.
func TestSRTSGap(t *testing.T) {
	s, err := MakeSRTS(2_048_000)
	if err != nil {
		t.Fatal(err)
	}
	r := MakeSRTSReceiver(s)
	if r.Rate() != 0 {
		t.Error("a rate before any stamp")
	}
	r.Stamp(3)
	for range maxSRTSGap + 1 {
		r.Miss()
	}
	if _, ok := r.Stamp(3); ok {
		t.Error("counted over a long gap")
	}
	if _, ok := r.Stamp(4); !ok {
		t.Error("not started anew")
	}
}

func FuzzSRTS(f *testing.F) {
	f.Add(uint64(2_048_000), []byte{0, 1, 15, 255})
	f.Fuzz(func(t *testing.T, hz uint64, stamps []byte) {
		s, err := MakeSRTS(hz)
		if err != nil {
			return
		}
		r := MakeSRTSReceiver(s)
		for _, b := range stamps {
			if b == 255 {
				r.Miss()
				continue
			}
			if m, ok := r.Stamp(b); ok && m == 0 {
				t.Fatal("no cycles in a period")
			}
			r.Rate()
		}
	})
}
