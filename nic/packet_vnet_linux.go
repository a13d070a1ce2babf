package nic

import (
	"golang.org/x/sys/unix"
)

// superBuffer is how much of super-frames may wait at a packet socket, in octets of the kernel's memory.
const superBuffer = 8 << 20

// packetCutter cuts the super-frames that an interface hands up, and lends the frames.
type packetCutter struct {
	frame  []byte // a super-frame, behind its virtio header
	memory []byte // of frames that are lent
	used   int
	split  splitter
}

// newPacketCutter has memory for all frames of one Receive, and for one super-frame at least.
func newPacketCutter(maxFrame int) *packetCutter {
	return &packetCutter{
		frame:  make([]byte, vnetBytes+maxSuperFrame),
		memory: make([]byte, max(maxSuperFrame+maxHeaders, maxBatch*maxFrame)),
	}
}

// useVnet has the kernel put a virtio header before each frame, both ways, and keep whole what is longer than a slot.
func (p *packet) useVnet(maxFrame int) bool {
	if unix.SetsockoptInt(p.fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1) != nil {
		return false
	}
	if unix.SetsockoptInt(p.fd, unix.SOL_PACKET, unix.PACKET_COPY_THRESH, 1) != nil {
		_ = unix.SetsockoptInt(p.fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 0)
		return false
	}
	_ = unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, superBuffer)
	p.cutter = newPacketCutter(maxFrame)
	p.tx.prefix = make([]byte, vnetBytes)
	return true
}

// whole is a frame that was too long for its slot: it waits at the socket, where those of all such slots are in the order
// of the slots. nil: it does not.
func (c *packetCutter) whole(fd int, v *vnet) []byte {
	n, errno := receiveOne(fd, c.frame)
	if errno != 0 || n < vnetBytes || n > len(c.frame) {
		return nil
	}
	v.read((*[vnetBytes]byte)(c.frame))
	return c.frame[vnetBytes:n]
}

// begin takes a super-frame; one that lies in its slot is kept here, because the slot goes back before all is cut. False:
// it makes no sense.
func (c *packetCutter) begin(frame []byte, v *vnet) bool {
	n := copy(c.frame[vnetBytes:], frame)
	return c.split.begin(c.frame[vnetBytes:][:n], v, false)
}

// cut lends frames of the super-frame, from bufs[n] on, and returns the new n.
func (c *packetCutter) cut(bufs [][]byte, n int, count *Counters) int {
	for n < len(bufs) && c.split.more() {
		room := c.memory[c.used:]
		if len(room) < c.split.payload+c.split.size {
			break
		}
		length := c.split.next(room)
		bufs[n] = room[:length:length]
		c.used += length
		count.RxFrames++
		count.RxOctets += uint64(length)
		n++
	}
	return n
}

// release takes all lent frames back.
func (c *packetCutter) release() { c.used = 0 }
