package nic

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/cellhub/cellhub/nic/link"
	"golang.org/x/sys/unix"
)

// testEtherType is one of the two for local experiments (IEEE 802), so nothing else speaks on the wire.
const testEtherType = 0x88b5

// namespace makes an anonymous namespace, which the kernel removes with all that is in it.
func namespace(t testing.TB) *link.Namespace {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	ns, err := link.NewNamespace("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	return ns
}

// in runs f in the namespace and fails the test on an error.
func in(t testing.TB, ns *link.Namespace, f func() error) {
	t.Helper()
	if err := ns.Do(f); err != nil {
		t.Fatal(err)
	}
}

// vethPair makes two namespaces joined by a veth, va in the first and vb in the second, both up and without IPv6,
// which would talk on its own.
func vethPair(t testing.TB, mtu int) (a, b *link.Namespace) {
	t.Helper()
	a, b = namespace(t), namespace(t)
	for _, ns := range []*link.Namespace{a, b} {
		in(t, ns, quietIPv6)
	}
	in(t, a, func() error {
		if err := link.AddVeth(link.Veth{Name: "va", Peer: "vb", MTU: mtu, PeerIn: b}); err != nil {
			return err
		}
		return link.Up("va")
	})
	in(t, b, func() error { return errors.Join(link.Up("vb"), running(t, "vb")) })
	in(t, a, func() error { return running(t, "va") })
	return a, b
}

// running waits until the kernel no longer drops what an interface is given.
func running(t testing.TB, name string) error {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return link.WaitRunning(ctx, name)
}

func quietIPv6() error {
	err := os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// closing closes the device with the test.
func closing(t testing.TB, dev Device) Device {
	t.Helper()
	t.Cleanup(func() { _ = dev.Close() })
	return dev
}

// buffers makes n buffers of size octets, cut from one.
func buffers(n, size int) [][]byte {
	bufs, memory := make([][]byte, n), make([]byte, n*size)
	for i := range bufs {
		bufs[i] = memory[i*size:][:size:size]
	}
	return bufs
}

// patience is how long a test waits for the kernel before it fails; it says nothing about speed.
const patience = 10 * time.Second

// waitFor sleeps until the device is ready for events, as a user of FD would.
func waitFor(t testing.TB, dev Device, events int16) {
	t.Helper()
	if dev.FD() < 0 {
		return
	}
	fds := []unix.PollFd{{Fd: int32(dev.FD()), Events: events}}
	if room := dev.Info().Room; room != nil && events == unix.POLLOUT {
		fds[0].Fd = int32(room())
	}
	for {
		n, err := unix.Poll(fds, int(patience.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			t.Fatalf("%s: poll for %#x: %d, %v", dev.Info().Name, events, n, err)
		}
		return
	}
}

// receiveN receives exactly n frames, copied.
func receiveN(t testing.TB, dev Device, n int) [][]byte {
	t.Helper()
	var frames [][]byte
	bufs := buffers(maxBatch, 1<<14)
	for len(frames) < n {
		room := append([][]byte(nil), bufs[:min(len(bufs), n-len(frames))]...)
		got, err := dev.Receive(room)
		if err != nil {
			t.Fatalf("%s: receive after %d of %d frames: %v", dev.Info().Name, len(frames), n, err)
		}
		for _, frame := range room[:got] {
			frames = append(frames, bytes.Clone(frame))
		}
		dev.Release()
		if got == 0 {
			waitFor(t, dev, unix.POLLIN)
		}
	}
	return frames
}

// transmitAll transmits every frame, waiting for room.
func transmitAll(t testing.TB, dev Device, frames [][]byte) {
	t.Helper()
	for len(frames) > 0 {
		n, err := dev.Transmit(frames)
		if err != nil {
			t.Fatalf("%s: transmit: %v", dev.Info().Name, err)
		}
		if frames = frames[n:]; len(frames) > 0 {
			waitFor(t, dev, unix.POLLOUT)
		}
	}
}

// etherFrame is a frame of length octets: broadcast, of our EtherType, with a pattern that differs by seed.
func etherFrame(length, seed int) []byte {
	frame := make([]byte, length)
	copy(frame, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, testEtherType >> 8, testEtherType & 0xff})
	for i := ethernetHeader; i < length; i++ {
		frame[i] = byte(i*7 + seed + i>>8)
	}
	return frame
}

func equalFrames(t testing.TB, got, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d frames, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("frame %d differs:\n got %d octets %x\nwant %d octets %x", i, len(got[i]), head(got[i]), len(want[i]), head(want[i]))
		}
	}
}

func head(frame []byte) []byte { return frame[:min(len(frame), 64)] }

// noAllocation runs pass, which moves a batch, and fails if it allocates.
func noAllocation(t *testing.T, pass func()) {
	t.Helper()
	pass() // what is made once is made now
	if n := testing.AllocsPerRun(50, pass); n != 0 {
		t.Errorf("%v allocations a pass, want none", n)
	}
}
