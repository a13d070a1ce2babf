package nic

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Transmit hands frames of the region to the kernel where they lie, and copies others.
func (x *xdp) Transmit(frames [][]byte) (int, error) {
	if x.closed {
		return x.lose(frames, 0, ErrGone)
	}
	if x.down { // is it still?
		if err := x.kick(); err != nil {
			return x.lose(frames, 0, err)
		}
	}
	taken := 0
	for {
		n := taken
		for n < len(frames) && x.put(frames[n]) {
			n++
		}
		x.sockets[0].tx.publish()
		if err := x.kick(); err != nil && !x.down {
			return x.lose(frames, n, err)
		}
		if n == len(frames) {
			return n, nil
		}
		if n == taken || x.stalled {
			x.count.TxFull++
			return n, nil
		}
		taken = n
	}
}

// lose counts frames[from:] as lost.
func (x *xdp) lose(frames [][]byte, from int, err error) (int, error) {
	x.back = append(x.back, frames[from:]...)
	x.count.TxDown += uint64(len(frames) - from)
	return len(frames), fmt.Errorf("%s: %w", x.info.Name, err)
}

// put puts a frame into the transmit ring; false: there is no room.
func (x *xdp) put(frame []byte) bool {
	tx := &x.sockets[0].tx
	offset, ours := offsetIn(x.region, frame)
	ours = ours && offset%XDPPiece+len(frame) <= XDPPiece
	if !ours && len(x.back) == cap(x.back) {
		return false
	}
	switch {
	case len(frame) < ethernetHeader:
		x.count.TxErrors++
		x.back = append(x.back, frame)
		return true
	case len(frame) > x.info.MaxFrame:
		x.count.TxTooLong++
		x.back = append(x.back, frame)
		return true
	case !ours:
		if !x.copyOut(tx, frame) {
			return false
		}
	case tx.room(1) == 0:
		return false
	default:
		x.state[offset/XDPPiece] = pieceSent
		tx.put(unix.XDPDesc{Addr: uint64(offset), Len: uint32(len(frame))})
		x.sent++
	}
	x.count.TxFrames++
	x.count.TxOctets += uint64(len(frame))
	return true
}

// copyOut copies a frame that is not the region's into spare pieces.
func (x *xdp) copyOut(tx *xdpRing[unix.XDPDesc], frame []byte) bool {
	pieces := (len(frame) + XDPPiece - 1) / XDPPiece
	if len(x.spare) < pieces || tx.room(pieces) < pieces {
		return false
	}
	for rest := frame; len(rest) > 0; {
		piece := x.spare[len(x.spare)-1]
		x.spare = x.spare[:len(x.spare)-1]
		x.state[piece] = pieceCopied
		n := copy(x.piece(piece), rest)
		d := unix.XDPDesc{Addr: uint64(piece) * XDPPiece, Len: uint32(n)}
		if rest = rest[n:]; len(rest) > 0 {
			d.Options = unix.XDP_PKT_CONTD
		}
		tx.put(d)
		x.sent++
	}
	x.back = append(x.back, frame)
	return true
}

// piece is a piece's memory.
func (x *xdp) piece(i uint32) []byte {
	at := int(i) * XDPPiece
	return x.region[at : at+XDPPiece : at+XDPPiece]
}

// kick calls the kernel as long as that moves frames out of the transmit ring. In copy mode each call takes 32 frames at
// most, and fewer when the socket's memory or the interface's queue is full: then the rest stays, the device is stalled, and
// the next Receive or Transmit goes on. Polling for POLLOUT would make the same call, and be told "writable" by a ring that
// is half empty.
func (x *xdp) kick() error {
	s := x.sockets[0]
	for {
		left := s.tx.pending()
		if !x.down && (left == 0 || !s.tx.needsWakeup()) {
			x.stalled = false
			return nil
		}
		switch errno := sendNothing(s.fd); {
		case errno == 0:
			x.stalled, x.down = false, false
			return nil
		case errno == unix.ENETDOWN:
			x.stalled, x.down = true, true
			return ErrDown
		case gone(errno):
			return ErrGone
		case errno == unix.EBUSY && x.copies: // the interface has dropped a frame: its queue is full, or it has no carrier
			x.down = false
			x.count.TxNoBuffer++
			x.count.TxFrames--
			x.count.TxOctets -= uint64(s.tx.slot(s.tx.ours - uint32(left)).Len)
		default: // EAGAIN, ENOBUFS, EINTR
			x.down = false
			if s.tx.pending() == left {
				x.stalled = true
				return nil
			}
		}
	}
}

