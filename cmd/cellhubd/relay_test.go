package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/nic/link"
)

// relayLab is two hosts with an atmtap each, and between them a host whose cellhubd has the kernel relay.
type relayLab struct {
	*lab.Lab
	far    *lab.Host
	d      *peer
	c      *controltest.Client
	dir    string
	config string
}

// relayCase is a switch by configuration, and what the hosts have at their ends of it.
type relayCase struct {
	config     string
	near, far  string // ports of the hosts
	nearVC     string
	farVC      string
	ends       [2]control.ATM // of the switch
	least      uint64         // cells, or SDUs, that a ping brings
	hubRelays  string         // why; empty: the kernel does
	withoutGRO bool           // the hosts have none, and so take nothing that is redirected to them
}

const (
	relayEth = "ports: {near: {spec: \"eth:" + lab.Dev + ",label=100%s\", number: 1}, far: {spec: \"eth:" + lab.Uplink + ",label=200%s\", number: 2}}\n"
	relayUDP = "ports: {near: {spec: \"eth:" + lab.Dev + ",label=100%s\", number: 1}, far: {spec: \"udp:%s,label=200%s\", number: 2}}\n"
)

var relayCases = map[string]relayCase{
	"VC": {
		config: fmt.Sprintf(relayEth, "", "") + "xconnects: [{from: near 0/100, to: far 3/200}]\n",
		near:   "eth:" + lab.Dev + ",label=100", far: "eth:" + lab.Dev + ",label=200", nearVC: "0/100", farVC: "3/200",
		ends: [2]control.ATM{{Port: 1, VCI: 100}, {Port: 2, VPI: 3, VCI: 200}}, least: 600,
	},
	"VP, control word, outer labels, VLAN": {
		config: fmt.Sprintf(relayEth, ",mode=n1cw", ",outer=17/18,vlan=7,cells=20,relay=on") + "xconnects: [{from: near 2/*, to: far 9/*, relay: on}]\n",
		near:   "eth:" + lab.Dev + ",label=100,mode=n1cw,cells=20", far: "eth:" + lab.Dev + ",label=200,vlan=7", nearVC: "2/100", farVC: "9/100",
		ends: [2]control.ATM{{Port: 1, VPI: 2}, {Port: 2, VPI: 9}}, least: 600,
	},
	"SDUs": {
		config: fmt.Sprintf(relayEth, ",mode=aal5sdu", ",mode=aal5sdu") + "xconnects: [{from: near 0/100, to: far 3/200}]\n",
		near:   "eth:" + lab.Dev + ",label=100,mode=aal5sdu", far: "eth:" + lab.Dev + ",label=200,mode=aal5sdu", nearVC: "0/100", farVC: "3/200",
		ends: [2]control.ATM{{Port: 1, VCI: 100}, {Port: 2, VPI: 3, VCI: 200}}, least: 20,
	},
	"one VC": {
		config: fmt.Sprintf(relayEth, ",mode=vcc,vc=0/100", ",mode=vcc,vc=3/200") + "xconnects: [{from: near 0/100, to: far 3/200}]\n",
		near:   "eth:" + lab.Dev + ",label=100,mode=vcc", far: "eth:" + lab.Dev + ",label=200,mode=vcc", nearVC: "0/100", farVC: "3/200",
		ends: [2]control.ATM{{Port: 1, VCI: 100}, {Port: 2, VPI: 3, VCI: 200}}, least: 600,
	},
	"one VP": {
		config: fmt.Sprintf(relayUDP, ",mode=vpc,vp=2", "203.0.113.1:6635,remote=203.0.113.2:6635", ",mode=vpc,vp=9") + "xconnects: [{from: near 2/*, to: far 9/*, relay: on}]\n",
		near:   "eth:" + lab.Dev + ",label=100,mode=vpc,cells=20", far: "udp:203.0.113.2:6635,remote=203.0.113.1:6635,label=200,mode=vpc,cells=20", nearVC: "2/100", farVC: "9/100",
		ends: [2]control.ATM{{Port: 1, VPI: 2}, {Port: 2, VPI: 9}}, least: 600,
	},
	"PDUs": {
		config: fmt.Sprintf(relayEth, ",mode=aal5pdu,vc=0/100", ",mode=aal5pdu,vc=3/200") + "xconnects: [{from: near 0/100, to: far 3/200}]\n",
		near:   "eth:" + lab.Dev + ",label=100,mode=aal5pdu", far: "eth:" + lab.Dev + ",label=200,mode=aal5pdu", nearVC: "0/100", farVC: "3/200",
		ends: [2]control.ATM{{Port: 1, VCI: 100}, {Port: 2, VPI: 3, VCI: 200}}, least: 600,
	},
	"datagrams": {
		config: fmt.Sprintf(relayUDP, "", "203.0.113.1:6635,remote=203.0.113.2:6635", ",mode=n1cw,dscp=46") + "xconnects: [{from: near 0/100, to: far 3/200}]\n",
		near:   "eth:" + lab.Dev + ",label=100", far: "udp:203.0.113.2:6635,remote=203.0.113.1:6635,label=200,mode=n1cw", nearVC: "0/100", farVC: "3/200",
		ends: [2]control.ATM{{Port: 1, VCI: 100}, {Port: 2, VPI: 3, VCI: 200}}, least: 600,
	},
	"datagrams, IPv6": {
		config: fmt.Sprintf(relayUDP, "", "[2001:db8:2::1]:6635,remote=[2001:db8:2::2]:6635", ",checksum=off") + "xconnects: [{from: near 0/100, to: far 3/200, relay: on}]\n",
		near:   "eth:" + lab.Dev + ",label=100,cells=20", far: "udp:[2001:db8:2::2]:6635,remote=[2001:db8:2::1]:6635,label=200,checksum=off", nearVC: "0/100", farVC: "3/200",
		ends: [2]control.ATM{{Port: 1, VCI: 100}, {Port: 2, VPI: 3, VCI: 200}}, least: 600,
	},
	"numbered": {
		config: fmt.Sprintf(relayEth, "", ",mode=n1cw,seq=on") + "xconnects: [{from: near 0/100, to: far 3/200}]\n",
		near:   "eth:" + lab.Dev + ",label=100", far: "eth:" + lab.Dev + ",label=200,mode=n1cw,seq=on", nearVC: "0/100", farVC: "3/200",
		ends: [2]control.ATM{{Port: 1, VCI: 100}, {Port: 2, VPI: 3, VCI: 200}}, least: 600, hubRelays: "seq=on",
	},
	"policed": {
		config: fmt.Sprintf(relayEth, "", "") + "xconnects: [{from: near 0/100, to: far 3/200, pcr: 300000, police: yes, options: cdvt=100ms}]\n",
		near:   "eth:" + lab.Dev + ",label=100", far: "eth:" + lab.Dev + ",label=200", nearVC: "0/100", farVC: "3/200",
		ends: [2]control.ATM{{Port: 1, VCI: 100}, {Port: 2, VPI: 3, VCI: 200}}, least: 600, hubRelays: "it is policed",
	},
	"off": {
		config: fmt.Sprintf(relayEth, "", "") + "xconnects: [{from: near 0/100, to: far 3/200, relay: off}]\n",
		near:   "eth:" + lab.Dev + ",label=100", far: "eth:" + lab.Dev + ",label=200", nearVC: "0/100", farVC: "3/200",
		ends: [2]control.ATM{{Port: 1, VCI: 100}, {Port: 2, VPI: 3, VCI: 200}}, least: 600, hubRelays: "relay=off",
	},
	"far ends take nothing": {
		config: fmt.Sprintf(relayEth, "", "") + "xconnects: [{from: near 0/100, to: far 3/200}]\n",
		near:   "eth:" + lab.Dev + ",label=100", far: "eth:" + lab.Dev + ",label=200", nearVC: "0/100", farVC: "3/200",
		ends: [2]control.ATM{{Port: 1, VCI: 100}, {Port: 2, VPI: 3, VCI: 200}}, least: 600, hubRelays: "redirected", withoutGRO: true,
	},
}

