package modules

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/nic"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the fault tests; 0: from the clock")

// seed gives the run's seed and prints it, so that a failure can be repeated with -seed.
func seed(t *testing.T) uint64 {
	s := *seedFlag
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed=%d", s)
	return s
}

const faultFrames = 1000

// TestFaults loses, repeats, reorders and flips cells on the carrier. What arrives is
// what was sent, octet for octet; every PDU that is missing left a trace in a counter;
// no memory stays behind.
func TestFaults(t *testing.T) {
	s := seed(t)
	for _, mode := range []Mode{ModeN1, ModeN1CW} {
		for _, p := range []float64{0.01, 0.1, 0.5} {
			for name, f := range map[string]nic.FaultConfig{
				"loss":    {Loss: p},
				"repeat":  {Duplicate: p},
				"reorder": {Reorder: p},
				"flip":    {Flip: p},
				"all":     {Loss: p / 4, Duplicate: p / 4, Reorder: p / 4, Flip: p / 4},
			} {
				t.Run(fmt.Sprintf("%s/%s/%v", mode, name, p), func(t *testing.T) {
					f.Seed, f.Header, f.Unit = s, (&Encapsulation{Mode: mode}).Overhead(), aal.CellSize
					testFaults(t, mode, f, s)
				})
			}
		}
	}
}

func testFaults(t *testing.T, mode Mode, f nic.FaultConfig, s uint64) {
	clock := &testClock{}
	near, far, err := nic.NewWire(nic.WireConfig{MaxFrame: 1600})
	if err != nil {
		t.Fatal(err)
	}
	faults, err := nic.NewFaults(far, f)
	if err != nil {
		t.Fatal(err)
	}
	c := tunnelConfig{mode: mode, encap: aal.LLC, kind: aal.Bridged}
	a, b := newEnd(t, c, near, clock, 1, 2), newEnd(t, c, faults, clock, 2, 1)
	r := rand.New(rand.NewPCG(s, 1))
	sent := make([][]byte, faultFrames)
	arrived := make([]int, faultFrames)
	for i := range sent {
		sent[i] = frame(aal.Bridged, 18+r.IntN(1496), uint64(i))
		binary.BigEndian.PutUint32(sent[i][14:], uint32(i))
		send(t, a.host, sent[i])
		settle(a, b)
		for _, got := range receiveAll(t, b.host) {
			n := binary.BigEndian.Uint32(got[14:])
			if n >= faultFrames || !bytes.Equal(got, sent[n]) {
				t.Fatalf("frame %d: a frame arrived that was not sent", i)
			}
			arrived[n]++
		}
	}
	for range 3 { // what is under way for good times out
		clock.now += ReassemblyTimeout
		settle(a, b)
	}
	checkFaults(t, b, arrived, faults)
}

// checkFaults holds what is missing against the counters.
func checkFaults(t *testing.T, b *end, arrived []int, faults *nic.Faults) {
	t.Helper()
	missing := 0
	for _, n := range arrived {
		if n == 0 {
			missing++
		}
	}
	e := b.aal5.counts.events
	dropped := e[aal.EvCRC] + e[aal.EvLength] + e[aal.EvOverrun] + e[aal.EvAbort] + b.aal5.counts.timeouts + b.count(t, "rfc2684", "rx_drop_encapsulation")
	done := faults.FaultCounters()
	t.Logf("%d of %d missing; %+v; crc %d length %d overrun %d abort %d timeout %d, %d PDUs; unknown VC %d",
		missing, len(arrived), done, e[aal.EvCRC], e[aal.EvLength], e[aal.EvOverrun], e[aal.EvAbort],
		b.aal5.counts.timeouts, e[aal.EvPDU], b.count(t, "associations", "rx_drop_unknown_vc"))
	if missing == 0 && done != (nic.FaultCounters{}) && done.Duplicated == 0 {
		t.Error("faults were injected and nothing is missing")
	}
	// A lost end cell merges two PDUs and a run of lost ones more: never more than
	// the injector touched, and not without a drop.
	if missing > 0 && dropped == 0 {
		t.Errorf("%d frames are missing and no counter says why", missing)
	}
	if chunks, views := b.arena.Pool(0).InUse(); chunks > b.chunks+1 || views > 1 {
		t.Errorf("%d chunks and %d views are out, %d at the start", chunks, views, b.chunks)
	}
	if b.aal5.ras.Partial() {
		t.Error("a PDU is still under way")
	}
}

// TestFrameFaults does the same to whole frames in AAL5 SDU mode, where a frame is an
// SDU: what is lost is missing, what is repeated comes twice, nothing else changes.
func TestFrameFaults(t *testing.T) {
	s := seed(t)
	for _, p := range []float64{0.01, 0.1, 0.5} {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			near, far, err := nic.NewWire(nic.WireConfig{MaxFrame: 1600})
			if err != nil {
				t.Fatal(err)
			}
			faults, err := nic.NewFaults(far, nic.FaultConfig{Seed: s, Loss: p, Duplicate: p / 2, Reorder: p / 2})
			if err != nil {
				t.Fatal(err)
			}
			c := tunnelConfig{mode: ModeAAL5SDU, encap: aal.VCMux, kind: aal.Routed}
			clock := &testClock{}
			a, b := newEnd(t, c, near, clock, 1, 2), newEnd(t, c, faults, clock, 2, 1)
			arrived := 0
			for i := range faultFrames {
				want := frame(aal.Routed, 24+i%1400, uint64(i))
				binary.BigEndian.PutUint32(want[4:], uint32(i))
				send(t, a.host, want)
				settle(a, b)
				for _, got := range receiveAll(t, b.host) {
					n := int(binary.BigEndian.Uint32(got[4:]))
					if !bytes.Equal(got[8:], frame(aal.Routed, 24+n%1400, uint64(n))[8:]) {
						t.Fatalf("frame %d: a frame arrived that was not sent", n)
					}
					arrived++
				}
			}
			done := faults.FaultCounters()
			want := faultFrames - int(done.Lost) + int(done.Duplicated)
			if arrived != want && arrived != want-1 { // one may be held back for reordering
				t.Errorf("%d frames arrived, want %d: %+v", arrived, want, done)
			}
		})
	}
}
