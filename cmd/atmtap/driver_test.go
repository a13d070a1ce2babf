package main

import (
	"strings"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// With driver=auto the first port of an interface is AF_XDP's and the next, as there can be one, AF_PACKET's; each says so.
// A port that insists is refused, with the remedy.
func TestDriverAuto(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	for i, want := range []string{"AF_XDP: native XDP", "AF_PACKET: AF_XDP"} {
		dev, label := "atm"+string(rune('0'+i)), "label=10"+string(rune('0'+i))
		p := startPeer(t, ctx, l.A, "--tap", dev, "--vc", "0/100", "--port", "eth:eth0,driver=auto,"+label)
		p.waitUp(t, ctx, dev)
		p.stderr.wait(t, 0, want)
	}
	name := programs.Path(t, "atmtap")
	line := refused(t, l.A.Command(ctx, name, "--tap", "atm2", "--vc", "0/100", "--port", "eth:eth0,driver=xdp,label=102"))
	if !strings.Contains(line, "queue") || !strings.Contains(line, "driver=packet") {
		t.Errorf("refused with %q", line)
	}
}
