package nic

import (
	"errors"
	"fmt"
	"math/bits"
	"net"

	"golang.org/x/sys/unix"
)

// Limits of a packet device.
const (
	defaultRxRing = 4 << 20  // octets: 2048 slots of a 1500-octet MTU, 256 of a 9600-octet one
	maxRxRing     = 64 << 20 // octets of kernel memory, which cannot be swapped
	minSlot       = 1 << 11  // octets
	ringBlock     = 1 << 16  // octets of contiguous kernel memory that hold slots; a longer slot is its own block
	maxMTU        = 1 << 16  // the longest that Linux gives an Ethernet interface, and one more
	slotOverhead  = 96       // octets of a slot before the network header: TPACKET2_HDRLEN and the Ethernet header, aligned, and virtio's
	packetSndbuf  = 1 << 20  // octets in the interface's queue before Transmit says full
	minEtherType  = 0x600    // below it the field is a length (IEEE 802.3, 3.2.6)
	errorPeriod   = 64       // empty Receives between two looks at the socket's error; a power of two
)

// PacketConfig describes a packet device.
type PacketConfig struct {
	Interface string             // its name, for messages when Index is given
	Index     int                // the kernel's number of the interface, which stays when its name changes; 0: by name
	Held      bool               // receive nothing until Admit
	EtherType uint16             // frames of other types are not seen
	All       bool               // frames of every type, EtherType being 0: those of 802.2 too
	Multicast []net.HardwareAddr // groups to join
	Filter    []unix.SockFilter  // what else a frame must pass in the kernel, at most MaxFilter instructions; empty: all pass
	Tagged    bool               // frames with a VLAN tag are ours too, and shown with it; no super-frames then
	MaxFrame  int                // octets of the longest frame, with its header; 0: from the MTU that the interface has now
	RxRing    int                // octets of the receive ring; 0: 4 MiB
	GSO       GSO                // super-frames: received alone, as no interface cuts what it does not know
	Note      string             // Info().Note, where the device has none of its own

	// Divert, when it is given, has a program on the interface of that number show our frames to sockets of a protocol number of
	// its own only, whatever their EtherType. Where it fails all sockets of the EtherType see ours, as we see theirs.
	Divert func(index int) (Diversion, error)

	// Descriptor is a packet socket (SOCK_RAW) that somebody else opened, and the device's from the
	// call on, also when that fails; no privilege is needed then. 0: none.
	Descriptor int
}

// Diversion is a program's care for one device; it ends when the device closes.
type Diversion interface {
	Protocol() uint16 // the number that our frames come by
	Close() error
}

// MaxFilter is the most instructions of a PacketConfig's filter: the kernel's limit less what OpenPacket puts before.
const MaxFilter = unix.BPF_MAXINSNS - 3

// OpenPacket opens an AF_PACKET socket on an Ethernet interface, for one EtherType or all. A frame begins at the destination
// address and has no FCS; the source address and the type are the caller's to write.
//
// Receive lends slots of a TPACKET_V2 ring, which the kernel fills one by one; Release returns them in order. No
// system call per batch, but the wake-up. Transmit is one sendmmsg per 64 frames; the kernel copies. A transmit ring
// (PACKET_TX_RING) was measured against it over a veth and took 1.05 to 2.8 times as long a frame, from 60 to 9614 octets.
//
// A filter sees a frame without its VLAN tag, which the kernel has taken off; what it refuses costs the hub nothing and
// is not counted.
//
// With super-frames, one that the interface hands up, because its sender or GRO has joined what it carries, is cut into
// frames of its segments; one more system call when its slot does not hold it. What goes before IP is the same in all of
// them. Without (GSOOff) it is one long frame, or counted in RxTruncated. There is no self-test, as it would be seen on the
// wire; checksums that a sender on this host has left open are finished.
//
// Limits: a frame that an interface received with a VLAN tag is not ours (it is the VLAN interface's) and counted,
// unless its VLAN is 0, which only carries a priority, or Tagged asks for it: then the socket sees every frame of the
// interface, and the kernel passes on those of the EtherType. A frame longer than the slot is counted; slots have room up to
// the next power of two, so some rise of the MTU fits. What finds the ring full is in RxOverrun, which Counters asks
// the kernel for, one system call. When the interface falls, Receive says ErrDown once, and frames come again when
// it rises; when it is deleted, ErrGone, even if another takes its name.
func OpenPacket(cfg PacketConfig) (Device, error) {
	if len(cfg.Interface) >= unix.IFNAMSIZ {
		return nil, fmt.Errorf("packet %q: %w", cfg.Interface, ErrNameTooLong)
	}
	p := &packet{tx: newMmsg()}
	var err error
	if p.fd = cfg.Descriptor; p.fd != 0 {
		err = takePacket(p.fd)
	} else {
		p.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	}
	if err == nil {
		err = p.setUp(cfg)
	}
	if err != nil && p.fd >= 0 {
		_ = p.Close()
	}
	switch {
	case err == nil:
		return p, nil
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		err = ErrNeedNetRaw
	}
	return nil, fmt.Errorf("packet %q: %w", cfg.Interface, err)
}

