package main

import (
	"context"
	"net/netip"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// The addresses on both ends of the PVC.
var inner = [2]netip.Prefix{netip.MustParsePrefix("198.51.100.1/24"), netip.MustParsePrefix("198.51.100.2/24")}

// Trunks, which are one port each, carry the same.
func TestPingOverTrunks(t *testing.T) {
	for name, specs := range map[string][2]string{
		"atmtcp": {"atmtcp:listen=192.0.2.1", "atmtcp:192.0.2.1"},
		"gns3":   {"gns3:192.0.2.1:10001,remote=192.0.2.2:10002", "gns3:192.0.2.2:10002,remote=192.0.2.1:10001"},
	} {
		t.Run(name, func(t *testing.T) {
			l := lab.ForTest(t, lab.Config{})
			dir := t.TempDir()
			var clients []*controltest.Client
			for side, h := range []*lab.Host{l.A, l.B} {
				d := startDaemon(t, h, filepath.Join(dir, string(rune('a'+side))))
				c := controltest.Dial(t, d.path, control.RoleAdmin)
				clients = append(clients, c)
				c.Must(c.Hub(control.HubOpen, 0, 7, "port", "p "+specs[side], ""))
				top := c.Must(c.Hub(control.HubOpen, 0, 0, "tap", "atm0", "lan")).Hub().A
				at := c.Must(c.Hub(control.HubPush, top, 0, "rfc2684", "llc bridged", "")).Hub().A
				if name == "gns3" { // cells; atmtcp carries SDUs
					c.Must(c.Hub(control.HubPush, at, 0, "aal5", "", ""))
				}
				c.Must(c.ATM(control.ATMAdd, control.ATM{Port: 7, VCI: 100, AAL: control.AAL5, Receiver: top}))
				if err := h.AddAddr("atm0", inner[side]); err != nil {
					t.Fatal(err)
				}
			}
			ping(t, l, clients...)
		})
	}
}

// lan opens a stream with a TAP on top, from top to bottom, and gives its first process.
func lan(c *controltest.Client, name, tap string) uint32 {
	c.T.Helper()
	top := c.Must(c.Hub(control.HubOpen, 0, 0, "tap", tap, name)).Hub().A
	at := c.Must(c.Hub(control.HubPush, top, 0, "rfc2684", "llc bridged", "")).Hub().A
	c.Must(c.Hub(control.HubPush, at, 0, "aal5", "", ""))
	return top
}

// ping waits until the second address of the PVC answers the first host, and then wants
// every answer.
func ping(t *testing.T, l *lab.Lab, clients ...*controltest.Client) {
	t.Helper()
	defer func() {
		for _, c := range clients {
			if t.Failed() {
				t.Log(c.Counters(c.Must(c.ATM(control.ATMStats, control.ATM{Port: 7, VCI: 100}))), c.Counters(c.Must(c.ATM(control.ATMPortStat, control.ATM{Port: 7}))))
			}
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), controltest.Patience)
	defer cancel()
	controltest.Until(t, "a ping is answered", func() bool {
		r, err := lab.Ping(ctx, l.A, inner[1].Addr(), lab.PingConfig{Count: 1, Wait: time.Second})
		return err == nil && r.Lost() == 0
	})
	r, err := lab.Ping(ctx, l.A, inner[1].Addr(), lab.PingConfig{Count: 20, Size: 1400})
	if err != nil || r.Lost() != 0 {
		t.Fatalf("%v: %v", r, err)
	}
}

// Two daemons over a veth, each with a port, a stream with a TAP, and a PVC between them: all
// of it set up by control messages. Two ports share each carrier, and both carry.
func TestPing(t *testing.T) {
	for name, specs := range map[string][2][2]string{
		"ethernet": {{"eth:" + lab.Dev + ",label=100", "eth:" + lab.Dev + ",label=101,mode=n1cw"}, {"eth:" + lab.Dev + ",label=100", "eth:" + lab.Dev + ",label=101,mode=n1cw"}},
		"udp": {{"udp:192.0.2.1:6635,remote=192.0.2.2:6635,label=100", "udp:192.0.2.1:6635,remote=192.0.2.2:6635,label=101,mode=aal5sdu"},
			{"udp:192.0.2.2:6635,remote=192.0.2.1:6635,label=100", "udp:192.0.2.2:6635,remote=192.0.2.1:6635,label=101,mode=aal5sdu"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := lab.ForTest(t, lab.Config{MTU: 1600})
			dir := t.TempDir()
			var clients []*controltest.Client
			for side, h := range []*lab.Host{l.A, l.B} {
				d := startDaemon(t, h, filepath.Join(dir, string(rune('a'+side))))
				c := controltest.Dial(t, d.path, control.RoleAdmin)
				clients = append(clients, c)
				first := c.Must(c.Hub(control.HubOpen, 0, 7, "port", "dslam "+specs[side][0], "")).Hub()
				second := c.Must(c.Hub(control.HubOpen, 0, 0, "port", "hq "+specs[side][1], "")).Hub()
				if first.B != 7 || second.B != 1 || first.A != second.A {
					t.Errorf("ports %+v and %+v: want 7 and 1 on one carrier", first, second)
				}
				top := lan(c, "lan", "atm0")
				p := c.Must(c.ATM(control.ATMAdd, control.ATM{Port: 7, VCI: 100, AAL: control.AAL5, Receiver: top}))
				if p.Conn == 0 {
					t.Error("a VC without id")
				}
				if err := h.AddAddr("atm0", inner[side]); err != nil {
					t.Fatal(err)
				}
				if side == 0 {
					continue
				}
				ping(t, l, clients...)
				seesTraffic(c, p.Conn)
				if err := d.cmd.Stop(syscall.SIGTERM); err != nil {
					t.Errorf("ended by SIGTERM: %v", err)
				}
			}
		})
	}
}

// seesTraffic wants the counters of the VC and of its port to tell of the ping.
func seesTraffic(c *controltest.Client, id control.ConnID) {
	c.T.Helper()
	p := c.ATM(control.ATMStats, control.ATM{})
	p.Conn = id
	n := c.Counters(c.Must(p))
	if n["aal5.rx_pdus"] < 20 || n["aal5.tx_pdus"] < 20 || n["tap.tx_frames"] < 20 {
		c.T.Errorf("of the VC: %v", n)
	}
	n = c.Counters(c.Must(c.ATM(control.ATMPortStat, control.ATM{Port: 7})))
	if n["rx_cells"] < 600 || n["tx_cells"] < 600 {
		c.T.Errorf("of port 7: %v", n)
	}
	if n = c.Counters(c.Must(c.ATM(control.ATMPortStat, control.ATM{Port: 1}))); n["rx_cells"] != 0 {
		c.T.Errorf("of port 1: %v", n)
	}
}

// What there is is listed, refused twice, and goes without a rest.
func TestPortsAndVCs(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	d := startDaemon(t, l.A, filepath.Join(t.TempDir(), "control"))
	c := controltest.Dial(t, d.path, control.RoleAdmin)
	empty := len(c.Dump(c.Hub(control.HubList, 0, uint32(control.ListProcesses), "", "", "")))
	c.Must(c.Hub(control.HubOpen, 0, 0, "port", "p eth:"+lab.Dev+",label=100", ""))
	top := lan(c, "lan", "atm0")
	v := c.Must(c.ATM(control.ATMAdd, control.ATM{Port: 1, VCI: 100, AAL: control.AAL5, Receiver: top}))
	for name, refused := range map[string]struct {
		p     *control.Packet
		errno syscall.Errno
	}{
		"a port of the name":    {c.Hub(control.HubOpen, 0, 0, "port", "p eth:"+lab.Dev+",label=200", ""), syscall.EEXIST},
		"a port of the number":  {c.Hub(control.HubOpen, 0, 1, "port", "q eth:"+lab.Dev+",label=200", ""), syscall.EEXIST},
		"a port of the label":   {c.Hub(control.HubOpen, 0, 0, "port", "q eth:"+lab.Dev+",label=100", ""), syscall.EINVAL},
		"no specification":      {c.Hub(control.HubOpen, 0, 0, "port", "q nonsense", ""), syscall.EINVAL},
		"no interface":          {c.Hub(control.HubOpen, 0, 0, "port", "q eth:none0,label=100", ""), syscall.EINVAL},
		"no module":             {c.Hub(control.HubOpen, 0, 0, "nothing", "", ""), syscall.ENOENT},
		"the VC again":          {c.ATM(control.ATMAdd, control.ATM{Port: 1, VCI: 100, AAL: control.AAL5}), syscall.EEXIST},
		"a receiver with a VC":  {c.ATM(control.ATMAdd, control.ATM{Port: 1, VCI: 101, AAL: control.AAL5, Receiver: top}), syscall.EBUSY},
		"no receiver":           {c.ATM(control.ATMAdd, control.ATM{Port: 1, VCI: 101, AAL: control.AAL5, Receiver: 9999}), syscall.ESRCH},
		"no port":               {c.ATM(control.ATMAdd, control.ATM{Port: 9, VCI: 101, AAL: control.AAL5}), syscall.ENODEV},
		"no VC":                 {c.ATM(control.ATMDel, control.ATM{Port: 1, VCI: 101}), syscall.ENOENT},
		"VC 0/0":                {c.ATM(control.ATMAdd, control.ATM{Port: 1}), syscall.EINVAL},
		"the port's process":    {c.Hub(control.HubClose, 1, 0, "", "", ""), syscall.ESRCH},
		"popping the first one": {c.Hub(control.HubPop, top, 0, "", "", ""), syscall.EBUSY},
	} {
		if err := c.Errno(refused.p); err != refused.errno {
			t.Errorf("%s: %v, want %v", name, err, refused.errno)
		}
	}
	if ports := c.Dump(c.Hub(control.HubList, 0, uint32(control.ListPorts), "", "", "")); len(ports) != 1 || ports[0].Hub().Name.String() != "p" {
		t.Errorf("ports %v", ports)
	}
	streams := c.Dump(c.Hub(control.HubList, 0, uint32(control.ListStreams), "", "", ""))
	if len(streams) != 1 || streams[0].Hub().Name.String() != "lan" || streams[0].Hub().A != top {
		t.Errorf("streams %v", streams)
	}
	state := c.Dump(c.Hub(control.HubResync, 0, 0, "", "", ""))
	if !slices.ContainsFunc(state, func(p *control.Packet) bool {
		return p.Type == control.ATMQuery && p.Conn == v.Conn && p.ATM().VCI == 100
	}) || len(state) != 2 {
		t.Errorf("state %v", state)
	}
	c.Must(c.Hub(control.HubClose, top, 0, "", "", ""))
	c.Must(c.Hub(control.HubClose, 0, 1, "port", "", ""))
	p := c.ATM(control.ATMQuery, control.ATM{})
	p.Conn = v.Conn
	if err := c.Errno(p); err != syscall.ESTALE {
		t.Errorf("the VC that has gone: %v", err)
	}
	if now := len(c.Dump(c.Hub(control.HubList, 0, uint32(control.ListProcesses), "", "", ""))); now != empty {
		t.Errorf("%d processes, and %d before", now, empty)
	}
}
