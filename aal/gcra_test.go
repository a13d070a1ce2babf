package aal

import (
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"
)

func perSecond(t testing.TB, rate uint32) Interval {
	t.Helper()
	i, err := PerSecond(rate)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func newGCRA(t testing.TB, i Interval, limit time.Duration) *GCRA {
	t.Helper()
	g, err := MakeGCRA(i, limit)
	if err != nil {
		t.Fatal(err)
	}
	return &g
}

func newBucket(t testing.TB, i Interval, limit time.Duration) *LeakyBucket {
	t.Helper()
	b, err := MakeLeakyBucket(i, limit)
	if err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestGCRAErrors(t *testing.T) {
	i := perSecond(t, 1)
	for name, err := range map[string]error{
		"rate 0":             second(PerSecond(0)),
		"interval 0":         second(Every(0)),
		"no interval":        second(MakeGCRA(Interval{}, 0)),
		"negative":           second(MakeGCRA(i, -1)),
		"no interval bucket": second(MakeLeakyBucket(Interval{}, 0)),
		"negative bucket":    second(MakeLeakyBucket(i, -1)),
	} {
		if !errors.Is(err, ErrRate) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// I.371: a cell conforms unless ta < TAT - tau; then TAT = max(ta, TAT) + T,
// else TAT stays. T is 10 and tau 15 here.
func TestGCRARule(t *testing.T) {
	ten, err := Every(10)
	if err != nil {
		t.Fatal(err)
	}
	g, b := newGCRA(t, ten, 15), newBucket(t, ten, 15)
	for _, tt := range []struct {
		at   time.Duration
		want bool
		tat  time.Duration
	}{
		{100, true, 110}, // the first conforms
		{100, true, 120}, // 110-15 <= 100
		{104, false, 120},
		{105, true, 130}, // TAT - tau itself conforms
		{114, false, 130},
		{114, false, 130}, // a refusal changes nothing
		{140, true, 150},  // late: TAT = ta + T
		{140, true, 160},
		{145, true, 170},
		{154, false, 170},
		{1000, true, 1010}, // no credit from silence
		{1000, true, 1020},
		{1000, false, 1020},
	} {
		e := g.Earliest()
		v, l := g.Arrive(tt.at), b.Arrive(tt.at)
		if v != tt.want || l != tt.want || g.tat != tt.tat {
			t.Errorf("at %d: %v, bucket %v, TAT %d; want %v, TAT %d", tt.at, v, l, g.tat, tt.want, tt.tat)
		}
		if g.started && tt.at > 100 && v != (tt.at >= e) {
			t.Errorf("at %d: earliest was %d", tt.at, e)
		}
	}
}

// The two algorithms, and the rule in exact rationals, agree on random
// arrivals at random rates and tolerances.
func TestGCRAAgree(t *testing.T) {
	rng := seeded(t)
	for round := range 200 {
		rate := 1 + rng.Uint32N(1<<(1+rng.IntN(31)))
		i := perSecond(t, rate)
		interval := big.NewRat(int64(time.Second), int64(rate))
		limit := time.Duration(rng.Int64N(1 + int64(20*i.whole+20)))
		g, b := newGCRA(t, i, limit), newBucket(t, i, limit)
		var now time.Duration
		var tat *big.Rat
		for n := range 300 {
			now += time.Duration(rng.Int64N(2*int64(i.whole) + 3))
			if rng.IntN(50) == 0 {
				now += 30 * i.whole
			}
			ta := new(big.Rat).SetInt64(int64(now))
			if tat == nil {
				tat = ta
			}
			want := ta.Cmp(new(big.Rat).Sub(tat, new(big.Rat).SetInt64(int64(limit)))) >= 0
			if v, l := g.Arrive(now), b.Arrive(now); v != want || l != want {
				t.Fatalf("round %d, rate %d, limit %d, cell %d at %d: virtual scheduling %v, leaky bucket %v, want %v",
					round, rate, limit, n, now, v, l, want)
			}
			if want {
				if ta.Cmp(tat) > 0 {
					tat = ta
				}
				tat = new(big.Rat).Add(tat, interval)
			}
		}
	}
}

// Sent as early as they conform, the cells are exactly the rate's
// number: nothing drifts. 353,207 does not divide a second.
func TestGCRADoesNotDrift(t *testing.T) {
	const rate, seconds = 353_207, 20
	g := newGCRA(t, perSecond(t, rate), 0)
	g.Take(0)
	for n := 1; n < rate*seconds; n++ {
		g.Take(g.Earliest() - 1) // as if with an exact clock
	}
	if g.tat != seconds*time.Second || g.frac != 0 {
		t.Errorf("after %d s of cells TAT is %v and %d/%d ns", seconds, g.tat, g.frac, g.interval.den)
	}
}

// TM 4.1, 4.4: BT = (MBS-1)(1/SCR - 1/PCR), and a burst of MBS cells at the
// peak rate conforms where one more does not.
func TestBurstTolerance(t *testing.T) {
	for _, tt := range []struct {
		pcr, scr, mbs uint32
		want          time.Duration
	}{
		{1000, 500, 1, 0},
		{1000, 500, 2, time.Millisecond},
		{1000, 500, 101, 100 * time.Millisecond},
		{1000, 1000, 100, 0},
		{1000, 2000, 100, 0},
		{1000, 0, 100, 0},
		{353207, 100000, 32, 222_233}, // 222,232.8
		{3, 1, 2, 666_666_667},
		{1<<32 - 1, 1, 1<<32 - 1, maxTime},
	} {
		if got := BurstTolerance(tt.pcr, tt.scr, tt.mbs); got != tt.want {
			t.Errorf("PCR %d SCR %d MBS %d: BT %d, want %d", tt.pcr, tt.scr, tt.mbs, got, tt.want)
		}
	}
	rng := seeded(t)
	for range 300 {
		pcr := 10 + rng.Uint32N(400_000)
		scr := 1 + rng.Uint32N(pcr*9/10)
		mbs := 1 + rng.Uint32N(300)
		bt := BurstTolerance(pcr, scr, mbs)
		if got := MaxBurst(pcr, scr, bt); got != mbs {
			t.Fatalf("PCR %d SCR %d MBS %d: BT %d lets %d pass", pcr, scr, mbs, bt, got)
		}
		peak, sustained := newGCRA(t, perSecond(t, pcr), 0), newGCRA(t, perSecond(t, scr), bt)
		n := uint32(0)
		for now := time.Duration(0); n <= mbs+1 && sustained.Conforms(now); n++ {
			sustained.Take(now)
			peak.Take(now)
			now = peak.Earliest()
		}
		if n != mbs {
			t.Fatalf("PCR %d SCR %d MBS %d: a burst of %d conforms", pcr, scr, mbs, n)
		}
	}
	if MaxBurst(10, 10, 0) != 1<<32-1 || MaxBurst(10, 0, 5) != 1 || MaxBurst(10, 9, maxTime) != 1<<32-1 {
		t.Error("MaxBurst at its edges")
	}
}

func TestContract(t *testing.T) {
	ms := time.Millisecond
	for _, tt := range []struct {
		c    Contract
		want string // "" when inconsistent
	}{
		{Contract{}, "ubr UBR.1 cdvt 0s"},
		{Contract{PCR: 9, CDVT: ms}, "ubr UBR.1 pcr 9 cdvt 1ms"},
		{Contract{Tagging: true}, "ubr UBR.2 cdvt 0s"},
		{Contract{CDVT: -1}, ""},
		{Contract{CDVT: maxTime + 1}, ""},
		{Contract{SCR: 1}, ""},
		{Contract{CLP0: true}, ""},
		{Contract{Category: CBR, PCR: 9}, "cbr CBR.1 pcr 9 cdvt 0s"},
		{Contract{Category: CBR}, ""},
		{Contract{Category: CBR, PCR: 9, Tagging: true}, ""},
		{Contract{Category: CBR, PCR: 9, MBS: 1}, ""},
		{Contract{Category: RealTimeVBR, PCR: 9, SCR: 3, MBS: 2}, "rt-vbr VBR.1 pcr 9 scr 3 mbs 2 cdvt 0s"},
		{Contract{Category: VBR, PCR: 9, SCR: 3, MBS: 2, CLP0: true}, "nrt-vbr VBR.2 pcr 9 scr 3 mbs 2 cdvt 0s"},
		{Contract{Category: VBR, PCR: 9, SCR: 3, MBS: 2, CLP0: true, Tagging: true}, "nrt-vbr VBR.3 pcr 9 scr 3 mbs 2 cdvt 0s"},
		{Contract{Category: VBR, PCR: 9, SCR: 3, MBS: 2, Tagging: true}, ""},
		{Contract{Category: VBR, PCR: 9, SCR: 10, MBS: 2}, ""},
		{Contract{Category: VBR, PCR: 9, SCR: 3}, ""},
		{Contract{Category: VBR, PCR: 9, MBS: 3}, ""},
		{Contract{Category: UBRMCR, PCR: 9, MCR: 3, MBS: 2, Tagging: true}, "ubr+ UBR+MCR pcr 9 mcr 3 mbs 2 cdvt 0s"},
		{Contract{Category: UBRMCR, PCR: 9, MCR: 3, MBS: 2}, ""},
		{Contract{Category: UBRMCR, PCR: 9, MBS: 2, Tagging: true}, ""},
		{Contract{Category: numCategories, PCR: 9}, ""},
	} {
		err := tt.c.Check()
		_, perr := MakePolicer(tt.c)
		_, serr := MakeShaper(tt.c, 0)
		if tt.want == "" {
			if !errors.Is(err, ErrContract) || !errors.Is(perr, ErrContract) || !errors.Is(serr, ErrContract) {
				t.Errorf("%v: %v, policer %v, shaper %v", tt.c, err, perr, serr)
			}
			continue
		}
		if err != nil || perr != nil || serr != nil || tt.c.String() != tt.want {
			t.Errorf("%v, want %s; %v %v %v", tt.c, tt.want, err, perr, serr)
		}
	}
}

// TM 4.1, 4.5: each conformance definition. The peak is 1,000 a second, the
// sustained rate 500 with bursts of 2. A cell is its time in milliseconds
// and its CLP; the verdict p, t or d.
func TestPolicer(t *testing.T) {
	vbr := Contract{Category: VBR, PCR: 1000, SCR: 500, MBS: 2}
	vbr2, vbr3 := vbr, vbr
	vbr2.CLP0 = true
	vbr3.CLP0, vbr3.Tagging = true, true
	for _, tt := range []struct {
		c     Contract
		cells string
		want  string
	}{
		{Contract{}, "0:0 0:0 0:1", "ppp"},
		{Contract{PCR: 1000}, "0:0 0:0 1:1 1:1", "pdpd"},
		{Contract{Tagging: true}, "0:0 0:1", "tp"},
		{Contract{PCR: 1000, Tagging: true}, "0:0 0:0 1:1 1:0", "tdpd"},
		{Contract{Category: CBR, PCR: 1000}, "0:0 0:1 1:1 2:0 2:0", "pdppd"},
		{Contract{Category: CBR, PCR: 1000, CDVT: time.Millisecond}, "0:0 0:0 0:0 1:0 1:0", "ppdpd"},
		// SCR tolerance 1 ms: at 0, 1 a burst of two, the third at 2 too early.
		{vbr, "0:0 1:0 2:0 3:0 4:0 5:1", "ppdpdp"},
		{vbr2, "0:0 1:0 2:0 2:1 3:0 3:0 3:1", "ppdppdd"},
		{vbr3, "0:0 1:0 2:0 2:0 3:0 4:1 5:0", "pptdppp"},
		{Contract{Category: UBRMCR, PCR: 1000, MCR: 500, MBS: 2, Tagging: true}, "0:0 1:0 2:0 2:0 3:0 4:1", "pptdpp"},
	} {
		p, err := MakePolicer(tt.c)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		var counts [numVerdicts]uint64
		for i := 0; i+3 <= len(tt.cells); i += 4 {
			at := time.Duration(tt.cells[i]-'0') * time.Millisecond
			v := p.Police(at, tt.cells[i+2] == '1')
			counts[v]++
			got += v.String()[:1]
		}
		if got != tt.want {
			t.Errorf("%v: %s gives %s, want %s", tt.c, tt.cells, got, tt.want)
		}
		for v := range numVerdicts {
			if p.Count(v) != counts[v] {
				t.Errorf("%v: %d counted as %v, want %d", tt.c, p.Count(v), v, counts[v])
			}
		}
	}
}

// A cell that one bucket refuses counts in neither (TM 4.1, 4.5: the buckets
// are coordinated).
func TestPolicerCoordinated(t *testing.T) {
	p, err := MakePolicer(Contract{Category: VBR, PCR: 1000, SCR: 100, MBS: 1})
	if err != nil {
		t.Fatal(err)
	}
	p.Police(0, false)
	peak, second := p.peak, p.second
	for ms := range time.Duration(10) {
		if v := p.Police(ms*time.Millisecond, false); v != Discard {
			t.Errorf("at %d ms: %v", ms, v)
		}
	}
	if p.peak != peak || p.second != second {
		t.Error("a refused cell counted")
	}
	if v := p.Police(10*time.Millisecond, false); v != Pass {
		t.Error(v)
	}
}

func FuzzGCRA(f *testing.F) {
	f.Add(uint32(353207), int64(1000), []byte{0, 1, 200, 255, 3})
	f.Add(uint32(3), int64(0), []byte{0, 0, 255})
	f.Fuzz(func(t *testing.T, rate uint32, limit int64, gaps []byte) {
		i, err := PerSecond(rate)
		if err != nil {
			return
		}
		limit &= 1<<40 - 1
		g, b := newGCRA(t, i, time.Duration(limit)), newBucket(t, i, time.Duration(limit))
		var now time.Duration
		for _, gap := range gaps {
			now += time.Duration(gap) * (i.whole/64 + 1)
			e := g.Earliest()
			was := g.started
			if v, l := g.Arrive(now), b.Arrive(now); v != l || was && v != (now >= e) {
				t.Fatalf("at %d: %v and %v, earliest %d", now, v, l, e)
			}
		}
	})
}

func TestGCRAAllocs(t *testing.T) {
	p, err := MakePolicer(Contract{Category: VBR, PCR: 1000, SCR: 500, MBS: 2})
	if err != nil {
		t.Fatal(err)
	}
	s, err := MakeShaper(Contract{Category: VBR, PCR: 1000, SCR: 500, MBS: 2}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var now time.Duration
	if n := testing.AllocsPerRun(1000, func() {
		now += 700 * time.Microsecond
		p.Police(now, false)
		s.Take(now, 3)
		s.Next(now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkGCRA(b *testing.B) {
	b.Run("virtual scheduling", func(b *testing.B) {
		b.ReportAllocs()
		g := newGCRA(b, perSecond(b, 353207), 10000)
		var now time.Duration
		for b.Loop() {
			now += 2500
			g.Arrive(now)
		}
	})
	b.Run("leaky bucket", func(b *testing.B) {
		b.ReportAllocs()
		g := newBucket(b, perSecond(b, 353207), 10000)
		var now time.Duration
		for b.Loop() {
			now += 2500
			g.Arrive(now)
		}
	})
	for _, c := range []Contract{
		{Category: CBR, PCR: 353207, CDVT: 10000},
		{Category: VBR, PCR: 353207, SCR: 100000, MBS: 100, CLP0: true, Tagging: true, CDVT: 10000},
	} {
		b.Run(fmt.Sprint("police ", c.Definition()), func(b *testing.B) {
			b.ReportAllocs()
			p, err := MakePolicer(c)
			if err != nil {
				b.Fatal(err)
			}
			var now time.Duration
			for b.Loop() {
				now += 2500
				p.Police(now, false)
			}
		})
	}
}
