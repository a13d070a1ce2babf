package nic

import (
	"fmt"
	"sync/atomic"
)

// Limits of a wire.
const (
	defaultWireDepth = 256
	defaultWireFrame = 2048
	maxWireDepth     = 1 << 16
	maxWireFrame     = 1 << 17
)

// WireConfig describes an in-memory wire. Zero values take the default in parentheses.
type WireConfig struct {
	Name     string // the ends are called Name-a and Name-b ("wire")
	MaxFrame int    // octets of the longest frame (2048)
	Depth    int    // frames that each direction holds, rounded up to a power of two (256)
	Batch    int    // most frames of one Receive (64)
	Lends    bool   // Receive lends the wire's memory
	Keeps    bool   // both ends are Keepers, with regions of their own
}

// NewWire makes an in-memory wire with two ends. What one transmits, the other receives, in order and without loss;
// a full direction takes no more until the far end has received and, when lending, released.
//
// All memory is there from the start. Each end may have its own goroutine. FD is -1, so a caller that sleeps has to
// be woken by other means. A frame over MaxFrame is counted in TxTooLong, as an interface would. After Close of
// either end, Transmit on both says ErrGone, and so does Receive once it has emptied the wire.
func NewWire(cfg WireConfig) (a, b Device, err error) {
	if cfg.Name == "" {
		cfg.Name = "wire"
	}
	setDefault(&cfg.MaxFrame, defaultWireFrame)
	setDefault(&cfg.Depth, defaultWireDepth)
	setDefault(&cfg.Batch, maxBatch)
	if cfg.MaxFrame < 1 || cfg.MaxFrame > maxWireFrame {
		return nil, nil, fmt.Errorf("wire: frame of %d octets: want 1 to %d", cfg.MaxFrame, maxWireFrame)
	}
	if cfg.Depth < 1 || cfg.Depth > maxWireDepth || cfg.Batch < 1 {
		return nil, nil, fmt.Errorf("wire: depth %d, batch %d: want a depth of 1 to %d and a batch of 1 or more",
			cfg.Depth, cfg.Batch, maxWireDepth)
	}
	if cfg.Keeps && cfg.Lends {
		return nil, nil, fmt.Errorf("wire: it lends its memory, or keeps the caller's")
	}
	closed := new(atomic.Bool)
	ab, ba := newLane(cfg), newLane(cfg)
	info := Info{MaxFrame: cfg.MaxFrame, Batch: cfg.Batch, Lends: cfg.Lends, Keeps: cfg.Keeps}
	end := func(suffix string, tx, rx *lane) Device {
		info := info
		info.Name = cfg.Name + suffix
		w := &wireEnd{info: info, tx: tx, rx: rx, closed: closed}
		w.info.Ready = func() bool { return w.next != rx.head.Load() || closed.Load() }
		if cfg.Keeps {
			return newKeeperEnd(w, cfg.Depth)
		}
		return w
	}
	return end("-a", ab, ba), end("-b", ba, ab), nil
}

// lane is one direction: a ring with one writer and one reader. Slots in [tail, head) hold frames.
type lane struct {
	head atomic.Uint64 // written by the transmitting end
	_    [56]byte      // keeps the two indices on their own cache lines
	tail atomic.Uint64 // written by the receiving end
	_    [56]byte

	mask   uint64
	slot   int // octets of a slot
	memory []byte
	length []int
}

func newLane(cfg WireConfig) *lane {
	depth := 1
	for depth < cfg.Depth {
		depth *= 2
	}
	return &lane{
		mask:   uint64(depth - 1),
		slot:   cfg.MaxFrame,
		memory: make([]byte, depth*cfg.MaxFrame),
		length: make([]int, depth),
	}
}

func (l *lane) frame(index uint64) []byte {
	i := int(index & l.mask)
	return l.memory[i*l.slot:][:l.length[i]:l.slot]
}

type wireEnd struct {
	info   Info
	tx, rx *lane
	next   uint64 // first slot of rx not yet received; ahead of rx.tail by what is lent
	closed *atomic.Bool
	ended  bool // this end was closed
	count  Counters
}

func (w *wireEnd) Info() Info         { return w.info }
func (w *wireEnd) FD() int            { return -1 }
func (w *wireEnd) Counters() Counters { return w.count }
func (w *wireEnd) Release()           { w.rx.tail.Store(w.next) }

func (w *wireEnd) Close() error {
	w.closed.Store(true)
	w.ended = true
	return nil
}

func (w *wireEnd) Receive(bufs [][]byte) (int, error) {
	closed := w.closed.Load() // before head: what was sent before Close still arrives
	head := w.rx.head.Load()
	limit, n := min(len(bufs), w.info.Batch), 0
	for ; n < limit && w.next != head; w.next++ {
		frame := w.rx.frame(w.next)
		switch {
		case w.info.Lends:
			bufs[n] = frame
		case len(frame) > len(bufs[n]):
			w.count.RxTruncated++
			continue
		default:
			bufs[n] = bufs[n][:copy(bufs[n], frame)]
		}
		w.count.RxFrames++
		w.count.RxOctets += uint64(len(frame))
		n++
	}
	if !w.info.Lends {
		w.Release()
	}
	if n == 0 && closed {
		return 0, ErrGone
	}
	return n, nil
}

func (w *wireEnd) Transmit(frames [][]byte) (int, error) {
	if w.closed.Load() {
		w.count.TxDown += uint64(len(frames))
		return len(frames), ErrGone
	}
	head, tail := w.tx.head.Load(), w.tx.tail.Load()
	n := 0
	for _, frame := range frames {
		if len(frame) > w.info.MaxFrame {
			w.count.TxTooLong++
			n++
			continue
		}
		if head-tail > w.tx.mask {
			break
		}
		i := int(head & w.tx.mask)
		w.tx.length[i] = copy(w.tx.memory[i*w.tx.slot:][:w.tx.slot], frame)
		w.count.TxFrames++
		w.count.TxOctets += uint64(len(frame))
		head++
		n++
	}
	w.tx.head.Store(head)
	return n, nil
}
