package modules

import (
	"fmt"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// receiver takes frames from a device as blocks. A device that reads into the
// caller's memory, or keeps it, gets blocks posted in advance; a block goes up only when
// another takes its place, so that the posted ones never run out: under shortage frames
// are shed here, and counted. A device that lends ring slots has them shown through one
// borrowed block, one slot after another.
type receiver struct {
	hub      *dataplane.Hub
	dev      nic.Device
	keeper   nic.Keeper // nil: frames are read into posted memory, or lent
	marks    []uint8    // the ECN field of each frame of a burst; nil: the device has none
	lends    bool
	bufs     [][]byte
	posted   []block.ID // what is read into
	again    [][]byte   // memory to be posted at the end of the burst
	size     int        // octets of room in each block
	loan     block.ID
	noBlocks uint64 // frames shed
}

func (r *receiver) open(dev nic.Device) error {
	info := dev.Info()
	r.dev, r.lends, r.keeper, r.marks = dev, info.Lends, nil, nil
	if d, ok := dev.(nic.Marker); ok {
		r.marks = d.Marks()
	}
	r.size = min(info.MaxFrame, r.hub.Pool.MaxAlloc())
	r.bufs = make([][]byte, info.Batch)
	if r.lends {
		if r.loan = r.hub.Pool.Loan(); r.loan == 0 {
			return fmt.Errorf("%s: no block to borrow with", info.Name)
		}
		return nil
	}
	n := info.Batch
	if info.Keeps {
		r.keeper, n = dev.(nic.Keeper), info.Posts
	}
	r.posted = r.posted[:0]
	for range n {
		b := r.hub.Pool.Alloc(r.size)
		if b == 0 {
			r.close()
			return fmt.Errorf("%s: no blocks to post, %d needed", info.Name, n)
		}
		r.posted = append(r.posted, b)
	}
	if r.keeper != nil {
		for _, b := range r.posted {
			r.again = append(r.again, r.hub.Pool.Memory(b))
		}
		r.posted = r.posted[:0]
		r.post()
	}
	return nil
}

// fit follows a device whose frames have become longer: memory that is posted already is
// changed for larger.
func (r *receiver) fit() {
	size := min(r.dev.Info().MaxFrame, r.hub.Pool.MaxAlloc())
	if size <= r.size || r.lends || r.keeper != nil {
		return
	}
	r.size = size
	for i, b := range r.posted {
		if len(r.hub.Pool.Tail(b)) >= size {
			continue
		}
		if larger := r.hub.Pool.Alloc(size); larger != 0 { // else it goes when its frame does
			r.hub.Pool.Free(b)
			r.posted[i] = larger
		}
	}
}

// close gives the blocks back, those that a device kept too, which must be closed.
func (r *receiver) close() {
	for _, b := range r.posted {
		r.hub.Pool.Free(b)
	}
	r.posted = r.posted[:0]
	r.reclaim()
	for _, memory := range r.again {
		r.free(memory)
	}
	r.again = r.again[:0]
	r.pause()
	r.dev, r.keeper = nil, nil
}

// pause gives the loan back, which is the hub's own; resume takes another.
func (r *receiver) pause() {
	if r.loan != 0 {
		r.hub.Pool.Reclaim(r.loan)
		r.loan = 0
	}
}

func (r *receiver) resume() {
	if r.lends {
		r.loan = r.hub.Pool.Loan()
	}
}

// receive takes a burst. Each frame is then taken by take, and after the last one
// done is called.
func (r *receiver) receive() (int, error) {
	switch {
	case r.keeper != nil:
		r.reclaim()
		r.post()
	case !r.lends:
		for i, b := range r.posted {
			r.bufs[i] = r.hub.Pool.Tail(b)
		}
	case r.loan == 0:
		if r.resume(); r.loan == 0 {
			return 0, nil // the frames wait in the device
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
		if r.keeper != nil {
			b, _ := r.hub.Pool.At(r.bufs[i])
			r.again = append(r.again, r.hub.Pool.Memory(b))
		}
		return 0
	}
	if r.keeper != nil {
		b, from := r.hub.Pool.At(r.bufs[i])
		r.hub.Pool.Window(b, from, len(r.bufs[i]))
		r.again = append(r.again, r.hub.Pool.Memory(fresh))
		return b
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
		r.post()
	}
}

// post hands memory to a device that keeps it; what it has no room for yet waits.
func (r *receiver) post() {
	if r.keeper != nil && len(r.again) > 0 {
		n := r.keeper.Post(r.again)
		r.again = r.again[:copy(r.again, r.again[n:])]
	}
}

// reclaim frees what a device that keeps frames has sent, or no longer wants.
func (r *receiver) reclaim() {
	if r.keeper == nil {
		return
	}
	for n := r.keeper.Complete(r.bufs); n > 0; n = r.keeper.Complete(r.bufs) {
		for _, frame := range r.bufs[:n] {
			r.free(frame)
		}
	}
}

func (r *receiver) free(piece []byte) {
	b, _ := r.hub.Pool.At(piece)
	r.hub.Pool.Free(b)
}
