package dataplane

import (
	"fmt"
	"sync/atomic"

	"github.com/cellhub/cellhub/dataplane/ring"
)

// Sizes of the rings between two hubs, in entries.
const (
	dataRing   = 4096
	urgentRing = 1024 // high-priority messages and credits
)

// peer is a hub's side of its rings with one other hub.
type peer struct {
	hub     *Hub // the other one
	data    *ring.Producer[Msg]
	urgent  *ring.Producer[Msg]
	dataIn  *ring.Consumer[Msg]
	highIn  *ring.Consumer[Msg]
	mail    bool     // something was published to the other hub in this pass
	waiting []*proxy // who met a full ring
	// Flags shared with the other side, one writer of true and one of false each.
	full   *atomic.Bool // we wait for room in a ring to it
	theirs *atomic.Bool // it waits for room in a ring to us
}

// Connect joins hubs into a fabric: from then on a process of one can be joined to a
// process of another (Fabric.Join), over rings. The hubs' pools must be those of one
// arena, hub i with pool i, and none may run yet.
func Connect(hubs ...*Hub) (*Fabric, error) {
	for i, h := range hubs {
		if h.index != i || h.Pool.Arena != hubs[0].Pool.Arena || h.Pool.Hubs() != len(hubs) || h.peers != nil {
			return nil, fmt.Errorf("%w: hub %d: a fabric takes the pools of one arena, in order, all of them, once", ErrHub, i)
		}
	}
	for i, h := range hubs {
		h.peers = make([]*peer, len(hubs))
		for j, o := range hubs {
			if i != j {
				h.peers[j] = &peer{hub: o}
			}
		}
	}
	for i := range hubs {
		for j := range i {
			if err := connect(hubs[i], hubs[j]); err != nil {
				return nil, err
			}
		}
	}
	return &Fabric{hubs: hubs}, nil
}

func connect(a, b *Hub) error {
	pa, pb := a.peers[b.index], b.peers[a.index]
	pa.full, pb.full = new(atomic.Bool), new(atomic.Bool)
	pa.theirs, pb.theirs = pb.full, pa.full
	var errs [4]error
	pa.data, pb.dataIn, errs[0] = ring.New[Msg](dataRing)
	pb.data, pa.dataIn, errs[1] = ring.New[Msg](dataRing)
	pa.urgent, pb.highIn, errs[2] = ring.New[Msg](urgentRing)
	pb.urgent, pa.highIn, errs[3] = ring.New[Msg](urgentRing)
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("%w: %w", ErrHub, err)
		}
	}
	return nil
}

// drainPeers empties the rings from the other hubs: always all that is there, so that
// no hub ever waits for this one. What streams have no room for waits in their
// proxies, within their credit.
func (h *Hub) drainPeers() (work int) {
	for _, p := range h.peers {
		if p == nil {
			continue
		}
		work += h.drainRing(p.highIn) + h.drainRing(p.dataIn)
		if p.theirs.Load() && p.theirs.Swap(false) {
			p.hub.sleeper.wake()
		}
		h.retry(p)
	}
	return work + h.Pool.TakeHome()
}

func (h *Hub) drainRing(in *ring.Consumer[Msg]) (work int) {
	for n := in.Len(); work < n; work++ {
		m, _ := in.Get()
		h.arrive(&m)
	}
	if work > 0 {
		in.Release()
	}
	return work
}

// publish ends a pass towards the other hubs: one store a ring, one ring of the bell
// a hub at most.
func (h *Hub) publish() {
	homes := h.Pool.SendHome()
	for i, p := range h.peers {
		if p == nil {
			continue
		}
		wake := p.mail || homes>>i&1 != 0
		if p.mail {
			p.data.Publish()
			p.urgent.Publish()
			p.mail = false
		}
		if wake {
			p.hub.sleeper.wake()
		}
	}
}

// retry schedules the proxies that met a full ring, once there is room again. The
// flag is set before the look at the ring, and the other side takes it after it has
// made room: one of the two sees the other.
func (h *Hub) retry(p *peer) {
	if len(p.waiting) == 0 {
		return
	}
	p.full.Store(true)
	if p.data.Free() == 0 || p.urgent.Free() == 0 {
		return
	}
	p.full.Store(false)
	for i, x := range p.waiting {
		x.waits = false
		x.out.Enable()
		p.waiting[i] = nil
	}
	p.waiting = p.waiting[:0]
}

// mailWaits is the look at the rings before sleeping.
func (h *Hub) mailWaits() bool {
	for _, p := range h.peers {
		if p == nil {
			continue
		}
		if !p.dataIn.Empty() || !p.highIn.Empty() {
			return true
		}
		if len(p.waiting) > 0 && p.data.Free() > 0 && p.urgent.Free() > 0 {
			return true
		}
	}
	return false
}
