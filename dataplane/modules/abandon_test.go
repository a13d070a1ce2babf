package modules

import (
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
)

// A remote that begins a PDU on each of many VCs and ends none has at most three quarters
// of the blocks; the oldest goes first, counted, and good PDUs all arrive meanwhile.
func TestAbandonedPDUs(t *testing.T) {
	const blocks, vcs, good = 1024, 3000, 1000
	port := label(FirstLabel)
	r := newCarrierRigOf(t, CarrierConfig{Ports: []PortConfig{port}}, block.Config{Small: blocks})
	well := new(host)
	r.sdus(rigVC, well)
	vc := func(i int) aal.VC { return aal.VC{VPI: 2, VCI: uint16(100 + i)} }
	hosts := [2]host{}
	layers := make([]dataplane.ProcID, vcs)
	for i := range layers {
		layers[i] = r.sdus(vc(i), &hosts[i*2/vcs])
	}
	pool, sent := r.hub.Pool, 0
	for i := range vcs {
		r.send(frameOf(LinkBare, port, [6]byte{}, userCells(vc(i), 1)))
		if i%(vcs/good) == 0 {
			r.send(frameOf(LinkBare, port, [6]byte{}, pduCells(t, rigVC, 1400)))
			sent++
		}
		if n := pool.Parked(block.Small); n > blocks*3/4 {
			t.Fatalf("after VC %d: %d of %d blocks are parked", i, n, blocks)
		}
	}
	parked := pool.Parked(block.Small)
	if well.got != good || sent != good {
		t.Errorf("%d good PDUs of %d arrived", well.got, sent)
	}
	if taken := pool.Counters().TakenBack; parked+int(taken) != vcs || taken == 0 || pool.Counters().Refused != 0 {
		t.Errorf("%d parked and %d taken back of %d; %d refused", parked, taken, vcs, pool.Counters().Refused)
	}
	for i := range vcs { // the end cell: whose memory is there still is a whole PDU
		end := userCells(vc(i), 1)
		aal.MakeHeader(vc(i), aal.PTIUser|1, false).Put(end)
		r.send(frameOf(LinkBare, port, [6]byte{}, end))
	}
	counts, err := r.fabric.Counters(layers...)
	r.must(err)
	for i, all := range counts { // the oldest went, and no other
		for _, c := range all {
			if want := i < vcs-parked; c.Name == "rx_drop_taken_back" && (c.N == 1) != want {
				t.Fatalf("VC %d has counted %d taken back; %d were parked at the end", i, c.N, parked)
			}
		}
	}
	if n := pool.Parked(block.Small); n != 0 {
		t.Errorf("%d blocks are parked after the last cells", n)
	}
}
