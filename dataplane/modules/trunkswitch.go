package modules

import (
	"encoding/binary"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/nic"
)

// trunkSwitch is how a trunk takes part in the switch: a carrier with one port that has no
// headers, and whose device is the trunk. Where the trunk's units are SDUs, a SAR for each VC
// stands between; CLP, EFCI and OAM end there, for which atmtcp has no place.
type trunkSwitch struct {
	Carrier
	trunk *Trunk
	port  *port
	at    int              // octets of the frame under way that have been sent
	sars  map[uint32]*aal5 // by VC; nil: units are cells
}

// trunkFrame is the octets of cells that the port collects before they are handed on.
const trunkFrame = 28 * aal.CellSize

func newTrunkSwitch(t *Trunk) *trunkSwitch {
	s := &trunkSwitch{trunk: t}
	s.port = &port{carrier: &s.Carrier, maxFrame: trunkFrame, maxCells: trunkFrame, trunk: s}
	s.port.cfg.UNI = t.format == TrunkCell
	s.port.timer.Fire = s.port.packed
	s.ports = []*port{s.port}
	if t.format == TrunkATMTCP {
		s.sars = map[uint32]*aal5{}
	}
	return s
}

// attach gives the switch's side the trunk's device, when that has one.
func (s *trunkSwitch) attach() error {
	s.hub, s.in, s.out = s.trunk.hub, s.trunk.in, s.trunk.out
	s.tx.hub = s.hub
	s.tx.use(trunkDevice{s})
	s.at = 0
	s.port.impairer.arrive()
	return nil
}

// detach loses what waits with the device.
func (s *trunkSwitch) detach() {
	s.dropFrames()
	s.tx.close()
}

// finish sends what the pass has collected.
func (s *trunkSwitch) finish() {
	s.Carrier.finish()
	s.tx.flush()
}

// waits tells whether something is left that the trunk's device had no room for.
func (s *trunkSwitch) waits() bool { return s.tx.n > 0 || s.waiting != nil || s.open != nil }

// each does something with every SAR.
func (s *trunkSwitch) eachSAR(do func(*aal5)) {
	for _, a := range s.sars {
		do(a)
	}
}

// module adds the switch to the trunk's code.
func (s *trunkSwitch) module(m *dataplane.Module) {
	m.Ptr, m.Commands = &s.Carrier, s.commands()
	closed, leave, arrive, put := m.Close, m.Leave, m.Arrive, m.WritePut
	m.Close = func(q *dataplane.Queue) {
		closed(q)
		s.port.close()
		s.eachSAR((*aal5).close)
	}
	m.Leave = func() error {
		if err := leave(); err != nil {
			return err
		}
		if err := s.tx.own(); err != nil {
			return err
		}
		s.timers(false)
		s.port.leave()
		s.eachSAR(func(a *aal5) { _ = a.leave() })
		return nil
	}
	m.Arrive = func(q *dataplane.Queue) {
		arrive(q)
		s.hub, s.tx.hub = s.trunk.hub, s.trunk.hub
		s.timers(true)
		s.port.arrive()
		s.eachSAR(func(a *aal5) { a.resume(s.hub) })
	}
	m.WritePut = func(q *dataplane.Queue, m dataplane.Msg) {
		if m.Type == dataplane.Data && uint32(m.Conn) == 0 { // from a port on another hub
			s.accept(uint32(m.Conn>>portShift), m.Block)
			return
		}
		if !s.trunk.refuse(m) {
			put(q, m)
		}
	}
}

// needSAR gives a VC of SDUs a SAR.
func (s *trunkSwitch) needSAR(vc aal.VC) {
	key := uint32(Key(vc))
	if s.sars == nil || s.sars[key] != nil {
		return
	}
	a := newAAL5(vc)
	a.open(s.hub, func(m dataplane.Msg) { s.sendSDU(m, key) }, func(m dataplane.Msg) { s.leave(s.port.crossConnected(m.Block)) })
	a.oam = func([]byte) { s.port.counts.drops[adminCell]++ }
	s.sars[key] = a
}

// sendSDU sends an SDU by the trunk, or sheds it.
func (s *trunkSwitch) sendSDU(m dataplane.Msg, key uint32) {
	if !s.trunk.present() || !s.trunk.tx.room() {
		s.port.counts.congested += uint64(aal.AAL5Cells(int(m.Len)))
		s.hub.Free(m)
		return
	}
	m.Conn = uint64(key)
	s.trunk.sendSDU(m)
}

// takeSDU takes an SDU that was received when its VC is cross-connected.
func (s *trunkSwitch) takeSDU(m dataplane.Msg) bool {
	if s.port.cross == nil {
		return false
	}
	key := uint32(m.Conn)
	if _, ok := s.port.cross.table.find(key); !ok {
		return false
	}
	s.needSAR(aal.VC{VPI: uint16(key >> 16), VCI: uint16(key)})
	s.sars[key].segment(m)
	return true
}

// trunkDevice is the device of the switch's side: it takes frames of cells apart.
type trunkDevice struct{ *trunkSwitch }

// Info says that frames of cells are taken.
func (d trunkDevice) Info() nic.Info { return nic.Info{Name: "trunk", MaxFrame: trunkFrame, Batch: 1} }

// Transmit sends cells while the trunk has room, and goes on within a frame where it has stopped.
func (d trunkDevice) Transmit(frames [][]byte) (int, error) {
	t := d.trunk
	for i, f := range frames {
		for ; d.at < len(f); d.trunkSwitch.at += aal.CellSize {
			if d.port.cut {
				t.counts.stopped += uint64((len(f) - d.at) / aal.CellSize)
				break
			}
			if !t.present() {
				t.lost += uint64(len(frames) - i)
				return len(frames), nil
			}
			if !t.tx.room() {
				return i, nil
			}
			cell := f[d.at : d.at+aal.CellSize]
			if d.sars == nil {
				t.sendCell(cell)
			} else if a := d.sars[binary.BigEndian.Uint32(cell)>>4]; a != nil {
				a.reassemble(cell, nic.NotECT)
			} else {
				d.port.counts.otherVC++
			}
		}
		d.trunkSwitch.at = 0
	}
	return len(frames), nil
}

// Receive gives nothing: what comes in comes by the trunk.
func (d trunkDevice) Receive([][]byte) (int, error) { return 0, nil }

// Release does nothing.
func (d trunkDevice) Release() {}

// FD is none.
func (d trunkDevice) FD() int { return -1 }

// Counters are the trunk's own.
func (d trunkDevice) Counters() nic.Counters { return nic.Counters{} }

// Close does nothing.
func (d trunkDevice) Close() error { return nil }
