package modules

import (
	"encoding/binary"
	"fmt"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// Trunk is the driver of a link that is one port by itself: there is no label, and each
// frame says which VC it is of.
type Trunk struct {
	driver
	format TrunkFormat
	noHEC  bool    // cells are taken whatever their HEC is
	mender *mender // puts the right CRC into PDUs; nil: they stay as they come
	quiet  bool    // there is no peer to be told of VCs
	down   bool    // by SetUp
	player *nic.Player
	begun  bool // it has a receiver
	cross  *trunkSwitch
	counts trunkCounts
}

// TrunkFormat is what the frames of a trunk are.
type TrunkFormat uint8

// The formats.
const (
	TrunkATMTCP TrunkFormat = iota // linux-atm's atmtcp: VPI, VCI, length, and an SDU, or 52 octets of a cell
	TrunkCell                      // one cell of 53 octets, as GNS3's and Dynamips' links have them
)

const hecOctet = 4 // of a cell of 53 octets

type trunkCounts struct {
	unitsIn, unitsOut uint64 // SDUs, or cells
	notices           uint64 // of atmtcp: texts on VC 0/0
	badLength         uint64
	badHEC            uint64
	stopped           uint64 // for a port that carries nothing, by SetUp
	tooLong           uint64
	noBlocks          uint64
}

// TrunkConfig describes a trunk.
type TrunkConfig struct {
	Device    nic.Device
	Format    TrunkFormat
	IgnoreHEC bool
	AnyCRC    bool        // of cells: AAL5 PDUs are taken whatever their CRC is; all VCs are AAL5's then
	Quiet     bool        // atmtcp's texts about VCs are not sent
	Player    *nic.Player // plays from when the first VC has a receiver, while the trunk is up; Device is the same, or wraps it; or nil
	Impairment
	OnError func(error) // told of each failure of the device, on the hub; must not block
}

// NewTrunk makes the driver. It owns the device from then on, opened or discarded.
func NewTrunk(c TrunkConfig) *Trunk {
	t := &Trunk{format: c.Format, noHEC: c.IgnoreHEC, quiet: c.Quiet, player: c.Player}
	t.driver = driver{first: c.Device, onError: c.OnError, mark: carrierHiWat, input: t.sdu, output: t.sendSDU}
	if t.format == TrunkCell {
		t.input, t.output = t.cell, t.sendCells
	}
	if c.AnyCRC {
		t.mender = &mender{}
	}
	t.cross = newTrunkSwitch(t)
	t.impair(newImpairer(c.Impairment))
	t.fits, t.abandon, t.finish, t.backlog = t.cross.attach, t.cross.detach, t.cross.finish, t.cross.waits
	return t
}

// Module is the driver's code.
func (t *Trunk) Module() dataplane.Module {
	m := t.module("trunk", false)
	m.Counters = t.Counts
	t.cross.module(&m)
	return m
}

// SetUp lets the trunk carry, or not, as that of a [Carrier] does. On the hub.
func (t *Trunk) SetUp(up bool) {
	p := t.cross.port
	again := p.tell(up)
	if t.setUp(p.impairer.allows(up)); again {
		p.cutOff()
	}
}

func (t *Trunk) setUp(up bool) {
	t.down = !up
	t.play()
	t.cross.port.setUp(up)
}

// impair puts an impairer where the trunk receives.
func (t *Trunk) impair(i *impairer) {
	if t.cross.port.impair(i); i == nil {
		return
	}
	i.set = t.setUp
	if t.format == TrunkATMTCP {
		i.take = func(m dataplane.Msg, _ uint8) { t.takeSDU(m) }
	}
}

// Begin tells that a VC has a receiver. On the hub.
func (t *Trunk) Begin() {
	t.begun = true
	t.play()
}

func (t *Trunk) play() {
	if t.player != nil && t.begun {
		t.player.Play(!t.down)
	}
}

// AddVC and RemoveVC tell which VCs are in use. A peer that speaks atmtcp is told, too;
// it need not listen. On the hub.
func (t *Trunk) AddVC(vpi, vci uint16) error {
	if t.format == TrunkCell && vpi > aal.MaxUNIVPI {
		return fmt.Errorf("VPI %d: at most %d at a UNI", vpi, aal.MaxUNIVPI)
	}
	t.notice(fmt.Sprintf("O %d.%d 0.%d.%d ubr,aal5:max_sdu=%d", vpi, vci, vpi, vci, aal.MaxSDU))
	return nil
}

// RemoveVC undoes AddVC.
func (t *Trunk) RemoveVC(vpi, vci uint16) {
	t.notice(fmt.Sprintf("C %d.%d", vpi, vci))
}

// notice is a text for atmtcp. One that there is no room or no peer for is not missed.
func (t *Trunk) notice(text string) {
	if t.format != TrunkATMTCP || t.quiet || !t.present() || !t.tx.room() {
		return
	}
	b := t.hub.Pool.Alloc(nic.ATMTCPHeader + len(text))
	if b == 0 {
		return
	}
	p := t.hub.Pool.Extend(b, nic.ATMTCPHeader+len(text))
	putATMTCP(p, 0, 0, len(text))
	copy(p[nic.ATMTCPHeader:], text)
	t.send(b)
	t.in.AskSend()
}

func putATMTCP(p []byte, vpi, vci uint16, length int) {
	binary.BigEndian.PutUint16(p, vpi)
	binary.BigEndian.PutUint16(p[2:], vci)
	binary.BigEndian.PutUint32(p[4:], uint32(length))
}

// sdu takes a frame of atmtcp.
func (t *Trunk) sdu(b block.ID) {
	pool := t.hub.Pool
	f := pool.Bytes(b)
	if len(f) < nic.ATMTCPHeader || int(binary.BigEndian.Uint32(f[4:])) != len(f)-nic.ATMTCPHeader {
		t.drop(b, &t.counts.badLength)
		return
	}
	vc := aal.VC{VPI: binary.BigEndian.Uint16(f), VCI: binary.BigEndian.Uint16(f[2:])}
	switch {
	case vc == aal.VC{}:
		t.drop(b, &t.counts.notices)
		return
	case t.down:
		t.drop(b, &t.counts.stopped)
		return
	}
	pool.Trim(b, nic.ATMTCPHeader)
	t.counts.unitsIn++
	m := dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(len(f) - nic.ATMTCPHeader), Conn: Key(vc)}
	if i := t.cross.port.impairer; i != nil {
		i.sdu(m, nic.NotECT)
		return
	}
	t.takeSDU(m)
}

