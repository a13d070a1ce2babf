package client

import (
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// lastLoss asks for what a VC has lost last; "": nothing.
func (d *daemon) lastLoss(port, vci uint16) (cause string, at time.Time) {
	d.t.Helper()
	p := control.Packet{}
	p.SetATM(&control.ATM{Port: port, VCI: vci})
	p.Type, p.Epoch = control.ATMStats, d.epoch
	must(d.t, d.admin.Call(&p))
	value, ok := control.FindTLV(p.Trailer, control.TLVLoss)
	if !ok {
		return "", time.Time{}
	}
	cause, ns, err := control.ParseLoss(value)
	must(d.t, err)
	return cause, time.Unix(0, int64(ns))
}

// TestLastLoss has a VC lose something by one cause after the other: each time it says the last,
// and when. What others lose is not its own.
func TestLastLoss(t *testing.T) {
	d := newDaemon(t, nil)
	d.pvc(100)
	d.pvc(101)
	c := d.open()
	from := dial(t, c, "pvc://1/0/100", &Config{Cells: true})
	to := dial(t, c, "pvc://2/0/100", &Config{MaxSDU: 40})
	other := dial(t, c, "pvc://1/0/101", nil)
	sdus := dial(t, c, "pvc://2/0/101", &Config{MaxSDU: 40})
	if cause, _ := d.lastLoss(2, 100); cause != "" {
		t.Errorf("%q before anything was lost", cause)
	}
	last := make([]byte, cell) // the end of a PDU, without a CRC that fits
	last[3] = 1 << 1
	reserved := make([]byte, cell)
	reserved[3] = 7 << 1
	for _, step := range []struct {
		cause string
		vci   uint16
		do    func()
	}{
		{"aal5.rx_drop_crc", 100, func() { _, err := from.Write(last); must(t, err) }},
		{"aal5.rx_drop_reserved", 100, func() { _, err := from.Write(reserved); must(t, err) }},
		{"socket.rx_drop_long", 101, func() { _, err := other.Write(make([]byte, 41)); must(t, err) }},
		{"aal5.rx_drop_crc", 100, func() { _, err := from.Write(last); must(t, err) }},
		{"vc.rx_drop_congested", 101, func() {
			other.SetWriteDeadline(time.Now().Add(time.Minute))
			for range 20000 { // more than its ring and its queue have room for
				_, err := other.Write(make([]byte, 40))
				must(t, err)
			}
		}},
	} {
		before := time.Now()
		step.do()
		eventually(t, step.cause, func() bool {
			cause, at := d.lastLoss(2, step.vci)
			return cause == step.cause && !at.Before(before.Add(-time.Second)) && !at.After(time.Now())
		})
	}
	if cause, _ := d.lastLoss(2, 100); cause != "aal5.rx_drop_crc" {
		t.Errorf("%q: another VC's", cause)
	}
	if cause, _ := d.lastLoss(1, 100); cause != "" {
		t.Errorf("%q at the end that sends", cause)
	}
	must(t, to.Close())
	must(t, sdus.Close())
}
