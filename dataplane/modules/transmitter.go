package modules

import (
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// transmitBatch is how many frames wait for one call of the kernel.
const transmitBatch = 64

// transmitter collects blocks of a pass and hands them to a device together. The
// blocks are its own until the device has taken them.
type transmitter struct {
	hub    *dataplane.Hub
	dev    nic.Device
	frames [transmitBatch][]byte
	blocks [transmitBatch]block.ID
	n      int
	lost   uint64 // blocks for a device that was not there
	err    error  // of a flush that a full batch made necessary
}

// room tells whether one more block can be added.
func (t *transmitter) room() bool { return t.n < transmitBatch }

// add takes a block; room must be there. A full batch is sent at once. Without a
// device the block is lost and counted.
func (t *transmitter) add(b block.ID) {
	if t.dev == nil {
		t.lost++
		t.hub.Pool.Free(b)
		return
	}
	t.frames[t.n], t.blocks[t.n] = t.hub.Pool.Bytes(b), b
	if t.n++; t.n == transmitBatch {
		t.err = t.flush()
	}
}

// flush sends what the device takes; the rest stays. The error is the device's: it
// has taken all frames then, and counted them as lost.
func (t *transmitter) flush() error {
	err := t.err
	t.err = nil
	if t.n == 0 {
		return err
	}
	sent, failed := t.dev.Transmit(t.frames[:t.n])
	if failed != nil {
		sent, err = t.n, failed
	}
	for _, b := range t.blocks[:sent] {
		t.hub.Pool.Free(b)
	}
	t.n = copy(t.blocks[:], t.blocks[sent:t.n])
	copy(t.frames[:], t.frames[sent:sent+t.n])
	return err
}

// direct sends one frame ahead of the pass's end, and frees it; false when others
// wait or the device is full.
func (t *transmitter) direct(b block.ID) bool {
	if t.n > 0 || t.dev == nil {
		return false
	}
	t.frames[0] = t.hub.Pool.Bytes(b)
	n, err := t.dev.Transmit(t.frames[:1])
	if n == 0 && err == nil {
		return false
	}
	t.err = err
	t.hub.Pool.Free(b)
	return true
}

// close lets the device go. What waited for it is lost and counted.
func (t *transmitter) close() {
	t.dev, t.err = nil, nil
	t.lost += uint64(t.n)
	for _, b := range t.blocks[:t.n] {
		t.hub.Pool.Free(b)
	}
	t.n = 0
}
