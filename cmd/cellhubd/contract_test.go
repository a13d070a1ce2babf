package main

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// A PVC of a configuration keeps to its rate whatever a host offers it, at ports of cells and of
// SDUs; without the rate nothing is held back. That its cells conform one by one is
// shown in package modules, in virtual time.
func TestPVCRate(t *testing.T) {
	for _, mode := range []string{"n1", "aal5sdu"} {
		t.Run(mode, func(t *testing.T) {
			l := lab.ForTest(t, lab.Config{MTU: 1600})
			dir := t.TempDir()
			const spec = "eth:" + lab.Dev + ",label=100,mode="
			modules := "[rfc2684 llc bridged, aal5]"
			if mode == "aal5sdu" {
				modules = "[rfc2684 llc bridged]"
			}
			text := "ports:\n  p: {spec: \"" + spec + mode + "\", number: 7}\nstreams:\n  lan: {top: tap atm0, modules: " + modules + "}\npvcs:\n  - {port: p, vc: 0/100, stream: lan"
			const rate = 5000 // cells a second, some 150 packets of 1,400 octets
			var c *controltest.Client
			var near *peer
			for side, h := range []*lab.Host{l.B, l.A} {
				contract := "}\n"
				if side == 1 {
					contract = ", service: cbr, pcr: 5000}\n"
				}
				near = startDaemon(t, h, filepath.Join(dir, string(rune('a'+side))), "--config", write(t, filepath.Join(dir, "x.yaml"), text+contract))
				c = controltest.Dial(t, near.path, control.RoleAdmin)
				if err := h.AddAddr("atm0", inner[1-side]); err != nil {
					t.Fatal(err)
				}
			}
			ping(t, l, c)
			stats := func() map[string]uint64 {
				return c.Counters(c.Must(c.ATM(control.ATMStats, control.ATM{Port: 7, VCI: 100})))
			}
			sent := func() uint64 {
				n := c.Counters(c.Must(c.ATM(control.ATMPortStat, control.ATM{Port: 7})))
				if mode == "n1" {
					return n["tx_cells"]
				}
				return n["tx_sdus"] * 31 // of 1,400 octets with their headers: more than any
			}
			offer := func() (cells uint64, rate float64) {
				begin, before := time.Now(), sent()
				if _, err := lab.UDPBlast(context.Background(), l.A, l.B, inner[1].Addr(), lab.UDPConfig{Size: 1400, Duration: time.Second, Rate: 2000}); err != nil {
					t.Fatal(err)
				}
				cells = sent() - before
				return cells, float64(cells) / time.Since(begin).Seconds()
			}
			if cells, got := offer(); got > rate*1.05+31 {
				t.Errorf("%d cells, %.0f a second: the contract has %d", cells, got, rate)
			}
			if n := stats()["vc.tx_shaped"]; n == 0 {
				t.Error("nothing was held back")
			}
			c.Must(c.ATM(control.ATMModify, control.ATM{Port: 7, VCI: 100, PCRForward: 10})) // with this much waits for long
			offer()
			stream := c.Must(c.ATM(control.ATMQuery, control.ATM{Port: 7, VCI: 100})).ATM().Receiver
			up, down := c.Must(c.Hub(control.HubFlush, stream, 1, "", "", "")).Status, c.Must(c.Hub(control.HubFlush, stream, 2, "", "", "")).Status
			if up != 0 || down == 0 {
				t.Errorf("%d messages that wait to go up, and %d down, were freed", up, down)
			}
			if err := c.Errno(c.Hub(control.HubFlush, stream, 4, "", "", "")); err != syscall.EINVAL {
				t.Errorf("flush of side 4: %v", err)
			}
			p := c.ATM(control.ATMModify, control.ATM{Port: 7, VCI: 100})
			c.Must(p)
			ping(t, l, c)
			held := stats()["vc.tx_shaped"]
			if offer(); stats()["vc.tx_shaped"] != held {
				t.Error("something was held back without a contract")
			}
		})
	}
}

