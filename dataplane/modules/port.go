package modules

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
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
	hub      *dataplane.Hub
	cfg      PortConfig
	wire     wire
	dev      device
	rq, wq   *dataplane.Queue
	frame    dataplane.BlockID // cells of this pass, under construction
	maxCells int               // octets of cells in one frame
	maxFrame int
	counts   portCounts
}

type portCounts struct {
	cellsIn, cellsOut uint64
	pdusIn, pdusOut   uint64 // AAL5 SDU mode
	drops             [dropCauses]uint64
	tooLong           uint64 // SDUs that the carrier's frame does not hold
	noBlocks          uint64
	noViews           uint64 // cells of mixed frames
	otherVC           uint64 // AAL5 SDU mode: SDUs of a VC that the pseudowire does not carry
}

// portHiWat lets a port queue some bursts while its device is full, no more: what
// waits here is late.
const portHiWat = 256 << 10

// OpenPort makes the port's process in h. The port owns the device from then on, and
// has closed it when it returns an error.
func OpenPort(h *dataplane.Hub, c PortConfig) (*Port, dataplane.ProcID, error) {
	p := &Port{hub: h, cfg: c, wire: newWire(&c)}
	if err := p.use(c.Device); err != nil {
		return nil, 0, err
	}
	hi, lo := marks(h, portHiWat)
	id, err := h.Add(dataplane.Module{
		Name: "port", HiWat: hi, LoWat: lo,
		WritePut: p.writePut, WriteService: p.writeService,
		Open:  func(q *dataplane.Queue) error { p.rq, p.wq = q, q.Mate(); return nil },
		Close: func(*dataplane.Queue) { p.dev.close() },
	})
	if err != nil {
		p.dev.close()
		return nil, 0, err
	}
	return p, id, poll(h, id, p)
}

// poll has a driver polled, or its process removed.
func poll(h *dataplane.Hub, id dataplane.ProcID, p dataplane.Poller) error {
	err := h.AddPoller(id, p)
	if err != nil {
		err = errors.Join(err, h.Remove(id))
	}
	return err
}

// use opens a device for both directions.
func (p *Port) use(dev nic.Device) error {
	if err := p.size(dev.Info()); err != nil {
		_ = dev.Close()
		return err
	}
	p.dev.onError, p.dev.onClose = p.cfg.OnError, p.dropFrame
	return p.dev.open(p.hub, dev)
}

// Resize takes the limits of the device anew, when its longest frame has changed. On
// the hub only.
func (p *Port) Resize() error {
	if !p.dev.present() {
		return nil
	}
	if p.frame != 0 {
		p.closeFrame() // it may be too long soon
	}
	return p.size(p.dev.tx.dev.Info())
}

// size takes the limits of a device.
func (p *Port) size(info nic.Info) error {
	p.maxFrame = min(info.MaxFrame, p.hub.ChunkBytes()-dataplane.Headroom)
	room := min(p.maxFrame, MaxCellFrame) - p.wire.overhead()
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
		p.dev.tx.lost++
	}
}

// Detach closes the device; what comes for it is lost and counted until Replace. On
// the hub only.
func (p *Port) Detach() { p.dev.close() }

// Replace gives the port another device on the same carrier, when the interface has
// come back; own is its MAC address, on Ethernet. On the hub only. The port owns the
// device even when it returns an error.
func (p *Port) Replace(dev nic.Device, own [6]byte) error {
	p.dev.close()
	if p.cfg.Ethernet != nil {
		p.cfg.Ethernet.Own = own
		p.wire = newWire(&p.cfg)
	}
	if err := p.use(dev); err != nil {
		return err
	}
	p.wq.Enable()
	return nil
}

// Poll takes a burst of frames and puts what they hold up the stream.
func (p *Port) Poll() int {
	n := p.dev.receive()
	for i := range n {
		if b := p.dev.rx.take(i); b != 0 {
			p.input(b)
		}
	}
	if n > 0 {
		p.dev.rx.done()
	}
	return n
}

// input takes one frame.
func (p *Port) input(b dataplane.BlockID) {
	from, to, cw, cause := p.wire.strip(p.hub.Bytes(b))
	if cause != taken {
		p.drop(b, cause)
		return
	}
	p.hub.Cut(b, to)
	p.hub.Trim(b, from)
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
	p.rq.PutNext(m)
}

// inputCells puts up a run for each stretch of cells of one VC. A frame of one VC,
// the usual one, goes up as it is; of a mixed one every run but the last is lent.
func (p *Port) inputCells(b dataplane.BlockID) {
	cells := p.hub.Bytes(b)
	if len(cells) == 0 || len(cells)%aal.CellSize != 0 {
		p.drop(b, badLength)
		return
	}
	p.counts.cellsIn += uint64(len(cells) / aal.CellSize)
	for {
		key, n := run(cells)
		m := dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(n), Conn: key}
		if n == len(cells) {
			p.rq.PutNext(m)
			return
		}
		p.putPart(m, cells[:n])
		cells = cells[n:]
		p.hub.Trim(b, n)
	}
}

// putPart puts up a run that shares its frame with others.
func (p *Port) putPart(m dataplane.Msg, cells []byte) {
	if m.Block = p.hub.Loan(); m.Block == 0 {
		p.counts.noViews += uint64(len(cells) / aal.CellSize)
		return
	}
	p.hub.Lend(m.Block, cells)
	loan := m.Block
	p.rq.PutNext(m)
	p.hub.Reclaim(loan)
}

