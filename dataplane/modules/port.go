package modules

import (
	"fmt"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// PortConfig describes a port: a pseudowire on a carrier.
type PortConfig struct {
	Encapsulation
	Far      Far
	VC       aal.VC // of a mode with one VC, or one VP, which frames do not name; zero: the VC that is added first
	MaxFrame int    // octets of the longest frame that the way to the far end holds, with its headers; 0: the device's
	Cells    int    // most cells in a frame that is sent; 0: as many as it holds
	ECN      bool   // datagrams have the ECN field of the packets in them; the far end must pass it on, RFC 6040
	QoS      *QoS   // what the network is told of frames; nil: all have the port's own marking
	Pack     int64  // ns that a frame waits for more cells; 0: those of one pass share frames
	Capacity        // what cross-connects may reserve
	Impairment
	UNI bool // headers are those of a UNI: VPIs of 8 bits, and a GFC, which is not looked at and not sent
}

// Limits of a port.
const (
	// MaxCellFrame is the longest frame that is filled with cells, in octets, however much
	// the carrier holds: so that the far end can have its receive memory ready.
	MaxCellFrame = 9600
	// MaxPack bounds how long cells may wait for others, in nanoseconds.
	MaxPack = 1_000_000_000
	// pduWait is how long the cells of a PDU wait for the others, in nanoseconds, unless told: some
	// ten cells of an E1 line are on their way meanwhile. Then they go as a part of it.
	pduWait = 10_000_000
)

// check refuses what is no port of the link.
func (c *PortConfig) check(l Link) error {
	switch {
	case c.Cells < 0 || c.MaxFrame < 0:
		return fmt.Errorf("%d cells, frames of %d octets: none is negative", c.Cells, c.MaxFrame)
	case c.Pack < 0 || c.Pack > MaxPack:
		return fmt.Errorf("cells wait %d ns for others: 0 to %d", c.Pack, MaxPack)
	case !c.Mode.Cells() && (c.Cells != 0 || c.Pack != 0):
		return fmt.Errorf("mode %s has no cells to pack", c.Mode)
	}
	if err := c.Encapsulation.check(); err != nil {
		return err
	}
	if err := c.Capacity.check(); err != nil {
		return err
	}
	if err := c.Impairment.check(); err != nil {
		return err
	}
	switch {
	case c.Misinsert > 0 && !c.Mode.Cells():
		return errMisinsert
	case c.Mode.OneVP() && c.VC.VCI != 0:
		return fmt.Errorf("mode %s carries a VP, and no VCI of it alone: %s", c.Mode, c.VC)
	case c.VC.VPI > aal.MaxVPI:
		return fmt.Errorf("VPI %d: at most %d", c.VC.VPI, aal.MaxVPI)
	}
	return l.check(&c.Far)
}

// port is one pseudowire of a carrier.
type port struct {
	// What a frame received touches comes first.
	carrier *Carrier
	trunk   *trunkSwitch // whose one port it is; nil: it is a pseudowire
	number  uint32
	label   uint32 // received
	checks  bool   // who sent it matters
	bare    bool   // there are cells, and nothing before them
	uni     bool   // headers have a GFC
	stopped bool   // it carries nothing, by SetUp
	cut     bool   // nor what waited, by a second SetUp
	cross   *cross // what is switched; nil: nothing
	counts  portCounts

	key      uint64 // among the carrier's wires
	wait     int64  // ns that a frame waits for more cells; 0: those of one pass share it
	named    bool   // its VC or VP was configured, and stays
	cfg      PortConfig
	pw       pseudowire
	maxFrame int
	maxCells int      // octets of cells in one frame
	frame    block.ID // cells under construction
	timer    dataplane.Timer
	next     *port // on the carrier's list of those to be sent with this pass
	listed   bool
	sealed   bool               // the frame takes no more cells: AAL5 PDU mode
	mark     uint8              // of the frame: that of all cells in it
	marked   Marking            // the frame
	want     Marking            // the next cells
	f4       map[uint16]*oamEnd // by VPI: of paths that end here, where configured; nil: none
	f5       *oamEnd            // the OAM of a VC that ends above a port of SDUs; nil until it is needed
	sar      *aal5              // between SDUs of the port and cells that are switched
	told     bool               // to be down, by SetUp
	impairer *impairer          // nil: what comes in comes to no harm
	legs     *legs              // what has been promised of what is sent; nil: nothing
	sched    *scheduler         // nil until it is needed
	frags    *fragments         // nil: SDUs are never in fragments

	monitors map[uint32]*oamPoint // connections whose cells are counted where they leave, by Connection.key; nil: none
}

// portCounts is what a port counts.
type portCounts struct {
	cellsIn, cellsOut uint64
	pdusIn, pdusOut   uint64 // AAL5 SDU mode
	drops             [dropCauses]uint64
	missing           uint64 // frames that their numbers say were lost on the way, or came too late
	tooLong           uint64 // SDUs that the carrier's frame does not hold
	noBlocks          uint64 // runs of cells, or SDUs, that there was no memory to send
	noViews           uint64 // cells of mixed frames
	otherVC           uint64 // runs of cells, or SDUs, of a VC that the pseudowire does not carry
	down              uint64 // frames under construction that went with their device, or port
	congested         uint64 // cross-connected cells that found no room
	noLeaf            uint64 // cells of connections that have no leaf left

	fragmentsIn, fragmentsOut uint64
	idle                      uint64 // idle and unassigned cells that were left out
	metCongestion             uint64 // cells, or SDUs, that were given EFCI because their datagram had met congestion

	merges [mergeCauses]uint64 // cells that did not leave by a merged VC
}

func (c *portCounts) add(o *portCounts) {
	c.cellsIn, c.cellsOut = c.cellsIn+o.cellsIn, c.cellsOut+o.cellsOut
	c.pdusIn, c.pdusOut = c.pdusIn+o.pdusIn, c.pdusOut+o.pdusOut
	for i := range c.drops {
		c.drops[i] += o.drops[i]
	}
	c.missing += o.missing
	c.tooLong += o.tooLong
	c.noBlocks += o.noBlocks
	c.noViews += o.noViews
	c.otherVC += o.otherVC
	c.down += o.down
	c.congested += o.congested
	c.noLeaf += o.noLeaf
	c.fragmentsIn, c.fragmentsOut = c.fragmentsIn+o.fragmentsIn, c.fragmentsOut+o.fragmentsOut
	c.idle += o.idle
	c.metCongestion += o.metCongestion
	for i := range c.merges {
		c.merges[i] += o.merges[i]
	}
}

// build makes what every frame of the port begins with. Numbers go on where they were.
func (p *port) build() {
	old := p.pw
	p.pw = newPseudowire(&p.cfg.Encapsulation, p.carrier.link.header(nil, p.carrier.own, &p.cfg.Far))
	p.pw.sent, p.pw.order, p.pw.lent = old.sent, old.order, old.lent
	p.checks = p.carrier.link.checks(&p.cfg.Far)
	p.uni = p.cfg.UNI
	p.bare = p.cfg.Mode.Cells() && !p.cfg.Mode.ControlWord()
	if p.wait = p.cfg.Pack; p.wait == 0 && p.cfg.Mode == ModeAAL5PDU {
		p.wait = pduWait
	}
	p.timer.Fire = p.packed
}

// measure takes the limits of the carrier's device.
func (p *port) measure() error {
	p.impairer.arrive()
	p.maxFrame = p.carrier.maxFrame
	if p.cfg.MaxFrame > 0 {
		p.maxFrame = min(p.maxFrame, p.cfg.MaxFrame)
	}
	room := min(p.maxFrame, MaxCellFrame) - p.pw.overhead()
	if p.cfg.Mode == ModeVCC || p.cfg.Mode == ModeVPC {
		room++ // the last octet of the control word is the first cell's
	}
	p.maxCells = max(room/p.cfg.Mode.cellSize(), 0) * aal.CellSize
	if p.cfg.Cells > 0 {
		p.maxCells = min(p.maxCells, p.cfg.Cells*aal.CellSize)
	}
	if p.cfg.Mode.Cells() && p.maxCells == 0 {
		return fmt.Errorf("label %d: frames of %d octets hold no cell", p.cfg.LabelOut, p.maxFrame)
	}
	return nil
}

// conn is the Conn of messages for a VC of the port.
func (p *port) conn(vc uint64) uint64 { return uint64(p.number)<<portShift | vc }

// strip takes a frame of the port; its label stack ends at octet n.
func (p *port) strip(b block.ID, f []byte, n int) {
	pool := p.carrier.hub.Pool
	if p.bare {
		pool.Trim(b, n)
		p.cells(b)
		return
	}
	from, to, cw, cause := p.pw.strip(f[n:])
	if cause != taken && cause != adminCell {
		p.drop(b, cause)
		return
	}
	pool.Cut(b, n+to)
	pool.Trim(b, n+from)
	switch {
	case p.cfg.Mode.specific():
		p.unpack(b)
		return
	case p.cfg.Mode.Cells():
		p.cells(b)
		return
	case cause == adminCell:
		p.admin(b)
		return
	}
	m := dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(to - from), Conn: p.conn(Key(p.cfg.VC))}
	if cw&cwFlagE != 0 {
		m.Flags |= dataplane.FlagEFCI
	}
	if cw&cwFlagC != 0 {
		m.Flags |= dataplane.FlagCLP
	}
	if cw&cwFlagU != 0 {
		m.Info = 1
	}
	if setECN(&m, p.carrier.outer); p.carrier.outer == nic.CE {
		m.Flags |= dataplane.FlagEFCI
		p.counts.metCongestion++
	}
	if p.frags != nil && !p.joinFragment(aal.Fragment(cw>>cwPartShift&cwPartMask), uint16(cw), &m) {
		return
	}
	p.counts.pdusIn++
	if p.impairer != nil {
		p.impairer.sdu(m, p.carrier.outer)
		return
	}
	p.takeSDU(m)
}

