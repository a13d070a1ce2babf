package modules

import (
	"fmt"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// receiver takes frames from a device as blocks. A device that reads into the
// caller's memory gets blocks posted in advance; a block goes up only when another
// takes its place, so that the posted ones never run out: under shortage frames are
// shed here, and counted. A device that lends ring slots has them shown through one
// borrowed block, one slot after another.
type receiver struct {
	hub      *dataplane.Hub
	dev      nic.Device
	lends    bool
	bufs     [][]byte
	posted   []block.ID
	size     int // octets of room in each
	loan     block.ID
	noBlocks uint64 // frames shed
}

func (r *receiver) open(h *dataplane.Hub, dev nic.Device) error {
	info := dev.Info()
	r.hub, r.dev, r.lends, r.size = h, dev, info.Lends, min(info.MaxFrame, h.Pool.MaxAlloc())
	r.bufs = make([][]byte, info.Batch)
	if r.lends {
		if r.loan = h.Pool.Loan(); r.loan == 0 {
			return fmt.Errorf("%s: no block to borrow with", info.Name)
		}
		return nil
	}
	for range info.Batch {
		b := h.Pool.Alloc(r.size)
		if b == 0 {
			r.close()
			return fmt.Errorf("%s: no blocks to post, %d needed", info.Name, info.Batch)
		}
		r.posted = append(r.posted, b)
	}
	return nil
}

// close gives the blocks back; not the device.
func (r *receiver) close() {
	for _, b := range r.posted {
		r.hub.Pool.Free(b)
	}
	r.posted = nil
	if r.loan != 0 {
		r.hub.Pool.Reclaim(r.loan)
		r.loan = 0
	}
	r.dev = nil
}

// receive takes a burst. Each frame is then taken by take, and after the last one
// done is called.
func (r *receiver) receive() (int, error) {
	if !r.lends {
		for i, b := range r.posted {
			r.bufs[i] = r.hub.Pool.Tail(b)
		}
	}
	return r.dev.Receive(r.bufs)
}

// take gives frame i of the burst as a block, owned or borrowed; 0 when the frame
// was shed.
func (r *receiver) take(i int) block.ID {
	switch {
	case r.dev == nil: // closed by what an earlier frame of the burst did
		return 0
	case r.lends:
		r.hub.Pool.Lend(r.loan, r.bufs[i])
		return r.loan
	}
	fresh := r.hub.Pool.Alloc(r.size)
	if fresh == 0 {
		r.noBlocks++
		return 0
	}
	b := r.posted[i]
	r.posted[i] = fresh
	r.hub.Pool.Extend(b, len(r.bufs[i]))
	return b
}

// done ends a burst.
func (r *receiver) done() {
	if r.dev != nil {
		r.dev.Release()
	}
}
