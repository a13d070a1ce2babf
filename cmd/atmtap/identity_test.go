package main

import (
	"bytes"
	"context"
	"errors"
	"math/bits"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/follow"
	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/nic/link"
)

// startOver starts an n1 tunnel over Ethernet and waits for its traffic.
func startOver(t *testing.T, ctx context.Context, l *lab.Lab, args ...string) (near, far *peer) {
	t.Helper()
	peers := startTunnel(t, ctx, l, carriers[0], "n1", append([]string{"--tap", tunnelDev}, args...)...)
	expectTraffic(t, ctx, l)
	return peers[0], peers[1]
}

// testContext bounds a test that something has gone wrong in.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// until waits for a state.
func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !reached(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// TestCarrierMACChanged gives the carrier's interface one address after the other while frames come: none is lost, and
// those that go out have the new address.
func TestCarrierMACChanged(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	p := startPeer(t, ctx, l.A, "--tap", tunnelDev, "--vc", "0/100", "--port", carriers[0].spec(l, 0, "n1"))
	p.address(t, ctx, 0)
	far := newRawSender(t, l.B)
	const changes, frames = 20, 100 // frames between two changes
	good := slices.Concat(goodFrames("n1")...)
	var last net.HardwareAddr
	for i := range changes {
		last = net.HardwareAddr{2, 0, 0, 0, 1, byte(i)}
		done := make(chan error)
		go func() {
			done <- l.A.Do(func() error { return link.SetHardwareAddr(lab.Dev, last) })
		}()
		for range frames {
			far.send(t, good)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	until(t, "frames from the new address", func() bool {
		source := make(chan net.HardwareAddr, 1)
		err := l.B.Do(func() error {
			fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(bits.ReverseBytes16(etherMPLS)))
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			limit := unix.Timeval{Usec: 200_000}
			if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
				return err
			}
			_, _ = lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 1, Wait: 20 * time.Millisecond})
			frame := make([]byte, 2000)
			for n, from, err := unix.Recvfrom(fd, frame, 0); err == nil && n >= 14; n, from, err = unix.Recvfrom(fd, frame, 0) {
				if at, ok := from.(*unix.SockaddrLinklayer); ok && at.Pkttype != unix.PACKET_OUTGOING {
					source <- slices.Clone(frame[6:12])
					return nil
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		select {
		case s := <-source:
			return slices.Equal(s, last)
		default:
			return false
		}
	})
	waitReceived(t, l.A, tunnelDev, changes*frames)
	if r := p.stop(t); r.Counters["port"]["rx_frames"] != changes*frames || len(r.drops()) > 0 {
		t.Errorf("%d frames received, want %d; drops %v", r.Counters["port"]["rx_frames"], changes*frames, r.drops())
	}
}

// pings waits until one passes from a host to an address.
func pings(t *testing.T, ctx context.Context, from *lab.Host, to netip.Addr, size int) {
	t.Helper()
	until(t, "a ping", func() bool {
		r, err := lab.Ping(ctx, from, to, lab.PingConfig{Count: 1, Size: size, Wait: 100 * time.Millisecond})
		return err == nil && r.Lost() == 0
	})
}

// TestTAPMovedToANamespace gives the tunnel's device to a container: traffic goes on there,
// the device is nobody's to make again until the container ends, and then it is.
func TestTAPMovedToANamespace(t *testing.T) {
	t.Parallel()
	for _, name := range []string{tunnelDev, "eth9"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			l := lab.ForTest(t, lab.Config{})
			near, _ := startOver(t, ctx, l)
			container, err := l.Beyond(1500)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.A.MoveLink(tunnelDev, container, name); err != nil {
				t.Fatal(err)
			}
			near.stderr.wait(t, 0, tunnelDev, "another network namespace", name)
			if err := errors.Join(container.SetUp(name, true), container.AddAddr(name, inner4[0])); err != nil {
				t.Fatal(err)
			}
			pings(t, ctx, container, inner4[1].Addr(), 1000)
			if _, err := l.A.Link(tunnelDev); !errors.Is(err, link.ErrNotFound) {
				t.Errorf("another %s was made: %v", tunnelDev, err)
			}
			from := len(near.stderr.String())
			if err := container.Delete(name); err != nil { // as the end of the namespace does
				t.Fatal(err)
			}
			near.stderr.wait(t, from, name, "deleted")
			near.address(t, ctx, 0)
			expectTraffic(t, ctx, l)
			near.stop(t)
		})
	}
}

// TestTakenTAPMovedIsPutBack ends atmtap while an administrator's TAP is elsewhere: there it
// is left as it was.
func TestTakenTAPMovedIsPutBack(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	dev := persistent{flags: unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR, mtu: 1400}
	if err := l.A.Do(func() error { return dev.make(tunnelDev) }); err != nil {
		t.Fatal(err)
	}
	p := startPeer(t, ctx, l.A, "--tap", tunnelDev, "--vc", "0/100", "--mtu", "1300", "--port", "eth:eth0,label=100")
	p.waitUp(t, ctx, tunnelDev)
	if err := l.A.MoveLink(tunnelDev, l.B, tunnelDev); err != nil {
		t.Fatal(err)
	}
	p.stderr.wait(t, 0, "another network namespace")
	p.stop(t)
	err := l.B.Do(func() error {
		state, err := link.Get(tunnelDev)
		if err == nil && state.MTU != 1400 {
			t.Errorf("its MTU is %d", state.MTU)
		}
		info, failed := link.TunInfo(tunnelDev)
		if want := (link.TUN{TAP: true, VnetHdr: true, Persist: true}); info != want {
			t.Errorf("it is %+v, want %+v", info, want)
		}
		return errors.Join(err, failed)
	})
	if err != nil {
		t.Error(err)
	}
}

// TestStrangerWithTheOldName renames the carrier, gives its name to another network's
// interface, and changes the carrier: nothing goes out by the stranger, even when the
// carrier is deleted.
func TestStrangerWithTheOldName(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	near, far := startOver(t, ctx, l)
	if err := l.A.Rename(lab.Dev, "wan0"); err != nil {
		t.Fatal(err)
	}
	near.stderr.wait(t, 0, lab.Dev, "is called wan0 now")
	err := l.A.Do(func() error {
		return errors.Join(link.AddVeth(link.Veth{Name: lab.Dev, Peer: "lan"}), link.Up(lab.Dev), link.Up("lan"))
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "lan.pcap")
	capture, err := lab.CaptureEth(l.A, "lan", file)
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]*lab.Host{"wan0": l.A, lab.Dev: l.B} {
		if err := h.Do(func() error { return link.SetMTU(name, 1400) }); err != nil {
			t.Fatal(err)
		}
	}
	far.stderr.wait(t, 0, lab.Dev, "MTU 1400")
	near.stderr.wait(t, 0, "wan0", "MTU 1400")
	expectTraffic(t, ctx, l)
	from := len(near.stderr.String())
	if err := l.A.Delete("wan0"); err != nil {
		t.Fatal(err)
	}
	near.stderr.wait(t, from, "wan0", "deleted")
	_, _ = lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 3, Wait: 20 * time.Millisecond})
	near.stop(t)
	far.stop(t)
	if _, err := capture.Stop(); err != nil {
		t.Fatal(err)
	}
	frames, err := os.ReadFile(file)
	if err != nil || bytes.Contains(frames, []byte{0x88, 0x47}) {
		t.Errorf("MPLS went out by the stranger, or it is not known: %v", err)
	}
}

