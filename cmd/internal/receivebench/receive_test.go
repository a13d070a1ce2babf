//go:build cgo

// Package receivebench measures how fast frames of one cell reach a hub by AF_PACKET, and
// what processor time each takes, beside gopacket/afpacket, which wants cgo.
package receivebench

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/gopacket/afpacket"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/dataplane/pace"
	"github.com/cellhub/cellhub/nic"
)

const label = 100

// frame is a cell in MPLS on Ethernet, to everybody.
func frame() []byte {
	p := append(make([]byte, 0, 80), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0x47)
	p = append(p, 0, label>>4, label<<4&0xff|1, 255)
	return append(p, append([]byte{0, 0, 6, 0x40}, make([]byte, aal.PayloadSize)...)...) // VC 0/100
}

// receiver is what is measured.
type receiver interface {
	received() uint64
	close()
}

// BenchmarkReceive overloads each receiver in turn: one iteration is all of them, so that
// the ratios are of one run. Frames a second are those that arrived while they were sent.
func BenchmarkReceive(b *testing.B) {
	host, err := lab.New(lab.Config{})
	if errors.Is(err, os.ErrPermission) {
		b.Skip("needs root to make network namespaces")
	}
	if err != nil {
		b.Fatal(err)
	}
	defer host.Close()
	receivers := []struct {
		name string
		open func() (receiver, error)
	}{
		{"afpacket", openAfpacket},
		{"hub_0", func() (receiver, error) { return openHub(0) }},
		{"hub_20us", func() (receiver, error) { return openHub(20 * time.Microsecond) }},
		{"hub_100us", func() (receiver, error) { return openHub(100 * time.Microsecond) }},
	}
	rate, cpu := make([]float64, len(receivers)), make([]float64, len(receivers))
	for b.Loop() {
		for i, r := range receivers {
			var kfps, ns float64
			err := host.A.Do(func() (err error) {
				kfps, ns, err = measure(r.open)
				return err
			})
			if err != nil {
				b.Skipf("%s: %v", r.name, err)
			}
			rate[i], cpu[i] = rate[i]+kfps, cpu[i]+ns
		}
	}
	for i, r := range receivers {
		b.ReportMetric(rate[i]/float64(b.N), r.name+"-kframes/s")
		b.ReportMetric(rate[i]/rate[0], r.name+"-ratio")
		b.ReportMetric(cpu[i]/float64(b.N), r.name+"-cpu-ns/frame")
	}
}

// measure sends generatorFrames frames to a receiver on an interface of its own.
func measure(open func() (receiver, error)) (kfps, ns float64, err error) {
	dev, err := nic.OpenTAP(nic.TAPConfig{Name: "gen0", GSO: nic.GSOOff})
	if err != nil {
		return 0, 0, err
	}
	defer dev.Close()
	index, err := upIndex("gen0")
	if err != nil {
		return 0, 0, err
	}
	g, err := newGenerator(index)
	if err != nil {
		return 0, 0, err
	}
	defer g.close()
	r, err := open()
	if err != nil {
		return 0, 0, err
	}
	defer r.close()
	if _, _, err := g.run(frame(), generatorFrames/16); err != nil { // to be under way
		return 0, 0, err
	}
	before, used := r.received(), processCPU()
	elapsed, own, err := g.run(frame(), generatorFrames)
	got := float64(r.received() - before)
	used = processCPU() - used - own
	return got / elapsed.Seconds() / 1e3, float64(used) / got, err
}

// hubReceiver is a hub with a carrier, and nothing above that frees what comes.
type hubReceiver struct {
	hub    *dataplane.Hub
	fabric *dataplane.Fabric
	arena  *block.Arena
	ended  chan struct{}
	got    atomic.Uint64
}

func openHub(latency time.Duration) (receiver, error) {
	dev, err := nic.OpenPacket(nic.PacketConfig{Interface: "gen0", EtherType: modules.EtherTypeMPLS, GSO: nic.GSOOff})
	if err != nil {
		return nil, err
	}
	carrier, err := modules.NewCarrier(modules.CarrierConfig{
		Device: dev, Link: modules.LinkEthernet,
		Ports: []modules.PortConfig{{Encapsulation: modules.Encapsulation{LabelOut: label, LabelIn: label}}},
	})
	if err != nil {
		return nil, err
	}
	r := &hubReceiver{ended: make(chan struct{})}
	if r.arena, err = block.NewArena(block.Config{Small: 512}); err != nil {
		return nil, err
	}
	r.hub, err = dataplane.NewHub(dataplane.Config{Pool: r.arena.Pool(0), Pace: pace.Config{Latency: latency}})
	if err != nil {
		return nil, err
	}
	var registry dataplane.Registry
	err = errors.Join(
		registry.Add("carrier", func(string) (dataplane.Module, error) { return carrier.Module(), nil }),
		registry.Add("sink", func(string) (dataplane.Module, error) { return r.sink(), nil }))
	if err != nil {
		return nil, err
	}
	if r.fabric, err = dataplane.NewFabric(&registry, r.hub); err != nil {
		return nil, err
	}
	if _, err := r.fabric.Build(0, dataplane.Part{Name: "carrier"}, dataplane.Part{Name: "sink"}); err != nil {
		return nil, err
	}
	go func() {
		r.fabric.Run()
		close(r.ended)
	}()
	return r, nil
}

// sink counts cells: an atomic word that only the hub writes, and the bench reads twice.
func (r *hubReceiver) sink() dataplane.Module {
	n := uint64(0)
	return dataplane.Module{Name: "sink", ReadPut: func(q *dataplane.Queue, m dataplane.Msg) {
		n += uint64(m.Len / aal.CellSize)
		if n%16 == 0 {
			r.got.Store(n)
		}
		q.Hub().Free(m)
	}}
}

func (r *hubReceiver) received() uint64 { return r.got.Load() }

func (r *hubReceiver) close() {
	r.fabric.Stop()
	<-r.ended
	_ = r.hub.Close()
	_ = r.arena.Close()
}

// afpacketReceiver reads as gopacket's documentation does, without copying.
type afpacketReceiver struct {
	handle  *afpacket.TPacket
	stopped atomic.Bool
	ended   chan struct{}
	got     atomic.Uint64
}

func openAfpacket() (receiver, error) {
	handle, err := afpacket.NewTPacket(afpacket.OptInterface("gen0"), afpacket.OptFrameSize(2048),
		afpacket.OptBlockSize(512<<10), afpacket.OptNumBlocks(8), afpacket.OptPollTimeout(10*time.Millisecond),
		afpacket.TPacketVersion3)
	if err != nil {
		return nil, err
	}
	r := &afpacketReceiver{handle: handle, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		for n := uint64(1); !r.stopped.Load(); {
			if _, _, err := handle.ZeroCopyReadPacketData(); err == nil {
				if n++; n%16 == 0 {
					r.got.Store(n)
				}
			}
		}
	}()
	return r, nil
}

func (r *afpacketReceiver) received() uint64 { return r.got.Load() }

func (r *afpacketReceiver) close() {
	r.stopped.Store(true)
	<-r.ended
	r.handle.Close()
}
