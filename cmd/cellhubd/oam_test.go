package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// cellctl runs the program against a daemon and gives what it prints.
func cellctl(t *testing.T, d *peer, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), controltest.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, programs.Path(t, "cellctl"), append([]string{"--control", d.path}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// mustCellctl is cellctl where no error is expected.
func mustCellctl(t *testing.T, d *peer, args ...string) string {
	t.Helper()
	text, err := cellctl(t, d, args...)
	if err != nil {
		t.Fatalf("cellctl %s: %v: %s", strings.Join(args, " "), err, text)
	}
	return text
}

// oamLab is two daemons with a TAP on a VC, and a switch that loses cells between them, as a user sets it up.
type oamLab struct {
	*lab.Lab
	near, mid, far *peer
	farHost        *lab.Host
}

func newOAMLab(t *testing.T, mode, harm string) *oamLab {
	t.Helper()
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	farHost, err := l.Beyond(1600)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	daemon := func(h *lab.Host, name, text string) *peer {
		return startDaemon(t, h, filepath.Join(dir, name), "--config", write(t, filepath.Join(dir, name+".yaml"), text))
	}
	end := func(label, vc string) string {
		modules := "rfc2684 llc bridged, aal5"
		if mode == "aal5sdu" {
			modules = "rfc2684 llc bridged"
		}
		return "ports: {p: \"eth:" + lab.Dev + ",label=" + label + ",mode=" + mode + "\"}\n" +
			"streams: {lan: {top: tap atm0, modules: [" + modules + "]}}\npvcs: [{port: p, vc: " + vc + ", stream: lan}]\n"
	}
	o := &oamLab{Lab: l, farHost: farHost, near: daemon(l.A, "near", end("100", "0/100")), far: daemon(farHost, "far", end("200", "0/200"))}
	o.mid = daemon(l.B, "switch", "ports:\n  near: {spec: \"eth:"+lab.Dev+",label=100,mode="+mode+harm+"\", number: 1}\n  far: {spec: \"eth:"+lab.Uplink+",label=200,mode="+mode+"\", number: 2}\n"+
		"xconnects:\n  - {from: near 0/100, to: far 0/200}\n")
	for i, h := range []*lab.Host{l.A, farHost} {
		if err := h.AddAddr("atm0", inner[i]); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// oamShown is what "cellctl oam show --json" says.
type oamShown struct {
	Defects     string
	Performance struct {
		Block          uint64
		Activation     string
		Received, Sent struct{ Blocks, Cells, Lost, Misinserted, Errored uint64 }
	}
}

func shownOAM(t *testing.T, d *peer, vc string) (v oamShown) {
	t.Helper()
	if err := json.Unmarshal([]byte(mustCellctl(t, d, "--json", "oam", "show", "p", vc)), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Performance monitoring from end to end, through a switch that loses cells: asked for by activation, granted, and
// what the far end has found missing is what the switch has counted as lost, no more; the near end has it by reports.
// tshark sees the monitoring cells.
func TestPerformance(t *testing.T) {
	l := newOAMLab(t, "n1", ",loss=0.02,seed=5")
	mustCellctl(t, l.far, "oam", "set", "p", "0/200", "pm=answer")
	mustCellctl(t, l.near, "oam", "set", "p", "0/100", "pm=ask:128")
	file := filepath.Join(t.TempDir(), "near.pcap")
	capture, err := lab.CaptureEth(l.A, lab.Dev, file)
	if err != nil {
		t.Fatal(err)
	}
	controltest.Until(t, "activation is granted", func() bool { return shownOAM(t, l.near, "0/100").Performance.Activation == "granted" })
	controltest.Until(t, "30 blocks are judged, and something was lost", func() bool {
		_, _ = lab.Ping(context.Background(), l.A, inner[1].Addr(), lab.PingConfig{Count: 20, Size: 1400, Wait: 2e7})
		p := shownOAM(t, l.far, "0/200").Performance
		return p.Received.Blocks >= 30 && p.Received.Lost > 0
	})
	if _, err := capture.Stop(); err != nil {
		t.Fatal(err)
	}
	c := controltest.Dial(t, l.mid.path, control.RoleAdmin)
	far, near := shownOAM(t, l.far, "0/200").Performance, shownOAM(t, l.near, "0/100").Performance
	lost := c.Counters(c.Must(c.ATM(control.ATMPortStat, control.ATM{Port: 1})))["impair_lost"]
	if far.Received.Cells < 30*128 || far.Received.Misinserted != 0 || far.Block != 128 {
		t.Errorf("the far end has found %+v", far)
	}
	if near.Sent.Lost > far.Received.Lost || near.Sent.Blocks == 0 {
		t.Errorf("the near end was told of %+v, the far end has found %+v", near.Sent, far.Received)
	}
	if far.Received.Lost > lost || lost == 0 {
		t.Errorf("%d cells are missing at the far end, and %d were lost", far.Received.Lost, lost)
	}
	seeMonitoring(t, file)
	if text := mustCellctl(t, l.near, "oam", "show", "p", "0/100"); !strings.Contains(text, "blocks of 128 cells; activation granted") || !strings.Contains(text, "MISINSERTED") {
		t.Errorf("shown as\n%s", text)
	}
	mustCellctl(t, l.near, "oam", "set", "p", "0/100", "off")
}

// seeMonitoring looks for cells of the OAM flow with tshark: those of activation alone, those of monitoring behind
// user cells. (It decodes no more of them inside a pseudowire; in aal/layers it is compared field by field.)
func seeMonitoring(t *testing.T, file string) {
	t.Helper()
	rows, err := lab.Tshark(t.Context(), file, "oamaal", []string{"mpls.label==100,mplspwatmn1nocw"}, []string{"atm.pti"})
	if err != nil {
		t.Fatal(err)
	}
	alone, behind := 0, 0
	for _, r := range rows {
		switch {
		case r[0] == "5":
			alone++
		case strings.HasSuffix(r[0], ",5"), strings.Contains(r[0], ",5,"):
			behind++
		}
	}
	if alone == 0 || behind < 10 {
		t.Errorf("tshark sees %d frames of an OAM cell, %d of one behind others", alone, behind)
	}
}

// A trace of a VC shows each point that it passes, with its name, and the far end; a ping comes back from the end, in
// cells and beside SDUs.
func TestTrace(t *testing.T) {
	for _, mode := range []string{"n1", "aal5sdu"} {
		t.Run(mode, func(t *testing.T) {
			l := newOAMLab(t, mode, "")
			ping(t, l.Lab)
			id := "7377697463682d316a6a6a6a6a6a6a6a" // "switch-1", filled up with 6A
			mustCellctl(t, l.mid, "oam", "set", "near", "0/100", "id="+id)
			mustCellctl(t, l.near, "oam", "set", "p", "0/100", "source")
			text := mustCellctl(t, l.near, "oam", "trace", "p", "0/100")
			lines := strings.Split(strings.TrimSpace(text), "\n")
			if len(lines) != 2 || !strings.Contains(lines[0], id+" (switch-1)") || !strings.Contains(lines[1], "a segment's end without identifier") {
				t.Errorf("traced\n%s", text)
			}
			for _, d := range []struct {
				*peer
				port, vc string
			}{{l.near, "p", "0/100"}, {l.mid, "near", "0/100"}, {l.mid, "far", "0/200"}, {l.far, "p", "0/200"}} {
				if text := mustCellctl(t, d.peer, "oam", "ping", d.port, d.vc); !strings.Contains(text, "answered after") {
					t.Errorf("%s %s: %s", d.port, d.vc, text)
				}
			}
			if text := mustCellctl(t, l.near, "oam", "ping", "p", "0/100", "--segment", "--id", id); !strings.Contains(text, "answered after") {
				t.Errorf("a ping of the switch: %s", text)
			}
		})
	}
}