// gone tells whether an errno is that of a socket whose interface was deleted.
func gone(errno unix.Errno) bool {
	return errno == unix.ENXIO || errno == unix.ENODEV || errno == unix.EBADF
}

// Receive takes frames from the sockets in turn.
func (x *xdp) Receive(bufs [][]byte) (int, error) {
	if x.closed {
		return 0, ErrGone
	}
	if x.failure != nil {
		return 0, fmt.Errorf("%s: %w: %w", x.info.Name, ErrGone, x.failure)
	}
	if x.stalled && !x.down {
		if err := x.kick(); err != nil && !x.down {
			return 0, fmt.Errorf("%s: %w", x.info.Name, err)
		}
	}
	limit, n := min(len(bufs), maxBatch), 0
	for range x.sockets {
		if n = x.take(x.sockets[x.turn], bufs[:limit], n); n == limit {
			return n, nil // its turn is not over
		}
		x.turn = (x.turn + 1) % len(x.sockets)
	}
	if n > 0 {
		return n, nil
	}
	if x.empty++; x.empty%errorPeriod == 0 && gone(sendNothing(x.fds[0])) {
		return 0, fmt.Errorf("%s: %w", x.info.Name, ErrGone)
	}
	return 0, nil
}

// take takes frames of one socket behind the n that bufs has; it returns how many there are then.
func (x *xdp) take(s *xdpSocket, bufs [][]byte, n int) int {
	for n < len(bufs) && s.rx.waiting() > 0 {
		if s.rx.slot(s.rx.ours).Options&unix.XDP_PKT_CONTD != 0 {
			pieces := s.chain()
			if pieces == 0 {
				break // its end is not there yet
			}
			if x.gather(s, bufs, n, pieces) {
				n++
			}
			continue
		}
		piece, frame := x.next(s)
		switch {
		case frame == nil:
		case !x.accept(frame, len(frame)):
			x.repost(s, piece)
		default:
			x.state[piece] = pieceCallers
			bufs[n] = frame
			n++
		}
	}
	s.rx.publish()
	x.publish(s)
	return n
}

// next takes a piece from a receive ring, with what lies in it; nil, counted, for what cannot be.
func (x *xdp) next(s *xdpSocket) (uint32, []byte) {
	d := s.rx.slot(s.rx.ours)
	s.rx.ours++
	from, length := d.Addr%XDPPiece, uint64(d.Len)
	if d.Addr >= uint64(len(x.region)) || from+length > XDPPiece || x.state[d.Addr/XDPPiece] != piecePosted {
		x.count.RxMalformed++
		return 0, nil
	}
	s.held--
	piece := uint32(d.Addr / XDPPiece)
	return piece, x.piece(piece)[from : from+length]
}

// accept counts a frame of so many octets; false when it is not for us.
func (x *xdp) accept(frame []byte, octets int) bool {
	switch {
	case len(frame) < ethernetHeader:
		x.count.RxTruncated++
		return false
	case frame[0]&1 == 0 && [6]byte(frame) != x.address:
		x.count.RxForeign++
		return false
	}
	x.count.RxFrames++
	x.count.RxOctets += uint64(octets)
	return true
}

// repost posts a piece to the socket that it came from.
func (x *xdp) repost(s *xdpSocket, piece uint32) {
	x.state[piece] = piecePosted
	s.fill.put(uint64(piece) * XDPPiece)
	s.held++
}

