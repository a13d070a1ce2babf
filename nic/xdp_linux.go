package nic

import (
	"errors"
	"fmt"
	"math/bits"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of an AF_XDP device.
const (
	XDPPiece        = 2048 // octets of a piece of its region: the kernel takes 2,048 and 4,096
	DefaultXDPPosts = 4096 // pieces posted: as many frames wait for a hub that is busy elsewhere
	XDPTransmits    = 1024 // pieces on their way out, at most

	maxXDPQueues   = 64
	minXDPRing     = 64 // slots of a queue, however many queues there are
	maxXDPRing     = 1 << 14
	maxXDPChain    = 18                                  // pieces of a frame that the kernel sends: MAX_SKB_FRAGS + 1
	xdpPieceRoom   = XDPPiece - unix.XDP_PACKET_HEADROOM // octets of a frame that the kernel puts into a piece
	xdpSpares      = 256                                 // pieces to copy frames into that are not the region's
	xdpLinger      = 20 * time.Millisecond               // for frames on their way out when the device is closed
	xdpBusy        = 2 * time.Second                     // for a queue that another socket has: the kernel takes those of a process that was killed back behind its back
	xdpFrameMemory = 4096                                // octets that a frame on its way out costs the socket, at most: the kernel counts in pages
)

// XDPConfig describes an AF_XDP device.
type XDPConfig struct {
	Interface string             // its name, for messages when Index is given
	Index     int                // the kernel's number of the interface, which stays when its name changes; 0: by name
	Multicast []net.HardwareAddr // groups to join
	MaxFrame  int                // octets of the longest frame, with its header; 0: from the MTU that the interface has now
	Region    []byte             // what frames lie in: whole pages, cut into pieces of XDPPiece octets
	Posts     int                // pieces to be posted, over all queues; 0: DefaultXDPPosts
	Copy      bool               // have the kernel copy frames, though the driver could do without

	// Replaces is the device whose place this one takes: as long as it is open ErrQueueInUse comes at once, because
	// the queue may be its. Without it a queue is waited for, two seconds at most.
	Replaces Device

	// Steer prepares what has the kernel give the device its frames: a program on the interface of that number that
	// redirects those that it chooses to the sockets, of which there is one for each queue, in order. how says in a
	// word or two by what means, for Info().Note.
	Steer func(index int, sockets []int) (s Steering, how string, err error)
}

// Steering is what has the kernel give frames to a device's sockets.
type Steering interface {
	// Start begins, when the first pieces have been posted. A failure ends the device: Receive tells of it.
	Start() error
	// Close ends it, before the sockets are closed.
	Close() error
}

// OpenXDP opens AF_XDP sockets on all receive queues of an Ethernet interface. It is a Keeper: frames lie in the region,
// which the kernel locks, and nothing is copied in user space but a frame that is longer than a piece. In copy mode the
// kernel copies received frames; with a driver that can it does not (zero-copy). Info().Note says which it is.
//
// No system call per received batch. Transmit is one call a batch, in copy mode one for each 32 frames; with zero-copy
// none while the driver is at work. All is sent by the first queue, so that order is kept.
//
// Limits: a frame longer than 1,792 octets takes several pieces each way, received ones are copied together; over the
// MTU it is counted. A VLAN tag that the interface's hardware, or a veth's sender, has taken off does not reach AF_XDP at
// all: a tag in the frame is what counts. Frames to other stations are counted. The region must not be given
// back to the kernel (MADV_DONTNEED): what is received would be lost without a sign. It counts against RLIMIT_MEMLOCK
// without CAP_IPC_LOCK. When the interface is down Transmit says ErrDown, and what the kernel held already leaves when it is up; when it was deleted
// Transmit and every so often Receive say ErrGone: a sleeper on FD is not woken by it. A queue has one device at a time.
func OpenXDP(cfg XDPConfig) (Keeper, error) {
	x := &xdp{epoll: -1, group: -1}
	if err := x.open(cfg); err != nil {
		_ = x.Close()
		return nil, fmt.Errorf("AF_XDP %q: %w", cfg.Interface, err)
	}
	return x, nil
}

type xdp struct {
	info    Info
	address [6]byte
	index   int
	copies  bool // the kernel copies frames

	region  []byte
	state   []pieceState // of each piece
	spare   []uint32     // pieces to copy into
	spares  int          // those and the ones on their way out
	back    [][]byte     // frames for Complete that are on no ring: copied, refused or lost
	swept   int          // pieces that Complete has looked at after Close
	sockets []*xdpSocket
	fds     []int
	sent    uint64 // pieces that were put into the transmit ring
	turn    int    // socket to receive from first
	closed  bool

	group    int // packet socket that has joined groups; -1: none
	epoll    int // over several sockets; -1: there is one
	steering Steering
	started  bool  // it gives us frames
	failure  error // that it had to begin

	stalled bool // the kernel has left frames in the transmit ring
	down    bool // and will, as long as the interface is down
	empty   uint // empty Receives
	count   Counters
}

// pieceState is who has a piece.
type pieceState uint8

const (
	pieceCallers pieceState = iota
	piecePosted             // to be received into
	pieceSent               // on its way out
	pieceSpare              // ours, to copy into
	pieceCopied             // ours, on its way out
)

func (x *xdp) open(cfg XDPConfig) error {
	control, err := controlSocket()
	if err != nil {
		return err
	}
	defer unix.Close(control)
	if err := x.measure(control, &cfg); err != nil {
		return err
	}
	queues := receiveQueues(control, cfg.Interface)
	if queues > maxXDPQueues {
		return fmt.Errorf("%d receive queues, at most %d: make them fewer with ethtool -L", queues, maxXDPQueues)
	}
	slots := min(max(1<<(bits.Len(uint(cfg.Posts/queues))-1), minXDPRing), maxXDPRing)
	x.info.Posts = queues*slots + xdpSpares
	x.state = make([]pieceState, len(cfg.Region)/XDPPiece)
	x.spare = make([]uint32, 0, xdpSpares)
	x.back = make([][]byte, 0, XDPTransmits)
	if err := x.openSockets(cfg, queues, xdpRings{receive: slots, transmit: XDPTransmits}); err != nil {
		return err
	}
	if err := x.join(cfg.Multicast); err != nil {
		return err
	}
	steering, how, err := cfg.Steer(x.index, x.fds)
	if err != nil {
		return err
	}
	x.steering, x.copies = steering, !x.sockets[0].zeroCopy()
	if x.info.Note = "AF_XDP: " + how + ", zero-copy"; x.copies {
		x.info.Note = "AF_XDP: " + how + ", the kernel copies frames"
	}
	return nil
}

// measure checks what was asked for against the interface.
func (x *xdp) measure(control int, cfg *XDPConfig) (err error) {
	if cfg.Index != 0 {
		if cfg.Interface, err = interfaceName(control, cfg.Index); err != nil {
			return err
		}
	}
	mtu, err := interfaceMTU(control, cfg.Interface)
	if err != nil {
		return err
	}
	if x.index, x.address, err = ethernetAddress(control, cfg.Interface); err != nil {
		return err
	}
	setDefault(&cfg.MaxFrame, mtu+ethernetHeader)
	setDefault(&cfg.Posts, DefaultXDPPosts)
	switch {
	case cfg.Index != 0 && x.index != cfg.Index:
		return ErrNoInterface // the name has changed hands meanwhile
	case cfg.MaxFrame < ethernetHeader || cfg.MaxFrame > maxXDPChain*xdpPieceRoom:
		return fmt.Errorf("frame of %d octets: want %d to %d", cfg.MaxFrame, ethernetHeader, maxXDPChain*xdpPieceRoom)
	case cfg.Posts < 1 || cfg.Posts > maxXDPQueues*maxXDPRing:
		return fmt.Errorf("%d pieces posted: want 1 to %d", cfg.Posts, maxXDPQueues*maxXDPRing)
	case len(cfg.Region) == 0 || len(cfg.Region)%unix.Getpagesize() != 0 || !pageAligned(cfg.Region):
		return errors.New("its region is not whole pages")
	case cfg.Steer == nil:
		return errors.New("nothing steers frames to it")
	}
	x.region = cfg.Region
	x.info = Info{
		Name: cfg.Interface, MaxFrame: cfg.MaxFrame, Batch: maxBatch, Keeps: true, Existed: true, Piece: xdpPieceRoom, Ready: x.ready,
	}
	return nil
}

// openSockets opens one socket for each queue. The region is registered with the first and shared by the others.
func (x *xdp) openSockets(cfg XDPConfig, queues int, size xdpRings) error {
	var flags uint16
	if cfg.MaxFrame > xdpPieceRoom {
		flags |= unix.XDP_USE_SG
	}
	if cfg.Copy {
		flags |= unix.XDP_COPY // without it the kernel tries zero-copy first
	}
	patience := xdpBusy
	if cfg.Replaces != nil && cfg.Replaces.FD() >= 0 {
		patience = 0
	}
	for queue := range queues {
		region := cfg.Region
		if queue > 0 {
			region = nil
		}
		s, err := openXDPSocket(region, XDPPiece, size)
		if err != nil {
			return err
		}
		x.sockets, x.fds = append(x.sockets, s), append(x.fds, s.fd)
		if err := s.bind(x.index, queue, flags, x.sockets[0], patience); err != nil {
			return err
		}
		_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, XDPTransmits*xdpFrameMemory)
	}
	if queues == 1 {
		return nil
	}
	var err error
	if x.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	for _, fd := range x.fds {
		if err := unix.EpollCtl(x.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
			return fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return nil
}

// join joins groups by a packet socket that receives nothing.
func (x *xdp) join(groups []net.HardwareAddr) (err error) {
	if len(groups) == 0 {
		return nil
	}
	if x.group, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	return joinGroups(x.group, x.index, groups)
}

// channels is struct ethtool_channels.
type channels struct{ command, maxRx, maxTx, maxOther, maxCombined, rx, tx, other, combined uint32 }

// receiveQueues is how many queues an interface receives by; 1 where its driver does not tell.
func receiveQueues(control int, name string) int {
	c := channels{command: unix.ETHTOOL_GCHANNELS}
	if ethtoolChannels(control, name, &c) != nil {
		return 1
	}
	return max(int(c.rx+c.combined), 1)
}

func (x *xdp) Info() Info { return x.info }
func (x *xdp) Release()   {}

// FD is the socket's, or an epoll descriptor over several.
func (x *xdp) FD() int {
	switch {
	case x.closed:
		return -1
	case x.epoll >= 0:
		return x.epoll
	}
	return x.fds[0]
}

// ready looks at the receive rings, and whether the kernel is to be called about the transmit ring.
func (x *xdp) ready() bool {
	if x.stalled && !x.down || x.failure != nil {
		return true
	}
	for _, s := range x.sockets {
		if s.rx.waiting() > 0 {
			return true
		}
	}
	return false
}

// SetMaxFrame of an AF_XDP device: longer than a piece wants other sockets.
func (x *xdp) SetMaxFrame(octets int) bool {
	if octets > maxXDPChain*xdpPieceRoom || octets > xdpPieceRoom != (x.info.MaxFrame > xdpPieceRoom) {
		return false
	}
	x.info.MaxFrame = octets
	return true
}

// Counters asks the kernel, one system call for each queue.
func (x *xdp) Counters() Counters {
	c := x.count
	for _, s := range x.sockets {
		n := s.statistics()
		starved := min(n.Rx_fill_ring_empty_descs, n.Rx_dropped) // those are among the dropped
		c.RxStarved += starved
		c.RxOverrun += n.Rx_ring_full + n.Rx_dropped - starved
		c.TxErrors += n.Tx_invalid_descs
	}
	return c
}

// Close ends steering before it closes the sockets. What is on its way out has a moment to leave: the kernel may still
// read it where it lies.
func (x *xdp) Close() (err error) {
	if x.closed {
		return nil
	}
	x.closed = true
	if x.steering != nil {
		err = x.steering.Close()
	}
	x.settle()
	x.count = x.Counters()
	for _, s := range x.sockets {
		err = errors.Join(err, s.close())
	}
	x.sockets = nil
	for _, fd := range [...]int{x.group, x.epoll} {
		if fd >= 0 {
			err = errors.Join(err, unix.Close(fd))
		}
	}
	return err
}

// settle waits until what was sent has left, or until xdpLinger is over, and counts as lost what the kernel has not taken.
func (x *xdp) settle() {
	if len(x.sockets) == 0 {
		return
	}
	s := x.sockets[0]
	for end := time.Now().Add(xdpLinger); int(x.sent-x.count.TxCompleted) > s.done.more() && time.Now().Before(end); {
		if x.kick() != nil {
			break
		}
		time.Sleep(xdpLinger / 100)
	}
	for i := s.tx.ours - uint32(s.tx.pending()); i != s.tx.ours; i++ {
		d := s.tx.slot(i)
		x.count.TxOctets -= uint64(d.Len)
		if d.Options&unix.XDP_PKT_CONTD == 0 {
			x.count.TxFrames--
			x.count.TxDown++
		}
	}
}
