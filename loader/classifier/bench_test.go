package classifier

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkRelayedFrame is what the kernel takes to relay a frame of one cell, another VC with each frame, with so many
// connections in the map: the VC that a cell becomes is the next frame's. To compare: a frame that is bound to pass.
//
//	go test -run '^$' -bench RelayedFrame -benchtime 2000000x -count 5 ./loader/classifier
func BenchmarkRelayedFrame(b *testing.B) {
	w := Wire{Interface: testInterface, Label: 100}
	frame := append(append(append([]byte{}, own[:]...), peer[:]...), 0x88, 0x47)
	frame = append(frame, labelsOf(100)...)
	b.Run("passed", func(b *testing.B) {
		c := load(b, Config{})
		must(b, c.Bind(w, Port{Verdict: Pass}))
		report(b, c, append(frame, make([]byte, 52)...))
	})
	for _, n := range []int{100, 10_000, MaxConnections} {
		b.Run(fmt.Sprintf("connections=%d", n), func(b *testing.B) {
			c := load(b, Config{Connections: n})
			must(b, c.Bind(w, Port{Verdict: Hub, Connections: true, Number: 1, Payload: Cells}),
				c.SetOutput(1, Output{Device: testInterface, Own: peer, To: own, Labels: labelsOf(100), Payload: Cells, Frame: 1514, Cells: 520}))
			vcs := make([]VC, 0, n)
			for i := range n {
				vcs = append(vcs, MakeVC(uint16(i>>15), uint16(32+i&0x7FFF)))
			}
			rand.Shuffle(n, func(i, j int) { vcs[i], vcs[j] = vcs[j], vcs[i] })
			for i, vc := range vcs {
				must(b, c.Connect(Key{1, vc}, Connection{Verdict: Relay, Out: 1, As: vcs[(i+1)%n]}))
			}
			report(b, c, append(binary.BigEndian.AppendUint32(frame, uint32(vcs[0])<<vciShift), make([]byte, 48)...))
			if n, err := c.Counts(); err != nil || n.Relay < uint64(b.N) {
				b.Fatalf("%+v, %v: of %d frames not all were relayed", n, err, b.N)
			}
		})
	}
}

// report has the kernel run the classifier b.N times on a frame, each time on what it has made of it.
func report(b *testing.B, c *Classifier, frame []byte) {
	b.Helper()
	_, d, err := c.objects.ClassifyXdp.Benchmark(frame, b.N, b.ResetTimer)
	must(b, err)
	b.ReportMetric(float64(d.Nanoseconds()), "ns/frame")
	b.ReportMetric(0, "ns/op")
}
