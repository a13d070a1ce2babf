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

// BenchmarkTwoCores hands entries from one pinned thread to another, by ring
// and by channel, and by channel between goroutines that are free to share a
// thread. They take turns, and each ratio is the median of the rounds' ratios,
// so that other load on the machine weighs on all.
func BenchmarkTwoCores(b *testing.B) {
	if runtime.NumCPU() < 2 {
		b.Skip("needs two processors")
	}
	const rounds, entries = 15, 1 << 17
	for _, burst := range []int{1, 8, 32, 128} {
		b.Run(fmt.Sprintf("burst=%d", burst), func(b *testing.B) {
			var rings, chans, frees, overChan, overFree []float64
			for b.Loop() {
				for range rounds {
					r := timePair(true, ringPair(burst, entries)) / entries
					c := timePair(true, chanPair(entries)) / entries
					f := timePair(false, chanPair(entries)) / entries
					rings, chans, frees = append(rings, r), append(chans, c), append(frees, f)
					overChan, overFree = append(overChan, c/r), append(overFree, f/r)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(rings), "ring-ns/entry")
			b.ReportMetric(median(chans), "chan-ns/entry")
			b.ReportMetric(median(frees), "freechan-ns/entry")
			b.ReportMetric(median(overChan), "x-chan")
			b.ReportMetric(median(overFree), "x-freechan")
		})
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

func ringPair(burst, entries int) [2]func() {
	p, c, _ := New[entry](benchCapacity)
	produce := func() {
		out := make([]entry, burst)
		for n := 0; n < entries; n += burst {
			for v := out; len(v) > 0; {
				v = v[p.PutBatch(v):]
				p.Publish()
			}
		}
	}
	consume := func() {
		in := make([]entry, burst)
		for n := 0; n < entries; {
			n += c.GetBatch(in)
			c.Release()
		}
	}
	return [2]func(){produce, consume}
}

func chanPair(entries int) [2]func() {
	ch := make(chan entry, benchCapacity)
	produce := func() {
		var e entry
		for range entries {
			ch <- e
		}
	}
	consume := func() {
		for range entries {
			<-ch
		}
	}
	return [2]func(){produce, consume}
}

// timePair runs both functions at once and returns the nanoseconds until both
// end. Pinned, each has a thread and a processor of its own.
func timePair(pinned bool, pair [2]func()) float64 {
	ready, start, done := make(chan error), make(chan bool), make(chan bool)
	for cpu, work := range pair {
		go func() {
			var err error
			if pinned {
				runtime.LockOSThread() // never unlocked: the thread ends with its goroutine
				var set unix.CPUSet
				set.Set(cpu)
				err = unix.SchedSetaffinity(0, &set)
			}
			ready <- err
			<-start
			work()
			done <- true
		}()
	}
	for range pair {
		if err := <-ready; err != nil {
			panic(err)
		}
	}
	begin := time.Now()
	close(start)
	for range pair {
		<-done
	}
	return float64(time.Since(begin).Nanoseconds())
}