// TestRenamedDeletedMadeAgain renames both devices, deletes them and makes the carrier
// again: each comes back once, under the name it was given first.
func TestRenamedDeletedMadeAgain(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	near, _ := startOver(t, ctx, l)
	for _, name := range []string{tunnelDev, lab.Dev} {
		if err := l.A.Rename(name, "new"+name); err != nil {
			t.Fatal(err)
		}
		from := near.stderr.wait(t, 0, name, "is called new"+name)
		if err := l.A.Delete("new" + name); err != nil {
			t.Fatal(err)
		}
		near.stderr.wait(t, from, "new"+name, "deleted")
		if name == lab.Dev {
			if err := l.Join(); err != nil {
				t.Fatal(err)
			}
		}
		near.stderr.wait(t, from, name, "is back")
	}
	near.address(t, ctx, 0)
	expectTraffic(t, ctx, l)
	state, err := l.A.Link(tunnelDev)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * follow.RetryInterval) // in which it must not be made again
	if later, err := l.A.Link(tunnelDev); err != nil || later.Index != state.Index {
		t.Errorf("it was number %d and is %d, %v: made again", state.Index, later.Index, err)
	}
	near.stop(t)
}

// TestEnslavedLater puts the carrier into a bridge under a running tunnel: atmtap says who
// has its frames now.
func TestEnslavedLater(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	near, _ := startOver(t, ctx, l)
	if err := l.A.Do(func() error { return bridgeOf("br0", lab.Dev) }); err != nil {
		t.Fatal(err)
	}
	near.stderr.wait(t, 0, lab.Dev, "belongs to br0")
}

// TestReopenedOnce changes the carrier's address while pings go: it is opened again, and
// none comes twice.
func TestReopenedOnce(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	near, far := startOver(t, ctx, l)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range byte(5) {
			_ = l.A.Do(func() error { return link.SetHardwareAddr(lab.Dev, []byte{2, 0, 0, 0, 1, i}) })
			time.Sleep(150 * time.Millisecond)
		}
	}()
	r, err := lab.Ping(ctx, l.B, inner4[0].Addr(), lab.PingConfig{Count: 400, Interval: 2 * time.Millisecond, Wait: time.Second})
	if err != nil || r.Duplicates != 0 || r.Received < 300 {
		t.Errorf("%v, %d twice, %v", r, r.Duplicates, err)
	}
	<-done
	expectTraffic(t, ctx, l)
	n, f := near.stop(t), far.stop(t)
	if got, sent := n.Counters["port"]["rx_frames"], f.Counters["port"]["tx_frames"]; got > sent {
		t.Errorf("%d frames were received of %d", got, sent)
	}
}
