package modules

import (
	"strconv"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
)

// Answers of a TooBig module, at most: as the kernel's own (net.ipv4.icmp_msgs_per_sec).
const (
	tooBigBurst    = 50
	tooBigInterval = int64(time.Second) / 1000
)

// TooBig is a module below the TAP end that stops frames which the way to the peer does
// not hold, and tells their senders by ICMP, so that a path which became narrower is no
// black hole. Without a limit everything passes.
type TooBig struct {
	hub     *dataplane.Hub
	bridged bool
	limit   int // octets of a frame; 0: none
	spent   int64
	counts  struct{ lost, told uint64 }
	last    loss
}

// NewTooBig makes the module. kind is aal.Bridged or aal.Routed.
func NewTooBig(kind aal.Kind) *TooBig { return &TooBig{bridged: kind == aal.Bridged} }

// Module is the module's code.
func (t *TooBig) Module() dataplane.Module {
	return dataplane.Module{
		Name: "toobig", WritePut: t.writePut, Counters: t.Counts,
		Open:   func(q *dataplane.Queue) error { t.hub = q.Hub(); return nil },
		Arrive: func(q *dataplane.Queue) { t.hub = q.Hub() },
		Commands: []dataplane.ModuleCommand{
			readText(128, "limit", func() string { return strconv.Itoa(t.limit) }),
			setNumber(129, "set-limit", func(n uint32) error { t.SetLimit(int(n)); return nil }),
		},
	}
}

// SetLimit sets the longest frame of the host that passes, in octets with its MAC
// header; 0: every one. On the hub only.
func (t *TooBig) SetLimit(octets int) { t.limit = octets }

func (t *TooBig) writePut(q *dataplane.Queue, m dataplane.Msg) {
	if m.Type != dataplane.Data || t.limit == 0 || int(m.Len) <= t.limit {
		q.PutNext(m)
		return
	}
	t.counts.lost++
	t.last.note(t.hub, "tx_drop_too_big")
	t.answer(q.Mate(), t.hub.Pool.Bytes(m.Block))
	t.hub.Free(m)
}

// answer tells the sender of a frame, within the rate.
func (t *TooBig) answer(up *dataplane.Queue, frame []byte) {
	now := t.hub.Now()
	if t.spent = max(t.spent, now-tooBigBurst*tooBigInterval); t.spent > now || !up.CanPutNext() {
		return
	}
	b := t.hub.Pool.Alloc(maxTooBig)
	if b == 0 {
		return
	}
	n := packetTooBig(t.hub.Pool.Tail(b), frame, t.limit, t.bridged)
	if n == 0 {
		t.hub.Pool.Free(b)
		return
	}
	t.spent += tooBigInterval
	t.counts.told++
	t.hub.Pool.Extend(b, n)
	up.PutNext(dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(n)})
}

// Counts gives the counters in a fixed order. On the hub only.
func (t *TooBig) Counts() []dataplane.Count {
	return t.last.mark(t.hub, []dataplane.Count{{Name: "tx_drop_too_big", N: t.counts.lost}, {Name: "senders_told", N: t.counts.told}})
}
