package classifier

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/nic"
)

// BenchmarkSorter is what a frame costs to send and receive over a veth, in the shortest of many batches: to a socket that sees
// all frames or has its own sorted out, beside others that do one or the other and idle.
func BenchmarkSorter(b *testing.B) {
	near, far := cable(b)
	const batch = 32
	frame := labelled([6]byte{2, 0, 0, 0, 0, 1}, 78, 100)
	frames := make([][]byte, batch)
	for i := range frames {
		frames[i] = frame
	}
	out := sockets(b, near, nil)
	for _, c := range []struct {
		listeners, sorted int // that idle
		mine              bool
	}{{0, 0, false}, {30, 0, false}, {2, 28, false}, {0, 0, true}, {2, 28, true}} {
		open := func(label uint32, sorted bool) nic.Device {
			var divert func(int) (nic.Diversion, error)
			if sorted {
				divert = sorting(label, [6]byte{})
			}
			d, err := nic.OpenPacket(nic.PacketConfig{Index: far, EtherType: 0x8847, GSO: nic.GSOOff, RxRing: 1 << 20, Divert: divert, Filter: only(label)})
			must(b, err)
			return d
		}
		devices := []nic.Device{open(100, c.mine)}
		for i := range c.listeners + c.sorted {
			devices = append(devices, open(uint32(200+i), i >= c.listeners))
		}
		name := fmt.Sprintf("sorted=%t/listeners=%d/others-sorted=%d", c.mine, c.listeners, c.sorted)
		b.Run(name, func(b *testing.B) {
			shortest, bufs := time.Duration(1<<62), make([][]byte, batch)
			for b.Loop() {
				began := time.Now()
				n, err := out.Transmit(frames)
				took := time.Since(began)
				if err != nil || n != batch {
					b.Fatal(n, err)
				}
				shortest = min(shortest, took)
				if n, err = devices[0].Receive(bufs); err != nil || n > 0 && len(bufs[0]) != len(frame) {
					b.Fatal(n, err)
				}
				devices[0].Release()
			}
			b.ReportMetric(float64(shortest.Nanoseconds())/batch, "ns/frame")
			b.ReportMetric(0, "ns/op")
		})
		for _, d := range devices {
			must(b, d.Close())
		}
	}
}

// only is a socket filter for a label.
func only(label uint32) []unix.SockFilter {
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 14},
		{Code: unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K, K: 12},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: label},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 18},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
}
