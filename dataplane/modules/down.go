package modules

import (
	"fmt"

	"github.com/cellhub/cellhub/dataplane"
)

// SetUp lets a port carry, or not. The first time that it is told not to, it drains: what waits
// to be sent still leaves, and what comes for it from then on, from either side, is lost and
// counted. The second time what still waits is lost at once. On the hub.
func (d *Carrier) SetUp(number uint32, up bool) error {
	p := d.port(number)
	if p == nil {
		return fmt.Errorf("port %d: %w", number, errNoPort)
	}
	again := p.tell(up)
	if p.setUp(p.impairer.allows(up)); again {
		p.cutOff()
	}
	return nil
}

// tell notes what SetUp says, and gives whether a port that was to be down is so again.
func (p *port) tell(up bool) (again bool) {
	again = p.told && !up
	p.told = !up
	return again
}

func (p *port) setUp(up bool) {
	d := p.carrier
	switch {
	case up:
		if p.stopped {
			d.halted--
		}
		p.stopped, p.cut = false, false
		return
	case !p.stopped:
		d.halted++
		p.closeFrame() // what is packed still goes
		d.in.AskSend()
	}
	p.stopped = true
	p.raise()
}

// cutOff loses what waits.
func (p *port) cutOff() {
	p.cut = true
	p.dropFrame()
	p.dropAll()
}

// refuse frees and counts a message for a port that is down; false: its port is not.
func (d *Carrier) refuse(m dataplane.Msg) bool {
	p := d.port(uint32(m.Conn >> portShift))
	if p == nil || !p.stopped {
		return false
	}
	p.counts.down++
	d.hub.Free(m)
	return true
}