// publish shows a driver the pieces posted, and calls it where it waits for them.
func (x *xdp) publish(s *xdpSocket) {
	if s.fill.publish(); s.fill.needsWakeup() {
		receiveNothing(s.fd)
	}
}

// chain is how many pieces the next frame of a receive ring has; 0: not all of them are there.
func (s *xdpSocket) chain() int {
	n := s.rx.more()
	for i := range n {
		if s.rx.slot(s.rx.ours+uint32(i)).Options&unix.XDP_PKT_CONTD == 0 {
			return i + 1
		}
	}
	return 0
}

// gather copies a frame of several pieces into bufs[n], and posts them again; false when it does not fit, or is not ours.
func (x *xdp) gather(s *xdpSocket, bufs [][]byte, n, pieces int) bool {
	octets, first := 0, []byte(nil)
	for i := range pieces {
		piece, part := x.next(s)
		if part == nil {
			continue
		}
		if octets += len(part); octets <= len(bufs[n]) {
			copy(bufs[n][octets-len(part):], part)
		}
		if i == 0 {
			first = part
		}
		x.repost(s, piece)
	}
	if octets > len(bufs[n]) {
		x.count.RxTruncated++
		return false
	}
	if !x.accept(first, octets) {
		return false
	}
	bufs[n] = bufs[n][:octets]
	return true
}

// Post fills the rings to receive into, and then keeps some pieces to copy into. With the first the kernel begins to give
// us frames: none is lost for want of a piece before.
func (x *xdp) Post(pieces [][]byte) int {
	n := 0
	for ; n < len(pieces); n++ {
		offset, ok := offsetIn(x.region, pieces[n])
		if !ok || offset%XDPPiece != 0 || x.closed || x.state[offset/XDPPiece] != pieceCallers {
			break
		}
		piece := uint32(offset / XDPPiece)
		if s := x.hungry(); s != nil {
			x.repost(s, piece)
		} else if x.spares < xdpSpares {
			x.state[piece] = pieceSpare
			x.spare = append(x.spare, piece)
			x.spares++
		} else {
			break
		}
	}
	for _, s := range x.sockets {
		x.publish(s)
	}
	if n > 0 && !x.started {
		x.started, x.failure = true, x.steering.Start()
	}
	return n
}

// hungry is a socket with room to post into; nil: all are full.
func (x *xdp) hungry() *xdpSocket {
	for _, s := range x.sockets {
		if s.held < len(s.fill.slots) {
			return s
		}
	}
	return nil
}

// Complete gives back what has left; what was copied into went out with it and stays here.
func (x *xdp) Complete(bufs [][]byte) int {
	n := copy(bufs, x.back)
	x.back = x.back[:copy(x.back, x.back[n:])]
	if x.closed {
		return n + x.sweep(bufs[n:])
	}
	done := &x.sockets[0].done
	for n < len(bufs) && done.waiting() > 0 {
		address := *done.slot(done.ours)
		done.ours++
		x.count.TxCompleted++
		if address >= uint64(len(x.region)) {
			continue
		}
		piece := uint32(address / XDPPiece)
		switch x.state[piece] {
		case pieceSent:
			x.state[piece] = pieceCallers
			bufs[n] = x.piece(piece)[address%XDPPiece:]
			n++
		case pieceCopied:
			x.state[piece] = pieceSpare
			x.spare = append(x.spare, piece)
		}
	}
	done.publish()
	return n
}

// sweep gives back, after Close, every piece that the device has.
func (x *xdp) sweep(bufs [][]byte) (n int) {
	for ; n < len(bufs) && x.swept < len(x.state); x.swept++ {
		if x.state[x.swept] != pieceCallers {
			x.state[x.swept] = pieceCallers
			bufs[n] = x.piece(uint32(x.swept))
			n++
		}
	}
	return n
}
