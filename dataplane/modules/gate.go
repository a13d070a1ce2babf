package modules

import (
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
)

// gateSlack is by how much cells of a shaped VC may come before their time: the hub sleeps in
// milliseconds, and what it has slept it makes up for. The network's CDVT is to allow for it.
const gateSlack = 2 * time.Millisecond

// gate is what the pair of a VC does beside joining a stream to a carrier: it holds back what
// does not conform to the contract yet, in the pair's own queue, so that the stream above feels
// it; and of a VC of one way it drops what comes the other way.
type gate struct {
	rq     *dataplane.Queue
	closed control.Direction // what is dropped: 0 of VCs of both ways
	in     uint64            // dropped, of each way
	out    uint64
	held   uint64 // messages that had to wait
	last   loss
	shaper *shaper
}

// shaper is the contract of what a VC sends.
type shaper struct {
	sdus    bool // messages are SDUs, and not cells: they count as the cells that they would be
	paid    int  // cells of the first message that have conformed already
	plan    aal.ShapePlan
	buckets aal.Buckets
	timer   dataplane.Timer
}

// wayOf reads the direction of a pair's argument.
func wayOf(word string) (closed control.Direction, err error) {
	switch word {
	case "in":
		return control.DirectionOut, nil
	case "out":
		return control.DirectionIn, nil
	}
	return 0, fmt.Errorf("direction %q: in or out", word)
}

// shape takes the argument of the command: "[sdus] CONTRACT", or nothing.
func (g *gate) shape(arg string) error {
	x := &shaper{}
	x.timer.Fire = g.open
	words := strings.Fields(arg)
	if x.sdus = len(words) > 0 && words[0] == "sdus"; x.sdus {
		words = words[1:]
	}
	if len(words) > 0 {
		c, err := parseContract(words)
		if err == nil {
			c.CDVT = max(c.CDVT, gateSlack)
			x.plan, err = aal.MakeShapePlan(c, gateSlack)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", err, syscall.EINVAL)
		}
	}
	if g.stop(); len(words) == 0 {
		x = nil
	}
	g.shaper = x
	g.open()
	return nil
}

// open has what waits looked at.
func (g *gate) open() { g.rq.Mate().Enable() }

// stop ends the wait for a time.
func (g *gate) stop() {
	if g.shaper != nil {
		g.rq.Hub().StopTimer(&g.shaper.timer)
	}
}

// put takes what the stream sends; false: it is to go on as without a gate.
func (g *gate) put(q *dataplane.Queue, m dataplane.Msg) bool {
	switch {
	case m.Type != dataplane.Data:
		return false
	case g.closed&control.DirectionOut != 0:
		g.out++
		g.last.note(q.Hub(), "tx_drop_direction")
		q.Hub().Free(m)
		return true
	case g.shaper == nil:
		return false
	}
	q.PutQ(m)
	return true
}

// cells is how many cells a message is on the way.
func (x *shaper) cells(m *dataplane.Msg) int {
	if x.sdus {
		return aal.AAL5Cells(int(m.Len))
	}
	return int(m.Len) / aal.CellSize
}

// serve sends to the carrier what conforms, and sees to the time when more does.
func (g *gate) serve(q, lower *dataplane.Queue, key uint64) {
	h, x := q.Hub(), g.shaper
	for q.Empty() || lower.CanPutNextFor(q, 0) {
		m, ok := q.GetQ() // of an empty queue it asks to be told of the next
		if !ok {
			return
		}
		if m.Type != dataplane.Data {
			lower.PutNext(m)
			continue
		}
		m.Conn = key
		all, now := x.cells(&m), time.Duration(h.Now())
		n := x.paid
		for n < all && x.plan.Take(&x.buckets, now) {
			n++
		}
		if n == all {
			x.paid = 0
			lower.PutNext(m)
			continue
		}
		g.held++
		if x.paid = n; !x.sdus && n > 0 && sendPart(q, lower, &m, n*aal.CellSize) {
			x.paid = 0
		}
		q.PutBQ(m)
		at := max(int64(x.plan.Next(&x.buckets, now)), int64(now+gateSlack/4))
		if !h.StartTimer(&x.timer, at) {
			q.Enable() // no timer is to be had: look in every pass
		}
		return
	}
}

// sendPart sends the first octets of a run of cells; without memory for that they wait, too.
func sendPart(q, lower *dataplane.Queue, m *dataplane.Msg, octets int) bool {
	pool := q.Hub().Pool
	first := *m
	if first.Block = pool.Loan(); first.Block == 0 {
		return false
	}
	pool.Lend(first.Block, pool.Bytes(m.Block)[:octets])
	first.Len = uint32(octets)
	loan := first.Block
	lower.PutNext(first)
	pool.Reclaim(loan)
	pool.Trim(m.Block, octets)
	m.Len -= uint32(octets)
	return true
}

// counts are the VC's own.
func (g *gate) counts() []dataplane.Count {
	return g.last.mark(g.rq.Hub(), []dataplane.Count{
		{Name: "rx_drop_direction", N: g.in}, {Name: "tx_drop_direction", N: g.out}, {Name: "tx_shaped", N: g.held},
	})
}