type packet struct {
	fd   int
	info Info
	tx   *mmsg

	ring      []byte // slots, each a power of two
	slotShift uint
	slotMask  uint64  // number of slots − 1
	next      uint64  // slot to read
	lent      uint64  // oldest slot not given back; next − lent are ours
	address   [6]byte // of the interface when it was opened
	tagged    bool    // VLAN tags are put back
	program   []unix.SockFilter
	etherType uint16    // of our frames
	diversion Diversion // nil: they come by their EtherType

	cutter *packetCutter // nil: frames come as they are

	empty uint // empty Receives
	down  bool // ErrDown was said, and nothing came since
	count Counters
	words [2]uint32
}

func (p *packet) setUp(cfg PacketConfig) error {
	if cfg.Index != 0 {
		name, err := interfaceName(p.fd, cfg.Index)
		if err != nil {
			return err
		}
		cfg.Interface = name
	}
	mtu, err := interfaceMTU(p.fd, cfg.Interface)
	if err != nil {
		return err
	}
	index, address, err := ethernetAddress(p.fd, cfg.Interface)
	if err != nil {
		return err
	}
	p.address = address
	setDefault(&cfg.MaxFrame, mtu+ethernetHeader)
	setDefault(&cfg.RxRing, defaultRxRing)
	if cfg.All && (cfg.EtherType != 0 || cfg.Tagged) {
		return errors.New("all types: neither EtherType nor Tagged")
	}
	if cfg.EtherType < minEtherType && !cfg.All {
		return fmt.Errorf("EtherType %#04x: want %#04x or more", cfg.EtherType, minEtherType)
	}
	if cfg.MaxFrame < ethernetHeader || cfg.MaxFrame > maxMTU+ethernetHeader {
		return fmt.Errorf("frame of %d octets: want %d to %d", cfg.MaxFrame, ethernetHeader, maxMTU+ethernetHeader)
	}
	if cfg.RxRing < 0 || cfg.RxRing > maxRxRing {
		return fmt.Errorf("ring of %d octets: want at most %d", cfg.RxRing, maxRxRing)
	}
	if cfg.GSO != GSOOff && !cfg.Tagged && !p.useVnet(cfg.MaxFrame) {
		p.info.Note = "no super-frames: the kernel has none for packet sockets"
	}
	if err := p.makeRing(cfg.MaxFrame, cfg.RxRing); err != nil {
		return fmt.Errorf("receive ring: %w", err)
	}
	_ = unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, packetSndbuf)
	if unix.SetsockoptInt(p.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1) != nil {
		p.info.Note = "the kernel has no PACKET_IGNORE_OUTGOING: own frames are looked at, then skipped"
	}
	if cfg.Index != 0 && index != cfg.Index {
		return ErrNoInterface // the name has changed hands meanwhile
	}
	if err := joinGroups(p.fd, index, cfg.Multicast); err != nil {
		return err
	}
	if p.info.Note == "" {
		p.info.Note = cfg.Note
	}
	p.info.Name, p.info.MaxFrame, p.info.Batch, p.info.Lends, p.info.Existed = cfg.Interface, cfg.MaxFrame, maxBatch, true, true
	p.info.Ready = p.ready
	if err := p.filter(cfg); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	protocol := p.divert(cfg, index)
	bigEndian := protocol<<8 | protocol>>8
	if err := unix.Bind(p.fd, &unix.SockaddrLinklayer{Protocol: bigEndian, Ifindex: index}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return nil
}

