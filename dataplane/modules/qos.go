package modules

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// This file is what the network under a pseudowire learns of the traffic in it: a table chooses
// DSCP, traffic class and priority of a frame by the category and the CLP of its cells, or by the
// DSCP of the packet inside. A frame holds cells of one marking; one of another begins the next
// frame, so that cells leave in order.

// Marking is what a frame tells the network that carries it. What is not given is as the port
// has it.
type Marking struct {
	DSCP  uint8 // of the datagram, 0 to 63
	TC    uint8 // of all labels, 0 to 7; also called EXP
	PCP   uint8 // of the VLAN tag, 0 to 7; a port without VLAN has none
	Given MarkingFields
}

// MarkingFields are the fields of a Marking that are given.
type MarkingFields uint8

// The fields.
const (
	GivenDSCP MarkingFields = 1 << iota
	GivenTC
	GivenPCP
)

// Limits of a marking.
const (
	MaxDSCP = 63 // RFC 2474, 6 bits
	MaxPCP  = 7  // IEEE 802.1Q, 3 bits

	markedCategories = int(aal.UBRMCR) + 1
)

// QoSTable chooses markings.
type QoSTable struct {
	Cells   [markedCategories][2]Marking // by the category of the VC, and CLP
	ByInner bool                         // packets whose DSCP is known go by Inner, where that gives something
	Inner   [MaxDSCP + 1]Marking
}

// QoS is a table that ports refer to and that may be exchanged while they do.
type QoS struct{ table atomic.Pointer[QoSTable] }

// NewQoS makes a QoS of a table, which is its own from then on.
func NewQoS(t *QoSTable) *QoS {
	q := new(QoS)
	q.Set(t)
	return q
}

// Set exchanges the table, for frames that begin from now on. From any goroutine.
func (q *QoS) Set(t *QoSTable) { q.table.Store(t) }

// The DSCP of a packet inside travels in its message's Info, above the octet of CPCS-UU.
const (
	infoDSCPShift = 8
	infoHasDSCP   = 1 << 14
)

// setDSCP has a message tell the DSCP of the packet in it, where it is one.
func setDSCP(m *dataplane.Msg, ip []byte) {
	if ip != nil {
		m.Info |= infoHasDSCP | uint32(binary.BigEndian.Uint16(ip)>>classShift(ip)&MaxDSCP)<<infoDSCPShift
	}
}

// classShift is how far above its end the first two octets of a packet have the DSCP.
func classShift(ip []byte) int {
	if ip[0]>>4 == 6 {
		return 6 // version 4, DSCP 6, ECN 2, flow label 4
	}
	return 2 // version 4, length 4, DSCP 6, ECN 2
}

// markByInner has the port's next frame marked by the packet that a message is of; false: by its
// cells.
func (p *port) markByInner(m *dataplane.Msg) bool {
	if p.cfg.QoS == nil || m.Info&infoHasDSCP == 0 {
		return false
	}
	t := p.cfg.QoS.table.Load()
	if !t.ByInner {
		return false
	}
	by := t.Inner[m.Info>>infoDSCPShift&MaxDSCP]
	if by.Given == 0 {
		return false
	}
	p.want = by
	return true
}

// markingOf is the marking of a cell of that header.
func (p *port) markingOf(h uint32) Marking {
	category, clp := aal.UBR, h&1
	if p.legs != nil {
		category = p.legs.contracts.list[p.legs.legs[p.legOf(h)].contract].Category
	}
	return p.cfg.QoS.table.Load().Cells[category][clp]
}

// alike is as many of the cells, from the first on, as have one marking: the one that the port
// wants next.
func (p *port) alike(cells []byte) []byte {
	if p.cfg.QoS == nil {
		return cells
	}
	last := uint32(0)
	for n := 0; n < len(cells); n += aal.CellSize {
		h := binary.BigEndian.Uint32(cells[n:]) &^ headerPTI
		if n > 0 && h == last {
			continue
		}
		m := p.markingOf(h)
		if n > 0 && m != p.want {
			return cells[:n]
		}
		p.want, last = m, h
	}
	return cells
}

// headerPTI are the bits of a header's payload type.
const headerPTI = 7 << 1

// markSDU is markFrame for a frame of an SDU, or of a part of one.
func (p *port) markSDU(b block.ID, m *dataplane.Msg) {
	mark := ecn(m)
	if m.Flags&dataplane.FlagEFCI != 0 {
		mark = nic.CE
	}
	if p.cfg.QoS != nil && !p.markByInner(m) {
		h := aal.MakeHeader(p.cfg.VC, aal.PTIUser, m.Flags&dataplane.FlagCLP != 0)
		p.want = p.markingOf(uint32(h))
	}
	p.markFrame(b, p.want, mark)
}

// markFrame writes a marking into a frame that is to be sent, and has its datagram told of it, and of
// the ECN field where the port lets that show. unmark is due when it has been sent.
func (p *port) markFrame(b block.ID, m Marking, mark uint8) {
	t := &p.carrier.tx
	if t.mark = nic.NotECT; p.cfg.ECN {
		t.mark = mark
	}
	if m.Given == 0 {
		return
	}
	if m.Given&GivenDSCP != 0 {
		t.mark |= m.DSCP<<ecnBits ^ t.class
	}
	f, at := p.carrier.hub.Pool.Bytes(b), len(p.pw.prefix)
	if m.Given&GivenTC != 0 {
		for range len(p.cfg.Outer) + 1 {
			at -= LabelBytes
			f[at+2] = f[at+2]&^(MaxTC<<1) | m.TC<<1
		}
	}
	if m.Given&GivenPCP != 0 && p.cfg.Far.VLAN != 0 {
		f[ethernetHeader] = f[ethernetHeader]&^(MaxPCP<<5) | m.PCP<<5
	}
}

const ecnBits = 2 // of a traffic class, below the DSCP

// unmark ends what markFrame has told of a frame.
func (p *port) unmark() { p.carrier.tx.mark = nic.NotECT }

// Congestion that datagrams have met is told inside by EFCI, and, where the port lets ECN fields
// show, the other way round.

// meetCongestion marks the user cells of a frame that has met congestion.
func (p *port) meetCongestion(cells []byte) {
	for ; len(cells) >= aal.CellSize; cells = cells[aal.CellSize:] {
		if h := aal.ReadHeader(cells); h.User() {
			h.WithEFCI(true).Put(cells)
			p.counts.metCongestion++
		}
	}
}

// allCongested is CE for cells that have all met congestion.
func allCongested(cells []byte) uint8 {
	for ; len(cells) >= aal.CellSize; cells = cells[aal.CellSize:] {
		if h := aal.ReadHeader(cells); !h.User() || !h.EFCI() {
			return nic.NotECT
		}
	}
	return nic.CE
}

// noteCongestion gives the frame under construction the mark of its last n octets, if the others
// have the same.
func (p *port) noteCongestion(n int) {
	if !p.cfg.ECN {
		return
	}
	f := p.carrier.hub.Pool.Bytes(p.frame)
	mark := allCongested(f[len(f)-n:])
	if first := len(f) == p.pw.overhead()+n; first || p.mark == mark {
		p.mark = mark
		return
	}
	p.mark = nic.NotECT
}
