package main

import (
	"bytes"
	"context"
	enc "encoding/binary"
	"net"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// ours is the source of frames that tests put on a tunnel's device, to tell them from the host's own.
var ours = []byte{0x02, 0xAB, 0xCD, 0xEF, 0x01, 0x23}

// rawDevice is a socket to send frames by, as they are, on a device of a host.
func rawDevice(t *testing.T, h *lab.Host, dev string) int {
	t.Helper()
	fd := -1
	err := h.Do(func() (err error) {
		i, err := net.InterfaceByName(dev)
		if err != nil {
			return err
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: i.Index})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// ofHost is an Ethernet frame of ours.
func ofHost(to net.HardwareAddr, etherType []byte, payload int) []byte {
	f := append(append(bytes.Clone(to), ours...), etherType...)
	for i := range payload {
		f = append(f, byte(i))
	}
	return f
}

// hostFrames are one of each kind, and of each length about which something changes: the control word has a length up to 63
// octets, Ethernet pads to 60.
func hostFrames() (frames [][]byte) {
	station, group := net.HardwareAddr{2, 0, 0, 0, 0, 2}, net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}
	ipv4, ipv6, arp := []byte{0x08, 0}, []byte{0x86, 0xDD}, []byte{0x08, 0x06}
	for _, n := range []int{28, 32, 34, 35, 46, 100, 1495, 1496} {
		frames = append(frames, ofHost(station, arp, n), ofHost(station, ipv4, n), ofHost(group, ipv6, n),
			ofHost(station, []byte{0x81, 0, 0x20, 5, 0x08, 0}, n), ofHost(station, []byte{0x81, 0, 0x20, 5, 0x08, 0x06}, n),
			ofHost(station, []byte{0x88, 0xA8, 0, 7, 0x86, 0xDD}, n), ofHost(station, []byte{0, 100}, n)) // two kinds of tag, 802.3
	}
	return frames
}

// TestOffloadWire compares what the kernel sends with what the hub sends, octet by octet: over Ethernet all, over UDP all
// but what the two may choose (RFC 7510): the datagrams' identification and checksums, and IPv6's flow label.
func TestOffloadWire(t *testing.T) {
	for _, c := range offloadCarriers {
		for _, encap := range []string{"llc", "vcmux"} {
			t.Run(c.name+"/"+encap, func(t *testing.T) {
				t.Parallel()
				ctx := testContext(t)
				l := lab.ForTest(t, lab.Config{MTU: 1600, NoOffloads: true})
				far := startPeer(t, ctx, l.B, "--tap", tunnelDev, "--vc", "0/100", "--encap", encap, "--port", c.spec(l, 1, "aal5sdu"))
				far.waitUp(t, ctx, tunnelDev)
				want, _ := sentBy(t, ctx, l, c, encap, "off")
				got, kernel := sentBy(t, ctx, l, c, encap, "on")
				for i := range want {
					if !bytes.Equal(got[i], want[i]) {
						t.Errorf("frame %d\n%x, want\n%x", i, got[i], want[i])
					}
				}
				if kernel["tx_frames"] < uint64(len(want)) {
					t.Errorf("the kernel sent %d of %d: %v", kernel["tx_frames"], len(want), kernel)
				}
			})
		}
	}
}

// sentBy sends the host's frames by a tunnel, and gives what came to the far end's interface.
func sentBy(t *testing.T, ctx context.Context, l *lab.Lab, c carrier, encap, choice string) (seen [][]byte, kernel map[string]uint64) {
	t.Helper()
	p := startPeer(t, ctx, l.A, "--tap", tunnelDev, "--vc", "0/100", "--encap", encap, "--port", c.spec(l, 0, "aal5sdu"), "--offload", choice, "--bpffs", bpffsForTest(t))
	p.address(t, ctx, 0)
	pings(t, ctx, l.A, l.B.Addr4.Addr(), 56) // neighbours are known
	pings(t, ctx, l.A, l.B.Addr6.Addr(), 56)
	fd, from := rawDevice(t, l.A, tunnelDev), listenPackets(t, l.B, lab.Dev)
	buf := make([]byte, 2000)
	for _, frame := range hostFrames() {
		if _, err := unix.Write(fd, frame); err != nil {
			t.Fatal(err)
		}
		for {
			if f := from.read(t, buf); bytes.Contains(f, ours) {
				seen = append(seen, maskChosen(slices.Clone(f)))
				break
			}
		}
	}
	return seen, p.stop(t).Counters["kernel"]
}

// maskChosen clears what a sender may choose in a datagram.
func maskChosen(f []byte) []byte {
	switch enc.BigEndian.Uint16(f[12:]) {
	case 0x0800:
		clear(f[18:20]) // identification
		clear(f[24:26]) // IPv4's checksum
		clear(f[40:42]) // UDP's
	case 0x86DD:
		f[15] &= 0xF0
		clear(f[16:18]) // flow label
	}
	return f
}
