package modules

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/nic"
)

// The end of a segment at a port: behind each block of user cells that leave, held back by a rate or not, of a channel
// or of a path, goes a forward monitoring cell whose counts and BIP-16 are those of a plain sum; cells of management do
// not count (I.610, 9.2.1 and 10.3.1).
func TestPerformanceOfWhatLeaves(t *testing.T) {
	for _, rate := range []uint32{0, 1e7} {
		for _, whole := range []bool{false, true} {
			t.Run(fmt.Sprint(rate, whole), func(t *testing.T) {
				out := label(16)
				out.Rate = rate
				r := newSwitchRigOf(t, 1, nic.WireConfig{MaxFrame: 1500, Depth: 1024}, CarrierConfig{Ports: []PortConfig{label(16)}}, CarrierConfig{Ports: []PortConfig{out}})
				r.now = 1e9
				in, leave, flow := channel(0, 0, 50), channel(0, 1, 60), aal.OAMF5Segment
				if whole {
					in, leave, flow = path(0, 0), path(0, 1), aal.OAMF4Segment
				}
				for _, err := range []error{
					r.carriers[1].Reserve(Leg{Connection: leave}),
					r.carriers[0].Connect(in, Output{r.ids[1], leave}), r.carriers[1].Connect(leave, Output{r.ids[0], in}),
					r.carriers[1].SetOAM(leave, &OAMConfig{Segment: true, PM: PMConfig{Block: 128}}),
				} {
					if err != nil {
						t.Fatal(err)
					}
				}
				rnd := rand.New(rand.NewPCG(1, uint64(rate)))
				var got []byte
				for range 40 {
					var cells []byte
					for range 1 + rnd.IntN(28) {
						c := anyCell(rnd, aal.VC{VCI: 50})
						aal.MakeHeader(aal.VC{VCI: 50}, []uint8{0, 1, 2, 3, aal.PTIEndToEndOAM, aal.PTISegmentOAM}[rnd.IntN(6)], rnd.IntN(3) == 0).Put(c)
						cells = append(cells, c...)
					}
					r.send(0, 0, cells)
					r.now += 1e7
					r.pass()
					got = append(got, r.sent(1)[0]...)
				}
				checkMonitored(t, got, flow)
				if n := r.carriers[1].ports[0].monitors; len(n) != 1 {
					t.Errorf("%d monitors", len(n))
				}
				if err := r.carriers[1].SetOAM(leave, nil); err != nil || r.carriers[1].ports[0].monitors != nil {
					t.Errorf("off: %v, %v", err, r.carriers[1].ports[0].monitors)
				}
			})
		}
	}
}

// checkMonitored sums up user cells the slow way and compares each monitoring cell among them.
func checkMonitored(t *testing.T, cells []byte, flow aal.OAMFlow) {
	t.Helper()
	var all, clp0, bip uint16
	block, seen := 0, uint8(0)
	for ; len(cells) > 0; cells = cells[aal.CellSize:] {
		h, payload := aal.ReadHeader(cells), cells[aal.HeaderSize:aal.CellSize]
		if f, ok := h.OAMFlow(); ok && f == flow && payload[0] == byte(aal.OAMFPM) {
			var c aal.OAMForward
			if err := c.Decode(payload); err != nil {
				t.Fatal(err)
			}
			if want := (aal.OAMForward{MCSN: seen, TUC01: all, BEDC: bip, TUC0: clp0, Time: aal.OAMNoTimestamp}); c != want || block != 128 {
				t.Fatalf("after %d cells: %v, want %v", block, &c, &want)
			}
			block, bip = 0, 0
			seen++
			continue
		}
		f4 := flow == aal.OAMF4Segment
		if !f4 && h.PTI() > 3 { // F5 and RM are no users of a channel; F5 is one of a path
			continue
		}
		all++
		if block++; !h.CLP() {
			clp0++
		}
		for i := 0; i < len(payload); i += 2 {
			bip ^= binary.BigEndian.Uint16(payload[i:])
		}
	}
	if seen < 2 || block > 128 {
		t.Fatalf("%d monitoring cells, and %d cells after the last", seen, block)
	}
}

