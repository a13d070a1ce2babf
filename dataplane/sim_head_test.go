package dataplane

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// SimHead is the stream head as simulated applications use it. That of package modules,
// which this one cannot import, is put in by a test outside it, with its errors.
type SimHead interface {
	Module() Module
	Write(p []byte) (int, error)
	PutMsg(control, data []byte, band uint8, high bool) error
	GetMsg() (Msg, error)
	Flush(bits uint32) error
	Ioctl(command uint32, arg []byte, done func([]byte, error)) error
}

var (
	NewSimHead    func() SimHead
	SimWouldBlock error
	SimTimeout    error
	SimIoctlLimit int64 // nanoseconds until an ioctl is given up
)

// ioctlDriver answers ioctls with their argument reversed, in pieces.
type ioctlDriver struct {
	arg, result []byte
	want, sent  int
	deaf        bool
	piece       int
}

const ioctlReverse = 1

func (d *ioctlDriver) put(q *Queue, m Msg) {
	h := q.Hub()
	switch {
	case m.Type == Ioctl:
		p := h.Pool.Bytes(m.Block)
		d.want, d.sent, d.result = int(binary.BigEndian.Uint32(p[4:])), 0, nil
		d.arg = bytes.Clone(p[8:])
	case m.Info != 0:
		h.Free(m)
		q.Reply(Msg{Type: IocNak, Conn: m.Conn, Info: m.Info})
		return
	case len(d.arg) < d.want:
		d.arg = append(d.arg, h.Pool.Bytes(m.Block)...)
	}
	h.Free(m)
	if !d.deaf {
		d.next(q, m.Conn)
	}
}

// next goes on with the ioctl: a piece of the argument, of the result, or the end.
func (d *ioctlDriver) next(q *Queue, conn uint64) {
	if n := d.want - len(d.arg); n > 0 {
		q.Reply(d.request(q.Hub(), CopyIn, conn, len(d.arg), min(n, d.piece), nil))
		return
	}
	if d.result == nil {
		d.result = bytes.Clone(d.arg)
		slices.Reverse(d.result)
	}
	if at := d.sent; len(d.result)-at > d.piece {
		d.sent += d.piece
		q.Reply(d.request(q.Hub(), CopyOut, conn, at, d.piece, d.result[at:at+d.piece]))
		return
	}
	ack := Msg{Type: IocAck, Conn: conn}
	if rest := d.result[d.sent:]; len(rest) > 0 {
		ack.Block = q.Hub().Pool.AllocControl(len(rest))
		copy(q.Hub().Pool.Extend(ack.Block, len(rest)), rest)
		ack.Len = uint32(len(rest))
	}
	q.Reply(ack)
}

func (d *ioctlDriver) request(h *Hub, t Type, conn uint64, offset, size int, data []byte) Msg {
	b := h.Pool.AllocControl(8 + len(data))
	p := h.Pool.Extend(b, 8)
	binary.BigEndian.PutUint32(p, uint32(offset))
	binary.BigEndian.PutUint32(p[4:], uint32(size))
	copy(h.Pool.Extend(b, len(data)), data)
	return Msg{Type: t, Block: b, Conn: conn, Len: uint32(8 + len(data))}
}
