package modules

import (
	"fmt"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// RFC7213Address is where a port sends on a point-to-point Ethernet when it is told
// no peer: the multicast address that RFC 7213 reserves for it.
var RFC7213Address = [6]byte{0x01, 0x00, 0x5E, 0x90, 0x00, 0x00}

// Ethernet is the carrier's MAC layer.
type Ethernet struct {
	Own, Peer [6]byte
	CheckPeer bool // take frames of Peer alone
}

// PortConfig describes a port: a device and how a pseudowire lies on it.
type PortConfig struct {
	Device   nic.Device
	Ethernet *Ethernet // nil: the device's frames begin with the label (MPLS-in-UDP)
	Mode     Mode
	LabelOut uint32
	LabelIn  uint32
	OnError  func(error) // told of each failure of the device, on the hub; must not block
	VC       aal.VC      // AAL5 SDU mode: the one VC, which frames do not name
}

// MaxCellFrame is the longest frame that is filled with cells, in octets, however
// much the carrier holds: so that the far end can have its receive memory ready.
const MaxCellFrame = 9600

// Overhead is the octets before the cells or the SDU in each frame of the device.
func (c PortConfig) Overhead() int {
	n := c.Mode.HeaderBytes()
	if c.Ethernet != nil {
		n += ethernetHeader
	}
	return n
}

// Port is the driver at the bottom of a stream: it takes frames from a device,
// strips the pseudowire's headers and puts runs of cells, or SDUs, up; what comes
// down it packs into frames. The cells of one pass share frames.
type Port struct {
	driver
	cfg      PortConfig
	pw       pseudowire
	frame    block.ID // cells of this pass, under construction
	maxCells int      // octets of cells in one frame
	maxFrame int
	counts   portCounts
}

type portCounts struct {
	cellsIn, cellsOut uint64
	pdusIn, pdusOut   uint64 // AAL5 SDU mode
	drops             [dropCauses]uint64
	tooLong           uint64 // SDUs that the carrier's frame does not hold
	noBlocks          uint64 // runs of cells, or SDUs, that there was no memory to send
	noViews           uint64 // cells of mixed frames
	otherVC           uint64 // AAL5 SDU mode: SDUs of a VC that the pseudowire does not carry
}

// portHiWat lets a port queue some bursts while its device is full, no more: what
// waits here is late.
const portHiWat = 256 << 10

// NewPort makes a port. It owns the device from then on, opened or discarded.
func NewPort(c PortConfig) *Port {
	p := &Port{cfg: c, pw: newPseudowire(&c)}
	p.driver = driver{
		first: c.Device, onError: c.OnError, mark: portHiWat,
		input: p.strip, output: p.output, finish: p.finish, abandon: p.dropFrame, fits: p.measure,
	}
	return p
}

// Module is the port's code.
func (p *Port) Module() dataplane.Module {
	m := p.module("port", false)
	m.Counters = p.Counts
	return m
}

// measure takes the limits of the device.
func (p *Port) measure() error {
	info := p.tx.dev.Info()
	p.maxFrame = min(info.MaxFrame, p.hub.Pool.MaxAlloc())
	room := min(p.maxFrame, MaxCellFrame) - p.pw.overhead()
	if p.maxCells = room - room%aal.CellSize; p.cfg.Mode.Cells() && p.maxCells <= 0 {
		return fmt.Errorf("%s: frames of %d octets hold no cell", info.Name, info.MaxFrame)
	}
	return nil
}

// dropFrame loses the frame under construction with the device it was for.
func (p *Port) dropFrame() {
	if p.frame != 0 {
		p.hub.Pool.Free(p.frame)
		p.frame = 0
		p.lost++
	}
}

// Replace gives the port another device on the same carrier, when the interface has
// come back; own is its MAC address, on Ethernet. On the hub only. The port owns the
// device even when it returns an error.
func (p *Port) Replace(dev nic.Device, own [6]byte) error {
	p.close()
	if p.cfg.Ethernet != nil {
		p.cfg.Ethernet.Own = own
		p.pw = newPseudowire(&p.cfg)
	}
	return p.replace(dev)
}

// strip takes one frame.
func (p *Port) strip(b block.ID) {
	from, to, cw, cause := p.pw.strip(p.hub.Pool.Bytes(b))
	if cause != taken {
		p.drop(b, cause)
		return
	}
	p.hub.Pool.Cut(b, to)
	p.hub.Pool.Trim(b, from)
	if p.cfg.Mode.Cells() {
		p.inputCells(b)
		return
	}
	p.counts.pdusIn++
	m := dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(to - from), Conn: Key(p.cfg.VC)}
	if cw&cwFlagE != 0 {
		m.Flags |= dataplane.FlagEFCI
	}
	if cw&cwFlagC != 0 {
		m.Flags |= dataplane.FlagCLP
	}
	if cw&cwFlagU != 0 {
		m.Info = 1
	}
	p.out.PutNext(m)
}

