package block

import (
	"math/bits"
	"sync/atomic"

	"github.com/cellhub/cellhub/dataplane/ring"
)

// homes is a pool's ways to the others: blocks that were freed here go to their own
// pools, and ours come from theirs.
type homes struct {
	out  []*ring.Producer[ID] // by hub; nil for itself
	in   []*ring.Consumer[ID]
	want atomic.Bool // the hub waits for its blocks: whoever sends some wakes it
	away uint64      // hubs for which out has unpublished entries, a bit each
}

// connect makes the rings between all pools. All blocks of a pool fit, so that none is
// ever stranded.
func (a *Arena) connect() error {
	for _, p := range a.pools {
		p.homes.out = make([]*ring.Producer[ID], len(a.pools))
		p.homes.in = make([]*ring.Consumer[ID], len(a.pools))
	}
	perHub := a.blocks / uint32(len(a.pools))
	room := max(1<<bits.Len32(perHub), ring.MinCapacity)
	for i, p := range a.pools {
		for j, o := range a.pools {
			if i == j {
				continue
			}
			var err error
			if p.homes.out[j], o.homes.in[i], err = ring.New[ID](room); err != nil {
				return err
			}
		}
	}
	return nil
}

// Hub is the hub whose pool this is.
func (p *Pool) Hub() int { return p.hub }

// sendHome puts a block on its way.
func (p *Pool) sendHome(b ID, home int) {
	p.head[b] = header{where: p.head[b].where}
	p.homes.out[home].Put(b)
	p.homes.away |= 1 << home
}

// SendHome lets the blocks of other hubs that were freed here go, at the end of a pass.
// It gives the hubs to wake, a bit each: those that wait for blocks.
func (p *Pool) SendHome() (wake uint64) {
	for away := p.homes.away; away != 0; away &= away - 1 {
		home := bits.TrailingZeros64(away)
		if p.homes.out[home].Publish() && p.pools[home].homes.want.Load() {
			wake |= 1 << home
		}
	}
	p.homes.away = 0
	return wake
}

// TakeHome puts the blocks back that others have freed; it returns how many.
func (p *Pool) TakeHome() (n int) {
	for _, in := range p.homes.in {
		if in == nil || in.Empty() {
			continue
		}
		for b, ok := in.Get(); ok; b, ok = in.Get() {
			p.stockUp(b)
			n++
		}
		in.Release()
	}
	return n
}

// Returning is how many blocks wait for TakeHome.
func (p *Pool) Returning() (n int) {
	for _, in := range p.homes.in {
		if in != nil {
			n += in.Len()
		}
	}
	return n
}

// Want says whether the hub is to be woken when blocks come home. Set it, and then look
// at Returning: one of the two sides sees the other.
func (p *Pool) Want(yes bool) {
	if p.homes.want.Load() != yes {
		p.homes.want.Store(yes)
	}
}
