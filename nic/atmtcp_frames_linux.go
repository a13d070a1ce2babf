package nic

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// Info: frames are lent, and the longest is what atmtcp takes.
func (d *atmtcp) Info() Info {
	name := "atmtcp:" + d.cfg.Remote.String()
	if d.listener >= 0 {
		name = "atmtcp:listen=" + d.cfg.Listen.String()
	}
	return Info{Name: name, MaxFrame: MaxATMTCP, Batch: maxBatch, Lends: true, Joins: true}
}

func (d *atmtcp) FD() int { return d.epoll }

func (d *atmtcp) Counters() Counters { return d.count }

func (d *atmtcp) Close() error {
	for _, fd := range [...]*int{&d.conn, &d.listener, &d.timer, &d.epoll} {
		if *fd >= 0 {
			_ = unix.Close(*fd)
			*fd = -1
		}
	}
	d.state = atmtcpIdle
	return nil
}

// Receive sees to the link and gives out the frames that are whole.
func (d *atmtcp) Receive(bufs [][]byte) (int, error) {
	if d.epoll < 0 {
		return 0, ErrGone
	}
	if d.from == d.to || !d.whole() {
		d.look()
	}
	n := 0
	for n < min(len(bufs), maxBatch) && d.whole() {
		end := d.from + ATMTCPHeader + int(binary.BigEndian.Uint32(d.in[d.from+4:]))
		bufs[n] = d.in[d.from:end:end]
		d.count.RxFrames++
		d.count.RxOctets += uint64(end - d.from)
		d.from = end
		n++
	}
	if n == 0 && d.fell {
		d.fell = false
		return 0, ErrDown
	}
	return n, nil
}

// Release does nothing: what was lent is written over when Receive reads again.
func (d *atmtcp) Release() {}

// whole tells whether a frame is there in full; one that cannot be ends the connection.
func (d *atmtcp) whole() bool {
	p := d.in[d.from:d.to]
	if len(p) < ATMTCPHeader {
		return false
	}
	n := binary.BigEndian.Uint32(p[4:])
	if n > MaxATMTCP-ATMTCPHeader {
		d.count.RxMalformed++
		d.from, d.to = 0, 0
		d.drop()
		return false
	}
	return len(p) >= ATMTCPHeader+int(n)
}

// look asks what has happened, and does what it asks for.
func (d *atmtcp) look() {
	n, err := unix.EpollWait(d.epoll, d.events[:], 0)
	if err != nil {
		return
	}
	for _, e := range d.events[:n] {
		switch int(e.Fd) {
		case d.timer:
			d.due()
		case d.listener:
			d.accept()
		case d.conn:
			d.carry(e.Events)
		}
	}
}

// due is the timer.
func (d *atmtcp) due() {
	var count [8]byte
	if _, err := unix.Read(d.timer, count[:]); err != nil {
		return
	}
	switch d.state {
	case atmtcpConnecting:
		d.drop()
	case atmtcpIdle:
		if d.listener < 0 {
			d.connect()
		}
	}
}

// accept takes a new peer in place of the old one, which may have gone without a word.
func (d *atmtcp) accept() {
	fd, _, err := unix.Accept4(d.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return
	}
	if d.state == atmtcpUp {
		d.drop()
	}
	d.adopt(fd)
}

// carry is what the connection has to say.
func (d *atmtcp) carry(events uint32) {
	if d.state == atmtcpConnecting {
		if value, err := unix.GetsockoptInt(d.conn, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || value != 0 {
			d.drop()
			return
		}
		d.adopt(d.conn)
		return
	}
	if events&unix.EPOLLOUT != 0 {
		d.flush()
	}
	if d.conn >= 0 && events&^unix.EPOLLOUT != 0 {
		d.read()
	}
}

func (d *atmtcp) read() {
	d.to = copy(d.in, d.in[d.from:d.to]) // less than a frame
	d.from = 0
	for {
		n, err := unix.Read(d.conn, d.in[d.to:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
		case err != nil || n == 0:
			d.from, d.to = 0, 0
			d.drop()
		default:
			d.to += n
		}
		return
	}
}

// Transmit takes all frames: what the socket has no room for waits.
func (d *atmtcp) Transmit(frames [][]byte) (int, error) {
	if d.state != atmtcpUp {
		d.count.TxDown += uint64(len(frames))
		return len(frames), ErrDown
	}
	for _, f := range frames {
		switch {
		case len(f) < ATMTCPHeader || len(f) > MaxATMTCP:
			d.count.TxTooLong++
		case len(d.out)-d.sent+len(f) > atmtcpSend:
			d.count.TxNoBuffer++
		default:
			d.out = append(d.out, f...)
			d.count.TxFrames++
			d.count.TxOctets += uint64(len(f))
		}
	}
	if !d.blocked {
		d.flush()
	}
	return len(frames), nil
}

// flush writes what waits. The socket's room is waited for once, not asked for each batch.
func (d *atmtcp) flush() {
	for d.sent < len(d.out) {
		n, err := unix.Write(d.conn, d.out[d.sent:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			d.block(true)
			return
		case err != nil:
			d.drop()
			return
		}
		d.sent += n
	}
	d.out, d.sent = d.out[:0], 0
	d.block(false)
}

// begun is where the frame begins in d.out that is sent in part: where d.sent is when none is.
func (d *atmtcp) begun() (at int) {
	for at < d.sent && len(d.out)-at >= ATMTCPHeader {
		next := at + ATMTCPHeader + int(binary.BigEndian.Uint32(d.out[at+4:]))
		if next > d.sent {
			break
		}
		at = next
	}
	return at
}

func (d *atmtcp) block(full bool) {
	if at := d.begun(); at > 0 { // what is to be sent begins the buffer, which so stays bounded
		d.out = d.out[:copy(d.out, d.out[at:])]
		d.sent -= at
	}
	if full == d.blocked {
		return
	}
	d.blocked = full
	events := uint32(unix.EPOLLIN)
	if full {
		events |= unix.EPOLLOUT
	}
	if d.watch(unix.EPOLL_CTL_MOD, d.conn, events) != nil {
		d.drop()
	}
}
