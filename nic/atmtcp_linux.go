package nic

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// The format of linux-atm's atmtcp: VPI, VCI, both of 16 bits, and a length of 32, before each SDU.
const (
	ATMTCPHeader = 8
	MaxATMTCP    = ATMTCPHeader + 1<<16 - 1 // octets of the longest frame: atmtcp ends at a longer one

	atmtcpReceive  = 4 * (1 << 16)   // octets read at once
	atmtcpSend     = 4 << 20         // octets that wait for the peer at most
	atmtcpRetry    = time.Second     // between attempts to connect
	atmtcpSilent   = 5 * time.Second // without an answer to one
	atmtcpKeep     = 10              // seconds of silence before TCP asks whether the peer is there,
	atmtcpKeepTry  = 3               // and between questions,
	atmtcpKeepMost = 3               // of which so many may go unanswered
)

// ATMTCPConfig describes an atmtcp link: one of its fields is set.
type ATMTCPConfig struct {
	Listen netip.AddrPort // where a peer may connect; a new one takes the place of the one before
	Remote netip.AddrPort // whom to connect to, again and again
}

// OpenATMTCP opens a link in the format of linux-atm's atmtcp (TCP, port 2812). A frame is a header of ATMTCPHeader
// octets, network order, and the SDU that its length says; Transmit takes such frames, and the length must be right.
//
// The device is there whether a peer is or not. Without one it is down: Transmit loses and counts what it is given in
// TxDown, and it connects by itself, or listens. What the peer is slow to take waits, up to 4 MiB, and then is lost
// and counted in TxNoBuffer. A frame longer than MaxATMTCP ends the connection, as it ends atmtcp, and is counted in
// RxMalformed. Frames received are lent.
//
// System calls: one epoll_wait and one read for each Receive, one write for each Transmit.
func OpenATMTCP(cfg ATMTCPConfig) (Device, error) {
	if cfg.Listen.IsValid() == cfg.Remote.IsValid() {
		return nil, errors.New("atmtcp: an address to listen at, or one to connect to")
	}
	d := &atmtcp{cfg: cfg, epoll: -1, timer: -1, listener: -1, conn: -1, in: make([]byte, atmtcpReceive)}
	if err := d.setUp(); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("atmtcp: %w", err)
	}
	return d, nil
}

type atmtcp struct {
	cfg      ATMTCPConfig
	epoll    int // the device's descriptor: it is readable when one of these has something
	timer    int // the next attempt, or the end of one
	listener int
	conn     int
	state    atmtcpState
	fell     bool // Receive has to tell
	count    Counters

	in       []byte // received and not given out: in[from:to]
	from, to int
	out      []byte // waits for the peer: out[sent:]
	sent     int
	blocked  bool // the socket is full
	events   [4]unix.EpollEvent
}

type atmtcpState uint8

const (
	atmtcpIdle atmtcpState = iota // no peer
	atmtcpConnecting
	atmtcpUp
)

func (d *atmtcp) setUp() (err error) {
	if d.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	if d.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return fmt.Errorf("timer: %w", err)
	}
	if err := d.watch(unix.EPOLL_CTL_ADD, d.timer, unix.EPOLLIN); err != nil {
		return err
	}
	if d.cfg.Listen.IsValid() {
		return d.listen()
	}
	d.connect()
	return nil
}

func (d *atmtcp) watch(op, fd int, events uint32) error {
	if err := unix.EpollCtl(d.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

// socket makes a TCP socket of an address's family.
func (d *atmtcp) socket(a netip.AddrPort) (int, unix.Sockaddr, error) {
	a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	to, err := socketAddress(a)
	if err != nil {
		return -1, nil, err
	}
	family := unix.AF_INET6
	if a.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	return fd, to, err
}

func (d *atmtcp) listen() error {
	fd, at, err := d.socket(d.cfg.Listen)
	if err != nil {
		return fmt.Errorf("%s: %w", d.cfg.Listen, err)
	}
	d.listener = fd
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	switch err := unix.Bind(fd, at); {
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("%s: %w", d.cfg.Listen, ErrAddressInUse)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%s: %w", d.cfg.Listen, ErrPrivilegedPort)
	case err != nil:
		return fmt.Errorf("%s: %w", d.cfg.Listen, err)
	}
	if err := unix.Listen(fd, 1); err != nil {
		return fmt.Errorf("%s: %w", d.cfg.Listen, err)
	}
	return d.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN)
}

// connect begins an attempt; the timer ends it, or begins the next.
func (d *atmtcp) connect() {
	fd, to, err := d.socket(d.cfg.Remote)
	if err != nil {
		d.alarm(atmtcpRetry)
		return
	}
	switch err := unix.Connect(fd, to); {
	case err == nil:
		d.adopt(fd)
	case errors.Is(err, unix.EINPROGRESS):
		d.conn, d.state = fd, atmtcpConnecting
		if d.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLOUT) == nil {
			d.alarm(atmtcpSilent)
			return
		}
		fallthrough
	default:
		_ = unix.Close(fd)
		d.conn, d.state = -1, atmtcpIdle
		d.alarm(atmtcpRetry)
	}
}

// alarm sets the timer; 0 stops it.
func (d *atmtcp) alarm(after time.Duration) {
	_ = unix.TimerfdSettime(d.timer, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(after.Nanoseconds())}, nil)
}

// adopt takes a connected socket for the link.
func (d *atmtcp) adopt(fd int) {
	for _, o := range [...]struct{ level, name, value int }{
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, atmtcpKeep},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, atmtcpKeepTry},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, atmtcpKeepMost},
	} {
		_ = unix.SetsockoptInt(fd, o.level, o.name, o.value) // the link works without
	}
	op := unix.EPOLL_CTL_MOD
	if d.state != atmtcpConnecting {
		op = unix.EPOLL_CTL_ADD
	}
	d.conn, d.state = fd, atmtcpUp
	d.from, d.to, d.out, d.sent, d.blocked = 0, 0, d.out[:0], 0, false
	d.alarm(0)
	if d.watch(op, fd, unix.EPOLLIN) != nil {
		d.drop()
	}
}

// drop ends the connection; what waited for it is lost.
func (d *atmtcp) drop() {
	_ = unix.Close(d.conn)
	if d.state == atmtcpUp {
		d.fell = true
	}
	d.conn, d.state = -1, atmtcpIdle
	for p := d.out[d.begun():]; len(p) >= ATMTCPHeader; { // the first may be half sent: it counts, too
		n := ATMTCPHeader + int(binary.BigEndian.Uint32(p[4:]))
		d.count.TxDown++
		p = p[min(n, len(p)):]
	}
	d.out, d.sent, d.blocked = d.out[:0], 0, false
	if d.listener < 0 {
		d.alarm(atmtcpRetry)
	} else {
		d.alarm(1) // Receive is called, and tells
	}
}
