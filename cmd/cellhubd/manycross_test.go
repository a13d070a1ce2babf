package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/nic"
)

var crosses = flag.Int("crosses", 2000, "cross-connects that TestManyCrossConnects adds, uses and removes")

// crossOf is the number of cross-connect i, the same at both ports: from VPI 1 on.
func crossOf(i int) aal.VC { return aal.VC{VPI: uint16(1 + i/4000), VCI: uint16(100 + i%4000)} }

// Many cross-connects are added, used, each by a cell, and removed, while a ping goes over one that stays and none of
// them is lost; then the daemon has as many VCs as before. Memory and latency are told by -v; make soak takes 100,000.
func TestManyCrossConnects(t *testing.T) {
	net := lab.ForTest(t, lab.Config{MTU: 1600})
	far, err := net.Beyond(1600)
	if err != nil {
		t.Fatal(err)
	}
	d := startDaemon(t, net.B, filepath.Join(t.TempDir(), "control"))
	l := &switchLab{net, far, controltest.Dial(t, d.path, control.RoleAdmin)}
	l.Must(l.Hub(control.HubOpen, 0, 1, "port", "near eth:"+lab.Dev+",label=100", ""))
	l.Must(l.Hub(control.HubOpen, 0, 2, "port", "far eth:"+lab.Uplink+",label=200", ""))
	startTap(t, l.A, "--tap", "atm0", "--vc", "0/100", "--port", "eth:"+lab.Dev+",label=100,mode=n1")
	startTap(t, l.far, "--tap", "atm0", "--vc", "0/200", "--port", "eth:"+lab.Dev+",label=200,mode=n1")
	l.Must(l.cross(control.ATMXConnect, control.ATM{Port: 1, VCI: 100}, control.SecondEnd{Port: 2, VCI: 200}, "", 0))
	for i, h := range []*lab.Host{l.A, l.far} {
		if err := h.AddAddr("atm0", inner[i]); err != nil {
			t.Fatal(err)
		}
	}
	ping(t, l.Lab)
	ctx, stop := context.WithCancel(t.Context())
	pinged := make(chan [2]int, 1)
	go func() {
		var n [2]int // sent, and lost
		for ctx.Err() == nil {
			r, err := lab.Ping(context.WithoutCancel(ctx), l.A, inner[1].Addr(), lab.PingConfig{Count: 50, Wait: 5 * time.Second})
			if err != nil {
				n[1]++
			}
			n[0], n[1] = n[0]+50, n[1]+r.Lost()
		}
		pinged <- n
	}()
	before := len(l.Dump(l.Hub(control.HubResync, 0, 0, "", "", "")))
	added := l.each(func(vc aal.VC) *control.Packet {
		return l.cross(control.ATMXConnect, control.ATM{Port: 1, VPI: vc.VPI, VCI: vc.VCI}, control.SecondEnd{Port: 2, VPI: vc.VPI, VCI: vc.VCI}, "", 0)
	})
	resident := vmRSS(t, d)
	l.use(t)
	removed := l.each(func(vc aal.VC) *control.Packet {
		return l.ATM(control.ATMDel, control.ATM{Port: 1, VPI: vc.VPI, VCI: vc.VCI})
	})
	stop()
	n := <-pinged
	if n[1] > 0 {
		t.Errorf("%d of %d pings were lost meanwhile", n[1], n[0])
	}
	if now := len(l.Dump(l.Hub(control.HubResync, 0, 0, "", "", ""))); now != before {
		t.Errorf("%d entries of state, and %d before", now, before)
	}
	t.Logf("%d cross-connects: added in %v, removed in %v each (median; worst %v and %v); %d KiB resident with all of them; %d pings, none lost",
		*crosses, added[len(added)/2], removed[len(removed)/2], added[len(added)-1], removed[len(removed)-1], resident, n[0])
}

// each calls for every cross-connect, and gives how long the calls took, sorted.
func (l *switchLab) each(call func(aal.VC) *control.Packet) []time.Duration {
	took := make([]time.Duration, *crosses)
	for i := range took {
		p := call(crossOf(i))
		begin := time.Now()
		l.Must(p)
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	return took
}

// use sends a cell along every cross-connect, and waits until as many have left.
func (l *switchLab) use(t *testing.T) {
	t.Helper()
	var dev nic.Device
	err := l.A.Do(func() (err error) {
		dev, err = nic.OpenPacket(nic.PacketConfig{Interface: lab.Dev, EtherType: 0x8847, GSO: nic.GSOOff})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	sent := func() uint64 { return l.Counters(l.Must(l.ATM(control.ATMPortStat, control.ATM{Port: 2})))["tx_cells"] }
	want := sent()
	for i := 0; i < *crosses; {
		f := append([]byte{1, 0, 0x5E, 0x90, 0, 0, 2, 0, 0, 0, 0, 9, 0x88, 0x47}, binary.BigEndian.AppendUint32(nil, 100<<12|1<<8|255)...)
		for ; i < *crosses && len(f) < 1400; i++ {
			c := make([]byte, aal.CellSize)
			aal.MakeHeader(crossOf(i), aal.PTIUser, false).Put(c)
			f = append(f, c...)
		}
		for n := 0; n == 0; {
			if n, err = dev.Transmit([][]byte{f}); err != nil {
				t.Fatal(err)
			}
		}
		if i%2800 == 0 {
			time.Sleep(time.Millisecond) // its receive ring is for a burst, not for all of it
		}
	}
	controltest.Until(t, "a cell of each has left", func() bool { return sent() >= want+uint64(*crosses) })
}

// vmRSS is the resident memory of a daemon in KiB.
func vmRSS(t *testing.T, d *peer) (kib int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			_, _ = fmt.Sscan(rest, &kib)
		}
	}
	return kib
}