// inputCells puts up a run for each stretch of cells of one VC. A frame of one VC,
// the usual one, goes up as it is; of a mixed one every run but the last is lent.
func (p *Port) inputCells(b block.ID) {
	cells := p.hub.Pool.Bytes(b)
	if len(cells) == 0 || len(cells)%aal.CellSize != 0 {
		p.drop(b, badLength)
		return
	}
	p.counts.cellsIn += uint64(len(cells) / aal.CellSize)
	for {
		key, n := run(cells)
		m := dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(n), Conn: key}
		if n == len(cells) {
			p.out.PutNext(m)
			return
		}
		p.putPart(m, cells[:n])
		cells = cells[n:]
		p.hub.Pool.Trim(b, n)
	}
}

// putPart puts up a run that shares its frame with others.
func (p *Port) putPart(m dataplane.Msg, cells []byte) {
	if m.Block = p.hub.Pool.Loan(); m.Block == 0 {
		p.counts.noViews += uint64(len(cells) / aal.CellSize)
		return
	}
	p.hub.Pool.Lend(m.Block, cells)
	loan := m.Block
	p.out.PutNext(m)
	p.hub.Pool.Reclaim(loan)
}

// run measures the cells of one VC that cells begins with: whole cells, at least one.
func run(cells []byte) (key uint64, n int) {
	vc := aal.ReadHeader(cells).VC()
	for n = aal.CellSize; n < len(cells) && aal.ReadHeader(cells[n:]).VC() == vc; {
		n += aal.CellSize
	}
	return Key(vc), n
}

func (p *Port) drop(b block.ID, cause dropCause) {
	p.counts.drops[cause]++
	p.hub.Pool.Free(b)
}

// output packs a run of cells, or sends an SDU as a frame of its own.
func (p *Port) output(m dataplane.Msg) {
	if p.cfg.Mode.Cells() {
		p.pack(m)
		return
	}
	n := int(m.Len)
	head := p.pw.overhead()
	switch {
	case m.Conn != Key(p.cfg.VC):
		p.counts.otherVC++
		p.hub.Free(m)
		return
	case n+head > p.maxFrame:
		p.counts.tooLong++
		p.hub.Free(m)
		return
	}
	dst := p.hub.Pool.Prepend(m.Block, head)
	if dst == nil { // borrowed or shared: the headers need a block of our own
		if m.Block = p.own(m.Block); m.Block == 0 {
			return
		}
		dst = p.hub.Pool.Prepend(m.Block, head)
	}
	p.pw.put(dst, n, m.Flags&dataplane.FlagCLP != 0, m.Flags&dataplane.FlagEFCI != 0, uint8(m.Info))
	p.counts.pdusOut++
	p.send(m.Block)
}

func (p *Port) own(b block.ID) block.ID {
	c := p.hub.Pool.Copy(b)
	p.hub.Pool.Free(b)
	if c == 0 {
		p.counts.noBlocks++
	}
	return c
}