// takeSDU puts an SDU up, or hands it to another port.
func (p *port) takeSDU(m dataplane.Msg) {
	if p.cross != nil && p.crossSDU(m) {
		return
	}
	if p.f5 != nil {
		p.f5.user()
	}
	p.carrier.out.PutNext(m)
}

// cells puts up a run for each stretch of cells of one VC. A frame of one VC, the usual
// one, goes up as it is; of a mixed one every run but the last is lent.
func (p *port) cells(b block.ID) {
	pool := p.carrier.hub.Pool
	cells := pool.Bytes(b)
	if len(cells) == 0 || len(cells)%aal.CellSize != 0 {
		p.drop(b, badLength)
		return
	}
	p.counts.cellsIn += uint64(len(cells) / aal.CellSize)
	if p.impairer != nil {
		p.impairer.cells(b, p.carrier.outer)
		return
	}
	p.takeCells(b)
}

// takeCells puts up whole cells, one at least.
func (p *port) takeCells(b block.ID) {
	pool := p.carrier.hub.Pool
	cells := pool.Bytes(b)
	if p.uni {
		clearGFC(cells)
	}
	if p.carrier.outer == nic.CE {
		p.meetCongestion(cells)
	}
	if p.cross != nil {
		if b = p.crossConnected(b); b == 0 {
			return
		}
		cells = pool.Bytes(b)
	}
	if p.f4 != nil {
		if b = p.endOfPaths(b); b == 0 {
			return
		}
		cells = pool.Bytes(b)
	}
	for {
		vc, n := run(cells)
		m := dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(n), Conn: p.conn(vc)}
		setECN(&m, p.carrier.outer)
		if n == len(cells) {
			p.carrier.out.PutNext(m)
			return
		}
		p.putPart(m, cells[:n])
		cells = cells[n:]
		pool.Trim(b, n)
	}
}

