package dataplane

import (
	"fmt"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/pace"
)

// benchSource is a driver that gives messages in bursts of 32 until its quota is spent.
// It ends a burst when one had to wait: a device would now fill its ring.
type benchSource struct {
	hub    *Hub
	q      *Queue
	left   *int // of the quota that all sources of the hub share
	blocks bool
}

const benchHand = 32

func (s *benchSource) Poll() (n int) {
	for ; n < benchHand && *s.left > 0 && s.q.next.Empty(); n++ {
		m := Msg{Type: Data, Len: 1500}
		if s.blocks {
			if m.Block = s.hub.Pool.Alloc(1); m.Block == 0 {
				break
			}
		}
		*s.left--
		s.q.PutNext(m)
	}
	return n
}

func (s *benchSource) Send() {}

// benchQuotas are what is still to be sent and to come, each on cache lines of its own.
type benchQuotas struct {
	left int
	_    [128]byte
	want int
	_    [128]byte
}

// benchTwoHubs joins streams from sources on hub 0 to sinks on hub 1, each hub on a
// processor of its own, and gives the function that carries so many messages.
func benchTwoHubs(b *testing.B, streams int, blocks bool) (carry func(messages int)) {
	b.Helper()
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	a, err := block.NewArena(block.Config{Hubs: 2, Small: 1024})
	check(err)
	var hubs [2]*Hub
	for i := range hubs {
		hubs[i], err = NewHub(Config{Pool: a.Pool(i), CPU: i + 1, Pace: pace.Config{Spin: true}})
		check(err)
	}
	f, err := connectHubs(hubs[0], hubs[1])
	check(err)
	n, done := new(benchQuotas), make(chan bool)
	sink := benchSink(hubs[1])
	sink.ReadPut = func(_ *Queue, m Msg) {
		hubs[1].Free(m)
		if n.want--; n.want == 0 {
			done <- true
		}
	}
	for _, h := range hubs {
		go h.Run()
	}
	for range streams {
		s := &benchSource{hub: hubs[0], left: &n.left, blocks: blocks}
		var from, to ProcID
		hubs[0].Call(func() {
			if from, err = hubs[0].Add(Module{Name: "source"}); err == nil {
				s.q, _, _ = hubs[0].Queues(from)
				err = hubs[0].AddPoller(from, s)
			}
		})
		check(err)
		hubs[1].Call(func() { to, err = hubs[1].Add(sink) })
		check(err)
		check(f.Join(from, to))
	}
	b.Cleanup(func() {
		for _, h := range hubs {
			h.Stop()
			<-h.ended
			check(h.Close())
		}
		check(a.Close())
	})
	return func(messages int) {
		hubs[1].Call(func() { n.want = messages })
		hubs[0].Call(func() { n.left = messages })
		<-done
	}
}

// BenchmarkHubs: messages from a process on one hub to a process on another, through
// proxies with credit, against a buffered channel between two goroutines, each on a
// thread and a processor of its own like the hubs.
func BenchmarkHubs(b *testing.B) {
	if runtime.NumCPU() < 2 {
		b.Skip("needs two processors")
	}
	const messages = 1 << 14 // in a round: short, to find the machine quiet
	channel := benchChannel(b)
	for _, streams := range []int{1, 4, 16} {
		for _, blocks := range []bool{false, true} {
			name, what := fmt.Sprintf("streams=%d", streams), fmt.Sprintf("hub to hub, streams: %d", streams)
			if blocks {
				name, what = name+"/blocks", what+"; a block with each message"
			}
			b.Run(name, func(b *testing.B) {
				carry := benchTwoHubs(b, streams, blocks)
				contest(b, what, "message",
					contestant{"hubs", messages, func() { carry(messages) }},
					contestant{"channel, pinned", messages, func() { channel(messages) }})
			})
		}
	}
}

// benchChannel starts two goroutines on two processors, joined by a buffered channel,
// and gives the function that carries so many messages.
func benchChannel(b *testing.B) (carry func(messages int)) {
	quota, done, ch := make(chan int), make(chan bool), make(chan Msg, 1024)
	pinned := func(cpu int, work func()) {
		go func() {
			runtime.LockOSThread() // and never unlock: the thread ends with its goroutine
			var set unix.CPUSet
			set.Set(cpu)
			if err := unix.SchedSetaffinity(0, &set); err != nil {
				panic(err)
			}
			work()
		}()
	}
	pinned(0, func() {
		for n := range quota {
			for range n - 1 {
				ch <- Msg{Type: Data}
			}
			ch <- Msg{Type: Data, Info: 1}
		}
		close(ch)
	})
	pinned(1, func() {
		for m := range ch {
			if m.Info != 0 {
				done <- true
			}
		}
	})
	b.Cleanup(func() { close(quota) })
	return func(messages int) {
		quota <- messages
		<-done
	}
}
