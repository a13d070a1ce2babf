package nic

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// Limits of a UDP device.
const (
	socketBuffer = 4 << 20 // octets asked for in each direction: 20 ms of 1500-octet frames at 1.6 Gb/s
	maxDatagram  = 65507   // longest payload of UDP over IPv4
	headersIPv4  = 20 + 8
	headersIPv6  = 40 + 8
)

// UDPConfig describes a UDP device.
type UDPConfig struct {
	Local    netip.AddrPort // where to listen; the zero value: any address and port
	Remote   netip.AddrPort // the only peer; the zero value: many, and each frame says which
	MaxFrame int            // octets of the longest datagram; 0: what the path's MTU holds now

	TrafficClass uint8 // of the IP header: DSCP in the upper six bits

	// ZeroChecksum sends datagrams over IPv6 without a checksum, and takes such from the peer. Else they are refused,
	// and counted in RxChecksum, as is an empty one.
	ZeroChecksum bool

	// Replaces is the device whose place this one takes, open still: it may have the same local address, and new
	// datagrams come to this one. The caller closes it.
	Replaces Device

	// AnySourcePort takes the remote's datagrams from whatever port they come, as encapsulations want that put the
	// entropy of a flow there (RFC 7510, section 3). Without it only those from Remote's port are received.
	AnySourcePort bool

	// Marks makes the device a Marker.
	Marks bool

	// SourcePorts is how many sockets of their own datagrams leave by, 0 to MaxSourcePorts, each with a port of its own
	// of the dynamic range (49152 to 65535): the entropy by which routers and receiving interfaces spread flows (RFC
	// 7510, section 3). Entropy chooses the ports; each stands for the next where one is taken. With one peer one is
	// enough; with many each frame says which, see Peer.Flow. 0: they leave by the local port.
	SourcePorts int
	Entropy     uint32

	// Descriptor is a UDP socket that somebody else opened, bound to Local or not yet, and the
	// device's from the call on, also when that fails. 0: none.
	Descriptor int

	GSO   GSO  // super-frames: here trains of datagrams
	Lends bool // Receive lends, where there are trains; for who looks at a frame once, and keeps none
}

// OpenUDP opens a UDP socket with one peer. A frame is the payload of a datagram; IPv4 and IPv6.
//
// Without a Remote there are many peers, of Local's family: every frame begins with a Peer, PeerBytes octets, which only
// the counters leave out. Datagrams of all senders are received. MaxFrame 0 is the longest that there is then.
//
// Limits: datagrams from any other address are not received, or are counted in RxForeign. Don't Fragment is set and the kernel's idea of
// the path MTU ignored (IP_PMTUDISC_PROBE): a frame longer than the outgoing interface takes is counted in TxTooLong,
// one longer than a link further on is lost there, and counted in PathTooLong when a router says so. A tunnel that let
// the kernel fragment would lose a whole frame with each fragment, and its reassembly confuses frames at high rates
// (RFC 4963). MaxFrame 0 asks for the interface's MTU less the headers; whether a router's word is believed is the
// caller's decision, who then sets MaxFrame.
//
// System calls: one recvmmsg and one sendmmsg per 64 frames. With super-frames (UDP_SEGMENT and UDP_GRO), frames of equal
// length in a batch leave as one datagram, which the kernel or the interface cuts, and those of a sender come so. The
// self-test sends itself some before there is a peer, which needs the loopback interface up; a train that the kernel
// refuses ends them, and is counted in GSOFallbacks. A train that finds the socket's buffer full the kernel counts as
// one; with many peers there are no super-frames.
//
// With SourcePorts a run of frames for one of them is a call of its own, so with many peers the calls become more. What
// is sent to such a port is not received; it is counted in RxForeign. Info().Room tells where to wait for room.
//
// Ownership: frames are always the caller's, or lent if Lends is asked for and super-frames are there. The socket's
// buffers are raised to 4 MiB where allowed. An ICMP "port unreachable" is swallowed and counted, so a peer that starts
// late or restarts is found without help; there is no ErrDown. An address with a zone binds the socket to that
// interface: the same address on another is another device's.
func OpenUDP(cfg UDPConfig) (Device, error) {
	fd := cfg.Descriptor
	local, remote, family, err := cfg.addresses()
	switch {
	case err != nil:
	case fd != 0:
		err = takeSocket(fd, unix.SOCK_DGRAM, family)
	default:
		if fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
			return nil, fmt.Errorf("udp: socket: %w", err)
		}
	}
	if err != nil {
		if fd != 0 {
			_ = unix.Close(fd)
		}
		return nil, fmt.Errorf("udp: %w", err)
	}
	u := &udp{fd: fd, rx: newMmsg(), tx: newTrains(newMmsg())}
	if cfg.Remote == (netip.AddrPort{}) {
		u.rx.head, u.tx.head = PeerBytes, PeerBytes
		cfg.GSO = GSOOff
	}
	if err := u.setUp(local, remote, cfg); err != nil {
		_ = u.Close()
		return nil, err
	}
	return u, nil
}

