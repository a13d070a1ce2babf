package modules

import (
	"errors"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/nic"
)

// device is a nic.Device as a driver has it: what is posted to it, what waits for
// it, what wakes the hub for it. Without one, because its interface has gone, the
// driver goes on and counts what it loses.
type device struct {
	hub     *dataplane.Hub
	rx      receiver
	tx      transmitter
	watch   *dataplane.Watch
	reads   bool         // the hub is to be woken by what arrives
	past    nic.Counters // of devices that were here before
	onError func(error)  // told of each failure, on the hub; must not block
	onClose func()       // the driver gives up what it holds for the device
}

// open takes a device over; it closes it when it cannot.
func (d *device) open(h *dataplane.Hub, dev nic.Device) error {
	err := d.start(h, dev)
	if err != nil {
		_ = dev.Close()
	}
	return err
}

func (d *device) start(h *dataplane.Hub, dev nic.Device) error {
	d.hub, d.reads = h, true
	if err := d.rx.open(h, dev); err != nil {
		return err
	}
	d.tx.hub, d.tx.dev = h, dev
	if fd := dev.FD(); fd >= 0 {
		w, err := h.Sleeper().Watch(fd)
		if err != nil {
			d.rx.close()
			d.tx.dev = nil
			return err
		}
		d.watch = w
	}
	return nil
}

// present tells whether there is a device.
func (d *device) present() bool { return d.tx.dev != nil }

// close closes the device and frees what was posted to it or waits for it.
func (d *device) close() {
	if !d.present() {
		return
	}
	dev := d.tx.dev
	if d.onClose != nil {
		d.onClose()
	}
	d.tx.close()
	d.rx.close()
	if d.watch != nil {
		d.watch.Forget()
		d.watch = nil
	}
	d.past.Add(dev.Counters())
	_ = dev.Close()
}

// receive takes a burst, 0 when there is none. For each frame follows a take, and
// then rx.done.
func (d *device) receive() int {
	if !d.present() {
		return 0
	}
	n, err := d.rx.receive()
	if err != nil {
		d.fail(err)
		return 0
	}
	return n
}

// fail tells of a failure. A device that is gone is closed: its descriptor would
// wake the hub for ever.
func (d *device) fail(err error) {
	if errors.Is(err, nic.ErrGone) {
		d.close()
	}
	if d.onError != nil {
		d.onError(err)
	}
}

// flush sends what waits; true when there is room for more.
func (d *device) flush() bool {
	if err := d.tx.flush(); err != nil {
		d.fail(err)
	}
	d.wake()
	return d.present() && d.tx.room()
}

// read says whether arriving frames are to wake the hub.
func (d *device) read(yes bool) {
	d.reads = yes
	d.wake()
}

func (d *device) wake() {
	if d.watch != nil {
		d.watch.Want(d.reads, d.tx.n > 0)
	}
}

// drop frees a message that no device is there for.
func (d *device) drop(m dataplane.Msg) {
	d.tx.lost++
	d.hub.Free(m)
}

// counters are those of all devices that were here.
func (d *device) counters() nic.Counters {
	c := d.past
	if d.present() {
		c.Add(d.tx.dev.Counters())
	}
	return c
}
