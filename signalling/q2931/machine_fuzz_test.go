package q2931

import (
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// tape is octets that tell what happens next.
type tape struct{ b []byte }

func (p *tape) next() byte {
	if len(p.b) == 0 {
		return 0
	}
	x := p.b[0]
	p.b = p.b[1:]
	return x
}

func (p *tape) take(n int) []byte {
	n = min(n, len(p.b))
	x := p.b[:n]
	p.b = p.b[n:]
	return x
}

// rider drives a machine by a tape and watches what it must never do.
type rider struct {
	t     *testing.T
	m     *Machine
	now   time.Duration
	calls []Call
	live  map[Call]bool
}

// elements are up to three random elements, or those that make a SETUP.
func (d *rider) elements(p *tape) []ie.Element {
	x := p.next()
	if x&1 != 0 {
		return append(setupElements(x&2 != 0), channel(uint16(x)))
	}
	var elements []ie.Element
	for range x >> 1 & 3 {
		switch p.next() % 8 {
		case 0:
			elements = append(elements, cause(p.next()&0x7f))
		case 1:
			elements = append(elements, channel(uint16(p.next())))
		case 2:
			elements = append(elements, endpoint(uint16(p.next()&3), x&128 != 0))
		case 3:
			elements = append(elements, ie.New(&ie.CallState{State: [...]uint8{0, 1, 3, 4, 6, 7, 8, 9, 10, 11, 12, 61}[p.next()%12]}))
		case 4:
			elements = append(elements, ie.New(&ie.EndpointState{State: [...]uint8{0, 1, 4, 6, 7, 10, 11, 12}[p.next()&7]}))
		case 5:
			elements = append(elements, ie.New(&ie.CalledNumber{Number: nsap(p.next())}))
		case 6:
			elements = append(elements, ie.New(&ie.Restart{Class: p.next() % 3}))
		default:
			c := p.next()
			elements = append(elements, ie.Element{ID: ie.ID(p.next()), Flag: c&8 != 0, Action: ie.Action(c & 7), Content: p.take(int(p.next() & 7))})
		}
	}
	return elements
}

func (d *rider) call(x byte) Call {
	if len(d.calls) == 0 || x&15 == 15 {
		return CallOf(uint32(x>>4)+1, x&8 != 0)
	}
	return d.calls[int(x)%len(d.calls)]
}

// event is one thing that happens.
func (d *rider) event(p *tape) {
	switch x := p.next(); {
	case x < 90: // a request
		e := Event{Kind: Kind(x%byte(lastInput)) + 1, Call: d.call(p.next()), Party: uint16(p.next() & 3), Multi: x&64 != 0, Elements: d.elements(p)}
		if e.Kind < EstablishConfirm {
			_ = d.m.Step(d.now, &e)
			if e.Kind == SetupRequest && d.m.calls[e.Call] != nil && !d.live[e.Call] {
				d.begin(e.Call)
			}
		}
	case x < 200: // a message
		c := d.call(p.next())
		m := Message{Reference: Reference{c.Reference(), c.Originated()}, Type: messages[int(p.next())%len(messages)].kind,
			Flag: x&1 != 0 && x&2 != 0, Action: MessageAction(x & 3), Elements: d.elements(p)}
		if x&12 == 12 {
			m.Reference.Value = GlobalReference
		}
		if data, err := m.Append(nil); err == nil {
			_ = d.m.Step(d.now, &Event{Kind: DataIndication, Data: data})
		}
	case x < 210: // octets
		_ = d.m.Step(d.now, &Event{Kind: DataIndication, Data: p.take(int(p.next()))})
	case x < 225:
		_ = d.m.Step(d.now, &Event{Kind: []Kind{EstablishConfirm, EstablishIndication, LinkReleased}[x%3]})
	default:
		d.now += time.Duration(p.next()) * time.Second
		d.m.Tick(d.now)
	}
	d.watch()
}

func (d *rider) begin(c Call) {
	d.live[c] = true
	d.calls = append(d.calls, c)
}

// watch looks at what the machine did and at what it is.
func (d *rider) watch() {
	for _, e := range d.m.Ready() {
		switch e.Kind {
		case SetupIndication:
			if d.live[e.Call] {
				d.t.Fatalf("%v twice", e)
			}
			d.begin(e.Call)
		case ReleaseConfirm:
			if !d.live[e.Call] {
				d.t.Fatalf("%v of no call", e)
			}
			delete(d.live, e.Call)
		case DataRequest:
			d.valid(e.Data)
		}
	}
	for id, c := range d.m.calls {
		if !d.live[id] || c.state == Null || c.id != id {
			d.t.Fatalf("call %v in state %v was not begun", id, c.state)
		}
	}
	if len(d.live) != d.m.Len() || d.m.Len() > d.m.config.MaxCalls {
		d.t.Fatalf("%d calls, call control has %d", d.m.Len(), len(d.live))
	}
	for i, t := range d.m.timers {
		if t.place != i+1 || t.call != nil && d.m.calls[t.call.id] != t.call {
			d.t.Fatalf("%s is not of a call", timerName(t.what))
		}
	}
}

// valid: what is sent is a message that the peer cannot find fault with.
func (d *rider) valid(data []byte) {
	m, err := Decode(data)
	if err != nil || m.Short {
		d.t.Fatalf("% x: %v", data, err)
	}
	if err := descriptions[m.Type].complete(d.m.config.Version, d.m.outward(), m.Elements); err != nil {
		d.t.Fatalf("%v: %v", m.String(), err)
	}
}

// ride plays a whole tape, and tells how many calls began.
func ride(t *testing.T, b []byte) int {
	p := &tape{b}
	x := p.next()
	m, err := New(Config{Side: Side(x & 1), Version: []Version{UNI40, UNI31, UNI30}[x>>1%3], MaxCalls: 6, MaxParties: 3})
	if err != nil {
		t.Fatal(err)
	}
	d := &rider{t: t, m: m, live: map[Call]bool{}}
	_ = m.Step(0, &Event{Kind: EstablishConfirm})
	for len(p.b) > 0 {
		d.event(p)
	}
	for range 50 { // everything that is waited for ends
		d.now += 200 * time.Second
		m.Tick(d.now)
		d.watch()
	}
	if len(m.timers) != 0 {
		t.Fatalf("%d timers never end", len(m.timers))
	}
	return len(d.calls)
}

// Long tapes, at random.
func TestTapes(t *testing.T) {
	r := proof.Seeded(t)
	b := make([]byte, 2000)
	calls := 0
	for range 300 {
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		calls += ride(t, b)
	}
	if calls == 0 {
		t.Error("no call began in any of them")
	}
}

// The machine takes any sequence of events, on both sides and in all versions.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{0, 210, 0, 0, 0, 1, 100, 0, 1, 3})
	f.Add([]byte{1, 210, 0, 0, 0, 3, 130, 0, 3, 1, 120, 0, 6, 3, 230, 4, 230, 4, 212, 230, 200})
	f.Add([]byte{4, 211, 150, 15, 6, 3, 2, 0, 0, 1, 4, 0, 0, 1, 150, 0, 4, 0, 9, 0, 0, 1, 150, 0, 15, 3, 212, 210, 230, 255})
	f.Add([]byte{5, 211, 103, 0, 18, 6, 6, 2, 16, 0, 0, 0, 230, 255, 211, 15, 0, 0, 4, 6, 1, 230, 255, 230, 255})
	f.Fuzz(func(t *testing.T, b []byte) { ride(t, b) })
}
