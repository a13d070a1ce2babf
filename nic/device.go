package nic

import "errors"

// Device moves frames in batches. One goroutine at a time uses it.
type Device interface {
	// Info returns the limits of the device, constant for its life but for what a Sizer changes.
	Info() Info

	// Receive takes up to min(len(bufs), Info().Batch) frames without blocking and returns how many.
	//
	// A device that does not lend reads frame i into bufs[i], whose whole length is room, and cuts bufs[i] to the
	// frame. A device that lends (Info().Lends) replaces bufs[i] by its own memory, which the caller may read and
	// write until Release. Beyond the count returned, bufs keeps its slices, but not what was in them.
	//
	// 0, nil: nothing waits. Fewer than asked for: FD tells whether more waits. As many as asked for: more may wait in
	// the device itself, of which FD tells nothing, so ask again before you sleep. An error is the device's failure,
	// never one frame's: those are counted. With an error the count is 0.
	//
	// A device that keeps (Info().Keeps) is a Keeper: it replaces bufs[i] by a frame in memory that was posted to it. Where
	// frames may be longer than a piece (MaxFrame over Info().Piece) bufs[i] has room for one, and it is copied there.
	Receive(bufs [][]byte) (int, error)

	// Release gives back all the memory that Receive has lent. Without such memory it does nothing.
	Release()

	// Transmit hands frames over in order and returns how many were taken: sent, or refused by the kernel and
	// counted by cause. When it returns n < len(frames) with a nil error the device is full; the caller keeps
	// frames[n:] and waits for FD to be writable. With ErrDown or ErrGone all frames were taken, and counted as
	// lost. The memory of taken frames is the caller's again on return, or, with a Keeper, by Complete.
	Transmit(frames [][]byte) (int, error)

	// FD is the descriptor to sleep on, by level-triggered epoll or poll: readable when Receive has work, writable
	// when Transmit has room. -1: there is none. It belongs to the device.
	FD() int

	// Counters is a snapshot, for the device's own goroutine. It may cost a system call.
	Counters() Counters

	// Close ends the device. Memory that it lent is gone afterwards. A second Close does nothing.
	Close() error
}

// Keeper is a device of the third kind of memory: frames lie in pieces of one region that was registered with it, as
// those of AF_XDP do, and are handed over for good in both directions. Nothing is copied.
type Keeper interface {
	Device

	// Post hands pieces of the region over to be received into, and returns how many were taken. The device decides
	// where in a piece a frame begins; a piece whose frame Receive has given out is the caller's, whole.
	Post(pieces [][]byte) int

	// Complete replaces bufs[i] by memory of a frame that Transmit took and that has left, or was copied or lost, and
	// returns how many: the frame itself, or all of its piece from the frame's beginning, of any length.
	// After Close it gives back everything that the device still had, what was posted to it too.
	Complete(bufs [][]byte) int
}

// Info is what a device can do.
type Info struct {
	Name     string // the interface, or the two addresses of a socket
	MaxFrame int    // octets of the longest frame that Transmit takes and Receive is meant for
	Batch    int    // most frames of one Receive
	Lends    bool   // Receive lends memory of the device, until Release
	Keeps    bool   // it is a Keeper
	Posts    int    // pieces that a Keeper wants posted to it, at all times
	Piece    int    // octets of a frame that a piece holds; Receive copies longer ones into bufs[i]. 0: of any frame
	Joins    bool   // Transmit makes one call of many frames: sooner copy a borrowed frame than send it alone
	Existed  bool   // the interface was there before the device opened and will be there after Close
	Note     string // what the device had to do without, one line; empty: nothing

	// Ready tells, by a word in memory and without a system call, whether Receive has something. Where it is set, FD is
	// only there to sleep on and to tell of failures: whoever polls asks Ready instead. Nil: FD tells.
	Ready func() bool

	// Room is the descriptor that becomes writable when Transmit has room, where that is not FD: asked for when it has
	// not, and another the next time perhaps. It belongs to the device. Nil: it is FD.
	Room func() int
}

