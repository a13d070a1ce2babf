package dataplane

import (
	"math/rand/v2"
	"runtime"
	"testing"
)

const (
	manyStreams = 100_000
	few         = 100 // the small hub, and the small working set
)

// benchHeap is the octets in use on the heap, after a collection.
func benchHeap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// benchOrder is a random order in which to visit so many of n, each as often.
func benchOrder(visits, of, n int) []uint32 {
	order, r := make([]uint32, visits), rand.New(rand.NewPCG(1, 2))
	for i := range order {
		order[i] = uint32(i % of * (n / of))
	}
	r.Shuffle(visits, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// benchStreams opens streams on a hub, each of a driver, a module and a head, and
// gives the drivers' read queues.
func benchStreams(b *testing.B, h *Hub, n int) []*Queue {
	b.Helper()
	drivers := make([]*Queue, n)
	for i := range drivers {
		driver, err := h.Add(Module{Name: "driver", WritePut: func(_ *Queue, m Msg) { h.Free(m) }})
		if err != nil {
			b.Fatal(err)
		}
		head, err := h.Add(NewSimHead().Module())
		if err == nil {
			err = h.Join(driver, head)
		}
		if err == nil {
			_, err = h.Push(driver, benchPass[1])
		}
		if err != nil {
			b.Fatal(err)
		}
		drivers[i], _, _ = h.Queues(driver)
	}
	return drivers
}

// BenchmarkStreams: a message through a stream, driver to head, when 100 of 100,000
// carry the traffic and when all do, against a hub that has 100.
func BenchmarkStreams(b *testing.B) {
	small, many := benchHub(b, 16), benchHub(b, 16)
	before := benchHeap()
	manyDrivers := benchStreams(b, many, manyStreams)
	each := (benchHeap() - before) / manyStreams
	drivers := benchStreams(b, small, few)
	const visits = 1 << 17
	send := func(name string, drivers []*Queue, of int) contestant {
		order := benchOrder(visits, of, len(drivers))
		return contestant{name, visits, func() {
			for _, i := range order {
				drivers[i].PutNext(Msg{Type: Ioctl}) // a head frees it: nothing stays
			}
		}}
	}
	contest(b, "driver to head, one of 100 streams", "message",
		send("of 100", drivers, few),
		send("of 100,000, 100 in use", manyDrivers, few),
		send("of 100,000, all in use", manyDrivers, manyStreams))
	benchMeasure(b, "100,000 streams", "bytes/stream", each)
}

// BenchmarkPass: a turn of the loop with nothing to do, and the same with 100,000 idle
// streams on the hub.
func BenchmarkPass(b *testing.B) {
	b.Run("idle", func(b *testing.B) {
		h := benchHub(b, 16)
		b.ReportAllocs()
		for b.Loop() {
			h.Pass()
		}
	})
	b.Run("streams", func(b *testing.B) {
		empty, full := benchHub(b, 16), benchHub(b, 16)
		benchStreams(b, full, manyStreams)
		const passes = 1 << 14
		turn := func(name string, h *Hub) contestant {
			return contestant{name, passes, func() {
				for range passes {
					if h.Pass() > 0 {
						panic("an idle hub found work")
					}
				}
			}}
		}
		contest(b, "idle pass", "pass", turn("no stream", empty), turn("100,000 idle streams", full))
	})
}
