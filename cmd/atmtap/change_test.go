package main

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/nic/link"
)

// TestCarrierMTUChanges lowers the carrier's MTU under a tunnel of cells: frames are
// made shorter, and full-size packets go on passing. In AAL5 SDU mode, where they no
// longer can, the user is told so.
func TestCarrierMTUChanges(t *testing.T) {
	for _, c := range carriers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			l := lab.ForTest(t, lab.Config{MTU: 9000})
			near, said := startWatched(t, ctx, l.A, "--tap", tunnelDev, "--vc", "0/100", "--port", c.spec(l, 0, "n1"))
			far, heard := startWatched(t, ctx, l.B, "--tap", tunnelDev, "--vc", "0/100", "--port", c.spec(l, 1, "n1"))
			near.address(t, ctx, 0)
			far.address(t, ctx, 1)
			expectTraffic(t, ctx, l)
			for _, h := range []*lab.Host{l.A, l.B} {
				if err := h.Do(func() error { return link.SetMTU(lab.Dev, 1400) }); err != nil {
					t.Fatal(err)
				}
			}
			said.wait(t, 0, lab.Dev, "MTU 1400")
			heard.wait(t, 0, lab.Dev, "MTU 1400")
			r, err := lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 3, Size: 1472})
			if err != nil || r.Lost() != 0 {
				t.Errorf("full-size pings: %v, %v", r, err)
			}
			if _, err := lab.TCPTransfer(ctx, l.A, l.B, inner4[1].Addr(), lab.TCPConfig{Octets: 4 << 20}); err != nil {
				t.Error(err)
			}
			if d := near.stop(t).Counters["port"]["tx_drop_too_long"]; d > 64 {
				t.Errorf("%d frames were too long", d)
			}
		})
	}
	t.Run("aal5sdu", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		l := lab.ForTest(t, lab.Config{MTU: 1600})
		_, said := startWatched(t, ctx, l.A, "--tap", tunnelDev, "--vc", "0/100", "--port", carriers[0].spec(l, 0, "aal5sdu"))
		if err := l.A.WaitLink(ctx, tunnelDev); err != nil {
			t.Fatal(err)
		}
		if err := l.A.Do(func() error { return link.SetMTU(lab.Dev, 1400) }); err != nil {
			t.Fatal(err)
		}
		said.wait(t, 0, "--mtu 1500", "holds an MTU of")
	})
}

// TestRename renames the tunnel's device and its carrier: traffic goes on, and the
// device keeps its addresses.
func TestRename(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l := lab.ForTest(t, lab.Config{})
	near, said := startWatched(t, ctx, l.A, "--tap", tunnelDev, "--vc", "0/100", "--port", carriers[0].spec(l, 0, "n1"))
	far := startPeer(t, ctx, l.B, "--tap", tunnelDev, "--vc", "0/100", "--port", carriers[0].spec(l, 1, "n1"))
	near.address(t, ctx, 0)
	far.address(t, ctx, 1)
	for _, name := range []string{tunnelDev, lab.Dev} {
		if err := l.A.Rename(name, "new"+name); err != nil {
			t.Fatal(err)
		}
		said.wait(t, 0, name, "new"+name)
		expectTraffic(t, ctx, l)
	}
	near.stop(t)
}

// TestStoppedOutput gives atmtap an output that nobody reads: traffic and recovery go
// on, and SIGTERM ends it.
func TestStoppedOutput(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	name := programs.Path(t, "atmtap")
	l := lab.ForTest(t, lab.Config{})
	idle, stuck, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close() // nobody reads it, but while it is open nothing written is an error
	defer stuck.Close()
	fill(t, stuck)
	cmd := l.A.Command(ctx, name, "--tap", tunnelDev, "--vc", "0/100", "--port", carriers[0].spec(l, 0, "n1"))
	cmd.Stdout, cmd.Stderr = stuck, stuck
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	near := &peer{host: l.A, cmd: cmd}
	far := startPeer(t, ctx, l.B, "--tap", tunnelDev, "--vc", "0/100", "--port", carriers[0].spec(l, 1, "n1"))
	near.addAddrs(t, ctx, 0)
	far.address(t, ctx, 1)
	if err := l.A.Delete(tunnelDev); err != nil { // which is worth a message
		t.Fatal(err)
	}
	near.addAddrs(t, ctx, 0)
	expectTraffic(t, ctx, l)
	stop := time.Now()
	_ = cmd.Stop(syscall.SIGTERM)
	if took := time.Since(stop); took > 2*summaryTimeout {
		t.Errorf("it took %v to end", took)
	}
}

// fill writes to a pipe until it takes no more.
func fill(t *testing.T, pipe *os.File) {
	t.Helper()
	if err := pipe.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := pipe.Write(make([]byte, 4096)); err != nil {
			_ = pipe.SetWriteDeadline(time.Time{})
			return
		}
	}
}
