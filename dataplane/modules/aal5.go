package modules

import (
	"math"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// ReassemblyTimeout is how long a PDU may miss its last cell. The standard leaves
// it to the user; half a second is far over any cell delay and far under what a
// peer's transport waits for.
const ReassemblyTimeout = 500 * 1000 * 1000 // ns

// aal5 is the module that makes CPCS-SDUs of the cells of one VC on the way up and
// cells of SDUs on the way down (I.363.5).
type aal5 struct {
	hub    *dataplane.Hub
	up     func(dataplane.Msg) // takes SDUs
	down   func(dataplane.Msg) // takes cells
	oam    func(cell []byte)   // takes OAM cells, which are lent
	f5     oamEnd              // of the module, which is an end of its VC
	header aal.Header          // VPI 0, VCI 0: its VC is not known yet
	seg    aal.Segmenter
	ras    aal.Reassembler
	block  block.ID // what the reassembler writes to; 0 between PDUs
	mark   uint8    // the ECN field of the datagrams that carried the PDU under way
	ticket uint64   // of the block, which is parked between two runs of cells
	train  int      // octets of cells in one message
	timer  dataplane.Timer
	begun  int64 // when the PDU under way began, in the hub's time
	counts aal5Counts
	last   loss
}

type aal5Counts struct {
	pdusOut, octetsIn, octetsOut uint64
	events                       [aal.EvReserved + 1]uint64
	timeouts                     uint64
	takenBack                    uint64 // PDUs under way whose memory others needed more
	noBlocksIn                   uint64 // PDUs, or runs of cells, for which there was no memory
	noBlocksOut                  uint64 // SDUs for which there was no memory
	refused                      uint64 // SDUs that AAL5 cannot carry
	noVC                         uint64 // SDUs before the stream has a VC
}

// AAL5 makes the module for one VC; with the zero VC it takes the one that it is told from
// below.
func AAL5(vc aal.VC) dataplane.Module { return newAAL5(vc).module() }

func newAAL5(vc aal.VC) *aal5 {
	a := &aal5{header: aal.MakeHeader(vc, aal.PTIUser, false)}
	a.timer.Fire = a.expire
	return a
}

func (a *aal5) module() dataplane.Module {
	return dataplane.Module{
		Name: "aal5", ReadPut: a.readPut, WritePut: a.writePut,
		Open: func(q *dataplane.Queue) error {
			a.open(q.Hub(), q.PutNext, q.Mate().PutNext)
			a.oam = a.f5.cell
			a.f5.open(q.Hub(), flowsOfVC, a.sendOAM)
			return nil
		},
		Close: func(*dataplane.Queue) {
			a.f5.leave()
			a.close()
		},
		Leave: func() error {
			a.f5.leave()
			return a.leave()
		},
		Arrive:   a.arrive,
		Counters: a.count,
		Commands: append([]dataplane.ModuleCommand{readText(128, "vc", func() string { return a.header.VC().String() })}, a.f5.commands()...),
	}
}

func (a *aal5) open(h *dataplane.Hub, up, down func(dataplane.Msg)) {
	a.hub, a.up, a.down = h, up, down
	room := h.Pool.MaxAlloc()
	a.train = room - room%aal.CellSize
}

// leave and arrive take the PDU under way along.
func (a *aal5) leave() error {
	a.hub.StopTimer(&a.timer)
	a.unpark()
	return nil
}

func (a *aal5) arrive(q *dataplane.Queue) {
	a.up, a.down = q.PutNext, q.Mate().PutNext
	a.resume(q.Hub())
	a.f5.resume(q.Hub())
}

func (a *aal5) resume(h *dataplane.Hub) {
	if a.hub = h; a.ras.Partial() {
		a.hub.StartTimer(&a.timer, a.begun+ReassemblyTimeout)
	}
	a.park()
}

func (a *aal5) close() {
	a.hub.StopTimer(&a.timer)
	a.ras.Abandon()
	a.unpark()
	a.free()
}

// unpark takes the memory of the PDU under way back for use. If others have it, the
// rest of the PDU is dropped as it comes.
func (a *aal5) unpark() {
	if a.block != 0 && !a.hub.Pool.Unpark(a.block, a.ticket) {
		a.block = 0
		a.counts.takenBack++
		a.last.note(a.hub, "rx_drop_taken_back")
		a.ras.Discard()
	}
}

// park puts the memory of the PDU under way aside; without one it is given back.
func (a *aal5) park() {
	switch {
	case a.block == 0:
	case a.ras.Held() > 0:
		a.ticket = a.hub.Pool.Park(a.block)
	default:
		a.free()
	}
}

func (a *aal5) free() {
	a.hub.Pool.Free(a.block)
	a.block = 0
}

// readPut takes a run of cells.
func (a *aal5) readPut(q *dataplane.Queue, m dataplane.Msg) {
	if m.Type != dataplane.Data {
		if vc, ok := announced(&m); ok { // those above see SDUs
			a.header = aal.MakeHeader(vc, aal.PTIUser, false)
			return
		}
		q.PutNext(m)
		return
	}
	a.reassemble(a.hub.Pool.Bytes(m.Block), ecn(&m))
	a.hub.Free(m)
}

// reassemble takes a run of cells, from datagrams of that ECN field.
func (a *aal5) reassemble(cells []byte, mark uint8) {
	if a.mark != nic.CE || !a.ras.Partial() { // one datagram of a PDU that met congestion is enough
		a.mark = mark
	}
	if len(cells) >= aal.CellSize && aal.ReadHeader(cells).User() {
		a.f5.user()
	}
	a.unpark()
	old := a.ras.Partial() // the PDU under way began in an earlier run
	for len(cells) >= aal.CellSize {
		if a.block == 0 && !a.begin() {
			break
		}
		n, ev := a.ras.Push(cells)
		if a.f5.pm {
			a.f5.received(cells[:n])
		}
		switch cell := cells[max(0, n-aal.CellSize):n]; ev {
		case aal.EvNone:
		case aal.EvRoom:
			a.grow()
		case aal.EvOAM:
			a.oam(cell)
		default:
			a.event(ev)
			a.mark = mark
			old = old && !endsPDU(ev)
		}
		cells = cells[n:]
	}
	a.park()
	if a.ras.Partial() && !old {
		a.watch()
	}
}

// endsPDU tells which events leave no PDU under way; cells of management do not
// concern it.
func endsPDU(ev aal.Event) bool {
	return ev != aal.EvOAM && ev != aal.EvRM && ev != aal.EvReserved
}

// watch notes that a PDU has begun. The timer runs on from PDU to PDU rather than
// being set for each. Where no timer is to be had the PDU ends with its last cell.
func (a *aal5) watch() {
	a.begun = a.hub.Now()
	if !a.timer.Running() {
		a.hub.StartTimer(&a.timer, a.begun+ReassemblyTimeout)
	}
}

// begin gives the reassembler memory for the next PDU: little, for most are short.
func (a *aal5) begin() bool {
	if a.block = a.hub.Pool.Alloc(aal.PayloadSize); a.block == 0 {
		a.counts.noBlocksIn++
		a.last.note(a.hub, "rx_drop_no_block")
		return false
	}
	a.ras.StartSmall(a.hub.Pool.Tail(a.block), a.hub.Pool.MaxAlloc())
	return true
}

// grow moves the PDU under way to a larger block, or gives it up.
func (a *aal5) grow() {
	p := a.hub.Pool
	p.Extend(a.block, a.ras.Held())
	larger := p.Grow(a.block, aal.PayloadSize)
	if larger == 0 {
		p.Cut(a.block, 0)
		a.counts.noBlocksIn++
		a.last.note(a.hub, "rx_drop_no_block")
		a.ras.Discard()
		return
	}
	a.block = larger
	p.Cut(larger, 0)
	a.ras.More(p.Tail(larger))
}

// sendOAM sends an OAM cell of the VC.
func (a *aal5) sendOAM(cell []byte) {
	b := a.hub.Pool.Alloc(aal.CellSize)
	if b == 0 || a.header == 0 {
		a.counts.noBlocksOut++
		a.last.note(a.hub, "tx_drop_no_block")
		a.hub.Pool.Free(b)
		return
	}
	c := a.hub.Pool.Extend(b, aal.CellSize)
	copy(c, cell)
	aal.ReadHeader(cell).WithVC(a.header.VC()).Put(c)
	a.down(dataplane.Msg{Type: dataplane.Data, Block: b, Len: aal.CellSize})
}

// lostBy are the counters of what the reassembler has dropped, by its event.
var lostBy = [...]string{
	aal.EvCRC: "rx_drop_crc", aal.EvLength: "rx_drop_pdu_length", aal.EvOverrun: "rx_drop_overrun", aal.EvAbort: "rx_drop_abort",
	aal.EvRM: "rx_drop_rm", aal.EvReserved: "rx_drop_reserved",
}

func (a *aal5) event(ev aal.Event) {
	a.counts.events[ev]++
	if ev != aal.EvPDU {
		if cause := lostBy[ev]; cause != "" {
			a.last.note(a.hub, cause)
		}
		return
	}
	pdu := a.ras.PDU()
	m := dataplane.Msg{Type: dataplane.Data, Block: a.block, Len: uint32(len(pdu.SDU)), Info: uint32(pdu.UU)}
	if pdu.CLP {
		m.Flags |= dataplane.FlagCLP
	}
	if pdu.EFCI {
		m.Flags |= dataplane.FlagEFCI
	}
	setECN(&m, a.mark)
	a.hub.Pool.Extend(a.block, len(pdu.SDU))
	a.block = 0
	a.counts.octetsIn += uint64(len(pdu.SDU))
	a.up(m)
}

// expire looks whether the PDU under way is too old.
func (a *aal5) expire() {
	if !a.ras.Partial() {
		return
	}
	if due := a.begun + ReassemblyTimeout; a.hub.Now() < due {
		a.hub.StartTimer(&a.timer, due)
		return
	}
	a.unpark()
	if a.ras.Abandon() {
		a.counts.timeouts++
		a.last.note(a.hub, "rx_drop_timeout")
	}
	a.park()
}

// writePut takes an SDU and puts its cells down, in as many messages as it takes.
func (a *aal5) writePut(q *dataplane.Queue, m dataplane.Msg) {
	if m.Type != dataplane.Data {
		q.PutNext(m)
		return
	}
	a.segment(m)
}

// segment makes cells of an SDU.
func (a *aal5) segment(m dataplane.Msg) {
	defer a.hub.Free(m)
	if a.header == 0 {
		a.counts.noVC++
		a.last.note(a.hub, "tx_drop_no_vc")
		return
	}
	sdu := a.hub.Pool.Bytes(m.Block)
	octets := aal.AAL5Cells(len(sdu)) * aal.CellSize
	if a.hub.Pool.Available(min(octets, a.train)) < (octets+a.train-1)/a.train {
		a.counts.noBlocksOut++
		a.last.note(a.hub, "tx_drop_no_block")
		return
	}
	h := a.header.WithCLP(m.Flags&dataplane.FlagCLP != 0).WithEFCI(m.Flags&dataplane.FlagEFCI != 0)
	if a.seg.Start(h, sdu, uint8(m.Info), 0) != nil {
		a.counts.refused++
		a.last.note(a.hub, "tx_drop_sdu")
		return
	}
	a.counts.pdusOut++
	a.counts.octetsOut += uint64(len(sdu))
	for !a.seg.Done() {
		room := min(octets, a.train)
		if a.f5.pm {
			room = min(room, a.f5.left()*aal.CellSize)
		}
		b := a.hub.Pool.Alloc(room)
		if b == 0 { // others have taken them meanwhile: the far end sees a damaged PDU
			a.seg = aal.Segmenter{}
			a.counts.noBlocksOut++
			a.last.note(a.hub, "tx_drop_no_block")
			return
		}
		n := a.seg.Cells(a.hub.Pool.Extend(b, room))
		octets -= n
		cells := dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(n), Info: m.Info &^ math.MaxUint8}
		setECN(&cells, ecn(&m))
		if !a.f5.pm {
			a.down(cells)
			continue
		}
		due := a.f5.sent(a.hub.Pool.Bytes(b))
		a.down(cells)
		a.f5.forward(due)
	}
}