// pack appends a run of cells to the frame of this pass, and to further ones. What
// the device has no room for goes back to the head of the queue.
func (p *Port) pack(m dataplane.Msg) {
	cells := p.hub.Pool.Bytes(m.Block)
	for len(cells) > 0 {
		if p.frame == 0 && !p.openFrame() {
			p.counts.noBlocks++
			break
		}
		n := min(len(cells), p.frameRoom())
		if n == 0 {
			if p.closeFrame() {
				continue
			}
			p.hub.Pool.Trim(m.Block, int(m.Len)-len(cells))
			m.Len = uint32(len(cells))
			p.in.PutBQ(m)
			return
		}
		copy(p.hub.Pool.Extend(p.frame, n), cells)
		cells = cells[n:]
		p.counts.cellsOut += uint64(n / aal.CellSize)
	}
	if p.frame != 0 && p.frameRoom() == 0 {
		p.closeFrame()
	}
	p.hub.Free(m)
}

// frameRoom is the octets of cells that the frame under construction still takes.
func (p *Port) frameRoom() int {
	return p.maxCells + p.pw.overhead() - p.hub.Pool.Len(p.frame)
}

func (p *Port) openFrame() bool {
	if p.frame = p.hub.Pool.Alloc(p.pw.overhead() + p.maxCells); p.frame == 0 {
		return false
	}
	p.pw.put(p.hub.Pool.Extend(p.frame, p.pw.overhead()), 0, false, false, 0)
	return true
}

// closeFrame hands the frame to the transmitter; false when that has no room.
func (p *Port) closeFrame() bool {
	if !p.tx.room() {
		return false
	}
	b := p.frame
	p.frame = 0
	p.send(b)
	return true
}

// finish ends the pass: the last frame of cells goes out as it is.
func (p *Port) finish() {
	if p.frame != 0 {
		p.closeFrame()
	}
}

// Counts gives the port's counters, those of its device included, in a fixed order.
// On the hub only.
func (p *Port) Counts() []dataplane.Count {
	d := p.counters()
	c := &p.counts
	return []dataplane.Count{
		{Name: "rx_frames", N: d.RxFrames}, {Name: "rx_octets", N: d.RxOctets}, {Name: "tx_frames", N: d.TxFrames}, {Name: "tx_octets", N: d.TxOctets},
		{Name: "rx_cells", N: c.cellsIn}, {Name: "tx_cells", N: c.cellsOut}, {Name: "rx_sdus", N: c.pdusIn}, {Name: "tx_sdus", N: c.pdusOut},
		{Name: "rx_drop_frame", N: c.drops[badFrame]}, {Name: "rx_drop_label", N: c.drops[wrongLabel]},
		{Name: "rx_drop_station", N: c.drops[wrongStation]}, {Name: "rx_drop_control_word", N: c.drops[badControl]},
		{Name: "rx_drop_length", N: c.drops[badLength]}, {Name: "rx_drop_oam", N: c.drops[adminCell]},
		{Name: "rx_drop_truncated", N: d.RxTruncated}, {Name: "rx_drop_overrun", N: d.RxOverrun},
		{Name: "rx_drop_tagged", N: d.RxTagged}, {Name: "rx_drop_foreign", N: d.RxForeign},
		{Name: "rx_drop_no_block", N: p.rx.noBlocks}, {Name: "rx_drop_no_view", N: c.noViews}, {Name: "tx_drop_no_block", N: c.noBlocks + p.noBlocks},
		{Name: "tx_drop_too_long", N: c.tooLong + d.TxTooLong}, {Name: "tx_drop_other_vc", N: c.otherVC}, {Name: "tx_drop_down", N: p.lost + d.TxDown},
		{Name: "tx_drop_no_buffer", N: d.TxNoBuffer}, {Name: "tx_drop_unreachable", N: d.TxUnreachable},
		{Name: "tx_drop_error", N: d.TxErrors}, {Name: "peer_refused", N: d.PeerRefused},
	}
}
