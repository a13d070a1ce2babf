package main

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// background runs a command of cellctl until the test ends it.
func (s *site) background(args ...string) (log *controltest.Log, end func()) {
	s.t.Helper()
	log = new(controltest.Log)
	c := exec.Command(programs.Path(s.t, "cellctl"), append([]string{"--control", s.path("hub"), "--signalling", s.path("sig")}, args...)...)
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	return log, func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil {
			s.t.Errorf("cellctl %s: %v: %s", strings.Join(args, " "), err, log.String())
		}
	}
}

// What cellctl shows of signalling as it flows: a line a message, messages in full, and a file
// in which tshark sees SSCOP, ILMI and Q.2931.
func TestTrace(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	l := lab.ForTest(t, lab.Config{})
	a, b := newSite(t, l.A), newSite(t, l.B)
	a.port(1, "eth:"+lab.Dev+",label=100")
	b.port(1, "eth:"+lab.Dev+",label=100")
	b.signalling("interfaces: [{port: 1, side: network, ilmi: {prefixes: [47.0005.80FFE1000000F20F2200]}}]\nroutes: {\"*\": [1]}")
	short, endShort := b.background("trace", "sig")
	full, endFull := b.background("trace", "sig", "-v")
	file := b.path("sig.pcap")
	_, endFile := b.background("trace", "sig", "-w", file)
	fields := func() string {
		out, _ := exec.Command(tshark, "-n", "-r", file, "-T", "fields", "-E", "separator=,", "-e", "atm.vci", "-e", "_ws.col.Source", "-e", "sscop.type",
			"-e", "q2931.message_type", "-e", "snmp.name").Output() // cut off at its end
		return string(out)
	}
	controltest.Until(t, "PDUs are captured", func() bool { return strings.Contains(fields(), "16,") })
	a.signalling("interfaces: [{port: 1, side: user, ilmi: {esis: [\"00:20:EA:00:0E:E0\"]}}]\nroutes: {\"*\": [1]}")
	callee, caller := b.leaf(addressB), a.client()
	controltest.Until(t, "a call is traced", func() bool {
		c, err := caller.Dial(within(t), "svc://"+addressB, &client.Config{Multipoint: true})
		if err == nil {
			<-callee.calls
			c.Close()
		}
		return strings.Contains(short.String(), "> RELEASE COMPLETE") && strings.Contains(full.String(), "RELEASE COMPLETE")
	})
	for _, want := range []string{"port 1 < SETUP call 1/0 to 47000580ffe1000000f20f22000020ea000ee100 party 0\n", "port 1 > CONNECT call 1/1 VPCI 0 VCI 32 party 0\n",
		"cause 16 \"normal call clearing\"\n"} {
		if !strings.Contains(short.String(), want) {
			t.Errorf("no %q in %s", want, short.String())
		}
	}
	for _, want := range []string{"port 1 < SETUP, call reference 1, flag 0\n  ", "\n    configuration: point-to-multipoint (1)\n", "\n    best effort: 1\n"} {
		if !strings.Contains(full.String(), want) {
			t.Errorf("no %q in %s", want, full.String())
		}
	}
	// SSCOP: BGN 1, BGAK 2, SD 8. Q.2931: SETUP 5, CONNECT 7, RELEASE 77, RELEASE COMPLETE 90.
	for _, want := range []string{"5,DTE,0x01,", ",0x02,", "5,DCE,0x08,0x05,", "5,DTE,0x08,0x07,", "5,DCE,0x08,0x4d,", "5,DTE,0x08,0x5a,", "16,DTE,,,1.3.6.1.4.1.353"} {
		controltest.Until(t, "tshark sees "+want, func() bool { return strings.Contains(fields(), want) })
	}
	endShort()
	endFull()
	endFile()
}