// clearGFC makes headers of a UNI such as an NNI has.
func clearGFC(cells []byte) {
	for ; len(cells) >= aal.CellSize; cells = cells[aal.CellSize:] {
		cells[0] &= 0xF
	}
}

// putPart puts up a run that shares its frame with others.
func (p *port) putPart(m dataplane.Msg, cells []byte) {
	pool := p.carrier.hub.Pool
	if m.Block = pool.Loan(); m.Block == 0 {
		p.counts.noViews += uint64(len(cells) / aal.CellSize)
		return
	}
	pool.Lend(m.Block, cells)
	loan := m.Block
	p.carrier.out.PutNext(m)
	pool.Reclaim(loan)
}

// run measures the cells of one VC that cells begins with: whole cells, at least one.
func run(cells []byte) (vc uint64, n int) {
	first := aal.ReadHeader(cells).VC()
	for n = aal.CellSize; n < len(cells) && aal.ReadHeader(cells[n:]).VC() == first; {
		n += aal.CellSize
	}
	return Key(first), n
}

func (p *port) drop(b block.ID, cause dropCause) {
	p.counts.drops[cause]++
	p.carrier.hub.Pool.Free(b)
}

// carries tells whether a VC, or with path the VP, is one of the port's.
func (p *port) carries(vc aal.VC, path bool) bool { return p.cfg.Mode.carries(p.cfg.VC, vc, path) }

// output packs a run of cells, or sends an SDU as a frame of its own.
func (p *port) output(m dataplane.Msg) {
	d := p.carrier
	if key := uint32(m.Conn); !p.carries(aal.VC{VPI: uint16(key >> 16), VCI: uint16(key)}, false) {
		p.counts.otherVC++
		d.hub.Free(m)
		return
	}
	if p.cfg.Mode.Cells() {
		p.pack(m)
		return
	}
	n, head := int(m.Len), p.pw.overhead()
	switch {
	case p.frags != nil && (m.Info&infoRest != 0 || n+head > p.maxFrame && n <= p.maxSDU()):
		p.outputFragments(m)
		return
	case n+head > p.maxFrame:
		p.counts.tooLong++
		d.hub.Free(m)
		return
	}
	dst := d.hub.Pool.Prepend(m.Block, head)
	if dst == nil { // borrowed or shared: the headers need a block of our own
		if m.Block = p.own(m.Block); m.Block == 0 {
			return
		}
		dst = d.hub.Pool.Prepend(m.Block, head)
	}
	p.pw.put(dst, n, m.Flags&dataplane.FlagCLP != 0, m.Flags&dataplane.FlagEFCI != 0, uint8(m.Info))
	p.counts.pdusOut++
	p.markSDU(m.Block, &m)
	d.send(m.Block)
	p.unmark()
}

func (p *port) own(b block.ID) block.ID {
	pool := p.carrier.hub.Pool
	c := pool.Copy(b)
	pool.Free(b)
	if c == 0 {
		p.counts.noBlocks++
	}
	return c
}