// What comes in is judged, and reported on out of the same port; the monitoring cells do not pass. What the far end
// reports is kept. A port of SDUs, and what is no end of a segment, is refused.
func TestPerformanceOfWhatComes(t *testing.T) {
	r := newSwitchRig(t, 1, nic.WireConfig{MaxFrame: 9000, Depth: 1024}, 1, 1)
	r.now = 1e9
	near, far := channel(0, 0, 50), channel(0, 1, 60)
	for _, err := range []error{
		r.carriers[0].Connect(near, Output{r.ids[1], far}), r.carriers[1].Connect(far, Output{r.ids[0], near}),
		r.carriers[0].SetOAM(near, &OAMConfig{Segment: true, PM: PMConfig{Block: 256}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	var source aal.OAMSource
	monitoring := func() []byte {
		c := source.Forward(aal.OAMNoTimestamp)
		return oamCell(t, aal.OAMF5Segment, near.VC, c.Encode)
	}
	users := func(n, lose, flip int) []byte {
		var cells []byte
		for i := range n {
			c := anyCell(rnd, near.VC)
			aal.MakeHeader(near.VC, aal.PTIUser, false).Put(c)
			if err := source.User(c[aal.HeaderSize:], false); err != nil {
				t.Fatal(err)
			}
			if i < lose {
				continue
			}
			if i-lose < flip {
				c[aal.HeaderSize+i] ^= 4
			}
			cells = append(cells, c...)
		}
		return cells
	}
	r.send(0, 0, monitoring())
	r.sent(0)
	for _, block := range [][2]int{{0, 0}, {3, 0}, {0, 2}} {
		r.send(0, 0, append(users(100, block[0], block[1]), monitoring()...))
		var report aal.OAMBackward
		back := r.sent(0)[0]
		if len(back) != aal.CellSize || report.Decode(back[aal.HeaderSize:]) != nil || aal.ReadHeader(back).VC() != near.VC {
			t.Fatalf("reports %s", headers(back))
		}
		if n := len(r.sent(1)[0]) / aal.CellSize; n != 100-block[0] {
			t.Errorf("%d cells pass, want %d", n, 100-block[0])
		}
	}
	n := countsOf(t, r.carriers[0], near)
	for name, want := range map[string]uint64{"pm_rx_blocks": 3, "pm_rx_cells": 300, "pm_rx_lost": 3, "pm_rx_errored": 2, "pm_rx_misinserted": 0, "pm_block": 256} {
		if n[name] != want {
			t.Errorf("%s: %d, want %d", name, n[name], want)
		}
	}
	report := aal.OAMBackward{TUC01: 1000, TRCC01: 990, BLER: aal.OAMNoBLER}
	for range 2 {
		r.send(0, 0, oamCell(t, aal.OAMF5Segment, near.VC, report.Encode))
		report.TUC01, report.TRCC01, report.RMCSN = report.TUC01+256, report.TRCC01+250, report.RMCSN+1
	}
	if n := countsOf(t, r.carriers[0], near); n["pm_tx_lost"] != 6 || n["pm_tx_cells"] != 256 {
		t.Errorf("reported: %v", n)
	}
	if err := r.carriers[0].SetOAM(near, &OAMConfig{PM: PMConfig{Answer: true}}); err == nil {
		t.Error("monitoring at a connecting point is taken")
	}
	for _, text := range []string{"segment pm=127", "segment pm=200", "segment pm=65536", "segment pm=ask:2048", "segment pm=", "segment pm=+128"} {
		w := words{left: strings.Fields(text)}
		if w.oam(); w.err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// countsOf is what a connection has counted, by name.
func countsOf(t *testing.T, d *Carrier, c Connection) map[string]uint64 {
	t.Helper()
	counts, err := d.ConnectionCounts(c)
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]uint64{}
	for _, c := range counts {
		n[c.Name] = c.N
	}
	return n
}
