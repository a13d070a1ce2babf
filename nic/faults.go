package nic

import (
	"fmt"
	"math/rand/v2"
)

// FaultConfig says how often a fault injector does what. Probabilities are 0 to 1, of each unit.
type FaultConfig struct {
	Seed      uint64
	Loss      float64 // the unit is taken out
	Duplicate float64 // the unit comes twice
	Reorder   float64 // the unit comes after the one that follows it, be that in a later frame
	Flip      float64 // one bit of the unit is inverted

	Header int // octets at the start of each frame that are left alone
	Unit   int // octets of a unit; 0: each frame is one
}

// FaultCounters counts what a fault injector did, in units but for TooLong. A unit may be in several counts.
type FaultCounters struct {
	Units      uint64 // that came
	Lost       uint64
	Duplicated uint64
	Reordered  uint64
	Flipped    uint64
	TooLong    uint64 // frames that fitted neither MaxFrame nor, after the faults, the caller's buffer
}

// Limits of a fault injector.
const (
	faultGrowth = 3  // frames that come of one at most, when it is one unit: itself, again, and the one held back
	faultRounds = 64 // batches that are lost whole before Receive gives up
)

// Faults is a device that damages what another receives: the same way for the same seed and traffic.
type Faults struct {
	Device
	cfg    FaultConfig
	info   Info
	random *rand.Rand
	count  FaultCounters

	inner [][]byte // what the wrapped device receives into
	room  [][]byte // memory for that, when it does not lend

	slots  [][]byte // memory of the frames made
	length []int
	made   int // slots [given, made) wait for Receive
	given  int // slots [0, given) are with the caller
	fill   int // octets so far of the frame in slots[made], which units join

	held    []byte // memory of the unit that lets the next one pass
	holding int    // its octets; 0: there is none
}

// NewFaults wraps dev. Faults happen on Receive; Transmit goes straight through. It lends if dev does, from its own
// memory, and its counters are dev's.
//
// With a Unit a frame is Header octets, then units, and faults strike units: one lost shortens the frame, one
// duplicated lengthens it, one reordered swaps with the next, and a frame that loses all its units is lost. Octets
// behind the last whole unit stay. No frame grows over dev's MaxFrame: a duplicate that would is not made, and not
// counted. Without a Unit the same happens to whole frames. A unit held back comes when another has passed, and not
// before: at the end of the traffic, one may be missing.
func NewFaults(dev Device, cfg FaultConfig) (*Faults, error) {
	for _, p := range []float64{cfg.Loss, cfg.Duplicate, cfg.Reorder, cfg.Flip} {
		if !(p >= 0 && p <= 1) { // refuses NaN too
			return nil, fmt.Errorf("faults: probability %v: want 0 to 1", p)
		}
	}
	info := dev.Info()
	if info.Keeps {
		return nil, fmt.Errorf("faults: %s keeps its frames: they cannot be harmed", info.Name)
	}
	if cfg.Header < 0 || cfg.Unit < 0 || cfg.Header > info.MaxFrame-cfg.Unit {
		return nil, fmt.Errorf("faults: header of %d and unit of %d octets: a frame has at most %d",
			cfg.Header, cfg.Unit, info.MaxFrame)
	}
	f := &Faults{
		Device: dev,
		cfg:    cfg,
		info:   info,
		random: rand.New(rand.NewPCG(cfg.Seed, 0)),
		inner:  make([][]byte, info.Batch),
		slots:  cut(faultGrowth*info.Batch, info.MaxFrame),
		length: make([]int, faultGrowth*info.Batch),
		held:   make([]byte, info.MaxFrame),
	}
	f.info.Ready = func() bool { return f.given < f.made || info.Ready == nil || info.Ready() }
	if !info.Lends {
		f.room = cut(info.Batch, info.MaxFrame)
	}
	return f, nil
}

// cut makes n slices of size octets from one piece of memory.
func cut(n, size int) [][]byte {
	pieces, memory := make([][]byte, n), make([]byte, n*size)
	for i := range pieces {
		pieces[i] = memory[i*size:][:size:size]
	}
	return pieces
}

// FaultCounters is a snapshot, for the device's own goroutine.
func (f *Faults) FaultCounters() FaultCounters { return f.count }

