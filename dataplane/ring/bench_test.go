package ring

import "testing"

const benchCapacity = 1024

// BenchmarkOneCore is for work on the ring itself. Between two threads, and beside
// others, `cellbench ring` measures it.
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