// drop frees and counts a frame that goes no further.
func (t *Trunk) drop(b block.ID, reason *uint64) {
	*reason++
	t.hub.Pool.Free(b)
}

// takeSDU puts an SDU up, or hands it to another port.
func (t *Trunk) takeSDU(m dataplane.Msg) {
	if !t.cross.takeSDU(m) {
		t.out.PutNext(m)
	}
}

// sendSDU puts the header before an SDU, or a cell.
func (t *Trunk) sendSDU(m dataplane.Msg) {
	pool, n := t.hub.Pool, int(m.Len)
	switch {
	case t.cross.port.cut:
		t.counts.stopped++
		t.hub.Free(m)
		return
	case n+nic.ATMTCPHeader > t.tx.dev.Info().MaxFrame:
		t.counts.tooLong++
		t.hub.Free(m)
		return
	}
	p := pool.Prepend(m.Block, nic.ATMTCPHeader)
	if p == nil { // borrowed or shared: the header needs a block of our own
		own := pool.Copy(m.Block)
		pool.Free(m.Block)
		if m.Block = own; own == 0 {
			t.counts.noBlocks++
			return
		}
		p = pool.Prepend(own, nic.ATMTCPHeader)
	}
	putATMTCP(p, uint16(m.Conn>>16), uint16(m.Conn), n)
	t.counts.unitsOut++
	t.send(m.Block)
}

