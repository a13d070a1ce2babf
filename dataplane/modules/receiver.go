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
// are shed here, and counted. A device that keeps pieces shorter than its frames has both:
// long frames are read. A device that lends ring slots has them shown through one
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
	size     int        // octets of room in each block that is read into
	piece    int        // octets of room in each that a device keeps
	loan     block.ID
	noBlocks uint64 // frames shed
}

// open posts blocks to a device. After an error too close frees them, when the device is
// closed.
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
	if info.Keeps {
		r.keeper, r.piece = dev.(nic.Keeper), r.size
		if info.Piece > 0 {
			r.piece = min(info.Piece, r.size)
		}
		for range info.Posts {
			b := r.hub.Pool.Alloc(r.piece)
			if b == 0 {
				return fmt.Errorf("%s: no blocks to post, %d needed", info.Name, info.Posts)
			}
			r.again = append(r.again, r.hub.Pool.Memory(b))
		}
		if r.post(); len(r.again) > 0 {
			return fmt.Errorf("%s: it has another region than the hub's blocks", info.Name)
		}
	}
	if r.reads() {
		return r.prepare(info)
	}
	return nil
}

// reads tells whether frames are read into posted memory.
func (r *receiver) reads() bool { return !r.lends && (r.keeper == nil || r.size > r.piece) }

// prepare allocates what is read into.
func (r *receiver) prepare(info nic.Info) error {
	r.posted = r.posted[:0]
	for range info.Batch {
		b := r.hub.Pool.Alloc(r.size)
		if b == 0 {
			return fmt.Errorf("%s: no blocks to post, %d needed", info.Name, info.Batch)
		}
		r.posted = append(r.posted, b)
	}
	return nil
}

// fit follows a device whose frames have become longer: memory that is posted already is
// changed for larger.
func (r *receiver) fit() {
	size := min(r.dev.Info().MaxFrame, r.hub.Pool.MaxAlloc())
	if size <= r.size || !r.reads() {
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
	if r.keeper != nil {
		r.reclaim()
		r.post()
	}
	if r.reads() {
		for i, b := range r.posted {
			r.bufs[i] = r.hub.Pool.Tail(b)
		}
	}
	if r.lends && r.loan == 0 {
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
	if r.keeper != nil {
		if b, from := r.hub.Pool.At(r.bufs[i]); len(r.posted) == 0 || b != r.posted[i] {
			return r.exchange(b, from, len(r.bufs[i]))
		}
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

// exchange takes a block from a device that kept it, and is to post another for it; 0 when
// there is none: the frame is shed.
func (r *receiver) exchange(b block.ID, from, octets int) block.ID {
	fresh := r.hub.Pool.Alloc(r.piece)
	if fresh == 0 {
		r.noBlocks++
		r.again = append(r.again, r.hub.Pool.Memory(b))
		return 0
	}
	r.hub.Pool.Window(b, from, octets)
	r.again = append(r.again, r.hub.Pool.Memory(fresh))
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
