package tunnel

import (
	"fmt"

	"github.com/cellhub/cellhub/bpf"
)

// Counts is what the programs have counted since the tunnel was first made. Frames and octets are those of the host
// outside super-frames, with MAC header and tag.
type Counts struct {
	OutFrames, OutOctets uint64 // to the network
	InFrames, InOctets   uint64 // to the host
	OutHub, InHub        uint64 // left to the hub, in frames or super-frames; it counts them too
	OutNoRoom            uint64 // of OutHub: the kernel refused to make room for the header
	OutNoHub, InNoHub    uint64 // lost: for the hub, which had gone
	OutFailed, InFailed  uint64 // lost: the kernel refused halfway
}

// Counts reads the counters.
func (t *Tunnel) Counts() (n Counts, err error) {
	var each []bpf.TunnelCounts // of each processor
	if err := t.counts.Lookup(uint32(0), &each); err != nil {
		return n, fmt.Errorf("tunnel: counters: %w", err)
	}
	for i := range each {
		c := &each[i]
		n.OutFrames, n.OutOctets = n.OutFrames+c.OutFrames, n.OutOctets+c.OutOctets
		n.InFrames, n.InOctets = n.InFrames+c.InFrames, n.InOctets+c.InOctets
		n.OutHub, n.InHub, n.OutNoRoom = n.OutHub+c.OutHub, n.InHub+c.InHub, n.OutNoRoom+c.OutNoRoom
		n.OutNoHub, n.InNoHub = n.OutNoHub+c.OutNoHub, n.InNoHub+c.InNoHub
		n.OutFailed, n.InFailed = n.OutFailed+c.OutFailed, n.InFailed+c.InFailed
	}
	return n, nil
}