// divert gives the protocol that the socket is bound to.
func (p *packet) divert(cfg PacketConfig, index int) uint16 {
	switch {
	case cfg.Tagged, cfg.All:
		return unix.ETH_P_ALL
	case cfg.Divert == nil:
		return cfg.EtherType
	}
	var err error
	if p.diversion, err = cfg.Divert(index); err != nil {
		p.diversion = nil
		if p.info.Note == "" {
			p.info.Note = fmt.Sprintf("every frame is shown to every program on %s: %v", cfg.Interface, err)
		}
		return cfg.EtherType
	}
	return p.diversion.Protocol()
}

// makeRing maps a ring of slots that hold maxFrame octets each. Slots and blocks are powers of two, so that slot i
// lies at i times its size.
func (p *packet) makeRing(maxFrame, octets int) error {
	p.slotShift = uint(bits.Len(uint(max(minSlot, slotOverhead+maxFrame) - 1)))
	slot := 1 << p.slotShift
	block := max(slot, ringBlock)
	blocks := 1
	for blocks*2*block <= octets {
		blocks *= 2
	}
	if err := unix.SetsockoptInt(p.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2); err != nil {
		return err
	}
	request := unix.TpacketReq{
		Block_size: uint32(block), Block_nr: uint32(blocks),
		Frame_size: uint32(slot), Frame_nr: uint32(blocks * block / slot),
	}
	if err := unix.SetsockoptTpacketReq(p.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &request); err != nil {
		return err
	}
	p.slotMask = uint64(request.Frame_nr - 1)
	var err error
	p.ring, err = unix.Mmap(p.fd, 0, blocks*block, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return err
}

func (p *packet) Info() Info { return p.info }
func (p *packet) FD() int    { return p.fd }

// ready looks at the status word of the next slot.
func (p *packet) ready() bool {
	return p.fd >= 0 && (p.cutter != nil && p.cutter.split.more() ||
		p.next-p.lent <= p.slotMask && loadStatus(slotHeader(p.slot(p.next)))&unix.TP_STATUS_USER != 0)
}

func (p *packet) slot(i uint64) []byte {
	return p.ring[(i&p.slotMask)<<p.slotShift:][:1<<p.slotShift]
}

func (p *packet) Receive(bufs [][]byte) (int, error) {
	if p.fd < 0 {
		return 0, ErrGone
	}
	limit, n := min(len(bufs), maxBatch), 0
	idle := p.next == p.lent
	for n < limit {
		if p.cutter != nil && p.cutter.split.more() {
			if n = p.cutter.cut(bufs[:limit], n, &p.count); p.cutter.split.more() {
				break // the rest waits for room
			}
			continue
		}
		if p.next-p.lent > p.slotMask {
			break
		}
		slot := p.slot(p.next)
		header := slotHeader(slot)
		status := loadStatus(header)
		if status&unix.TP_STATUS_USER == 0 {
			break
		}
		p.next++
		if frame := p.accept(slot, header, status); frame != nil {
			bufs[n] = frame
			n++
		}
	}
	if n > 0 {
		p.down = false
		return n, nil
	}
	if idle {
		p.Release() // what was dropped
	}
	if p.empty++; p.empty%errorPeriod == 0 && limit > 0 {
		return 0, p.failure()
	}
	return 0, nil
}

// Offsets into the sockaddr_ll that follows the slot's header, aligned to 16 octets.
const (
	slotAddress = 32
	slotPktType = slotAddress + 10
)

// accept returns the frame of a slot, or nil after counting why not.
func (p *packet) accept(slot []byte, header *unix.Tpacket2Hdr, status uint32) []byte {
	start, length := int(header.Mac), int(header.Snaplen)
	end := start + length
	var v vnet
	var whole []byte // of a frame that the slot does not hold
	if p.cutter != nil && start >= vnetBytes && start <= len(slot) {
		v.read((*[vnetBytes]byte)(slot[start-vnetBytes:]))
		if status&unix.TP_STATUS_COPY != 0 {
			whole = p.cutter.whole(p.fd, &v)
		}
	}
	if length < ethernetHeader || end > len(slot) || header.Snaplen < header.Len && (whole == nil || v.kind == gsoNone) {
		p.count.RxTruncated++
		return nil
	}
	frame := slot[start:end]
	switch slot[slotPktType] {
	case unix.PACKET_OUTGOING: // our own: no loss
		return nil
	case unix.PACKET_OTHERHOST:
		p.countOther(frame)
		return nil
	}
	if status&unix.TP_STATUS_VLAN_VALID != 0 {
		switch {
		case p.tagged:
			frame = putTag(slot, start, end, header)
		case header.Vlan_tci&vlanMask != 0:
			p.count.RxTagged++
			return nil
		}
	}
	switch {
	case whole != nil:
		frame = whole
		fallthrough
	case v.kind != gsoNone:
		if !p.cutter.begin(frame, &v) {
			p.count.RxMalformed++
		}
		return nil // Receive cuts it
	case v.flags&needsSum != 0 && !finishSum(frame, &v):
		p.count.RxMalformed++
		return nil
	}
	p.count.RxFrames++
	p.count.RxOctets += uint64(len(frame))
	return frame
}

// vlanMask cuts the VLAN from a tag's control information; 0 is no VLAN, but only a priority.
const vlanMask = 0x0fff

// countOther counts a frame that the kernel calls another host's. Before it gives a tagged frame to a socket of one
// EtherType, the kernel takes the tag away, from the status too, and leaves only this: the frame is called another
// host's though it is addressed to us, or to a group (__netif_receive_skb_core in net/core/dev.c).
func (p *packet) countOther(frame []byte) {
	if frame[0]&1 != 0 || [6]byte(frame) == p.address {
		p.count.RxTagged++
	} else {
		p.count.RxForeign++
	}
}

func (p *packet) Release() {
	if p.cutter != nil {
		p.cutter.release()
	}
	for ; p.lent != p.next; p.lent++ {
		storeStatus(slotHeader(p.slot(p.lent)), unix.TP_STATUS_KERNEL)
	}
}

// failure asks whether the interface fell or was deleted. The kernel wakes every sleeper on FD until somebody asks.
func (p *packet) failure() error {
	errno, err := unix.GetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return fmt.Errorf("%s: %w", p.info.Name, err)
	}
	if errno == 0 && !p.down {
		return nil
	}
	if p.deleted() {
		return fmt.Errorf("%s: %w", p.info.Name, ErrGone)
	}
	if errno == 0 { // said already
		return nil
	}
	p.down = true
	return fmt.Errorf("%s: %w", p.info.Name, ErrDown)
}

