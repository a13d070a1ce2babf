package node

// FirstVCI is the lowest VCI that calls get: those below 32 are reserved (I.361, 2.2.2).
const FirstVCI = 32

// channels are the VPI and VCI that the network side of an interface gives to calls. A
// number that has come back is used again last, so that cells still under way in the
// network meet nobody.
type channels struct {
	used        map[uint32]struct{} // VPI<<16 | VCI
	next        uint32
	first, last uint32 // VCIs
	paths       uint32 // VPIs 0 to paths-1
}

func (c *channels) init(firstVCI, lastVCI, paths uint16) {
	c.used = make(map[uint32]struct{})
	c.first, c.last, c.paths = uint32(firstVCI), uint32(lastVCI), uint32(paths)
}

// size is how many there are.
func (c *channels) size() uint32 { return (c.last - c.first + 1) * c.paths }

// take gives a free channel; false when there is none.
func (c *channels) take() (vpi, vci uint16, ok bool) {
	size := c.size()
	if uint32(len(c.used)) >= size {
		return 0, 0, false
	}
	for {
		at := c.next % size
		c.next = at + 1
		width := c.last - c.first + 1
		vpi, vci = uint16(at/width), uint16(c.first+at%width)
		if c.claim(vpi, vci) {
			return vpi, vci, true
		}
	}
}

// claim takes this very channel; false when somebody has it.
func (c *channels) claim(vpi, vci uint16) bool {
	key := uint32(vpi)<<16 | uint32(vci)
	if _, taken := c.used[key]; taken {
		return false
	}
	c.used[key] = struct{}{}
	return true
}

// offers says whether calls may have the channel at all.
func (c *channels) offers(vpi, vci uint16) bool {
	return uint32(vpi) < c.paths && uint32(vci) >= c.first && uint32(vci) <= c.last
}

func (c *channels) release(vpi, vci uint16) {
	delete(c.used, uint32(vpi)<<16|uint32(vci))
}
