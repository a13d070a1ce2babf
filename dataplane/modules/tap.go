package modules

import (
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// TAP is the driver at the top of a tunnel's stream: frames that the host sends
// on the TAP or TUN go down, what comes up the host receives. While the stream
// below is full it leaves the host's frames in the device, whose queue the host's
// own stack sees.
type TAP struct {
	driver
	cut   bool   // its carrier was taken
	state string // what has become of its interface, in words
}

// NewTAP makes the driver. It owns the device from then on, opened or discarded. onError,
// which may be nil, is told of each failure of a device, on the hub, and must not block.
func NewTAP(dev nic.Device, onError func(error)) *TAP {
	t := &TAP{}
	t.driver = driver{
		first: dev, onError: onError, mark: dataplane.DefaultHiWat, throttle: true,
		input:  t.down,
		output: func(m dataplane.Msg) { t.send(m.Block) },
	}
	return t
}

// Module is the driver's code.
func (t *TAP) Module() dataplane.Module {
	m := t.module("tap", true)
	m.Counters = t.Counts
	m.Commands = []dataplane.ModuleCommand{
		setSwitch(128, "carrier", t.SetCarrier),
		readText(129, "state", func() string { return t.state }),
	}
	return m
}

// down takes a frame of the host's.
func (t *TAP) down(b block.ID) {
	t.out.PutNext(dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(t.hub.Pool.Len(b))})
}

// Replace gives the driver another device, when the interface has been made again,
// and owns it even when it returns an error. It has the carrier that the one before had. On the hub only.
func (t *TAP) Replace(dev nic.Device) error {
	if err := t.replace(dev); err != nil || !t.cut {
		return err
	}
	return nic.SetCarrier(dev, false)
}

// SetCarrier gives the interface its carrier, or takes it: then the host sends nothing, and
// routing takes another way. What is not there now has it so when it comes. On the hub only.
func (t *TAP) SetCarrier(on bool) error {
	if t.cut = !on; !t.present() {
		return nil
	}
	return nic.SetCarrier(t.tx.dev, on)
}

// SetState is what whoever follows the interface has to say of it; empty: all is well. On the hub only.
func (t *TAP) SetState(text string) { t.state = text }

// Counts gives the counters of the device in a fixed order: rx is what the host has
// sent, tx what it has received. On the hub only.
func (t *TAP) Counts() []dataplane.Count {
	d := t.counters()
	return []dataplane.Count{
		{Name: "rx_frames", N: d.RxFrames}, {Name: "rx_octets", N: d.RxOctets}, {Name: "tx_frames", N: d.TxFrames}, {Name: "tx_octets", N: d.TxOctets},
		{Name: "rx_drop_truncated", N: d.RxTruncated}, {Name: "rx_drop_overrun", N: d.RxOverrun}, {Name: "rx_drop_no_block", N: t.rx.noBlocks},
		{Name: "tx_drop_down", N: t.lost + d.TxDown}, {Name: "tx_drop_too_long", N: d.TxTooLong}, {Name: "tx_drop_no_block", N: t.noBlocks},
		{Name: "tx_drop_no_buffer", N: d.TxNoBuffer}, {Name: "tx_drop_error", N: d.TxErrors},
		{Name: "rx_drop_malformed", N: d.RxMalformed}, {Name: "gso_fallbacks", N: d.GSOFallbacks},
	}
}

// Resize takes the limits of the device anew, when its longest frame has changed. On the
// hub only.
func (t *TAP) Resize() {
	if t.present() {
		t.rx.fit()
	}
}
