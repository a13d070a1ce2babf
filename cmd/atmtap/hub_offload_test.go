package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// TestInHubOffload has the kernel carry a tunnel of a daemon, over Ethernet and in UDP: with the daemon killed, or both processes, it goes
// on, and new ones take it over and end it.
func TestInHubOffload(t *testing.T) {
	for _, c := range offloadCarriers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			l := lab.ForTest(t, lab.Config{MTU: 1600})
			bpffs := bpffsForTest(t)
			d := startHub(t, l.A)
			args := func(side int) []string {
				return []string{"--tap", tunnelDev, "--vc", "0/100", "--port", c.spec(l, side, "aal5sdu"), "--offload", "on", "--bpffs", bpffs}
			}
			far := startPeer(t, ctx, l.B, args(1)...)
			far.address(t, ctx, 1)
			near := startPeer(t, ctx, l.A, append(args(0), "--hub="+d.path)...)
			near.stderr.Wait(t, near.cmd.Done(), "carried by the kernel")
			near.addAddrs(t, ctx, 0)
			pings(t, ctx, l.A, inner4[1].Addr(), 1400)
			if r := d.running(t); len(r.Streams) != 1 || len(r.PVCs) != 1 {
				t.Errorf("the daemon has %+v", r)
			}

			if c.name == "eth" {
				_ = near.cmd.Stop(syscall.SIGKILL)
			}
			_ = d.cmd.Stop(syscall.SIGKILL)
			<-near.cmd.Done() // without a daemon it ends, and leaves the tunnel where it is
			until(t, "the end of the daemon's device", func() bool { _, err := l.A.Link(tunnelDev + "-hub"); return err != nil })
			if _, err := lab.TCPTransfer(ctx, l.B, l.A, inner4[0].Addr(), lab.TCPConfig{Octets: 1 << 20}); err != nil {
				t.Errorf("nobody there: %v", err)
			}

			d = startHub(t, l.A)
			near = startPeer(t, ctx, l.A, append(args(0), "--hub="+d.path)...)
			near.stderr.Wait(t, near.cmd.Done(), "taken over from an earlier process")
			pings(t, ctx, l.A, inner6[1].Addr(), 56)
			n := near.stop(t).Counters
			if n["kernel"]["rx_frames"] < 700 || n["tap"]["tx_frames"] < 700 || n["port"]["rx_sdus"] < 700 || n["rfc2684"]["rx_frames"] < 700 {
				t.Errorf("counted %v", n)
			}
			if _, err := l.A.Link(tunnelDev); err == nil {
				t.Errorf("%s is left", tunnelDev)
			}
			if r := d.running(t); len(r.Ports)+len(r.Streams)+len(r.PVCs) != 0 {
				t.Errorf("left: %+v", r)
			}
			far.stop(t)
			if names := pinned(t, bpffs); len(names) != 0 {
				t.Errorf("pinned still: %v", strings.Join(names, " "))
			}
		})
	}
}