func newRelayLab(t *testing.T, x relayCase, args ...string) *relayLab {
	t.Helper()
	l := &relayLab{Lab: lab.ForTest(t, lab.Config{MTU: 1600}), dir: t.TempDir()}
	var err error
	if l.far, err = l.Beyond(1600); err != nil {
		t.Fatal(err)
	}
	for _, h := range []*lab.Host{l.A, l.far} {
		if err := errors.Join(h.Offload(lab.Dev, link.Receive, !x.withoutGRO), h.Offload(lab.Dev, link.SendChecksum, false)); err != nil {
			t.Fatal(err)
		}
	}
	l.config = write(t, filepath.Join(l.dir, "x.yaml"), x.config)
	l.start(t, args...)
	startTap(t, l.A, "--tap", "atm0", "--vc", x.nearVC, "--port", x.near)
	startTap(t, l.far, "--tap", "atm0", "--vc", x.farVC, "--port", x.far)
	for i, h := range []*lab.Host{l.A, l.far} {
		if err := h.AddAddr("atm0", inner[i]); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func (l *relayLab) start(t *testing.T, args ...string) {
	t.Helper()
	l.d = startDaemon(t, l.B, filepath.Join(l.dir, "control"), append([]string{"--config", l.config, "--bpffs", filepath.Join(l.dir, "bpf")}, args...)...)
	l.c = controltest.Dial(t, l.d.path, control.RoleAdmin)
	t.Cleanup(func() { _ = syscall.Unmount(filepath.Join(l.dir, "bpf"), syscall.MNT_DETACH) })
}

// stats are the counters of a VC of the switch, and why the hub relays it.
func (l *relayLab) stats(b control.ATM) (map[string]uint64, string) {
	p := l.c.Must(l.c.ATM(control.ATMStats, b))
	n := l.c.Counters(p)
	text, _ := control.FindTLV(p.Trailer, control.TLVText)
	return n, string(text)
}

// The kernel relays what it can, and the hub the rest: it works the same, and each VC says who does it.
func TestRelay(t *testing.T) {
	for name, x := range relayCases {
		t.Run(name, func(t *testing.T) {
			l := newRelayLab(t, x)
			ping(t, l.Lab)
			for _, end := range x.ends {
				n, why := l.stats(end)
				kernel := n["relayed"] == 1
				if name == "numbered" && end.Port == 1 { // numbers are given by the kernel, and judged by the hub
					if !kernel {
						t.Errorf("VC %d/%d is the hub's: %s", end.VPI, end.VCI, why)
					}
					continue
				}
				if kernel != (x.hubRelays == "") || !strings.Contains(why, x.hubRelays) {
					t.Errorf("relayed %t (%s), want it to be the hub's because of %q", kernel, why, x.hubRelays)
				}
				if n["rx_cells"] < x.least || kernel && n["relayed_cells"] < x.least {
					t.Errorf("counted %v", n)
				}
				p := l.c.Counters(l.c.Must(l.c.ATM(control.ATMPortStat, control.ATM{Port: end.Port})))
				if p["rx_cells"]+p["rx_sdus"] < x.least || p["tx_cells"]+p["tx_sdus"] < x.least || kernel && p["relayed_rx_frames"] < 20 {
					t.Errorf("port %d counted %v", end.Port, p)
				}
			}
			if err := l.d.cmd.Stop(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			if told := strings.Contains(l.d.log.String(), " Relay:0 "); told != (x.hubRelays != "" && name != "numbered") {
				t.Errorf("of frames it tells %s", l.d.log.String())
			}
			if left, _ := filepath.Glob(filepath.Join(l.dir, "bpf", "*", "*")); len(left) > 0 {
				t.Errorf("it has left %v", left)
			}
		})
	}
}

// The daemon is killed in the middle of a transfer: nothing is lost. The next one takes over what is at work, counters go
// on, and what its file has no more goes.
func TestRelayOutlivesDaemon(t *testing.T) {
	x := relayCases["VC"]
	x.config = strings.Replace(x.config, "}]", "}, {from: near 0/101, to: far 3/201}]", 1)
	l := newRelayLab(t, x)
	ping(t, l.Lab)
	before, _ := l.stats(x.ends[0])
	result := make(chan lab.UDPResult)
	go func() {
		r, err := lab.UDPBlast(context.Background(), l.A, l.far, inner[1].Addr(), lab.UDPConfig{Size: 1000, Count: 6000, Rate: 2000})
		if err != nil {
			t.Error(err)
		}
		result <- r
	}()
	middle := before["rx_cells"] + 20_000
	controltest.Until(t, "the transfer is under way", func() bool { n, _ := l.stats(x.ends[0]); return n["rx_cells"] > middle })
	_ = l.d.cmd.Process.Kill()
	<-l.d.cmd.Done()
	write(t, l.config, relayCases["VC"].config)
	l.start(t)
	r := <-result
	if r.Lost() != 0 || r.Damaged != 0 {
		t.Errorf("%v, %d damaged", r, r.Damaged)
	}
	ping(t, l.Lab)
	after, why := l.stats(x.ends[0])
	if want := before["rx_cells"] + 6000*22; after["relayed"] != 1 || after["relayed_cells"] < want { // 1,000 octets are 22 cells
		t.Errorf("counted %v (%s), want %d at least", after, why, want)
	}
	l.d.has(t, l.config)
	verdicts := l.c.Counters(l.c.Must(l.c.ATM(control.ATMPortStat, control.ATM{Port: 1})))
	if verdicts["rx_cells"] < after["rx_cells"] {
		t.Errorf("port 1 counted %v", verdicts)
	}
	if n := strings.Count(l.d.log.String(), "what an earlier daemon left goes on"); n != 1 {
		t.Errorf("it has adopted %d times", n)
	}
	pins, err := filepath.Glob(filepath.Join(l.dir, "bpf", "*", "link-*"))
	if err != nil || len(pins) != 2 {
		t.Errorf("pins %v", pins)
	}
	_ = l.d.cmd.Process.Kill()
	<-l.d.cmd.Done()
	write(t, l.config, "ports: {}\n")
	l.start(t)
	if left, _ := os.ReadDir(filepath.Join(l.dir, "bpf")); len(left) != 2 { // the kernel's own two files
		t.Errorf("of what nobody wants there is still %v", left)
	}
}

// Told to keep it, a daemon that is asked to end leaves the relay at work, and the next one takes it along.
func TestRelayKept(t *testing.T) {
	x := relayCases["VC"]
	x.config = "relay: {keep: yes, connections: 1000}\n" + x.config
	l := newRelayLab(t, x)
	ping(t, l.Lab)
	before, _ := l.stats(x.ends[0])
	if err := l.d.cmd.Stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ping(t, l.Lab)
	write(t, l.config, relayCases["VC"].config)
	l.start(t)
	if after, why := l.stats(x.ends[0]); after["relayed"] != 1 || after["rx_cells"] < before["rx_cells"]+600 {
		t.Errorf("before %v, after %v (%s)", before, after, why)
	}
	if err := l.d.cmd.Stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(l.dir, "bpf", "*", "*")); len(left) > 0 {
		t.Errorf("it has left %v", left)
	}
}