// A port of a known rate admits what it can carry, and says what is left; what goes gives back.
func TestPVCAdmission(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	d := startDaemon(t, l.A, filepath.Join(t.TempDir(), "control"))
	c := controltest.Dial(t, d.path, control.RoleAdmin)
	c.Must(c.Hub(control.HubOpen, 0, 7, "port", "p eth:"+lab.Dev+",label=100,rate=1000,reserve=80", ""))
	add := func(vci uint16, pcr uint32) *control.Packet {
		return c.ATM(control.ATMAdd, control.ATM{Port: 7, VCI: vci, Service: control.ServiceCBR, PCRForward: pcr, PCRBackward: pcr})
	}
	refused := func(p *control.Packet, why string) {
		t.Helper()
		p, err := c.Call(p)
		text, _ := control.FindTLV(p.Trailer, control.TLVText)
		if err == nil || p.Status != -int32(syscall.EBUSY) || !strings.Contains(string(text), why) {
			t.Errorf("%v: %q, want EBUSY and %q", err, text, why)
		}
	}
	c.Must(add(100, 500))
	refused(add(101, 400), "300 of the 800 that may be reserved are left")
	c.Must(add(101, 300))
	modify := func(vci uint16, pcr uint32) *control.Packet {
		return c.ATM(control.ATMModify, control.ATM{Port: 7, VCI: vci, Service: control.ServiceCBR, PCRForward: pcr})
	}
	refused(modify(101, 301), "300 of the 800")
	refused(add(102, 1), "0 of the 800") // the refusal has left all as it was
	c.Must(modify(101, 100))
	c.Must(add(102, 200))
	c.Must(c.ATM(control.ATMDel, control.ATM{Port: 7, VCI: 100}))
	c.Must(add(103, 500))
	if err := c.Errno(c.ATM(control.ATMAdd, control.ATM{Port: 7, VCI: 104, Service: control.ServiceVBR, PCRForward: 10})); err != syscall.EINVAL {
		t.Errorf("a contract that is none: %v", err)
	}
}

// Of a PVC that only sends, or only receives, what comes the wrong way is dropped, counted and explained; the
// daemon tells the direction again.
func TestPVCOfOneWay(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	dir := t.TempDir()
	var clients [2]*controltest.Client
	for side, h := range []*lab.Host{l.A, l.B} {
		way := []string{"in", "out"}[side]
		file := write(t, filepath.Join(dir, "x.yaml"), "ports:\n  p: {spec: \"eth:"+lab.Dev+",label=100\", number: 7}\n"+
			"streams:\n  lan: {top: tap atm0, modules: [rfc2684 llc bridged, aal5]}\npvcs:\n  - {port: p, vc: 0/100, stream: lan, direction: "+way+"}\n")
		d := startDaemon(t, h, filepath.Join(dir, way), "--config", file)
		d.has(t, file)
		clients[side] = controltest.Dial(t, d.path, control.RoleAdmin)
		if err := h.AddAddr("atm0", inner[side]); err != nil {
			t.Fatal(err)
		}
	}
	stats := func(side int) map[string]uint64 {
		c := clients[side]
		p := c.Must(c.ATM(control.ATMStats, control.ATM{Port: 7, VCI: 100}))
		if way := p.ATM().Direction; way != []control.Direction{control.DirectionIn, control.DirectionOut}[side] {
			t.Errorf("it is told as %v", way)
		}
		return c.Counters(p)
	}
	for side, other := range []*lab.Host{l.A, l.B} {
		_, _ = lab.Ping(context.Background(), other, inner[1-side].Addr(), lab.PingConfig{Count: 1, Wait: time.Millisecond})
	}
	controltest.Until(t, "requests of the one that sends arrive", func() bool { return stats(0)["tap.tx_frames"] > 0 })
	controltest.Until(t, "what the one that receives would send is counted", func() bool { return stats(0)["vc.tx_drop_direction"] > 0 })
	if n := stats(1)["tap.tx_frames"]; n != 0 {
		t.Errorf("the one that sends has received %d frames", n)
	}
	c := clients[1] // and what comes in spite of that
	c.Must(c.ATM(control.ATMDel, control.ATM{Port: 7, VCI: 100}))
	c.Must(c.ATM(control.ATMAdd, control.ATM{Port: 7, VCI: 100, Direction: control.DirectionOut}))
	c = clients[0]
	before := c.Must(c.ATM(control.ATMQuery, control.ATM{Port: 7, VCI: 100})).ATM()
	c.Must(c.ATM(control.ATMDel, control.ATM{Port: 7, VCI: 100}))
	before.Direction = control.DirectionBoth
	c.Must(c.ATM(control.ATMAdd, before))
	controltest.Until(t, "what comes to the one that sends is counted", func() bool {
		_, _ = lab.Ping(context.Background(), l.A, inner[1].Addr(), lab.PingConfig{Count: 1, Wait: time.Millisecond})
		c := clients[1]
		return c.Counters(c.Must(c.ATM(control.ATMStats, control.ATM{Port: 7, VCI: 100})))["vc.rx_drop_direction"] > 0
	})
}
