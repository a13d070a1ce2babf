package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// kind is a kind of port between two hosts: own is the end's, peer the switch's.
type kind struct {
	name string
	sdus bool // the port itself carries SDUs
	only bool // … one VC, which its specification names
	own  func(own, peer, dev string) string
	peer func(own, peer, dev string) string // own being the end's address still
}

// vc is what the specification says of the VC 0/vci.
func (k kind) vc(vci int) string {
	if !k.only {
		return ""
	}
	return fmt.Sprintf(",vc=0/%d", vci)
}

func same(format string) func(own, peer, dev string) string {
	return func(_, _, dev string) string { return fmt.Sprintf(format, dev) }
}

var kinds = []kind{
	{"n1", false, false, same("eth:%s,label=100"), same("eth:%s,label=100")},
	{"n1cw", false, false, same("eth:%s,label=101,mode=n1cw,seq=on"), same("eth:%s,label=101,mode=n1cw,seq=on")},
	{"aal5sdu", true, false, same("eth:%s,label=102,mode=aal5sdu"), same("eth:%s,label=102,mode=aal5sdu")},
	{"vcc", false, true, same("eth:%s,label=104,mode=vcc,seq=on"), same("eth:%s,label=104,mode=vcc,seq=on")},
	{"vpc", false, false, same("eth:%s,label=105,mode=vpc,vp=0,seq=on"), same("eth:%s,label=105,mode=vpc,vp=0,seq=on")},
	{"aal5pdu", false, true, same("eth:%s,label=106,mode=aal5pdu,seq=on"), same("eth:%s,label=106,mode=aal5pdu,seq=on")},
	{"portcw", false, false, same("eth:%s,label=107,mode=portcw,seq=on"), same("eth:%s,label=107,mode=portcw,seq=on")},
	{"udp", false, false,
		func(own, peer, _ string) string {
			return fmt.Sprintf("udp:%s:6635,remote=%s:6635,label=103", own, peer)
		},
		func(own, peer, _ string) string {
			return fmt.Sprintf("udp:%s:6635,remote=%s:6635,label=103", peer, own)
		}},
	{"gns3", false, false,
		func(own, peer, _ string) string { return fmt.Sprintf("gns3:%s:10001,remote=%s:10002", own, peer) },
		func(own, peer, _ string) string { return fmt.Sprintf("gns3:%s:10002,remote=%s:10001", peer, own) }},
	{"atmtcp", true, false,
		func(_, peer, _ string) string { return "atmtcp:" + peer },
		func(_, peer, _ string) string { return "atmtcp:listen=" + peer }},
}

// matrixEnd is a host at one end of the switch, with a port of each kind.
type matrixEnd struct {
	*controltest.Client
	host *lab.Host
}

// stream puts a TAP on VC 0/vci of the port of a kind, and gives its first process.
func (e *matrixEnd) stream(t *testing.T, i int, vci uint16, address int) uint32 {
	t.Helper()
	top := e.Must(e.Hub(control.HubOpen, 0, 0, "tap", "atm0", "lan")).Hub().A
	at := e.Must(e.Hub(control.HubPush, top, 0, "rfc2684", "llc bridged", "")).Hub().A
	if !kinds[i].sdus {
		e.Must(e.Hub(control.HubPush, at, 0, "aal5", "", ""))
	}
	e.Must(e.ATM(control.ATMAdd, control.ATM{Port: uint16(1 + i), VCI: vci, AAL: control.AAL5, Receiver: top}))
	if err := e.host.AddAddr("atm0", inner[address]); err != nil {
		t.Fatal(err)
	}
	return top
}

// Every kind of port, cross-connected with every other, carries pings of two sizes without
// loss, and loopback cells to each end.
func TestSwitchMatrix(t *testing.T) {
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	far, err := l.Beyond(1600)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	daemon := func(h *lab.Host, name string) *controltest.Client {
		return controltest.Dial(t, startDaemon(t, h, filepath.Join(dir, name)).path, control.RoleAdmin)
	}
	sw := daemon(l.B, "switch")
	ends := [2]*matrixEnd{{daemon(l.A, "near"), l.A}, {daemon(far, "far"), far}}
	addresses := [2][2]string{{"192.0.2.1", "192.0.2.2"}, {"203.0.113.2", "203.0.113.1"}}
	for side, e := range ends {
		for i, k := range kinds {
			a, dev, only := addresses[side], []string{lab.Dev, lab.Uplink}[side], k.vc(100*(1+side))
			sw.Must(sw.Hub(control.HubOpen, 0, uint32(1+10*side+i), "port", fmt.Sprintf("%s%d %s", k.name, side, k.peer(a[0], a[1], dev)+only), ""))
			e.Must(e.Hub(control.HubOpen, 0, uint32(1+i), "port", k.name+" "+k.own(a[0], a[1], lab.Dev)+only, ""))
		}
	}
	for i, near := range kinds {
		for j, other := range kinds {
			t.Run(near.name+"-"+other.name, func(t *testing.T) {
				sw.Must(crossOfMatrix(sw, i, j))
				tops := [2]uint32{ends[0].stream(t, i, 100, 0), ends[1].stream(t, j, 200, 1)}
				matrixPing(t, l)
				for side, k := range []kind{near, other} {
					matrixLoopback(t, sw, k, control.ATM{Port: uint16([]int{1 + i, 11 + j}[side]), VCI: uint16(100 * (1 + side))})
				}
				sw.Must(sw.ATM(control.ATMDel, control.ATM{Port: uint16(1 + i), VCI: 100}))
				for side, e := range ends {
					e.Must(e.Hub(control.HubClose, tops[side], 0, "", "", ""))
					e.Must(e.ATM(control.ATMDel, control.ATM{Port: uint16(1 + []int{i, j}[side]), VCI: uint16(100 * (1 + side))}))
				}
			})
		}
	}
}