// addresses completes and checks what a configuration says.
func (cfg *UDPConfig) addresses() (local, remote netip.AddrPort, family int, err error) {
	remote = netip.AddrPortFrom(cfg.Remote.Addr().Unmap(), cfg.Remote.Port())
	local = netip.AddrPortFrom(cfg.Local.Addr().Unmap(), cfg.Local.Port())
	many := cfg.Remote == netip.AddrPort{}
	switch {
	case many && !local.Addr().IsValid():
		return local, remote, 0, errors.New("neither local nor remote: want an address of one of them")
	case many:
		remote = netip.AddrPortFrom(local.Addr(), 0) // of its family
	case !remote.IsValid() || remote.Port() == 0 || remote.Addr().IsUnspecified():
		return local, remote, 0, fmt.Errorf("remote %q: want an address and a port", cfg.Remote)
	}
	unspecified := netip.IPv4Unspecified()
	family = unix.AF_INET
	if remote.Addr().Is6() {
		family, unspecified = unix.AF_INET6, netip.IPv6Unspecified()
	}
	if !local.Addr().IsValid() {
		local = netip.AddrPortFrom(unspecified, local.Port())
	}
	if local.Addr().Is4() != remote.Addr().Is4() {
		return local, remote, 0, fmt.Errorf("local %s and remote %s are of different families", local, remote)
	}
	if cfg.MaxFrame < 0 || cfg.MaxFrame > maxDatagram {
		return local, remote, 0, fmt.Errorf("frame of %d octets: want 0 to %d", cfg.MaxFrame, maxDatagram)
	}
	if cfg.SourcePorts < 0 || cfg.SourcePorts > MaxSourcePorts {
		return local, remote, 0, fmt.Errorf("%d source ports: want 0 to %d", cfg.SourcePorts, MaxSourcePorts)
	}
	return local, remote, family, nil
}

type udp struct {
	fd     int
	info   Info
	out    senders // without any, datagrams leave by fd
	marks  marks
	rx     *mmsg
	groups *groups // nil: datagrams come one by one
	chosen bool    // the port that the kernel chose is bound
	tx     *trains
	count  Counters
	memory [memInfoWords]uint32
	zone   int // the interface that the addresses are of; 0: any
	reports
}

// SO_MEMINFO (linux/sock_diag.h): nine words, of which one is the datagrams dropped at the socket.
const (
	memInfoWords = 9
	memInfoDrops = 8
)

func (u *udp) setUp(local, remote netip.AddrPort, cfg UDPConfig) error {
	localSocket, err := socketAddress(local)
	if err != nil {
		return fmt.Errorf("udp: local %s: %w", local, err)
	}
	remoteSocket, err := socketAddress(remote)
	if err != nil {
		return fmt.Errorf("udp: remote %s: %w", remote, err)
	}
	is4 := remote.Addr().Is4()
	if err := setOptions(u.fd, is4, cfg.TrafficClass); err != nil {
		return fmt.Errorf("udp: %w", err)
	}
	receives := growBuffer(u.fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF)
	sends := growBuffer(u.fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF)
	if granted := min(receives, sends); granted < socketBuffer {
		u.info.Note = fmt.Sprintf("socket buffers of %d KiB instead of %d: needs CAP_NET_ADMIN or a higher net.core.rmem_max and wmem_max",
			granted>>10, socketBuffer>>10)
	}
	if !is4 {
		if err := u.setChecksum(cfg.ZeroChecksum); err != nil {
			return fmt.Errorf("udp: checksum: %w", err)
		}
	}
	u.rx.reports, u.tx.reports = &u.reports, &u.reports
	u.tx.class = cfg.TrafficClass
	if cfg.Marks {
		if err := u.tellMarks(is4); err != nil {
			return fmt.Errorf("udp: ECN: %w", err)
		}
	}
	bound := false
	if cfg.Descriptor != 0 {
		if bound, err = boundTo(u.fd, local); err != nil {
			return fmt.Errorf("udp: %s: %w", local, err)
		}
	}
	if bound {
		u.zone = max(zoneOf(localSocket), zoneOf(remoteSocket))
	} else if err := u.bind(localSocket, remoteSocket, cfg.Replaces); err != nil {
		return fmt.Errorf("udp: bind %s: %w", local, err)
	}
	u.info.Name = local.String()
	u.info.Batch = maxBatch
	if cfg.GSO != GSOOff {
		if err := u.useTrains(cfg, local, localSocket); err != nil {
			return err
		}
	}
	maxFrame := cfg.MaxFrame
	if u.tx.head > 0 {
		setDefault(&maxFrame, maxDatagram)
		maxFrame += PeerBytes
	} else {
		u.info.Name += "-" + remote.String()
		if err := u.connect(local, remote, localSocket, remoteSocket, &maxFrame, cfg.AnySourcePort); err != nil {
			return err
		}
	}
	u.info.MaxFrame = maxFrame
	if cfg.SourcePorts > 0 {
		return u.openSenders(localSocket, remoteSocket, cfg)
	}
	return nil
}

