package modules

import (
	"time"

	"github.com/cellhub/cellhub/aal"
)

// policer is the usage parameter control of one connection: its memory and what it has done.
type policer struct {
	buckets         aal.Buckets
	tagged, dropped uint64
	last            int64  // when it dropped last, by the hub's clock
	contract        uint32 // among the port's
}

// policers are those of a port's connections. Place 0 is none.
type policers struct {
	list      []policer
	free      []uint32
	contracts contracts
}

// Police has cells of a cross-connect judged by a traffic contract, where they come in: by the
// generic cell rate algorithm, on the time of the pass that took them, so that its CDVT is to
// allow for the cells of a frame. With the contract's Tagging a cell over the second bucket
// goes on with CLP 1. The way is Connect's; on the hub.
func (d *Carrier) Police(from Connection, c aal.Contract) error {
	p, e, err := d.connected(from)
	if err != nil {
		return err
	}
	x := &p.cross.police
	i, err := x.contracts.take(c)
	if err != nil {
		return err
	}
	x.give(e.police)
	e.police = x.take(policer{contract: i})
	e.note(crossPoliced, true)
	return nil
}

func (x *policers) take(p policer) (i uint32) {
	if n := len(x.free); n > 0 {
		i, x.free = x.free[n-1], x.free[:n-1]
		x.list[i] = p
		return i
	}
	if len(x.list) == 0 {
		x.list = append(x.list, policer{})
	}
	x.list = append(x.list, p)
	return uint32(len(x.list) - 1)
}

func (x *policers) give(i uint32) {
	if i != 0 {
		x.contracts.give(x.list[i].contract)
		x.list[i] = policer{}
		x.free = append(x.free, i)
	}
}

// judge gives a cell's header as it goes on; false when the cell does not.
func (x *policers) judge(i uint32, now int64, h uint32) (uint32, bool) {
	p := &x.list[i]
	const clp = 1
	switch x.contracts.list[p.contract].police.Police(&p.buckets, time.Duration(now), h&clp != 0) {
	case aal.Tag:
		p.tagged++
		return h | clp, true
	case aal.Discard:
		p.dropped++
		p.last = now
		return h, false
	}
	return h, true
}