// Receive hands over what the faults leave of what the wrapped device receives. While all that was made is lent, it
// makes no more.
func (f *Faults) Receive(bufs [][]byte) (int, error) {
	bufs = bufs[:min(len(bufs), f.info.Batch)]
	for range faultRounds {
		if n := f.give(bufs); n > 0 || len(bufs) == 0 || f.given > 0 {
			return n, nil
		}
		copy(f.inner, f.room)
		n, err := f.Device.Receive(f.inner)
		for _, frame := range f.inner[:n] {
			f.harm(frame)
		}
		f.Device.Release()
		if n == 0 {
			return 0, err
		}
	}
	return 0, nil
}

// Release gives back what Receive has lent.
func (f *Faults) Release() {
	if f.given == f.made {
		f.given, f.made = 0, 0
	}
}

// give hands over frames that were made.
func (f *Faults) give(bufs [][]byte) int {
	n := 0
	for ; n < len(bufs) && f.given < f.made; f.given++ {
		frame := f.slots[f.given][:f.length[f.given]]
		switch {
		case f.info.Lends:
			bufs[n] = frame
		case len(frame) > len(bufs[n]):
			f.count.TooLong++
			continue
		default:
			bufs[n] = bufs[n][:copy(bufs[n], frame)]
		}
		n++
	}
	if !f.info.Lends {
		f.Release()
	}
	return n
}

// harm makes from one frame what comes of it.
func (f *Faults) harm(frame []byte) {
	if len(frame) > f.info.MaxFrame {
		f.count.TooLong++
		return
	}
	header := min(len(frame), f.cfg.Header)
	if f.cfg.Unit == 0 {
		f.strike(frame, header, 0)
		return
	}
	f.fill = copy(f.slots[f.made], frame[:header])
	at, rest := header, len(frame)-header
	for ; rest >= f.cfg.Unit; at += f.cfg.Unit {
		rest -= f.cfg.Unit
		f.strike(frame[at:at+f.cfg.Unit], 0, rest)
	}
	if f.fill == header && at > header {
		return // it lost all its units
	}
	f.length[f.made] = f.fill + copy(f.slots[f.made][f.fill:], frame[at:])
	f.made++
}

// strike decides about one unit. The octets before skip cannot flip; rest octets of the frame still have to fit after
// it. The random numbers drawn for a unit do not depend on its fate, so each kind of fault has its own pattern.
func (f *Faults) strike(unit []byte, skip, rest int) {
	lost, twice := f.chance(f.cfg.Loss), f.chance(f.cfg.Duplicate)
	late, flip := f.chance(f.cfg.Reorder), f.chance(f.cfg.Flip)
	bit := f.random.Uint64()
	f.count.Units++
	if lost {
		f.count.Lost++
		return
	}
	late = late && f.holding == 0 && len(unit) > 0
	var placed []byte
	if late {
		f.count.Reordered++
		f.holding = copy(f.held, unit)
		placed = f.held[:f.holding]
	} else {
		placed = f.emit(unit, rest) // always fits: what was added before left room for it
	}
	if body := placed[skip:]; flip && len(body) > 0 {
		f.count.Flipped++
		bit %= uint64(len(body)) * 8
		body[bit/8] ^= 1 << (bit % 8)
	}
	if late {
		return
	}
	if twice && f.emit(placed, rest) != nil {
		f.count.Duplicated++
	}
	if f.holding > 0 && f.emit(f.held[:f.holding], rest) != nil {
		f.holding = 0
	}
}

func (f *Faults) chance(p float64) bool { return f.random.Float64() < p }

// emit puts a unit where it goes, a frame of its own or behind the others in the frame being made, and returns it
// there; nil: rest more octets would not fit after it.
func (f *Faults) emit(unit []byte, rest int) []byte {
	slot := f.slots[f.made]
	if f.cfg.Unit == 0 {
		f.length[f.made] = copy(slot, unit)
		f.made++
		return slot[:len(unit)]
	}
	end := f.fill + len(unit)
	if end+rest > f.info.MaxFrame {
		return nil
	}
	placed := slot[f.fill:end]
	copy(placed, unit)
	f.fill = end
	return placed
}
