package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// What a switch tells the network of a CBR VC is what tshark sees outside: by a table of the configuration, which
// changes under traffic without a port being touched.
func TestQoS(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("needs tshark")
	}
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	far, err := l.Beyond(1600)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := "qos:\n  gold:\n    cbr: {dscp: ef, tc: 5}\n    ubr: {dscp: cs1, tc: 1}\n" +
		"ports:\n" +
		"  near: {spec: \"eth:" + lab.Dev + ",label=100\", number: 1}\n" +
		"  far: {spec: \"udp:203.0.113.1:6635,remote=203.0.113.2:6635,label=200,qos=gold\", number: 2}\n" +
		"xconnects:\n" +
		"  - {from: near 0/100, to: far 0/200, service: cbr, pcr: 60000}\n" +
		"  - {from: near 0/101, to: far 0/201}\n"
	file := write(t, filepath.Join(dir, "x.yaml"), text)
	d := startDaemon(t, l.B, filepath.Join(dir, "control"), "--config", file)
	d.has(t, file)
	s := &switchLab{l, far, controltest.Dial(t, d.path, control.RoleAdmin)}
	before := s.connOf(2, 200)
	startTap(t, l.A, "--tap", "atm0", "--vc", "0/100", "--port", "eth:"+lab.Dev+",label=100")
	startTap(t, far, "--tap", "atm0", "--vc", "0/200", "--port", "udp:203.0.113.2:6635,remote=203.0.113.1:6635,label=200")
	for i, h := range []*lab.Host{l.A, far} {
		if err := h.AddAddr("atm0", inner[i]); err != nil {
			t.Fatal(err)
		}
	}
	seen := func() string {
		pcap := filepath.Join(t.TempDir(), "far.pcap")
		c, err := lab.CaptureEth(far, lab.Dev, pcap)
		if err != nil {
			t.Fatal(err)
		}
		ping(t, l)
		if _, err := c.Stop(); err != nil {
			t.Fatal(err)
		}
		rows, err := lab.Tshark(t.Context(), pcap, "ip.src==203.0.113.1 && mpls.label==200", []string{"mpls.label==200,mplspwatmn1nocw"}, []string{"ip.dsfield.dscp", "mpls.exp"})
		if err != nil || len(rows) == 0 {
			t.Fatalf("%d frames, %v", len(rows), err)
		}
		for _, r := range rows {
			if r[0] != rows[0][0] || r[1] != rows[0][1] {
				return "not all alike" // the table has just changed
			}
		}
		return strings.Join(rows[0], " ")
	}
	if got := seen(); got != "46 5" {
		t.Errorf("CBR: DSCP and EXP %s, want 46 5", got)
	}
	write(t, file, strings.Replace(text, "ef, tc: 5", "af41, tc: 4", 1))
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	controltest.Until(t, "the table has changed", func() bool { return seen() == "34 4" })
	if now := s.connOf(2, 200); now != before {
		t.Errorf("the VC is %v, and was %v", now, before)
	}
}
