package dataplane

import (
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
)

// benchService is a module that queues everything and whose service forwards it.
func benchService(service func(*Queue)) Module {
	return Module{Name: "queue", ReadPut: (*Queue).PutQ, ReadService: service, HiWat: 1 << 20, LoWat: 1}
}

// benchDrain is the service of the textbook: ask for room before taking.
func benchDrain(q *Queue) {
	for q.CanPutNext() {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		q.PutNext(m)
	}
}

const benchBurst = 64

// BenchmarkQueue: what it costs to keep a message instead of forwarding it.
func BenchmarkQueue(b *testing.B) {
	perMessage := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchBurst), "ns/message")
	}
	b.Run("putq+getq", func(b *testing.B) {
		h := benchHub(b, 16)
		source := benchChain(b, h, 1, benchService(benchDrain))
		q := source.next
		q.NoEnable()
		b.ReportAllocs()
		for b.Loop() {
			for range benchBurst {
				q.PutQ(Msg{Type: Data})
			}
			for range benchBurst {
				q.GetQ()
			}
		}
		perMessage(b)
	})
	b.Run("service", func(b *testing.B) {
		h := benchHub(b, 16)
		source := benchChain(b, h, 1, benchService(benchDrain))
		b.ReportAllocs()
		for b.Loop() {
			for range benchBurst {
				source.PutNext(Msg{Type: Data})
			}
			h.Pass()
		}
		perMessage(b)
	})
}

// BenchmarkServiceRule: what it costs to break the rule that only the first message
// queued schedules service, until getq has found the queue empty.
//
// room: a scheduler without the rule runs service once for each of a burst's messages,
// all but once in vain. (By hand here: Enable does not list a queue twice.)
//
// full: the neighbour is full. By the rule messages that come now wake nobody; a put
// that enables for each has service take a message and put it back, once a pass.
//
// putbq: a service that enables itself when it has put a message back. Nothing comes
// and nothing can go, and yet every pass finds work, so that the hub never sleeps.
func BenchmarkServiceRule(b *testing.B) {
	const passes = 1 << 12
	b.Run("room", func(b *testing.B) {
		const bursts = passes / 2
		h := benchHub(b, 16)
		source := benchChain(b, h, 1, benchService(benchDrain))
		burst := func(each func()) func() {
			return func() {
				for range bursts {
					for range benchBurst {
						source.PutNext(Msg{Type: Data})
					}
					each()
				}
			}
		}
		contest(b, "a burst of 64 through a service, scheduled by the first message", "message",
			contestant{"first", bursts * benchBurst, burst(func() { h.runServices() })},
			contestant{"by every message", bursts * benchBurst, burst(func() {
				for range benchBurst {
					source.next.Enable()
					h.runServices()
				}
			})})
	})
	b.Run("full", func(b *testing.B) {
		right, wrong := benchBlocked(b, benchTextbook), benchBlocked(b, benchTextbook)
		come := func(q *Queue, put func()) func() {
			return func() {
				for range passes {
					put()
					q.hub.Pass()
				}
				q.FlushQ(true)
				q.PutQ(Msg{Type: Data})
				q.hub.Pass()
			}
		}
		contest(b, "a pass with a message for a blocked queue, woken by the neighbour", "pass",
			contestant{"low-mark", passes, come(right, func() { right.PutQ(Msg{Type: Data}) })},
			contestant{"by every message", passes, come(wrong, func() { wrong.PutQ(Msg{Type: Data}); wrong.Enable() })})
	})
	b.Run("putbq", func(b *testing.B) {
		right := benchBlocked(b, benchTextbook)
		wrong := benchBlocked(b, func(q *Queue) { benchTextbook(q); q.Enable() })
		var awake [2]int
		wait := func(i int, h *Hub) func() {
			return func() {
				awake[i] = 0
				for range passes {
					if h.Pass() > 0 {
						awake[i]++
					}
				}
			}
		}
		contest(b, "a pass with a blocked queue, woken by the neighbour", "pass",
			contestant{"low-mark", passes, wait(0, right.hub)}, contestant{"by itself", passes, wait(1, wrong.hub)})
		b.ReportMetric(float64(awake[0])/passes, "low-mark-busy-passes")
		b.ReportMetric(float64(awake[1])/passes, "by-itself-busy-passes")
	})
}

// benchTextbook is the service of SVR4's manual.
func benchTextbook(q *Queue) {
	for {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		if !q.CanPutNext() {
			q.PutBQ(m)
			return
		}
		q.PutNext(m)
	}
}

// benchBlocked gives a queue that holds a message, before a neighbour that is full.
func benchBlocked(b *testing.B, service func(*Queue)) *Queue {
	b.Helper()
	h := benchHub(b, 16)
	full := Module{Name: "full", ReadPut: (*Queue).PutQ, ReadService: func(*Queue) {}, HiWat: 1}
	q := benchStack(b, h, Module{Name: "source"}, benchService(service), full).next
	for range 2 { // the first fills the neighbour, the second stays
		q.PutQ(Msg{Type: Data})
		h.Pass()
	}
	if q.Empty() || q.CanPutNext() {
		b.Fatal("the queue is not blocked")
	}
	return q
}

// BenchmarkBlock: blocks taken and given back.
func BenchmarkBlock(b *testing.B) {
	const burst = 32
	h := benchHub(b, 256)
	var held [burst]block.ID
	perBlock := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst), "ns/block")
	}
	b.Run("alloc+free", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for i := range held {
				held[i] = h.Pool.Alloc(1)
			}
			for _, id := range held {
				h.Pool.Free(id)
			}
		}
		perBlock(b)
	})
	b.Run("dup+free", func(b *testing.B) {
		block := h.Pool.Alloc(1)
		defer h.Pool.Free(block)
		b.ReportAllocs()
		for b.Loop() {
			for i := range held {
				held[i] = h.Pool.Dup(block)
			}
			for _, id := range held {
				h.Pool.Free(id)
			}
		}
		perBlock(b)
	})
}
