package loader

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/cellhub/cellhub/bpf"
)

// Limits of the classifier's maps.
const (
	MaxWires   = 1 << 16 // bound at a time
	MaxSockets = 64      // of an interface: one for each queue
)

// ErrFull says that a map of the classifier has no room.
var ErrFull = errors.New("the classifier's map is full")

// Wire is a pseudowire by how its frames come: the label at the bottom of the stack, and the VLAN of the one tag before.
type Wire struct {
	Label uint32
	VLAN  uint16 // 0: none
}

func (w Wire) key() bpf.ClassifierWire {
	return bpf.ClassifierWire{Label: w.Label, Vlan: uint32(w.VLAN)}
}

// Verdict is what becomes of a frame.
type Verdict uint32

// The verdicts. What is not bound passes.
const (
	Pass = Verdict(bpf.ClassifierVerdictPASS) // to Linux, as without a classifier
	Hub  = Verdict(bpf.ClassifierVerdictHUB)  // to the socket of the queue that it came by
	Drop = Verdict(bpf.ClassifierVerdictDROP) // counted
)

// Bind gives the frames of a wire a verdict, from the next one on; ErrFull past MaxWires.
func (c *Classifier) Bind(w Wire, v Verdict) error {
	err := c.objects.Ports.Put(w.key(), bpf.ClassifierPort{Verdict: bpf.ClassifierVerdict(v)})
	switch {
	case isFull(err):
		return fmt.Errorf("label %d: %w: %d wires", w.Label, ErrFull, MaxWires)
	case err != nil:
		return fmt.Errorf("label %d: %w", w.Label, err)
	}
	return nil
}

// Unbind lets a wire's frames pass again. One that is not bound does no harm.
func (c *Classifier) Unbind(w Wire) error {
	if err := c.objects.Ports.Delete(w.key()); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("label %d: %w", w.Label, err)
	}
	return nil
}

// Counts is how many frames the classifier has seen, each counted in one of them.
type Counts struct {
	Other  uint64 // passed: no MPLS, or cut short
	NoWire uint64 // passed: not bound
	Pass   uint64 // passed: bound to pass
	Hub    uint64 // given to a socket
	Drop   uint64 // dropped: bound to be
	NoHub  uint64 // dropped: the socket has gone
}

// Counts reads the counters.
func (c *Classifier) Counts() (n Counts, err error) {
	for which, to := range map[bpf.ClassifierCounter]*uint64{
		bpf.ClassifierCounterCOUNT_OTHER: &n.Other, bpf.ClassifierCounterCOUNT_NO_PORT: &n.NoWire,
		bpf.ClassifierCounterCOUNT_PASS: &n.Pass, bpf.ClassifierCounterCOUNT_HUB: &n.Hub,
		bpf.ClassifierCounterCOUNT_DROP: &n.Drop, bpf.ClassifierCounterCOUNT_NO_HUB: &n.NoHub,
	} {
		var each []uint64 // of each processor
		if err := c.objects.Counters.Lookup(which, &each); err != nil {
			return n, fmt.Errorf("counters: %w", err)
		}
		for _, one := range each {
			*to += one
		}
	}
	return n, nil
}