// run measures the cells of one VC that cells begins with: whole cells, at least one.
func run(cells []byte) (key uint64, n int) {
	vc := aal.ReadHeader(cells).VC()
	for n = aal.CellSize; n < len(cells) && aal.ReadHeader(cells[n:]).VC() == vc; {
		n += aal.CellSize
	}
	return Key(vc), n
}

func (p *Port) drop(b dataplane.BlockID, cause dropCause) {
	p.counts.drops[cause]++
	p.hub.Pool.Free(b)
}

// writePut sends a message, or queues it behind others while the device is full.
func (p *Port) writePut(q *dataplane.Queue, m dataplane.Msg) {
	switch {
	case m.Type == dataplane.Flush:
		q.TurnFlush(m)
	case m.Type == dataplane.Ioctl:
		q.Nak(m, syscall.EINVAL)
	case m.Type != dataplane.Data:
		p.hub.Free(m)
	case q.Empty() && p.dev.tx.room():
		p.output(m)
	default:
		q.PutQ(m)
	}
}

func (p *Port) writeService(q *dataplane.Queue) {
	for p.dev.tx.room() {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		p.output(m)
	}
}

// output packs a run of cells, or sends an SDU as a frame of its own.
func (p *Port) output(m dataplane.Msg) {
	if !p.dev.present() {
		p.dev.drop(m)
		return
	}
	if p.cfg.Mode.Cells() {
		p.pack(m)
		return
	}
	n := int(m.Len)
	head := p.wire.overhead()
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
	dst := p.hub.Prepend(m.Block, head)
	if dst == nil { // borrowed or shared: the headers need a block of our own
		if m.Block = p.own(m.Block); m.Block == 0 {
			return
		}
		dst = p.hub.Prepend(m.Block, head)
	}
	p.wire.put(dst, n, m.Flags&dataplane.FlagCLP != 0, m.Flags&dataplane.FlagEFCI != 0, uint8(m.Info))
	p.counts.pdusOut++
	p.dev.tx.add(m.Block)
}

func (p *Port) own(b dataplane.BlockID) dataplane.BlockID {
	c := p.hub.Copy(b)
	p.hub.Pool.Free(b)
	if c == 0 {
		p.counts.noBlocks++
	}
	return c
}

// pack appends a run of cells to the frame of this pass, and to further ones. What
// the device has no room for goes back to the head of the queue.
func (p *Port) pack(m dataplane.Msg) {
	cells := p.hub.Bytes(m.Block)
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
			p.hub.Trim(m.Block, int(m.Len)-len(cells))
			m.Len = uint32(len(cells))
			p.wq.PutBQ(m)
			return
		}
		copy(p.hub.Extend(p.frame, n), cells)
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
	return max(0, p.maxCells+p.wire.overhead()-p.hub.Len(p.frame)) // it may have been begun for longer frames
}

func (p *Port) openFrame() bool {
	if p.frame = p.hub.Alloc(); p.frame == 0 {
		return false
	}
	p.wire.put(p.hub.Extend(p.frame, p.wire.overhead()), 0, false, false, 0)
	return true
}

// closeFrame hands the frame to the transmitter; false when that has no room.
func (p *Port) closeFrame() bool {
	if !p.dev.tx.room() {
		return false
	}
	b := p.frame
	p.frame = 0
	p.dev.tx.add(b)
	return true
}

// Flush ends the pass: the last frame of cells goes out as it is.
func (p *Port) Flush() {
	if p.frame != 0 {
		p.closeFrame()
	}
	if p.dev.flush() && !p.wq.Empty() {
		p.wq.Enable()
	}
}

// Counts gives the port's counters, those of its device included, in a fixed order.
// On the hub only.
func (p *Port) Counts() []Count {
	d := p.dev.counters()
	c := &p.counts
	return []Count{
		{"rx_frames", d.RxFrames}, {"rx_octets", d.RxOctets}, {"tx_frames", d.TxFrames}, {"tx_octets", d.TxOctets},
		{"rx_cells", c.cellsIn}, {"tx_cells", c.cellsOut}, {"rx_sdus", c.pdusIn}, {"tx_sdus", c.pdusOut},
		{"rx_drop_frame", c.drops[badFrame]}, {"rx_drop_label", c.drops[wrongLabel]},
		{"rx_drop_station", c.drops[wrongStation]}, {"rx_drop_control_word", c.drops[badControl]},
		{"rx_drop_length", c.drops[badLength]}, {"rx_drop_oam", c.drops[adminCell]},
		{"rx_drop_truncated", d.RxTruncated}, {"rx_drop_overrun", d.RxOverrun},
		{"rx_drop_tagged", d.RxTagged}, {"rx_drop_foreign", d.RxForeign}, {"rx_drop_checksum", d.RxChecksum},
		{"rx_drop_no_block", p.dev.rx.noBlocks}, {"rx_drop_no_view", c.noViews}, {"tx_drop_no_block", c.noBlocks},
		{"tx_drop_too_long", c.tooLong + d.TxTooLong}, {"tx_drop_other_vc", c.otherVC}, {"tx_drop_down", p.dev.tx.lost + d.TxDown},
		{"tx_drop_no_buffer", d.TxNoBuffer}, {"tx_drop_unreachable", d.TxUnreachable},
		{"tx_drop_error", d.TxErrors}, {"path_drop_too_long", d.PathTooLong},
		{"peer_refused", d.PeerRefused}, {"peer_unreachable", d.PeerUnreachable},
	}
}