// cell takes a cell of 53 octets: its HEC is checked and taken out.
func (t *Trunk) cell(b block.ID) {
	pool := t.hub.Pool
	f := pool.Bytes(b)
	switch {
	case len(f) != aal.CellSize+1:
		t.drop(b, &t.counts.badLength)
		return
	case t.down:
		t.drop(b, &t.counts.stopped)
		return
	case !t.noHEC && aal.ReadHeader(f).HEC() != f[hecOctet]:
		t.drop(b, &t.counts.badHEC)
		return
	}
	h := aal.ReadHeader(f).UNI()
	h.Put(f[1:])
	pool.Trim(b, 1)
	t.counts.unitsIn++
	if t.mender != nil {
		t.mender.cells(pool.Bytes(b))
	}
	t.cross.port.cells(b)
}

// sendCells sends each cell of a run in a frame of its own. What the device has no room
// for goes back to the head of the queue.
func (t *Trunk) sendCells(m dataplane.Msg) {
	pool := t.hub.Pool
	cells := pool.Bytes(m.Block)
	for ; len(cells) >= aal.CellSize && !t.cross.port.cut; cells = cells[aal.CellSize:] {
		if !t.tx.room() {
			pool.Trim(m.Block, int(m.Len)-len(cells))
			m.Len = uint32(len(cells))
			t.in.PutBQ(m)
			return
		}
		t.sendCell(cells)
	}
	t.counts.stopped += uint64(len(cells) / aal.CellSize)
	t.hub.Free(m)
}

// refuse frees and counts what is to be sent when the trunk is down; false: it is not.
func (t *Trunk) refuse(m dataplane.Msg) bool {
	if !t.down || m.Type != dataplane.Data {
		return false
	}
	if t.format == TrunkCell {
		t.counts.stopped += uint64(m.Len / aal.CellSize)
	} else {
		t.counts.stopped++
	}
	t.hub.Free(m)
	return true
}

// sendCell sends one cell; room must be there.
func (t *Trunk) sendCell(cell []byte) {
	b := t.hub.Pool.Alloc(aal.CellSize + 1)
	if b == 0 {
		t.counts.noBlocks++
		return
	}
	p := t.hub.Pool.Extend(b, aal.CellSize+1)
	copy(p, cell[:hecOctet])
	p[hecOctet] = aal.ReadHeader(cell).HEC()
	copy(p[hecOctet+1:], cell[hecOctet:aal.CellSize])
	t.counts.unitsOut++
	t.send(b)
}

// Counts gives the counters in a fixed order. On the hub only.
func (t *Trunk) Counts() []dataplane.Count {
	n, c := t.counters(), &t.counts
	var mended, passed uint64
	if m := t.mender; m != nil {
		mended, passed = m.mended, m.passed
	}
	unit := "sdus"
	if t.format == TrunkCell {
		unit = "cells"
	}
	return t.cross.port.impairer.appendCounts([]dataplane.Count{
		{Name: "rx_frames", N: n.RxFrames}, {Name: "rx_octets", N: n.RxOctets}, {Name: "tx_frames", N: n.TxFrames}, {Name: "tx_octets", N: n.TxOctets},
		{Name: "rx_" + unit, N: c.unitsIn}, {Name: "tx_" + unit, N: c.unitsOut}, {Name: "rx_notices", N: c.notices},
		{Name: "rx_drop_length", N: c.badLength}, {Name: "rx_drop_hec", N: c.badHEC}, {Name: "rx_drop_malformed", N: n.RxMalformed},
		{Name: "rx_drop_truncated", N: n.RxTruncated}, {Name: "rx_drop_overrun", N: n.RxOverrun}, {Name: "rx_drop_no_block", N: t.rx.noBlocks},
		{Name: "drop_stopped", N: c.stopped}, {Name: "tx_drop_too_long", N: c.tooLong + n.TxTooLong},
		{Name: "tx_drop_no_block", N: c.noBlocks + t.noBlocks}, {Name: "tx_drop_down", N: t.lost + n.TxDown},
		{Name: "tx_drop_no_buffer", N: n.TxNoBuffer}, {Name: "tx_drop_unreachable", N: n.TxUnreachable}, {Name: "tx_drop_error", N: n.TxErrors},
		{Name: "peer_refused", N: n.PeerRefused}, {Name: "peer_unreachable", N: n.PeerUnreachable},
		{Name: "rx_crc_mended", N: mended}, {Name: "rx_crc_passed", N: passed},
	})
}
