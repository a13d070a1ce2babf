package classifier

import (
	"fmt"

	"github.com/cellhub/cellhub/bpf"
)

// Counts is how many frames the classifier has seen, each counted in one of them.
type Counts struct {
	Other      uint64 // passed: not of ours, or cut short
	Fragment   uint64 // passed: a part of a datagram
	NoWire     uint64 // passed: not bound
	Pass       uint64 // passed: bound to pass
	Drop       uint64 // dropped: bound to be
	NoHub      uint64 // dropped: the socket has gone
	Relay      uint64 // sent on
	NoDevice   uint64 // dropped: the interface to send it on has gone
	Hub        uint64 // given to the hub: bound to it
	Mixed      uint64 // … cells of it have different verdicts, or leave by different ports
	Strange    uint64 // … another station's, a control channel's, OAM, or not whole cells
	Checksum   uint64 // … a datagram whose checksum does not hold
	Unresolved uint64 // … the next hop is not known
	TooLong    uint64 // … the way out does not hold it
	NoHead     uint64 // … no room before it for longer headers
}

// places are the counters in the kernel's order.
func (n *Counts) places() [bpf.ClassifierCounterCOUNTERS]*uint64 {
	return [...]*uint64{
		bpf.ClassifierCounterCOUNT_OTHER: &n.Other, bpf.ClassifierCounterCOUNT_FRAGMENT: &n.Fragment, bpf.ClassifierCounterCOUNT_NO_PORT: &n.NoWire,
		bpf.ClassifierCounterCOUNT_PASS: &n.Pass, bpf.ClassifierCounterCOUNT_DROP: &n.Drop, bpf.ClassifierCounterCOUNT_NO_HUB: &n.NoHub,
		bpf.ClassifierCounterCOUNT_RELAY: &n.Relay, bpf.ClassifierCounterCOUNT_NO_DEVICE: &n.NoDevice, bpf.ClassifierCounterCOUNT_HUB: &n.Hub,
		bpf.ClassifierCounterCOUNT_MIXED: &n.Mixed, bpf.ClassifierCounterCOUNT_STRANGE: &n.Strange, bpf.ClassifierCounterCOUNT_CHECKSUM: &n.Checksum,
		bpf.ClassifierCounterCOUNT_UNRESOLVED: &n.Unresolved, bpf.ClassifierCounterCOUNT_TOO_LONG: &n.TooLong, bpf.ClassifierCounterCOUNT_NO_HEAD: &n.NoHead,
	}
}

// Counts reads the counters.
func (c *Classifier) Counts() (n Counts, err error) {
	for which, to := range n.places() {
		var each []uint64 // of each processor
		if err := c.objects.Counters.Lookup(uint32(which), &each); err != nil {
			return n, fmt.Errorf("counters: %w", err)
		}
		for _, one := range each {
			*to += one
		}
	}
	return n, nil
}

// Traffic is what was relayed from and to a port.
type Traffic struct {
	RxFrames, RxCells uint64 // of SDUs: how many
	TxFrames, TxCells uint64
}

// Traffic reads what was relayed from and to the port of a number.
func (c *Classifier) Traffic(number uint32) (n Traffic, err error) {
	var each []bpf.ClassifierPortTraffic
	if err := c.objects.Traffic.Lookup(number, &each); err != nil {
		return n, fmt.Errorf("traffic: %w", err)
	}
	for _, one := range each {
		n.RxFrames, n.RxCells = n.RxFrames+one.RxFrames, n.RxCells+one.RxCells
		n.TxFrames, n.TxCells = n.TxFrames+one.TxFrames, n.TxCells+one.TxCells
	}
	return n, nil
}