// Counters counts since the device was opened. Octets are those of the frames counted beside them.
type Counters struct {
	RxFrames uint64 // handed to the caller
	RxOctets uint64

	RxTruncated uint64 // longer than the buffer or the ring's slot
	RxOverrun   uint64 // lost by the kernel because the ring or the socket's buffer was full
	RxTagged    uint64 // carried a VLAN tag, so belongs to another interface
	RxForeign   uint64 // addressed to another station
	RxMalformed uint64 // super-frames of the kernel's that make no sense
	RxChecksum  uint64 // without the checksum that IPv6 wants

	TxFrames uint64 // taken by the kernel
	TxOctets uint64

	TxTooLong     uint64 // over the MTU of the interface or of the path
	TxNoBuffer    uint64 // the kernel had no memory, or its queue dropped the frame
	TxUnreachable uint64 // no route to the peer, or its host said so
	TxDown        uint64 // the interface was down or gone
	TxErrors      uint64 // refused by the kernel for another reason

	// Of a Keeper, where nothing is lost by it but RxStarved.
	RxStarved   uint64 // lost by the kernel because no piece was posted
	TxCompleted uint64 // pieces that have left and come back
	TxFull      uint64 // calls of Transmit that found less room than frames

	// GSOFallbacks counts the kinds of super-frame that were given up: a self-test found them wrong, or the kernel has
	// refused one. Nothing is lost by it but speed.
	GSOFallbacks uint64

	// PeerRefused counts ICMP "port unreachable" reports about datagrams that did leave (and are in TxFrames): nobody
	// listens at the far end. Some reports are lost.
	PeerRefused uint64
	// PeerUnreachable counts other such reports: no way further on, or no such host.
	PeerUnreachable uint64
	// PathTooLong counts reports that a datagram was lost because it was longer than a link of the path takes.
	PathTooLong uint64
}

// RxDropped is the sum of the frames that came and were not handed over.
func (c *Counters) RxDropped() uint64 {
	return c.RxTruncated + c.RxOverrun + c.RxStarved + c.RxTagged + c.RxForeign + c.RxMalformed + c.RxChecksum
}

// TxDropped is the sum of the frames that were taken and not sent.
func (c *Counters) TxDropped() uint64 {
	return c.TxTooLong + c.TxNoBuffer + c.TxUnreachable + c.TxDown + c.TxErrors
}

// Failures of a device, from Receive and Transmit.
var (
	// ErrDown says that the interface is down. The device stays usable and works again when the interface is up.
	// Transmit says it for every batch; Receive once for each fall, where the kernel tells at all.
	ErrDown = errors.New("interface is down")
	// ErrGone says that the interface was deleted or the device closed. It is final.
	ErrGone = errors.New("interface is gone")
)

// Refusals of the Open functions.
var (
	// ErrNameTooLong: an interface name has 1 to 15 octets.
	ErrNameTooLong = errors.New("interface name is longer than 15 octets")
	// ErrNoXDP: the kernel was built without AF_XDP.
	ErrNoXDP = errors.New("the kernel has no AF_XDP sockets")
	// ErrQueueInUse: another AF_XDP socket, perhaps our own, has a queue of the interface.
	ErrQueueInUse = errors.New("another AF_XDP socket has a queue of the interface")
	// ErrMemoryLock: the memory of AF_XDP is locked, and the limit of locked memory is too low.
	ErrMemoryLock = errors.New("the limit of locked memory (RLIMIT_MEMLOCK) is too low")
	// ErrInUse: another process holds the TAP or TUN.
	ErrInUse = errors.New("device is in use by another process")
	// ErrNotTAP: an interface of this name exists and is neither a TAP nor a TUN.
	ErrNotTAP = errors.New("interface exists and is not a TAP or TUN")
	// ErrOtherKind: a TUN was asked for and the existing device is a TAP, or the other way round.
	ErrOtherKind = errors.New("device exists and is of the other kind (TAP against TUN)")
	// ErrNeedNetAdmin: a TAP or TUN needs a capability.
	ErrNeedNetAdmin = errors.New("permission denied: needs CAP_NET_ADMIN")
	// ErrNeedNetRaw: a packet socket needs a capability.
	ErrNeedNetRaw = errors.New("permission denied: needs CAP_NET_RAW")
	// ErrNoTunDevice: the kernel's TUN/TAP driver cannot be reached.
	ErrNoTunDevice = errors.New("/dev/net/tun is missing: load the tun module")
	// ErrTunClosed: the node of the TUN/TAP driver does not let us in; the message has its mode.
	ErrTunClosed = errors.New("permission denied")
	// ErrNoInterface: no interface has this name.
	ErrNoInterface = errors.New("no such interface")
	// ErrAddressInUse: another socket has the local address and port.
	ErrAddressInUse = errors.New("local address and port are in use")
	// ErrPrivilegedPort: the local port is one of those that only some may have (net.ipv4.ip_unprivileged_port_start).
	ErrPrivilegedPort = errors.New("permission denied: a port below 1024 needs CAP_NET_BIND_SERVICE")
)

// maxBatch is the most frames that one Receive takes from a device of ours, and that one system call moves: enough
// to share the cost of the call, and no more than a short queue holds.
const maxBatch = 64

// setDefault gives a parameter that was left at zero its value.
func setDefault(value *int, fallback int) {
	if *value == 0 {
		*value = fallback
	}
}