func crossOfMatrix(c *controltest.Client, i, j int) *control.Packet {
	p := c.ATM(control.ATMXConnect, control.ATM{Port: uint16(1 + i), VCI: 100})
	p.Trailer, _ = (&control.SecondEnd{Port: uint16(11 + j), VCI: 200}).Append(nil)
	return p
}

// matrixLoopback has an end answer a loopback cell of the switch; atmtcp has no OAM.
func matrixLoopback(t *testing.T, sw *controltest.Client, k kind, end control.ATM) {
	t.Helper()
	if k.name == "atmtcp" {
		return
	}
	p := sw.ATM(control.ATMLoopback, end)
	p.Trailer, _ = control.AppendTLV(nil, control.TLVText, []byte("end"))
	controltest.Until(t, "a loopback of "+k.name+" returns", func() bool {
		_ = sw.Errno(p)
		return sw.Counters(sw.Must(sw.ATM(control.ATMStats, end)))["oam_returned"] > 0
	})
}

func matrixPing(t *testing.T, l *lab.Lab) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), controltest.Patience)
	defer cancel()
	controltest.Until(t, "a ping is answered", func() bool {
		r, err := lab.Ping(ctx, l.A, inner[1].Addr(), lab.PingConfig{Count: 1, Wait: 200 * time.Millisecond})
		return err == nil && r.Lost() == 0
	})
	for _, size := range []int{56, 1400} {
		if r, err := lab.Ping(ctx, l.A, inner[1].Addr(), lab.PingConfig{Count: 10, Size: size}); err != nil || r.Lost() != 0 {
			t.Errorf("%d octets: %v: %v", size, r, err)
		}
	}
}

// SDUs longer than those a port of SDUs sends are refused when the VC is added, and the largest that fit are named;
// with frag=on they go in fragments.
func TestLongSDUsAreRefused(t *testing.T) {
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	c := controltest.Dial(t, startDaemon(t, l.B, filepath.Join(t.TempDir(), "hub")).path, control.RoleAdmin)
	c.Must(c.Hub(control.HubOpen, 0, 1, "port", "whole eth:"+lab.Dev+",label=100,mode=aal5sdu", ""))
	c.Must(c.Hub(control.HubOpen, 0, 2, "port", "parts eth:"+lab.Dev+",label=101,mode=aal5sdu,seq=on,frag=on", ""))
	c.Must(c.Hub(control.HubOpen, 0, 3, "port", "cells eth:"+lab.Dev+",label=102", ""))
	const most = 1600 - 4 - 4 // the label and the control word
	for port, sdu := range map[uint16]uint16{1: most, 2: 65535, 3: 65535} {
		c.Must(c.ATM(control.ATMAdd, control.ATM{Port: port, VCI: 100, AAL: control.AAL5, MaxSDU: sdu}))
		c.Must(c.ATM(control.ATMDel, control.ATM{Port: port, VCI: 100}))
	}
	_, err := c.Call(c.ATM(control.ATMAdd, control.ATM{Port: 1, VCI: 100, AAL: control.AAL5, MaxSDU: most + 1}))
	if control.Status(err) != -int32(syscall.EMSGSIZE) || !strings.Contains(err.Error(), strconv.Itoa(most)) {
		t.Errorf("an SDU of one octet more: %v", err)
	}
	c.Must(c.ATM(control.ATMAdd, control.ATM{Port: 1, VCI: 100, AAL: control.AAL5, MaxSDU: most})) // the other left nothing
	c.Must(c.ATM(control.ATMDel, control.ATM{Port: 1, VCI: 100}))
	cross := func(from, to, sdu uint16) *control.Packet {
		p := c.ATM(control.ATMXConnect, control.ATM{Port: from, VCI: 100, MaxSDU: sdu})
		p.Trailer, _ = (&control.SecondEnd{Port: to, VCI: 100}).Append(nil)
		return p
	}
	for _, ends := range [][2]uint16{{3, 1}, {1, 3}} { // from cells to SDUs, and the other way
		_, err := c.Call(cross(ends[0], ends[1], most+1))
		if control.Status(err) != -int32(syscall.EMSGSIZE) || !strings.Contains(err.Error(), strconv.Itoa(most)) {
			t.Errorf("a cross-connect of %v: %v", ends, err)
		}
	}
	c.Must(cross(3, 1, most))
	c.Must(c.ATM(control.ATMDel, control.ATM{Port: 3, VCI: 100}))
	c.Must(cross(3, 2, 65535))
	c.Must(c.ATM(control.ATMDel, control.ATM{Port: 3, VCI: 100}))
	c.Must(c.Hub(control.HubOpen, 0, 4, "port", "whole4 eth:"+lab.Dev+",label=103,mode=port", "")) // and a path 0 of RFC 4816
	p := c.ATM(control.ATMXConnect, control.ATM{Port: 3})
	p.Trailer, _ = (&control.SecondEnd{Port: 4}).Append(nil)
	c.Must(p)
}
