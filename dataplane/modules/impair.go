package modules

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
)

// Impairment is how a port harms what it receives, for laboratories: cells, or whole SDUs on a
// port of these. Parts are 0 to 1, of all units. With one seed, the same traffic comes to the
// same harm. The zero value harms nothing.
type Impairment struct {
	Loss      float64       // cells that do not come
	Errors    float64       // cells of whose information field a bit is wrong, one each
	Misinsert float64       // cells that come on another VC: a bit of their VCI is wrong; not of SDUs
	CDV       time.Duration // what comes is late by up to that, evenly spread; its order stays
	Up, Down  time.Duration // the port is up, and then down, so long, again and again; both or neither
	Seed      uint64
}

// MaxCDV is the longest delay.
const MaxCDV = 10 * time.Second

// impairedRuns is how many frames wait for their time; more are lost.
const impairedRuns = 1024

var errMisinsert = errors.New("misinsert: a port of SDUs has no cells to come on another VC")

var errImpairment = errors.New("loss, errors and misinsert are 0 to 1, cdv at most 10s; flap has two times above 0")

// Any tells whether something is harmed.
func (i *Impairment) Any() bool {
	return i.Loss > 0 || i.Errors > 0 || i.Misinsert > 0 || i.CDV > 0 || i.Up > 0
}

func (i *Impairment) check() error {
	for _, p := range []float64{i.Loss, i.Errors, i.Misinsert} {
		if !(p >= 0 && p <= 1) { // refuses NaN too
			return errImpairment
		}
	}
	if i.CDV < 0 || i.CDV > MaxCDV || i.Up < 0 || i.Down < 0 || (i.Up > 0) != (i.Down > 0) {
		return errImpairment
	}
	return nil
}

// impairer stands where a port receives.
type impairer struct {
	Impairment
	hub    func() *dataplane.Hub
	take   func(m dataplane.Msg, mark uint8) // what is left of a frame, now; cells: m has only a block
	set    func(up bool)                     // by flap
	random *rand.Rand

	timer    dataplane.Timer
	waits    []late // in order, from first
	first, n int
	due      int64 // of the last

	flap   dataplane.Timer
	fallen bool
	wanted bool // up, by SetUp

	counts struct{ lost, errored, misinserted, delayed, full, falls uint64 }
}

// late is a frame that waits for its time.
type late struct {
	m    dataplane.Msg
	mark uint8
	at   int64
}

func newImpairer(c Impairment) *impairer {
	if !c.Any() {
		return nil
	}
	i := &impairer{Impairment: c, random: rand.New(rand.NewPCG(c.Seed, 0)), wanted: true}
	i.timer.Fire, i.flap.Fire = i.release, i.turn
	if c.CDV > 0 {
		i.waits = make([]late, impairedRuns)
	}
	return i
}

// allows tells whether the port is up when it is told so, or not.
func (i *impairer) allows(up bool) bool {
	if i == nil {
		return up
	}
	i.wanted = up
	return up && !i.fallen
}

// arrive begins, or goes on, on the port's hub; leave stops it: what waits goes along.
func (i *impairer) arrive() {
	if i == nil {
		return
	}
	if i.n > 0 && !i.timer.Running() {
		i.hub().StartTimer(&i.timer, i.waits[i.first].at)
	}
	if i.Up == 0 || i.flap.Running() {
		return
	}
	after := i.Up
	if i.fallen {
		after = i.Down
	}
	i.hub().StartTimer(&i.flap, i.hub().Now()+after.Nanoseconds())
}

func (i *impairer) leave() {
	if i == nil {
		return
	}
	i.hub().StopTimer(&i.flap)
	i.hub().StopTimer(&i.timer)
}

// drop frees what waits.
func (i *impairer) drop() {
	if i == nil {
		return
	}
	i.leave()
	for ; i.n > 0; i.pop() {
		i.hub().Free(i.waits[i.first].m)
	}
}

// turn is the end of a time up, or down.
func (i *impairer) turn() {
	if i.fallen = !i.fallen; i.fallen {
		i.counts.falls++
	}
	if i.wanted {
		i.set(!i.fallen)
	}
	i.arrive()
}

