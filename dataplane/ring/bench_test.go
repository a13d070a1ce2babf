package ring

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const benchCapacity = 1024

func BenchmarkOneCore(b *testing.B) {
	const burst = 32
	b.Run("ring/burst=32", func(b *testing.B) {
		p, c, _ := New[entry](benchCapacity)
		var in, out [burst]entry
		for b.Loop() {
			p.PutBatch(out[:])
			p.Publish()
			c.GetBatch(in[:])
			c.Release()
		}
		perEntry(b, burst)
	})
	b.Run("ring/single", func(b *testing.B) {
		p, c, _ := New[entry](benchCapacity)
		var e entry
		for b.Loop() {
			for range burst {
				p.Put(e)
			}
			p.Publish()
			for range burst {
				e, _ = c.Get()
			}
			c.Release()
		}
		perEntry(b, burst)
	})
	b.Run("chan", func(b *testing.B) {
		ch := make(chan entry, benchCapacity)
		var e entry
		for b.Loop() {
			for range burst {
				ch <- e
			}
			for range burst {
				e = <-ch
			}
		}
		perEntry(b, burst)
	})
}

func perEntry(b *testing.B, burst int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst), "ns/entry")
}

// BenchmarkTwoCores hands entries from one pinned thread to another. Rings and
// channels take turns, and the ratio is the median of the rounds' ratios, so
// that other load on the machine weighs on both.
func BenchmarkTwoCores(b *testing.B) {
	if runtime.NumCPU() < 2 {
		b.Skip("needs two processors")
	}
	const rounds, entries = 15, 1 << 17
	for _, burst := range []int{1, 8, 32, 128} {
		b.Run(fmt.Sprintf("burst=%d", burst), func(b *testing.B) {
			var rings, chans, ratios []float64
			for b.Loop() {
				for range rounds {
					r := timePair(ringPair(burst, entries)) / entries
					c := timePair(chanPair(entries)) / entries
					rings, chans, ratios = append(rings, r), append(chans, c), append(ratios, c/r)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(rings), "ring-ns/entry")
			b.ReportMetric(slices.Min(rings), "ring-min")
			b.ReportMetric(median(chans), "chan-ns/entry")
			b.ReportMetric(median(ratios), "x-chan")
		})
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func ringPair(burst, entries int) (produce, consume func()) {
	p, c, _ := New[entry](benchCapacity)
	produce = func() {
		out := make([]entry, burst)
		for n := 0; n < entries; n += burst {
			for v := out; len(v) > 0; {
				v = v[p.PutBatch(v):]
				p.Publish()
			}
		}
	}
	consume = func() {
		in := make([]entry, burst)
		for n := 0; n < entries; {
			n += c.GetBatch(in)
			c.Release()
		}
	}
	return produce, consume
}

func chanPair(entries int) (produce, consume func()) {
	ch := make(chan entry, benchCapacity)
	produce = func() {
		var e entry
		for range entries {
			ch <- e
		}
	}
	consume = func() {
		for range entries {
			<-ch
		}
	}
	return produce, consume
}

// timePair runs both functions, each on a thread bound to a processor of its
// own, and returns the nanoseconds from the start until both end.
func timePair(produce, consume func()) float64 {
	ready, start, done := make(chan bool), make(chan bool), make(chan bool)
	for cpu, work := range []func(){produce, consume} {
		go func() {
			runtime.LockOSThread() // never unlocked: the bound thread ends with its goroutine
			var set unix.CPUSet
			set.Set(cpu)
			if err := unix.SchedSetaffinity(0, &set); err != nil {
				panic(err)
			}
			ready <- true
			<-start
			work()
			done <- true
		}()
	}
	<-ready
	<-ready
	begin := time.Now()
	close(start)
	<-done
	<-done
	return float64(time.Since(begin).Nanoseconds())
}
