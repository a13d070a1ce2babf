package nic

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// xdpSocket is an AF_XDP socket on one queue of an interface, with rings of its own.
type xdpSocket struct {
	fd   int
	fill xdpRing[uint64]       // pieces to receive into
	rx   xdpRing[unix.XDPDesc] // frames that came
	tx   xdpRing[unix.XDPDesc] // frames to be sent
	done xdpRing[uint64]       // pieces whose frames have left
	held int                   // pieces in fill and rx
}

// xdpRings are the slots of a socket's rings, powers of two. Receive has as many as fill, and completion as transmit, so
// that neither finds the other full.
type xdpRings struct{ receive, transmit int }

// openXDPSocket makes a socket with its rings; the region is registered with it when it is given. It is bound later.
func openXDPSocket(region []byte, piece int, size xdpRings) (_ *xdpSocket, err error) {
	s := &xdpSocket{}
	if s.fd, err = unix.Socket(unix.AF_XDP, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		switch {
		case errors.Is(err, unix.EAFNOSUPPORT):
			err = ErrNoXDP
		case errors.Is(err, unix.EPERM):
			err = ErrNeedNetRaw
		}
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = s.close()
		}
	}()
	if region != nil {
		switch err := setsockoptUmem(s.fd, region, piece); {
		case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.EPERM):
			return nil, fmt.Errorf("register %d octets: %w", len(region), ErrMemoryLock)
		case err != nil:
			return nil, fmt.Errorf("register %d octets: %w", len(region), err)
		}
	}
	for _, r := range [...]struct{ option, slots int }{
		{unix.XDP_UMEM_FILL_RING, size.receive}, {unix.XDP_RX_RING, size.receive},
		{unix.XDP_UMEM_COMPLETION_RING, size.transmit}, {unix.XDP_TX_RING, size.transmit},
	} {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_XDP, r.option, r.slots); err != nil {
			return nil, fmt.Errorf("ring of %d: %w", r.slots, err)
		}
	}
	return s, s.mapRings(size)
}

// mapRings maps the four rings.
func (s *xdpSocket) mapRings(size xdpRings) error {
	var at unix.XDPMmapOffsets
	if err := getsockoptXDP(s.fd, unix.XDP_MMAP_OFFSETS, &at); err != nil {
		return fmt.Errorf("XDP_MMAP_OFFSETS: %w", err)
	}
	const addressBytes, frameBytes = 8, 16
	for _, r := range [...]struct {
		offset int64
		at     unix.XDPRingOffset
		octets int
		use    func([]byte, unix.XDPRingOffset)
	}{
		{unix.XDP_UMEM_PGOFF_FILL_RING, at.Fr, size.receive * addressBytes, func(m []byte, at unix.XDPRingOffset) { s.fill.use(m, at, size.receive, true) }},
		{unix.XDP_PGOFF_RX_RING, at.Rx, size.receive * frameBytes, func(m []byte, at unix.XDPRingOffset) { s.rx.use(m, at, size.receive, false) }},
		{unix.XDP_UMEM_PGOFF_COMPLETION_RING, at.Cr, size.transmit * addressBytes, func(m []byte, at unix.XDPRingOffset) { s.done.use(m, at, size.transmit, false) }},
		{unix.XDP_PGOFF_TX_RING, at.Tx, size.transmit * frameBytes, func(m []byte, at unix.XDPRingOffset) { s.tx.use(m, at, size.transmit, true) }},
	} {
		m, err := unix.Mmap(s.fd, r.offset, int(r.at.Desc)+r.octets, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
		if err != nil {
			return fmt.Errorf("map ring: %w", err)
		}
		r.use(m, r.at)
	}
	return nil
}

// bind binds it to a queue. The first socket of a region says how; the others share its region, and have inherited
// XDP_USE_NEED_WAKEUP and XDP_USE_SG from it. A queue that another socket has is waited for.
func (s *xdpSocket) bind(index, queue int, flags uint16, first *xdpSocket, patience time.Duration) error {
	to := &unix.SockaddrXDP{Ifindex: uint32(index), QueueID: uint32(queue), Flags: flags | unix.XDP_USE_NEED_WAKEUP}
	if first != s {
		to.Flags, to.SharedUmemFD = unix.XDP_SHARED_UMEM, uint32(first.fd)
	}
	err := unix.Bind(s.fd, to)
	for end := time.Now().Add(patience); errors.Is(err, unix.EBUSY) && time.Now().Before(end); err = unix.Bind(s.fd, to) {
		time.Sleep(xdpBusy / 1000) // a socket that was closed lets go of its queue by and by
	}
	switch {
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("queue %d: %w", queue, ErrQueueInUse)
	case err != nil:
		return fmt.Errorf("bind to queue %d: %w", queue, err)
	}
	return nil
}

// zeroCopy tells whether the driver moves frames from and to the region itself.
func (s *xdpSocket) zeroCopy() bool {
	var options uint32
	return getsockoptXDP(s.fd, unix.XDP_OPTIONS, &options) == nil && options&unix.XDP_OPTIONS_ZEROCOPY != 0
}

// statistics are the kernel's counts since the socket was opened.
func (s *xdpSocket) statistics() (n unix.XDPStatistics) {
	_ = getsockoptXDP(s.fd, unix.XDP_STATISTICS, &n)
	return n
}

// close unmaps the rings first: a queue stays busy as long as one is mapped.
func (s *xdpSocket) close() error {
	err := errors.Join(s.fill.unmap(), s.rx.unmap(), s.tx.unmap(), s.done.unmap())
	return errors.Join(err, unix.Close(s.fd))
}