// setOptions is what a socket is given before its addresses, whether it receives or only sends.
func setOptions(fd int, is4 bool, class uint8) (err error) {
	if is4 {
		err = errors.Join(
			unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE),
			unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, int(class)))
	} else {
		err = errors.Join(
			setV6Only(fd),
			unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE),
			unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, int(class)))
	}
	if err != nil {
		return fmt.Errorf("path MTU discovery, traffic class %#x: %w", class, err)
	}
	if err := enableReports(fd, is4); err != nil {
		return fmt.Errorf("reports: %w", err)
	}
	return nil
}

// setV6Only keeps IPv4 out; of a socket that is bound it can only be asked.
func setV6Only(fd int) error {
	if on, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY); err == nil && on != 0 {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
}

// connect gives the socket its one peer.
func (u *udp) connect(local, remote netip.AddrPort, localSocket, remoteSocket unix.Sockaddr, maxFrame *int, anyPort bool) error {
	if err := unix.Connect(u.fd, remoteSocket); err != nil {
		return fmt.Errorf("udp: connect %s: %w", remote, err)
	}
	if *maxFrame == 0 {
		var err error
		if *maxFrame, err = pathFrame(u.fd, remote.Addr().Is4()); err != nil {
			return fmt.Errorf("udp: path MTU to %s: %w", remote, err)
		}
	}
	if anyPort {
		return u.disconnect(local, localSocket, remoteSocket)
	}
	return nil
}

// useTrains switches trains on, as far as the kernel has them.
func (u *udp) useTrains(cfg UDPConfig, local netip.AddrPort, localSocket unix.Sockaddr) error {
	sends, receives := true, true
	u.tx.on = true
	if cfg.GSO == GSOAuto {
		var why error
		if sends, receives, why = u.probe(); why != nil {
			u.addNote(why.Error())
		} else if !sends || !receives {
			u.addNote("no super-frames one way or both: the kernel has none, or the self-test found them wrong")
			u.count.GSOFallbacks++
		}
		if err := u.forget(local, localSocket); err != nil {
			return err
		}
	}
	if u.tx.on, u.tx.why = sends, 0; !sends {
		u.tx.reset()
	}
	if !receives {
		_ = unix.SetsockoptInt(u.fd, unix.SOL_UDP, unix.UDP_GRO, 0)
	} else if unix.SetsockoptInt(u.fd, unix.SOL_UDP, unix.UDP_GRO, 1) == nil {
		u.groups = newGroups(u.rx, cfg.Lends)
		u.info.Batch, u.info.Lends = groBatch, cfg.Lends
	}
	return nil
}

// Degraded is of a Degrader.
func (u *udp) Degraded() string {
	if u.tx.why == 0 {
		return ""
	}
	return "no more super-frames of datagrams: the kernel has refused one (" + u.tx.why.Error() + "), and took its frames"
}

func (u *udp) addNote(text string) {
	if u.info.Note != "" {
		u.info.Note += "; "
	}
	u.info.Note += text
}

// forget leaves the peer out of the socket. The kernel forgets a local port that it has chosen itself, so that is bound
// anew.
func (u *udp) forget(local netip.AddrPort, localSocket unix.Sockaddr) error {
	bound, err := unix.Getsockname(u.fd)
	if err == nil {
		err = unconnect(u.fd)
	}
	if err == nil && local.Port() == 0 && !u.chosen { // bound anew it keeps the port
		u.chosen = true
		err = unix.Bind(u.fd, withPort(localSocket, bound))
	}
	if err == nil {
		err = u.bindZone() // the kernel has forgotten that too
	}
	if err != nil {
		return fmt.Errorf("udp: %s: %w", local, err)
	}
	return nil
}

// disconnect leaves the peer out of the socket, after it has told the path's MTU: each message then says where it goes,
// and where it comes from is looked at.
func (u *udp) disconnect(local netip.AddrPort, localSocket, remoteSocket unix.Sockaddr) error {
	if err := u.forget(local, localSocket); err != nil {
		return err
	}
	if remote4, ok := remoteSocket.(*unix.SockaddrInet4); ok {
		u.rx.peer = remote4.Addr[:]
	} else if remote6, ok := remoteSocket.(*unix.SockaddrInet6); ok {
		u.rx.peer = remote6.Addr[:]
	}
	u.tx.aim(remoteSocket)
	return nil
}

