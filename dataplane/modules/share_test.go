package modules

import (
	"fmt"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
)

// host is what reads the SDUs of a VC, when it has its turn, unless it has stalled. Its
// own marks are so high that they stop nobody.
type host struct {
	stalled bool
	got     int
	octets  int
}

func (s *host) module() dataplane.Module {
	return dataplane.Module{
		Name: "host", HiWat: 1 << 30, LoWat: 1 << 29,
		ReadService: func(q *dataplane.Queue) {
			for !s.stalled {
				m, ok := q.GetQ()
				if !ok {
					return
				}
				s.got++
				s.octets += int(m.Len)
				q.Hub().Free(m)
			}
		},
		ReadPut: func(q *dataplane.Queue, m dataplane.Msg) { q.PutQ(m) },
	}
}

// sdus opens a VC of port 0 with AAL5 under a host, and gives the number of the former.
func (r *carrierRig) sdus(vc aal.VC, s *host) dataplane.ProcID {
	r.t.Helper()
	do := func(c dataplane.Command) dataplane.ProcID {
		a, err := r.fabric.Do(c)
		r.must(err)
		return a.Number
	}
	lower := do(dataplane.Command{Number: control.HubPair, A: r.assoc, Arg: "vc 0 " + vc.String()})
	layer := do(dataplane.Command{Number: control.HubOpen, Name: "aal5", Arg: vc.String()})
	r.host = s
	top := do(dataplane.Command{Number: control.HubOpen, Name: "host"})
	do(dataplane.Command{Number: control.HubLink, A: lower, B: layer})
	do(dataplane.Command{Number: control.HubLink, A: layer, B: top})
	return layer
}

// pduCells is the cells of a PDU of n octets.
func pduCells(t testing.TB, vc aal.VC, n int) []byte {
	t.Helper()
	var seg aal.Segmenter
	if err := seg.Start(aal.MakeHeader(vc, aal.PTIUser, false), make([]byte, n), 0, 0); err != nil {
		t.Fatal(err)
	}
	cells := make([]byte, aal.AAL5Cells(n)*aal.CellSize)
	return cells[:seg.Cells(cells)]
}

// VCs whose hosts have stalled fill their queues, whose marks would let each take all
// memory. However many they are, a VC beside them loses nothing.
func TestStalledVCsBesideHealthyOne(t *testing.T) {
	const blocks, rounds, burst, healthy = 1 << 14, 600, 60, 4
	for _, n := range []int{1, 10, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			port := label(FirstLabel)
			r := newCarrierRigOf(t, CarrierConfig{Ports: []PortConfig{port}}, block.Config{Small: blocks})
			well := new(host)
			r.sdus(rigVC, well)
			stalled := func(i int) aal.VC { return aal.VC{VPI: 2, VCI: uint16(100 + i%n)} }
			hosts := make([]*host, n)
			for i := range hosts {
				hosts[i] = &host{stalled: true}
				r.sdus(stalled(i), hosts[i])
			}
			pool, least := r.hub.Pool, blocks
			good := frameOf(LinkBare, port, [6]byte{}, pduCells(t, rigVC, 40))
			for round := range rounds {
				frames := make([][]byte, 0, burst+healthy)
				for i := range burst {
					if i%(burst/healthy) == 0 {
						frames = append(frames, good)
					}
					vc := stalled(round*burst + i)
					frames = append(frames, frameOf(LinkBare, port, [6]byte{}, pduCells(t, vc, 40)))
				}
				r.send(frames...)
				least = min(least, pool.Available(1))
			}
			if well.got != rounds*healthy {
				t.Errorf("the healthy VC has %d PDUs of %d", well.got, rounds*healthy)
			}
			if refused := pool.Counters().Refused; refused != 0 || least == 0 {
				t.Errorf("%d blocks refused, %d available at least", refused, least)
			}
			shed := uint64(0)
			counts, err := r.fabric.Counters(r.assoc)
			r.must(err)
			for _, c := range counts[0] {
				if c.Name == "rx_drop_congested" {
					shed = c.N
				}
			}
			t.Logf("%d of %d frames shed at stalled VCs, %d blocks of %d left", shed, rounds*burst, least, blocks)
			if shed == 0 {
				t.Error("nothing was shed: the VCs have not stalled")
			}
			for _, s := range hosts { // what they have kept is theirs when they wake
				s.stalled = false
			}
		})
	}
}
