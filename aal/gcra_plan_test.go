package aal

import (
	"testing"
	"time"
	"unsafe"
)

// Connections under one plan are policed and shaped as each would be alone.
func TestPlansAreTheirMachines(t *testing.T) {
	rnd := seeded(t)
	for _, c := range []Contract{
		{Category: CBR, PCR: 1000, CDVT: time.Millisecond},
		{Category: VBR, PCR: 1000, SCR: 300, MBS: 20, CDVT: time.Millisecond},
		{Category: RealTimeVBR, PCR: 1000, SCR: 300, MBS: 20, CLP0: true, Tagging: true, CDVT: 3 * time.Millisecond},
		{Category: UBRMCR, PCR: 3000, MCR: 100, MBS: 5, Tagging: true},
		{Category: UBR, PCR: 700, Tagging: true},
		{Category: UBR},
	} {
		police, err := MakePolicePlan(c)
		if err != nil {
			t.Fatal(err)
		}
		shape, err := MakeShapePlan(c, c.CDVT/2)
		if err != nil {
			t.Fatal(err)
		}
		var state, shaped [2]Buckets
		var policers [2]Policer
		var shapers [2]Shaper
		for i := range 2 {
			policers[i], _ = MakePolicer(c)
			shapers[i], _ = MakeShaper(c, c.CDVT/2)
		}
		now := time.Duration(0)
		for range 5000 {
			now += time.Duration(rnd.IntN(1_500_000))
			i, clp := rnd.IntN(2), rnd.IntN(3) == 0
			if got, want := police.Police(&state[i], now, clp), policers[i].Police(now, clp); got != want {
				t.Fatalf("%v at %v: %v, want %v", c, now, got, want)
			}
			if got, want := shape.Next(&shaped[i], now), shapers[i].Next(now); got != want {
				t.Fatalf("%v at %v: next %v, want %v", c, now, got, want)
			}
			if got, want := shape.Take(&shaped[i], now), shapers[i].Take(now, 1) == 1; got != want {
				t.Fatalf("%v at %v: take %v, want %v", c, now, got, want)
			}
		}
	}
	if n := unsafe.Sizeof(Buckets{}); n != 32 {
		t.Errorf("%d octets a connection", n)
	}
}