func (a *aal5) count() []dataplane.Count {
	c := &a.counts
	return a.last.mark(a.hub, a.f5.appendCounts([]dataplane.Count{
		{Name: "rx_oam_cells", N: a.f5.cells}, {Name: "oam_looped", N: a.f5.looped()},
		{Name: "rx_pdus", N: c.events[aal.EvPDU]}, {Name: "tx_pdus", N: c.pdusOut}, {Name: "rx_sdu_octets", N: c.octetsIn}, {Name: "tx_sdu_octets", N: c.octetsOut},
		{Name: "rx_drop_crc", N: c.events[aal.EvCRC]}, {Name: "rx_drop_pdu_length", N: c.events[aal.EvLength]},
		{Name: "rx_drop_overrun", N: c.events[aal.EvOverrun]}, {Name: "rx_drop_abort", N: c.events[aal.EvAbort]}, {Name: "rx_drop_timeout", N: c.timeouts},
		{Name: "rx_drop_oam", N: a.f5.dropped()}, {Name: "rx_drop_rm", N: c.events[aal.EvRM]}, {Name: "rx_drop_reserved", N: c.events[aal.EvReserved]},
		{Name: "rx_drop_no_block", N: c.noBlocksIn}, {Name: "rx_drop_taken_back", N: c.takenBack}, {Name: "tx_drop_no_block", N: c.noBlocksOut}, {Name: "tx_drop_sdu", N: c.refused},
		{Name: "tx_drop_no_vc", N: c.noVC},
	}))
}
