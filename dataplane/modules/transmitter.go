package modules

import (
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// transmitBatch is how many frames wait for one call of the kernel.
const transmitBatch = 64

// transmitter collects blocks of a pass and hands them to a device together. The
// blocks are its own until the device has taken them; one that keeps them gives them back
// by completion.
type transmitter struct {
	hub    *dataplane.Hub
	dev    nic.Device
	frames [transmitBatch][]byte
	blocks [transmitBatch]block.ID
	marks  [transmitBatch]uint8 // how their traffic classes differ from the device's; see nic.Marker
	mark   uint8                // of the next frame
	class  uint8                // the device's
	marker nic.Marker           // nil: the device has no such field
	n      int
	keeps  bool       // the device keeps frames
	joins  bool       // the device makes one call of many frames
	full   bool       // the device has not taken all: the rest waits for room
	roomFD func() int // what tells of room, where it is not the device's FD
	err    error      // of a flush
}

// room tells whether one more block can be added.
func (t *transmitter) room() bool { return t.n < transmitBatch }

// waits tells whether the device is to say when it has room.
func (t *transmitter) waits() bool { return t.full }

// use takes a device.
func (t *transmitter) use(dev nic.Device) {
	info := dev.Info()
	t.dev, t.keeps, t.joins, t.roomFD = dev, info.Keeps, info.Joins, info.Room
	t.class = 0
	if t.marker, _ = dev.(nic.Marker); t.marker != nil {
		t.class = t.marker.Class()
	}
}

// add takes a block; room must be there. A full batch is sent at once.
func (t *transmitter) add(b block.ID) {
	t.frames[t.n], t.blocks[t.n], t.marks[t.n] = t.hub.Pool.Bytes(b), b, t.mark
	if t.n++; t.n == transmitBatch {
		t.flush()
	}
}

// flush sends what the device takes; the rest stays. An error, which is kept, is the
// device's: it has taken all frames then, and counted them as lost.
func (t *transmitter) flush() {
	if t.dev == nil || t.n == 0 {
		return
	}
	if t.marker != nil {
		t.marker.Mark(t.marks[:t.n])
	}
	sent, failed := t.dev.Transmit(t.frames[:t.n])
	if failed != nil {
		sent, t.err = t.n, failed
	}
	t.taken(sent)
	t.full = t.n > 0
}

// taken lets go of frames that the device has taken.
func (t *transmitter) taken(n int) {
	if !t.keeps {
		for _, b := range t.blocks[:n] {
			t.hub.Pool.Free(b)
		}
	}
	t.n = copy(t.blocks[:], t.blocks[n:t.n])
	copy(t.frames[:], t.frames[n:n+t.n])
	copy(t.marks[:], t.marks[n:n+t.n])
}

// direct sends a borrowed frame ahead of the pass's end, and frees it; false when others
// wait, or the device is full, or keeps what it sends.
func (t *transmitter) direct(b block.ID) bool {
	if t.flush(); t.n > 0 || t.keeps {
		return false
	}
	t.frames[0], t.marks[0] = t.hub.Pool.Bytes(b), t.mark
	if t.marker != nil {
		t.marker.Mark(t.marks[:1])
	}
	n, err := t.dev.Transmit(t.frames[:1])
	if n == 0 && err == nil {
		return false
	}
	t.err = err
	t.hub.Pool.Free(b)
	return true
}

// own makes what waits fit to go to another hub; an error: there is no memory.
func (t *transmitter) own() error {
	for i, b := range t.blocks[:t.n] {
		if !t.hub.Pool.Shared(b) {
			continue
		}
		c := t.hub.Pool.Copy(b)
		if c == 0 {
			return dataplane.ErrNoRoom
		}
		t.hub.Pool.Free(b)
		t.blocks[i], t.frames[i] = c, t.hub.Pool.Bytes(c)
	}
	return nil
}

// close frees what waits.
func (t *transmitter) close() {
	for _, b := range t.blocks[:t.n] {
		t.hub.Pool.Free(b)
	}
	t.dev, t.marker, t.err, t.n, t.full = nil, nil, nil, 0, false
}
