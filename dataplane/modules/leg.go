package modules

import (
	"fmt"
	"syscall"

	"github.com/cellhub/cellhub/aal"
)

// Leg describes a VC, or VP, as a port sends it.
type Leg struct {
	Connection
	Contract aal.Contract // what is reserved for it, and its class
	Shape    bool         // its cells are held back until they conform to the contract
	Frames   bool         // its cells are those of AAL5: under congestion whole PDUs are dropped
	Weight   uint8        // of UBR among UBR when there is congestion; 0: 1
}

// leg is a VC or VP that cross-connected cells leave a port by. Like crossEntry it has no
// pointer.
type leg struct {
	buckets  aal.Buckets // of its shaper
	drops    legDrops
	contract uint32 // among the port's contracts
	queue    uint32 // among the scheduler's; 0: nothing waits
	weight   uint8
	shape    bool
	frames   bool
	discard  aal.FrameDiscard
}

// legDrops is the cells of a leg that were dropped under congestion, by cause.
type legDrops struct {
	full   uint64 // as many wait as may
	clp1   uint64 // … half of them, and the cell had CLP 1
	frames uint64 // with others of their PDU
	last   int64  // when that rose last which lastOf points to, by the hub's clock
	lastOf legCause
}

// legCause is why a leg has dropped a cell; 0: it has not.
type legCause uint8

const (
	legFull legCause = iota + 1
	legCLP1
	legFrames
)

// legCauses are the counters' names.
var legCauses = [...]string{legFull: "tx_drop_full", legCLP1: "tx_drop_clp1", legFrames: "tx_drop_frames"}

// shedOf counts a cell that a leg has dropped.
func (p *port) shedOf(l *leg, n *uint64, cause legCause) {
	*n++
	p.counts.congested++
	l.drops.last, l.drops.lastOf = p.carrier.hub.Now(), cause
}

// legs is what has been promised about the cells that a port sends.
type legs struct {
	index     vcIndex
	legs      []leg
	free      []uint32
	channels  map[uint16]int // by VPI
	contracts contracts
	admission admission
}

// Reserve promises a port's VC, or VP, to one cross-connect, before Connect is called on the
// carrier that the cells come from: it is refused when another has it, its VPI is out of
// range, or switched the other way, or the port has not what the contract asks for. On the hub.
func (d *Carrier) Reserve(l Leg) error {
	p, err := d.crossPort(l.Connection)
	if err != nil {
		return err
	}
	if err := l.Contract.Check(); err != nil {
		return err
	}
	if l.Frames && l.Path || (l.Shape || l.Frames) && !p.cfg.Mode.Cells() {
		return errFrames
	}
	p.needSAR(l.VC)
	p.needLegs()
	if err := p.legs.reserve(l); err != nil {
		return err
	}
	if l.Shape {
		p.sched.shaped++
	}
	return nil
}

// Admit reserves what a VC that ends here sends, in the place of Reserve: the pair of the VC keeps it to
// the contract. On the hub.
func (d *Carrier) Admit(l Leg) error {
	p := d.port(l.Port)
	if p == nil {
		return fmt.Errorf("port %d: %w", l.Port, errNoPort)
	}
	if err := l.Contract.Check(); err != nil {
		return err
	}
	p.needLegs()
	return p.legs.reserve(l)
}

var errFrames error = &refusal{"a path is not AAL5, and SDUs are neither shaped nor queued by cells", syscall.EOPNOTSUPP}

// needLegs makes the table of legs and the scheduler, once. Leg 0 is of all that was never
// reserved: UBR.
func (p *port) needLegs() {
	if p.legs != nil {
		return
	}
	x := &legs{channels: map[uint16]int{}, admission: admission{Capacity: p.cfg.Capacity}}
	contract, _ := x.contracts.take(aal.Contract{}) // UBR without a peak is a contract
	x.legs = append(x.legs, leg{contract: contract, weight: 1})
	p.legs = x
	p.needScheduler()
}

// legOf is the leg of a cell that the port sends.
func (p *port) legOf(h uint32) uint32 {
	x := p.legs
	if i, ok := x.index.find(h >> 4); ok {
		return i
	}
	i, _ := x.index.find(pathKey(h >> 20))
	return i
}

func (x *legs) reserve(l Leg) error {
	_, there := x.index.find(l.key())
	_, whole := x.index.find(pathKey(uint32(l.VC.VPI)))
	switch {
	case there:
		return ErrConnected
	case whole:
		return errSwitched
	case l.Path && x.channels[l.VC.VPI] > 0:
		return errChannels
	case x.index.count == MaxCrossConnects:
		return fmt.Errorf("more than %d connections of one port", MaxCrossConnects)
	}
	contract, err := x.contracts.take(l.Contract)
	if err != nil {
		return err
	}
	if err := x.admission.admit(&l.Contract); err != nil {
		x.contracts.give(contract)
		return err
	}
	i := uint32(len(x.legs))
	if n := len(x.free); n > 0 {
		i, x.free = x.free[n-1], x.free[:n-1]
	} else {
		x.legs = append(x.legs, leg{})
	}
	x.legs[i] = leg{contract: contract, shape: l.Shape, frames: l.Frames, weight: max(l.Weight, 1)}
	x.index.add(l.key(), i)
	if !l.Path {
		x.channels[l.VC.VPI]++
	}
	return nil
}

// Release takes a promise back. On the hub.
func (d *Carrier) Release(c Connection) error {
	p := d.port(c.Port)
	if p == nil {
		return fmt.Errorf("port %d: %w", c.Port, errNoPort)
	}
	if p.legs != nil {
		if i, ok := p.legs.index.find(c.key()); ok {
			p.releaseLeg(c, i)
			return nil
		}
	}
	return ErrNotConnected
}

func (p *port) releaseLeg(c Connection, i uint32) {
	x := p.legs
	l := &x.legs[i]
	if l.queue != 0 {
		p.counts.down += p.sched.drop(l)
	}
	if l.shape {
		p.sched.shaped--
	}
	x.admission.release(&x.contracts.list[l.contract].Contract)
	x.contracts.give(l.contract)
	*l = leg{}
	x.index.remove(c.key())
	x.free = append(x.free, i)
	if c.Path {
		return
	}
	if x.channels[c.VC.VPI]--; x.channels[c.VC.VPI] == 0 {
		delete(x.channels, c.VC.VPI)
	}
}

// contracts are those that connections of a port have, each once.
type contracts struct {
	list   []contract
	free   []uint32
	places map[aal.Contract]uint32
}

// contract is one with what policers and shapers need of it.
type contract struct {
	aal.Contract
	users  uint32
	police aal.PolicePlan
	shape  aal.ShapePlan
}

func (x *contracts) take(c aal.Contract) (uint32, error) {
	if i, ok := x.places[c]; ok {
		x.list[i].users++
		return i, nil
	}
	police, err := aal.MakePolicePlan(c)
	if err != nil {
		return 0, err
	}
	shape, err := aal.MakeShapePlan(c, c.CDVT)
	if err != nil {
		return 0, err
	}
	if x.places == nil {
		x.places = map[aal.Contract]uint32{}
	}
	i := uint32(len(x.list))
	if n := len(x.free); n > 0 {
		i, x.free = x.free[n-1], x.free[:n-1]
	} else {
		x.list = append(x.list, contract{})
	}
	x.list[i] = contract{Contract: c, users: 1, police: police, shape: shape}
	x.places[c] = i
	return i, nil
}

func (x *contracts) give(i uint32) {
	if x.list[i].users--; x.list[i].users == 0 {
		delete(x.places, x.list[i].Contract)
		x.free = append(x.free, i)
	}
}
