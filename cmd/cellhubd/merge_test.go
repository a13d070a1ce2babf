package main

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// mergedSDU is an SDU that tells whose it is, which one, and what it must hold.
func mergedSDU(source, number uint32) []byte {
	p := make([]byte, 8+int(number*37%1900))
	binary.BigEndian.PutUint32(p, source)
	binary.BigEndian.PutUint32(p[4:], number)
	rnd := rand.New(rand.NewPCG(uint64(source), uint64(number)))
	for i := 8; i < len(p); i++ {
		p[i] = byte(rnd.Uint32())
	}
	return p
}

// Two VCs whose cells come in turns, and which merge in a switch between real daemons: the far end, one AAL5 VC,
// reads every SDU of both, whole and in each one's order, beside a third VC that ends no PDU. What a merged VC does
// not allow is refused; the VC goes with the last that merges into it.
func TestMerge(t *testing.T) {
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	farHost, err := l.Beyond(1600)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	daemon := func(h *lab.Host, name, text string) *peer {
		return startDaemon(t, h, filepath.Join(dir, name), "--config", write(t, filepath.Join(dir, name+".yaml"), text))
	}
	near := daemon(l.A, "near", "ports: {p: \"eth:"+lab.Dev+",label=100\"}\npvcs:\n  - {port: p, vc: 0/100}\n  - {port: p, vc: 0/101}\n  - {port: p, vc: 0/102}\n")
	far := daemon(farHost, "far", "ports: {p: \"eth:"+lab.Dev+",label=200\"}\npvcs:\n  - {port: p, vc: 0/200, aal: 5}\n")
	const mid = "ports:\n  near: {spec: \"eth:" + lab.Dev + ",label=100\", number: 1}\n  far: {spec: \"eth:" + lab.Uplink + ",label=200\", number: 2}\n" +
		"xconnects:\n  - {from: near 0/100, to: far 0/200, merge: yes}\n  - {from: near 0/101, to: far 0/200, merge: yes}\n  - {from: near 0/102, to: far 0/200, merge: yes}\n"
	sw := daemon(l.B, "switch", mid)
	sw.has(t, filepath.Join(dir, "switch.yaml"))

	dial := func(d *peer, name string, cells bool) *client.Conn {
		app, err := client.Open(d.path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { app.Close() })
		c, err := app.Dial(context.Background(), name, &client.Config{Cells: cells})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	in := [3]*client.Conn{dial(near, "pvc://p/0/100", true), dial(near, "pvc://p/0/101", true), dial(near, "pvc://p/0/102", true)}
	out := dial(far, "pvc://p/0/200", false)

	const each = 300
	sent := make(chan error, 1)
	credit := make(chan struct{}, 16) // nothing on the way asks a sender to wait
	go func() { sent <- sendMerging(in, each, credit) }()
	var next [2]uint32
	buf := make([]byte, 4096)
	for next[0] < each || next[1] < each {
		n, err := out.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		source := binary.BigEndian.Uint32(buf)
		if n < 8 || source > 1 || next[source] >= each {
			t.Fatalf("an SDU of %d octets, of source %d", n, source)
		}
		if want := mergedSDU(source, next[source]); string(buf[:n]) != string(want) {
			t.Fatalf("source %d: SDU %d is not the one that was sent: %d octets, want %d", source, next[source], n, len(want))
		}
		next[source]++
		<-credit
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	c := controltest.Dial(t, sw.path, control.RoleAdmin)
	s := &switchLab{l, farHost, c}
	for i := range uint16(2) {
		if n := c.Counters(c.Must(c.ATM(control.ATMStats, control.ATM{Port: 1, VCI: 100 + i}))); n["merged_pdus"] != each || n["rx_drop_merge"] != 0 {
			t.Errorf("source %d: %v", i, n)
		}
	}
	mergeIs(t, s)
}

// sendMerging writes the cells of two sources in turns, and of a third that ends no PDU. It takes credit
// for each SDU.
func sendMerging(in [3]*client.Conn, each uint32, credit chan<- struct{}) error {
	var left [2][]byte
	var number [2]uint32
	rnd := rand.New(rand.NewPCG(1, 2))
	endless := make([]byte, aal.CellSize)
	for number[0] < each || number[1] < each || len(left[0])+len(left[1]) > 0 {
		i := rnd.IntN(2)
		if len(left[i]) == 0 {
			if number[i] == each {
				continue
			}
			if len(left[1-i]) > 0 {
				select {
				case credit <- struct{}{}:
				default:
					i = 1 - i // the other's SDU must be ended first
				}
			} else {
				credit <- struct{}{}
			}
		}
		if len(left[i]) == 0 {
			var seg aal.Segmenter
			sdu := mergedSDU(uint32(i), number[i])
			if err := seg.Start(aal.MakeHeader(aal.VC{VCI: uint16(100 + i)}, aal.PTIUser, false), sdu, 0, 0); err != nil {
				return err
			}
			left[i] = make([]byte, aal.AAL5Cells(len(sdu))*aal.CellSize)
			seg.Cells(left[i])
			number[i]++
		}
		n := min(len(left[i]), (1+rnd.IntN(5))*aal.CellSize)
		if _, err := in[i].Write(left[i][:n]); err != nil {
			return err
		}
		left[i] = left[i][n:]
		aal.MakeHeader(aal.VC{VCI: 102}, aal.PTIUser, false).Put(endless)
		if _, err := in[2].Write(endless); err != nil {
			return err
		}
	}
	return nil
}

// mergeIs looks at what the control socket makes of merging.
func mergeIs(t *testing.T, l *switchLab) {
	refused := func(typ control.Type, b control.ATM, end control.SecondEnd, text string, errno syscall.Errno, reason string) {
		t.Helper()
		p, err := l.Call(l.cross(typ, b, end, text, 7))
		why, _ := control.FindTLV(p.Trailer, control.TLVText)
		if control.Status(err) != -int32(errno) || !strings.Contains(string(why), reason) {
			t.Errorf("%v %q, want %v and %q", err, why, errno, reason)
		}
	}
	end := control.SecondEnd{Port: 2, VCI: 200}
	in := control.ATM{Port: 1, VCI: 110, Direction: control.DirectionIn}
	refused(control.ATMXConnect, in, end, "", syscall.EEXIST, "is there already")
	refused(control.ATMXConnect, control.ATM{Port: 1, VCI: 110}, end, "merge", syscall.EINVAL, "one way")
	refused(control.ATMXConnect, in, end, "merge weight=7", syscall.EINVAL, "has the contract")
	refused(control.ATMXConnect, control.ATM{Port: 1, VPI: 4, Direction: control.DirectionIn}, control.SecondEnd{Port: 2, VPI: 5}, "merge", syscall.EINVAL, "no path")
	refused(control.ATMAddLeaf, control.ATM{Port: 1, VCI: 100}, control.SecondEnd{Port: 2, VCI: 300}, "", syscall.EINVAL, "no root")
	for vci := range uint16(3) {
		l.connOf(2, 200)
		l.Must(l.ATM(control.ATMDel, control.ATM{Port: 1, VCI: 100 + vci}))
	}
	if _, err := l.Call(l.ATM(control.ATMQuery, control.ATM{Port: 2, VCI: 200})); control.Status(err) != -int32(syscall.ENOENT) {
		t.Errorf("the merged VC without inputs: %v", err)
	}
	l.Must(l.cross(control.ATMXConnect, in, end, "merge weight=7", 0))
	l.Must(l.cross(control.ATMXConnect, control.ATM{Port: 1, VCI: 111, Direction: control.DirectionIn}, end, "merge weight=7", 0))
	l.Must(l.ATM(control.ATMDel, control.ATM{Port: 2, VCI: 200}))
	if left := l.Dump(l.Hub(control.HubResync, 0, 0, "", "", "")); len(left) != 2 {
		t.Errorf("%d entries of state are left, want the two ports", len(left))
	}
}
