package modules

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/aal"
)

// What a port of 1,000 cells a second promises: TM 4.1, 5.2, by the rates that each category
// reserves.
func TestAdmission(t *testing.T) {
	cbr := func(n uint32) aal.Contract { return aal.Contract{Category: aal.CBR, PCR: n} }
	vbr := func(pcr, scr uint32) aal.Contract {
		return aal.Contract{Category: aal.VBR, PCR: pcr, SCR: scr, MBS: 10}
	}
	type step struct {
		c    aal.Contract
		want string // in the refusal; empty: admitted
	}
	for _, test := range []struct {
		name string
		Capacity
		steps []step
	}{
		{"peak over the port's", Capacity{Rate: 1000}, []step{{cbr(1001), "peak of 1001"}, {vbr(1001, 10), "peak of 1001"}}},
		{"CBR reserves its peak", Capacity{Rate: 1000}, []step{{cbr(600), ""}, {cbr(401), "400 of the 1000"}, {cbr(400), ""}, {cbr(1), "0 of the 1000"}}},
		{"VBR reserves its sustained rate", Capacity{Rate: 1000}, []step{{vbr(900, 500), ""}, {vbr(900, 500), ""}, {vbr(900, 1), "0 of the 1000"}}},
		{"UBR reserves nothing", Capacity{Rate: 1000}, []step{{cbr(1000), ""}, {aal.Contract{PCR: 9999}, ""}, {aal.Contract{}, ""}}},
		{"UBR with a minimum reserves that", Capacity{Rate: 1000}, []step{
			{aal.Contract{Category: aal.UBRMCR, PCR: 900, MCR: 700, MBS: 9, Tagging: true}, ""}, {cbr(301), "300 of the 1000"}}},
		{"part of the rate", Capacity{Rate: 1000, Most: 80}, []step{{cbr(801), "800 of the 800"}, {cbr(800), ""}}},
		{"share of a class", Capacity{Rate: 1000, Shares: [Classes]uint8{ClassCBR: 30}}, []step{
			{cbr(301), "300 of the 300 that cbr"}, {cbr(300), ""}, {vbr(900, 700), ""}, {vbr(1, 1), "0 of the 1000"}}},
		{"unknown rate", Capacity{}, []step{{cbr(1 << 30), ""}, {cbr(1 << 30), ""}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := admission{Capacity: test.Capacity}
			for i, s := range test.steps {
				err := a.admit(&s.c)
				if (err == nil) != (s.want == "") || err != nil && (!errors.Is(err, ErrAdmission) || !strings.Contains(err.Error(), s.want)) {
					t.Errorf("step %d, %v: %v, want %q", i, s.c, err, s.want)
				}
			}
		})
	}
}

// Whatever comes and goes, no more is reserved than may be, and in the end nothing is.
func TestAdmissionGivesBack(t *testing.T) {
	rnd := rand.New(rand.NewPCG(seed(t), 9))
	a := admission{Capacity: Capacity{Rate: 100_000, Most: 90, Shares: [Classes]uint8{50, 40, 30, 20}}}
	var in []aal.Contract
	refused := 0
	for range 5000 {
		if n := len(in); n > 0 && rnd.IntN(2) == 0 {
			i := rnd.IntN(n)
			a.release(&in[i])
			in[i] = in[n-1]
			in = in[:n-1]
			continue
		}
		rate := 1 + rnd.Uint32N(9000)
		c := aal.Contract{Category: aal.Category(rnd.IntN(5)), PCR: 2 * rate, SCR: rate, MCR: rate}
		if err := a.admit(&c); err != nil {
			refused++
			continue
		}
		in = append(in, c)
		total := uint64(0)
		for class, n := range a.reserved {
			total += n
			if share := uint64(a.Shares[class]) * 1000; n > share {
				t.Fatalf("%s: %d reserved of %d", Class(class), n, share)
			}
		}
		if total > 90_000 {
			t.Fatalf("%d reserved", total)
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
	for i := range in {
		a.release(&in[i])
	}
	if a.reserved != [Classes]uint64{} {
		t.Errorf("%v reserved by nobody", a.reserved)
	}
}