// deleted tells whether the kernel has unbound the socket from its interface.
func (p *packet) deleted() bool {
	name, err := unix.Getsockname(p.fd)
	if err != nil {
		return false
	}
	address, ok := name.(*unix.SockaddrLinklayer)
	return ok && address.Ifindex <= 0
}

func (p *packet) Transmit(frames [][]byte) (int, error) {
	if p.fd < 0 {
		p.count.TxDown += uint64(len(frames))
		return len(frames), ErrGone
	}
	taken, errno := p.tx.transmit(p.fd, frames, &p.count)
	if errno == 0 {
		return taken, nil
	}
	p.count.TxDown += uint64(len(frames) - taken)
	reason := ErrDown
	if errno != unix.ENETDOWN || p.deleted() {
		reason = ErrGone
	}
	return len(frames), fmt.Errorf("%s: %w", p.info.Name, reason)
}

func (p *packet) Counters() Counters {
	// PACKET_STATISTICS: frames, including the dropped, and dropped; both start again at zero.
	if p.fd >= 0 && getsockopt(p.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS, p.words[:]) == 0 {
		p.count.RxOverrun += uint64(p.words[1])
	}
	return p.count
}

func (p *packet) Close() error {
	if p.fd < 0 {
		return nil
	}
	p.Counters()
	var unmapped error
	if p.ring != nil {
		unmapped = unix.Munmap(p.ring)
		p.ring = nil
	}
	p.lent = p.next
	fd := p.fd
	p.fd = -1
	err := errors.Join(unmapped, unix.Close(fd))
	if p.diversion != nil {
		err = errors.Join(err, p.diversion.Close())
	}
	return err
}
