package modules

import (
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/nic"
)

// TAPEnd is the driver at the top of a tunnel's stream: frames that the host sends
// on the TAP or TUN go down, what comes up the host receives. While the stream
// below is full it leaves the host's frames in the device, whose queue the host's
// own stack sees.
type TAPEnd struct {
	hub    *dataplane.Hub
	dev    device
	rq, wq *dataplane.Queue
	joins  bool // the device makes one call of many frames
}

// OpenTAPEnd makes the driver's process in h. It owns the device from then on, and
// has closed it when it returns an error. onError, which may be nil, is told of each
// failure of a device, on the hub, and must not block.
func OpenTAPEnd(h *dataplane.Hub, dev nic.Device, onError func(error)) (*TAPEnd, dataplane.ProcID, error) {
	t := &TAPEnd{hub: h, joins: dev.Info().Joins}
	t.dev.onError = onError
	if err := t.dev.open(h, dev); err != nil {
		return nil, 0, err
	}
	hi, lo := marks(h, dataplane.DefaultHiWat)
	id, err := h.Add(dataplane.Module{
		Name: "tap", HiWat: hi, LoWat: lo,
		ReadPut: t.readPut, ReadService: t.readService,
		WriteService: func(*dataplane.Queue) { t.dev.read(true) },
		Open:         func(q *dataplane.Queue) error { t.rq, t.wq = q, q.Mate(); return nil },
		Close:        func(*dataplane.Queue) { t.dev.close() },
	})
	if err != nil {
		t.dev.close()
		return nil, 0, err
	}
	return t, id, poll(h, id, t)
}

// Detach closes the device; what comes for it is lost and counted until Replace. On
// the hub only.
func (t *TAPEnd) Detach() { t.dev.close() }

// Replace gives the driver another device, when the interface has been made again,
// and owns it even when it returns an error. On the hub only.
func (t *TAPEnd) Replace(dev nic.Device) error {
	t.dev.close()
	if err := t.dev.open(t.hub, dev); err != nil {
		return err
	}
	t.joins = dev.Info().Joins
	t.rq.Enable()
	return nil
}

// Poll takes a burst of the host's frames and puts them down the stream, unless
// that is full: then its fall to the low mark wakes the write service, and the
// device is read again.
func (t *TAPEnd) Poll() int {
	if !t.dev.reads {
		return 0
	}
	if !t.wq.CanPutNext() {
		t.dev.read(false)
		return 0
	}
	n := t.dev.receive()
	for i := range n {
		if b := t.dev.rx.take(i); b != 0 {
			t.wq.PutNext(dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(t.hub.Len(b))})
		}
	}
	if n > 0 {
		t.dev.rx.done()
	}
	return n
}

// readPut gives a frame to the host, or queues it while the device is full.
func (t *TAPEnd) readPut(q *dataplane.Queue, m dataplane.Msg) {
	switch {
	case m.Type == dataplane.Flush:
		q.TurnFlush(m)
	case m.Type == dataplane.Ioctl:
		q.Nak(m, syscall.EINVAL)
	case m.Type != dataplane.Data:
		t.hub.Free(m)
	case q.Empty() && t.dev.tx.room():
		t.output(m)
	default:
		q.PutQ(m)
	}
}

func (t *TAPEnd) readService(q *dataplane.Queue) {
	for t.dev.tx.room() {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		t.output(m)
	}
}

// output adds a frame to the batch. A borrowed one does not live that long. It is sent
// at once, which costs nothing where a TAP takes one frame a call; where it takes many,
// the frame is copied.
func (t *TAPEnd) output(m dataplane.Msg) {
	if !t.dev.present() {
		t.dev.drop(m)
		return
	}
	if t.hub.Borrowed(m.Block) {
		if !t.joins && t.dev.flush() && t.dev.tx.direct(m.Block) {
			return
		}
		if !t.dev.present() { // the flush has met its end
			t.dev.drop(m)
			return
		}
		var ok bool
		if m, ok = t.hub.Own(m); !ok {
			t.dev.rx.noBlocks++
			return
		}
	}
	t.dev.tx.add(m.Block)
}

// Flush ends the pass.
func (t *TAPEnd) Flush() {
	if t.dev.flush() && !t.rq.Empty() {
		t.rq.Enable()
	}
}

// Counts gives the counters of the device in a fixed order: rx is what the host has
// sent, tx what it has received. On the hub only.
func (t *TAPEnd) Counts() []Count {
	d := t.dev.counters()
	return []Count{
		{"rx_frames", d.RxFrames}, {"rx_octets", d.RxOctets}, {"tx_frames", d.TxFrames}, {"tx_octets", d.TxOctets},
		{"rx_drop_truncated", d.RxTruncated}, {"rx_drop_overrun", d.RxOverrun}, {"rx_drop_no_block", t.dev.rx.noBlocks},
		{"tx_drop_down", t.dev.tx.lost + d.TxDown}, {"tx_drop_too_long", d.TxTooLong},
		{"tx_drop_no_buffer", d.TxNoBuffer}, {"tx_drop_error", d.TxErrors},
	}
}
