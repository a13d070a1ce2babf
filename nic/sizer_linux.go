package nic

// Sizer is a device whose longest frame can change while it is open, because the MTU of its interface or of its path
// has.
type Sizer interface {
	// SetMaxFrame changes Info().MaxFrame, in octets; false when memory that was given to the kernel does not hold
	// such frames, and the device has to be opened again. On the device's own goroutine.
	SetMaxFrame(octets int) bool
}

// SetMaxFrame of a TAP: the kernel's memory is not concerned.
func (t *tap) SetMaxFrame(octets int) bool {
	t.info.MaxFrame = octets
	return true
}

// SetMaxFrame of a packet device: a slot has room up to the next power of two.
func (p *packet) SetMaxFrame(octets int) bool {
	if slotOverhead+octets > 1<<p.slotShift {
		return false
	}
	p.info.MaxFrame = octets
	return true
}

// SetMaxFrame of a UDP device: the kernel's memory is not concerned.
func (u *udp) SetMaxFrame(octets int) bool {
	u.info.MaxFrame = min(octets, maxDatagram)
	return true
}

// Stationer is a device that tells frames to its interface's address from those to other stations by itself.
type Stationer interface {
	// SetAddress follows the interface, which has another Ethernet address now. On the device's own goroutine.
	SetAddress(address [6]byte)
}

// SetAddress of a packet device, where the kernel decides and the address only tells how to count.
func (p *packet) SetAddress(address [6]byte) { p.address = address }

// SetAddress of an AF_XDP device.
func (x *xdp) SetAddress(address [6]byte) { x.address = address }

// Holder is a device whose receiving can be stopped and begun, so that another can take its place without a frame that
// both have received.
type Holder interface {
	// Hold receives nothing more; what has come can still be taken.
	Hold() error
	// Admit receives again, or begins to, in a device that was opened held.
	Admit() error
}
