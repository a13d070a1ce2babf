package main

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/dataplane/dlpi"
)

// An EtherType, a DSAP and a SNAP protocol of one interface come to the TAPs of the streams that they are bound to, and
// what the host sends on those goes out there; bindings end one by one, or with their stream.
func TestBindSAP(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	d := startDaemon(t, l.A, filepath.Join(t.TempDir(), "control"))
	c := controltest.Dial(t, d.path, control.RoleAdmin)
	driver := c.Must(c.Hub(control.HubOpen, 0, 0, "ether", lab.Dev, "uplink")).Hub().A
	one := c.Must(c.Hub(control.HubOpen, 0, 0, "tap", "one0", "one")).Hub().A
	two := c.Must(c.Hub(control.HubOpen, 0, 0, "tap", "two0", "two")).Hub().A
	change := func(typ control.Type, text string, receiver uint32) *control.Packet {
		t.Helper()
		sap, err := dlpi.ParseSAP(text)
		if err != nil || sap.String() != text {
			t.Fatal(sap, err)
		}
		p := c.ATM(typ, control.ATM{Receiver: receiver, SAP: uint64(sap)})
		p.Dst = driver
		return p
	}
	c.Must(change(control.ATMBindSAP, "0x88b5", one))
	c.Must(change(control.ATMBindSAP, "0x42", two))
	c.Must(change(control.ATMBindSAP, "00000c:2000", two))
	far, from := newStation(t, l.B)
	first, _ := stationOn(t, l.A, "one0")
	second, _ := stationOn(t, l.A, "two0")
	_, there := newStation(t, l.A)
	fill := make([]byte, 40)
	for _, f := range []struct {
		at     station
		header string
	}{{first, "88 b5"}, {second, "00 2b 42 42 03"}, {second, "00 30 aa aa 03 00 00 0c 20 00"}} {
		far.sends(there, from, octets(f.header), fill)
		f.at.receives(there, from, octets(f.header), fill)
	}
	first.sends(from, there, octets("88 b5"), fill)
	far.receives(from, there, octets("88 b5"), fill)

	for _, o := range []struct {
		p    *control.Packet
		want error
	}{
		{change(control.ATMBindSAP, "0x88b5", one), syscall.EEXIST},
		{change(control.ATMUnbindSAP, "0x88b6", one), syscall.ENOENT},
		{c.ATM(control.ATMBindSAP, control.ATM{Receiver: one, SAP: 2<<40 | 0x88B6}), syscall.ENXIO}, // of no driver
		{c.Hub(control.HubClose, driver, 0, "", "", ""), syscall.EBUSY},
	} {
		if err := c.Errno(o.p); err != o.want {
			t.Errorf("%v: %v, want %v", &o.p.Message, err, o.want)
		}
	}
	wrong := change(control.ATMBindSAP, "0x88b6", one)
	wrong.SetATM(&control.ATM{Receiver: one, SAP: 2<<40 | 0x100}) // a length
	if err := c.Errno(wrong); err != syscall.EINVAL {
		t.Errorf("a SAP that is none: %v", err)
	}
	saps := func() int {
		s := &control.Session{Conn: c.Conn, Epoch: c.Epoch}
		all, err := s.List(control.ListSAPs)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if n := saps(); n != 3 {
		t.Errorf("%d SAPs are listed", n)
	}
	c.Must(change(control.ATMUnbindSAP, "0x88b5", one))
	c.Must(c.Hub(control.HubClose, two, 0, "", "", ""))
	if n := saps(); n != 0 {
		t.Errorf("%d SAPs are left", n)
	}
	c.Must(c.Hub(control.HubClose, driver, 0, "", "", ""))
}