// withPort is the local address with the port that the kernel has given to bound.
func withPort(local, bound unix.Sockaddr) unix.Sockaddr {
	switch b := bound.(type) {
	case *unix.SockaddrInet4:
		if l, ok := local.(*unix.SockaddrInet4); ok {
			return &unix.SockaddrInet4{Port: b.Port, Addr: l.Addr}
		}
	case *unix.SockaddrInet6:
		if l, ok := local.(*unix.SockaddrInet6); ok {
			return &unix.SockaddrInet6{Port: b.Port, Addr: l.Addr, ZoneId: l.ZoneId}
		}
	}
	return local
}

func (u *udp) Info() Info { return u.info }
func (u *udp) FD() int    { return u.fd }

func (u *udp) Release() {
	if u.groups != nil {
		u.groups.release()
	}
}

func (u *udp) Receive(bufs [][]byte) (int, error) {
	if u.fd < 0 {
		return 0, ErrGone
	}
	var n int
	var errno unix.Errno
	if u.groups != nil {
		n, errno = u.groups.receive(u.fd, bufs, &u.count)
	} else {
		n, errno = u.rx.receive(u.fd, bufs, &u.count)
	}
	if errno != 0 {
		return 0, fmt.Errorf("receive on %s: %w", u.info.Name, errno)
	}
	if n == 0 {
		u.out.idle(&u.count)
	}
	return n, nil
}

func (u *udp) Transmit(frames [][]byte) (int, error) {
	if u.fd < 0 {
		u.count.TxDown += uint64(len(frames))
		return len(frames), ErrGone
	}
	var taken int
	var errno unix.Errno
	if u.marks.out != nil && u.tx.extra != nil {
		taken, errno = u.transmitMarked(frames)
	} else {
		taken, errno = u.transmit(frames)
	}
	if u.reports.dirty {
		u.reports.drain(u.fd, &u.count)
	}
	if errno != 0 { // the route's interface is down: another route may appear, so this is a loss and no failure
		u.count.TxUnreachable += uint64(len(frames) - taken)
		taken = len(frames)
	}
	return taken, nil
}

func (u *udp) transmit(frames [][]byte) (int, unix.Errno) {
	if len(u.out.sockets) > 0 {
		return u.out.transmit(u.tx, frames, &u.count)
	}
	return u.tx.transmit(u.fd, frames, &u.count)
}

func (u *udp) Counters() Counters {
	if u.fd >= 0 && getsockopt(u.fd, unix.SOL_SOCKET, unix.SO_MEMINFO, u.memory[:]) == 0 {
		u.count.RxOverrun += uint64(u.memory[memInfoDrops] - uint32(u.count.RxOverrun))
	}
	u.out.look(u.memory[:], &u.count)
	return u.count
}

func (u *udp) Close() error {
	if u.fd < 0 {
		return nil
	}
	u.Counters()
	fd := u.fd
	u.fd = -1
	return errors.Join(unix.Close(fd), u.out.close())
}

// growBuffer asks for socketBuffer octets, with privilege and then without, and returns what the kernel granted.
func growBuffer(fd, force, plain int) int {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, socketBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, socketBuffer)
	}
	granted, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, plain)
	if err != nil {
		return 0
	}
	return granted / 2 // the kernel doubles the figure, to pay for its own structures
}

// pathFrame is the longest datagram that the route of a connected socket takes.
func pathFrame(fd int, is4 bool) (int, error) {
	level, option, headers := unix.IPPROTO_IP, unix.IP_MTU, headersIPv4
	if !is4 {
		level, option, headers = unix.IPPROTO_IPV6, unix.IPV6_MTU, headersIPv6
	}
	mtu, err := unix.GetsockoptInt(fd, level, option)
	if err != nil {
		return 0, err
	}
	return min(mtu-headers, maxDatagram), nil
}

func socketAddress(addr netip.AddrPort) (unix.Sockaddr, error) {
	if addr.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}, nil
	}
	zone, err := zoneIndex(addr.Addr().Zone())
	if err != nil {
		return nil, err
	}
	return &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16(), ZoneId: zone}, nil
}

// zoneIndex turns the zone of a link-local address, an interface's name or number, into its number.
func zoneIndex(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if index, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(index), nil
	}
	control, err := controlSocket()
	if err != nil {
		return 0, err
	}
	defer unix.Close(control)
	request, err := unix.NewIfreq(zone) // one question: net.InterfaceByName would ask for all interfaces
	if err != nil || unix.IoctlIfreq(control, unix.SIOCGIFINDEX, request) != nil {
		return 0, fmt.Errorf("zone %s: %w", zone, ErrNoInterface)
	}
	return request.Uint32(), nil
}
