package modules

import (
	"errors"
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// driver is what all drivers of frames share: a nic.Device, what is posted to it and what
// waits for it, and how the hub knows that it is ready. Without a device, because its
// interface has gone, it goes on and counts what it loses.
//
// The kind of driver gives it what is its own: input for a frame received, output for a
// message to be sent.
type driver struct {
	hub     *dataplane.Hub
	in, out *dataplane.Queue // what is to be sent waits in in; what was received leaves by out
	first   nic.Device       // to be opened with the module
	rx      receiver
	tx      transmitter
	watch   *dataplane.Watch
	room    *dataplane.Watch // of the descriptor that tells of room, where it is another
	roomFD  int
	past    nic.Counters // of devices that were here before
	lost    uint64       // messages and frames for a device that was not there

	noBlocks uint64      // messages that there was no memory to keep
	onError  func(error) // told of each failure, on the hub; must not block

	outer    uint8                 // the ECN field of the frame that is input
	paused   bool                  // it is not read
	throttle bool                  // the device is not read while the stream is full: its own queue fills
	ahead    func(frames [][]byte) // is shown a burst before its first frame is input, or nil
	input    func(block.ID)
	output   func(dataplane.Msg)
	finish   func()       // before the batch is sent, or nil
	abandon  func()       // the device goes: give up what is held for it, or nil
	backlog  func() bool  // there is more to send that is not in a queue, or nil
	fits     func() error // refuses a device, or nil
	mark     int          // of the queue in, in octets
}

// module is the code of a driver, at the top of a stream or at the bottom.
func (d *driver) module(name string, top bool) dataplane.Module {
	m := dataplane.Module{
		Name:   name,
		Poller: d,
		Open: func(q *dataplane.Queue) error {
			d.hub, d.in, d.out = q.Hub(), q.Mate(), q
			if top {
				d.in, d.out = d.out, d.in
			}
			d.in.SetMarks(d.mark, d.mark/4)
			return d.open(d.first)
		},
		Close:   func(*dataplane.Queue) { d.close() },
		Discard: func() { _ = d.first.Close() },
		Leave:   d.leave, Arrive: d.arrive,
	}
	resume := func(*dataplane.Queue) { // there is room again: read on
		d.paused = false
		d.wake()
		d.in.AskPoll()
	}
	if top {
		m.ReadPut, m.ReadService, m.WriteService = d.put, d.service, resume
	} else {
		m.WritePut, m.WriteService = d.put, d.service
	}
	return m
}

// open takes a device over; it closes it when it cannot.
func (d *driver) open(dev nic.Device) (err error) {
	d.rx.hub, d.tx.hub = d.hub, d.hub
	if d.tx.use(dev); d.fits != nil {
		err = d.fits()
	}
	if err == nil {
		err = d.rx.open(dev)
	}
	if err == nil {
		err = d.listen()
	}
	if err != nil {
		_ = dev.Close()
		d.rx.close()
		d.tx.dev = nil
	}
	return err
}

// listen has the hub told when the device is ready.
func (d *driver) listen() (err error) {
	fd, ready := d.tx.dev.FD(), d.tx.dev.Info().Ready
	d.paused = false
	if fd >= 0 || ready != nil { // else it is polled every pass
		d.watch, err = d.in.Watch(fd, ready)
	}
	return err
}

// present tells whether there is a device.
func (d *driver) present() bool { return d.tx.dev != nil }

// close closes the device and frees what was posted to it or waits for it.
func (d *driver) close() {
	dev := d.tx.dev
	if dev == nil {
		return
	}
	if d.abandon != nil {
		d.abandon()
	}
	d.silence()
	d.lost += uint64(d.tx.n)
	d.past.Add(dev.Counters())
	_ = dev.Close()
	d.tx.close()
	d.rx.close()
}

func (d *driver) silence() {
	for _, w := range [...]**dataplane.Watch{&d.watch, &d.room} {
		if *w != nil {
			(*w).Forget()
			*w = nil
		}
	}
}

// leave and arrive move a driver: the device goes along, and what is posted to it.
func (d *driver) leave() error {
	if !d.present() {
		return nil
	}
	if err := d.tx.own(); err != nil {
		return err
	}
	d.silence()
	d.rx.pause()
	return nil
}

func (d *driver) arrive(q *dataplane.Queue) {
	d.hub = q.Hub()
	d.rx.hub, d.tx.hub = d.hub, d.hub
	if !d.present() {
		return
	}
	d.rx.resume()
	if err := d.listen(); err != nil {
		d.fail(errors.Join(err, nic.ErrGone))
		return
	}
	d.wake()
	d.in.AskPoll()
	d.in.AskSend()
}

// Detach closes the device; what comes for it is lost and counted until replace. On
// the hub only.
func (d *driver) Detach() { d.close() }

// replace gives the driver another device, and owns it even when it returns an error.
func (d *driver) replace(dev nic.Device) error {
	d.close()
	if err := d.open(dev); err != nil {
		return err
	}
	d.in.Enable()
	return nil
}

// fail tells of a failure. A device that is gone is closed: its descriptor would
// wake the hub for ever.
func (d *driver) fail(err error) {
	if errors.Is(err, nic.ErrGone) {
		d.close()
	}
	if d.onError != nil {
		d.onError(err)
	}
}

// Poll takes a burst of frames. Where it may, it leaves them in the device while the
// stream is full: then its fall to the low mark wakes the service, and the device is read
// again.
func (d *driver) Poll() int {
	if !d.present() {
		return 0
	}
	if d.throttle && !d.out.CanPutNext() {
		d.paused = true
		d.wake()
		return 0
	}
	n, err := d.rx.receive()
	if err != nil {
		d.fail(err)
		return 0
	}
	if d.ahead != nil && n > 1 {
		d.ahead(d.rx.bufs[:n])
	}
	for i := range n {
		if d.rx.marks != nil {
			d.outer = d.rx.marks[i]
		}
		if b := d.rx.take(i); b != 0 {
			d.input(b)
		}
	}
	if n > 0 {
		d.rx.done()
		if n == len(d.rx.bufs) { // of what the device itself holds nobody tells
			d.in.AskPoll()
		}
	}
	return n
}

// put sends a message, or queues it while the device is full.
func (d *driver) put(q *dataplane.Queue, m dataplane.Msg) {
	switch {
	case m.Type == dataplane.Flush:
		q.TurnFlush(m)
	case m.Type == dataplane.Ioctl:
		q.Nak(m, syscall.EINVAL)
	case isAnnouncement(&m): // of a VC: the same to all that only carry
	case m.Type != dataplane.Data:
		d.hub.Refuse(m)
	case q.Empty() && d.tx.room():
		d.take(m)
	default:
		q.PutQ(m)
	}
}

func (d *driver) service(q *dataplane.Queue) {
	for d.tx.room() {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		d.take(m)
	}
}

func (d *driver) take(m dataplane.Msg) {
	if !d.present() {
		d.lost++
		d.hub.Free(m)
		return
	}
	d.output(m)
	d.in.AskSend()
}

// send adds a frame to the batch; room must be there, and a device. A borrowed one does
// not live as long: it is sent at once, or copied, where the device makes one call of many.
func (d *driver) send(b block.ID) {
	switch {
	case d.hub.Pool.Borrowed(b):
		if !d.tx.joins && d.tx.direct(b) {
			d.check()
			return
		}
		b = d.hub.Pool.Keep(b, false)
	case d.tx.keeps: // what it keeps it may only read as ours
		b = d.hub.Pool.Unshare(b, false)
	}
	if b == 0 {
		d.noBlocks++
		return
	}
	d.tx.add(b)
	d.check()
}

// check tells of a failure that a batch has met on its way.
func (d *driver) check() {
	if err := d.tx.err; err != nil {
		d.tx.err = nil
		d.fail(err)
	}
}

// Send ends the pass.
func (d *driver) Send() {
	if d.finish != nil {
		d.finish()
	}
	d.rx.reclaim() // what has left makes room
	d.tx.flush()
	d.check()
	if !d.present() {
		d.in.Enable() // to be counted as lost
		return
	}
	d.wake()
	if d.tx.room() && !d.in.Empty() {
		d.in.Enable()
	}
	if d.tx.room() && d.backlog != nil && d.backlog() {
		d.in.AskSend()
	}
	if d.tx.waits() && (d.tx.keeps || d.tx.dev.FD() < 0) {
		d.in.AskSend() // nobody tells when there is room
	}
}

// wake says what the device is to wake the hub for. What a device that keeps frames gives
// back lies in memory, and is asked for every pass.
func (d *driver) wake() {
	waits := d.tx.waits()
	if d.tx.roomFD != nil {
		d.wakeForRoom(waits)
		waits = false
	}
	if d.watch != nil {
		d.watch.Want(!d.paused, waits && !d.tx.keeps)
	}
}

// wakeForRoom watches the descriptor that tells of room while the device is full; it may be another each time.
func (d *driver) wakeForRoom(waits bool) {
	if waits {
		fd := d.tx.roomFD()
		if d.room != nil && fd != d.roomFD {
			d.room.Forget()
			d.room = nil
		}
		if d.room == nil {
			d.roomFD = fd
			d.room, _ = d.in.Watch(fd, nil)
		}
		if d.room == nil {
			d.in.AskSend() // nobody tells
		}
	}
	if d.room != nil {
		d.room.Want(false, waits)
	}
}

// counters are those of all devices that were here.
func (d *driver) counters() nic.Counters {
	c := d.past
	if d.present() {
		c.Add(d.tx.dev.Counters())
	}
	return c
}
