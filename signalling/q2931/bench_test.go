package q2931

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
)

// pair is a user and a network that hand each other their messages at once.
type pair struct {
	user, network *Machine
	vci           uint16
}

func newPair(tb testing.TB) *pair {
	user, err := New(Config{Side: User})
	if err != nil {
		tb.Fatal(err)
	}
	network, err := New(Config{Side: Network})
	if err != nil {
		tb.Fatal(err)
	}
	for _, m := range []*Machine{user, network} {
		_ = m.Step(0, &Event{Kind: EstablishConfirm})
		m.Ready()
	}
	return &pair{user: user, network: network}
}

// pump carries messages until there are none; the network accepts calls.
func (p *pair) pump(now time.Duration) {
	for from, to := p.user, p.network; ; from, to = to, from {
		ready := from.Ready()
		if len(ready) == 0 {
			if ready = to.Ready(); len(ready) == 0 {
				return
			}
			from, to = to, from
		}
		for i := range ready {
			switch e := &ready[i]; e.Kind {
			case DataRequest:
				_ = to.Step(now, &Event{Kind: DataIndication, Data: e.Data})
			case SetupIndication:
				p.vci++
				_ = from.Step(now, &Event{Kind: SetupResponse, Call: e.Call, Elements: []ie.Element{channel(p.vci)}})
			case ReleaseIndication:
				_ = from.Step(now, &Event{Kind: ReleaseResponse, Call: e.Call})
			}
		}
	}
}

func (p *pair) up(tb testing.TB, elements []ie.Element) Call {
	e := Event{Kind: SetupRequest, Elements: elements}
	if err := p.user.Step(0, &e); err != nil {
		tb.Fatal(err)
	}
	p.pump(0)
	return e.Call
}

func (p *pair) down(c Call) {
	_ = p.user.Step(0, &Event{Kind: ReleaseRequest, Call: c, Elements: []ie.Element{cause(16)}})
	p.pump(0)
}

// 100,000 calls at once on one interface: all come up, and all go.
func TestManyCalls(t *testing.T) {
	const calls = 100000
	p := newPair(t)
	elements := setupElements(false)
	list := make([]Call, calls)
	for i := range list {
		list[i] = p.up(t, elements)
	}
	for _, m := range []*Machine{p.user, p.network} {
		if m.Len() != calls || len(m.timers) != 0 {
			t.Fatalf("%v: %d calls, %d timers", m.config.Side, m.Len(), len(m.timers))
		}
	}
	for _, c := range list {
		if i, ok := p.user.Info(c); !ok || i.State != Active {
			t.Fatalf("call %v: %+v", c, i)
		}
		p.down(c)
	}
	if p.user.Len()+p.network.Len() != 0 {
		t.Errorf("%d and %d calls are left", p.user.Len(), p.network.Len())
	}
}

// Set-up and release of one call, both sides: five messages.
func BenchmarkCall(b *testing.B) {
	for _, held := range []int{0, 100000} {
		b.Run(fmt.Sprint(held), func(b *testing.B) {
			p := newPair(b)
			elements := setupElements(false)
			for range held {
				p.up(b, elements)
			}
			b.ReportAllocs()
			for b.Loop() {
				p.down(p.up(b, elements))
			}
		})
	}
}

// Memory that a call that is up takes, in one machine.
func BenchmarkHeld(b *testing.B) {
	for b.Loop() {
		p := newPair(b)
		elements := setupElements(false)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		const calls = 50000
		for range calls {
			p.up(b, elements)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/calls/2, "octets/call")
		runtime.KeepAlive(p)
	}
}

func BenchmarkDecode(b *testing.B) {
	setup := recordings(b)[0].octets
	for _, r := range recordings(b) {
		if r.name == "SETUP" {
			setup = r.octets
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(setup); err != nil {
			b.Fatal(err)
		}
	}
}
