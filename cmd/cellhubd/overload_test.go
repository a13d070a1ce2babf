package main

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// The overload: a port that sends outRate cells a second is offered ten times as many of UBR, beside VCs that keep to
// their contracts, for OVERLOAD (2s unless told; the night's tests take 60s). The cells of the shaped one come all at once.
const (
	outRate   = 4000 // cells a second
	overload  = 10   // times that
	conformed = 3    // VCs: CBR, rt-VBR, shaped CBR
	shaped    = 2    // which of them
	ownRate   = 400  // cells a second of the others
	shapedPCR = 500  // cells a second …
	atOnce    = 1000 // of so many that come at once
	stepEach  = 10 * time.Millisecond
)

func overloadFor(t *testing.T) time.Duration {
	text := os.Getenv("OVERLOAD")
	if text == "" {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		t.Fatalf("OVERLOAD=%q: a time such as 60s", text)
	}
	return d
}

// While a UBR VC floods a port of a real daemon with ten times the port's rate, every cell of the VCs that conform to
// their contracts arrives, in order, and what is lost is the flood's, and counted. The cells of the shaped VC, as a
// capture outside has them, conform to its contract by a GCRA of the test's own.
func TestOverload(t *testing.T) {
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	farHost, err := l.Beyond(1600)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	daemon := func(h *lab.Host, name, text string) *peer {
		return startDaemon(t, h, filepath.Join(dir, name), "--config", write(t, filepath.Join(dir, name+".yaml"), text))
	}
	near := daemon(l.A, "near", "ports: {p: \"eth:"+lab.Dev+",label=100\"}\npvcs: [{port: p, vc: 0/100}, {port: p, vc: 0/101}, {port: p, vc: 0/102}, {port: p, vc: 0/103}]\n")
	far := daemon(farHost, "far", "ports: {p: \"eth:"+lab.Dev+",label=200\"}\npvcs: [{port: p, vc: 0/100}, {port: p, vc: 0/101}, {port: p, vc: 0/102}]\n")
	mid := daemon(l.B, "switch", "ports:\n  near: {spec: \"eth:"+lab.Dev+",label=100\", number: 1}\n  far: {spec: \"eth:"+lab.Uplink+",label=200,rate="+strconv.Itoa(outRate)+"\", number: 2}\n"+
		"xconnects:\n"+
		"  - {from: near 0/100, to: far 0/100, service: cbr, pcr: 500}\n"+
		"  - {from: near 0/101, to: far 0/101, service: rt-vbr, pcr: 1000, scr: 500, mbs: 50}\n"+
		"  - {from: near 0/102, to: far 0/102, service: cbr, pcr: 500, shape: yes, options: cdvt=1ms}\n"+
		"  - {from: near 0/103, to: far 0/103}\n")
	dial := func(d *peer, vci int) *client.Conn {
		app, err := client.Open(d.path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { app.Close() })
		c, err := app.Dial(context.Background(), "pvc://p/0/"+strconv.Itoa(vci), &client.Config{Cells: true})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	var in [conformed + 1]*client.Conn
	for i := range in {
		in[i] = dial(near, 100+i)
	}
	file := filepath.Join(dir, "far.pcap")
	capture, err := lab.CaptureEth(farHost, lab.Dev, file)
	if err != nil {
		t.Fatal(err)
	}
	var wrong [conformed]chan string
	var last [conformed]chan uint32
	for i := range conformed {
		wrong[i], last[i] = make(chan string, 1), make(chan uint32, 1)
		go func(c *client.Conn) { wrong[i] <- numbered(c, last[i]) }(dial(far, 100+i))
	}
	sent, flooded := flood(t, in, overloadFor(t))
	for i := range conformed {
		n := sent
		if i == shaped {
			n = atOnce
		}
		last[i] <- n
	}
	for i := range wrong {
		if why := <-wrong[i]; why != "" {
			t.Errorf("VC %d, which conforms: %s", 100+i, why)
		}
	}
	if _, err := capture.Stop(); err != nil {
		t.Fatal(err)
	}
	c := controltest.Dial(t, mid.path, control.RoleAdmin)
	n := c.Counters(c.Must(c.ATM(control.ATMStats, control.ATM{Port: 2, VCI: 103})))
	lost := n["tx_drop_full"] + n["tx_drop_clp1"] + n["tx_drop_frames"]
	t.Logf("%d cells of each VC that conforms, %d of the flood, of which %d were dropped", sent, flooded, lost)
	if lost == 0 || lost >= uint64(flooded) {
		t.Errorf("of a flood of %d cells %d are counted as dropped", flooded, lost)
	}
	shapedConforms(t, file)
}

// flood writes the cells of conforming VCs by the clock, and ten times the port's rate of the last VC.
func flood(t *testing.T, in [conformed + 1]*client.Conn, long time.Duration) (own uint32, flooded int) {
	t.Helper()
	cell := func(vci int, number uint32) []byte {
		p := make([]byte, aal.CellSize)
		aal.MakeHeader(aal.VC{VCI: uint16(vci)}, aal.PTIUser, false).Put(p)
		binary.BigEndian.PutUint32(p[aal.HeaderSize:], number)
		return p
	}
	write := func(i int, p []byte) {
		if _, err := in[i].Write(p); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint32(atOnce) {
		write(shaped, cell(100+shaped, i))
	}
	begin := time.Now()
	tick := time.NewTicker(stepEach)
	defer tick.Stop()
	for now := begin; now.Sub(begin) < long; now = <-tick.C {
		// a late tick is not made up for: a VC that conforms does not burst
		for range ownRate * stepEach / time.Second {
			for i := range shaped {
				write(i, cell(100+i, own))
			}
			own++
		}
		var burst []byte
		for range outRate * overload * stepEach / time.Second {
			burst = append(burst, cell(100+conformed, uint32(flooded))...)
			flooded++
		}
		for len(burst) > 0 {
			k := min(len(burst), 28*aal.CellSize)
			write(conformed, burst[:k])
			burst = burst[k:]
		}
	}
	return own, flooded
}

// numbered reads cells until as many have come as it is told, and says what is wrong with them.
func numbered(c *client.Conn, last <-chan uint32) string {
	buf := make([]byte, 9000)
	var next uint32
	want := ^uint32(0)
	_ = c.SetReadDeadline(time.Now().Add(controltest.Patience + 2*time.Minute))
	got := make(chan []byte)
	failed := make(chan error, 1)
	go func() {
		for {
			n, err := c.Read(buf)
			if err != nil {
				failed <- err
				return
			}
			got <- append([]byte(nil), buf[:n]...)
		}
	}()
	for next < want {
		select {
		case want = <-last:
		case err := <-failed:
			return "cell " + strconv.Itoa(int(next)) + " has not come: " + err.Error()
		case cells := <-got:
			for ; len(cells) >= aal.CellSize; cells = cells[aal.CellSize:] {
				if n := binary.BigEndian.Uint32(cells[aal.HeaderSize:]); n != next {
					return "cell " + strconv.Itoa(int(n)) + " comes in the place of " + strconv.Itoa(int(next))
				}
				next++
			}
		}
	}
	return ""
}

// shapedConforms judges the cells of the shaped VC in a capture by the virtual scheduling algorithm of I.371, annex A,
// written out here. Without shaping the last cell would be two seconds early; the tolerance is what a busy machine may
// add, for the kernel's stamp is of when a frame was handed over.
func shapedConforms(t *testing.T, file string) {
	t.Helper()
	rows, err := lab.Tshark(t.Context(), file, "mpls.label==200", []string{"mpls.label==200,mplspwatmn1nocw"}, []string{"frame.time_epoch", "atm.vci"})
	if err != nil {
		t.Fatal(err)
	}
	const increment, tolerance = 1.0 / shapedPCR, 1.0
	theoretical, cells, worst := 0.0, 0, 0.0
	for _, r := range rows {
		at, err := strconv.ParseFloat(r[0], 64)
		if err != nil {
			t.Fatal(err)
		}
		for vci := range strings.SplitSeq(r[1], ",") {
			if vci != "102" {
				continue
			}
			cells++
			worst = max(worst, theoretical-at)
			theoretical = max(at, theoretical) + increment
		}
	}
	t.Logf("%d cells of the shaped VC, the earliest %.1f ms before its time", cells, 1000*worst)
	if cells != atOnce || worst > tolerance {
		t.Errorf("of %d cells of the shaped VC one is %.1f ms early", cells, 1000*worst)
	}
}