// cells harms a frame of cells.
func (i *impairer) cells(b block.ID, mark uint8) {
	pool := i.hub().Pool
	cells := pool.Bytes(b)
	left := 0
	for at := 0; at+aal.CellSize <= len(cells); at += aal.CellSize {
		cell := cells[at : at+aal.CellSize]
		lost, flipped, strays := i.chance(i.Loss), i.chance(i.Errors), i.chance(i.Misinsert)
		bit := i.random.Uint64()
		if lost {
			i.counts.lost++
			continue
		}
		if flipped {
			i.counts.errored++
			flipBit(cell[aal.HeaderSize:], bit)
		}
		if strays {
			i.counts.misinserted++
			const vciAt = 4 // bits of the header below the VCI
			h := aal.ReadHeader(cell) ^ 1<<(vciAt+bit>>32%16)
			h.Put(cell)
		}
		left += copy(cells[left:], cell)
	}
	if left == 0 {
		pool.Free(b)
		return
	}
	pool.Cut(b, left)
	i.later(dataplane.Msg{Block: b}, mark)
}

// sdu harms an SDU.
func (i *impairer) sdu(m dataplane.Msg, mark uint8) {
	lost, flipped, bit := i.chance(i.Loss), i.chance(i.Errors), i.random.Uint64()
	if lost {
		i.counts.lost++
		i.hub().Free(m)
		return
	}
	if p := i.hub().Pool.Bytes(m.Block); flipped && len(p) > 0 {
		i.counts.errored++
		flipBit(p, bit)
	}
	i.later(m, mark)
}

func (i *impairer) chance(p float64) bool { return i.random.Float64() < p }

func flipBit(p []byte, bit uint64) {
	bit %= uint64(len(p)) * 8
	p[bit/8] ^= 1 << (bit % 8)
}

// later lets a frame go on when its time has come.
func (i *impairer) later(m dataplane.Msg, mark uint8) {
	if i.CDV == 0 {
		i.take(m, mark)
		return
	}
	delay := i.random.Int64N(i.CDV.Nanoseconds() + 1)
	if i.n == impairedRuns {
		i.counts.full++
		i.hub().Free(m)
		return
	}
	if m.Block = i.hub().Pool.Keep(m.Block, false); m.Block == 0 {
		i.counts.full++
		return
	}
	i.counts.delayed++
	i.due = max(i.due, i.hub().Now()+delay)
	i.waits[(i.first+i.n)%impairedRuns] = late{m, mark, i.due}
	if i.n++; !i.timer.Running() {
		i.hub().StartTimer(&i.timer, i.due)
	}
}

// release lets go on what is due.
func (i *impairer) release() {
	for ; i.n > 0; i.pop() {
		if at := i.waits[i.first].at; at > i.hub().Now() {
			i.hub().StartTimer(&i.timer, at)
			return
		}
		i.take(i.waits[i.first].m, i.waits[i.first].mark)
	}
}

// pop forgets the first.
func (i *impairer) pop() { i.first, i.n = (i.first+1)%impairedRuns, i.n-1 }

// appendCounts tells what was done, and the seed by which it is done again.
func (i *impairer) appendCounts(to []dataplane.Count) []dataplane.Count {
	if i == nil {
		return to
	}
	c := &i.counts
	return append(to, dataplane.Count{Name: "impair_seed", N: i.Seed}, dataplane.Count{Name: "impair_lost", N: c.lost},
		dataplane.Count{Name: "impair_errored", N: c.errored}, dataplane.Count{Name: "impair_misinserted", N: c.misinserted},
		dataplane.Count{Name: "impair_delayed", N: c.delayed}, dataplane.Count{Name: "impair_falls", N: c.falls},
		dataplane.Count{Name: "rx_drop_impair_full", N: c.full})
}

// impair puts an impairer where the port receives.
func (p *port) impair(i *impairer) {
	if p.impairer = i; i == nil {
		return
	}
	i.hub, i.set = func() *dataplane.Hub { return p.carrier.hub }, p.setUp
	i.take = func(m dataplane.Msg, mark uint8) {
		outer := p.carrier.outer
		p.carrier.outer = mark
		if p.cfg.Mode.Cells() {
			p.takeCells(m.Block)
		} else {
			p.takeSDU(m)
		}
		p.carrier.outer = outer
	}
}
