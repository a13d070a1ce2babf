package main

import (
	"bytes"
	enc "encoding/binary"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// Octets of a hand-made flow of TCP.
const (
	superSize    = 1000 // payload of a segment
	superLast    = 1    // of the last
	superPayload = 2*superSize + superLast
)

// onesSum adds up octets as RFC 1071 does, on top of a sum.
func onesSum(sum uint32, p []byte) uint32 {
	for i := 0; i < len(p); i += 2 {
		word := uint32(p[i]) << 8
		if i+1 < len(p) {
			word |= uint32(p[i+1])
		}
		sum += word
	}
	for sum > 0xFFFF {
		sum = sum&0xFFFF + sum>>16
	}
	return sum
}

// segmentOf is a frame of the flow: its payload from an octet to another, the n-th of the super-frame. The last one has FIN.
// Whole, its checksum is right; else it is left to a device.
func segmentOf(v6 bool, tag []byte, from, to, n int, whole bool) (frame []byte, tcp int) {
	payload := make([]byte, to-from)
	for i := range payload {
		payload[i] = byte((from + i) * 7)
	}
	flags := byte(0x10)
	if to == superPayload {
		flags |= 0x01
	}
	segment := append([]byte{0x30, 0x39, 0, 80}, enc.BigEndian.AppendUint32(nil, uint32(1000+from))...)
	segment = append(segment, 0, 0, 0, 1, 0x50, flags, 0x20, 0, 0, 0, 0, 0)
	segment = append(segment, payload...)
	var ip, addresses []byte
	if v6 {
		addresses = append([]byte{0xFD, 15: 1}, append([]byte{0xFD}, append(make([]byte, 14), 2)...)...)
		ip = append(enc.BigEndian.AppendUint16([]byte{0x60, 0, 0, 0}, uint16(len(segment))), 6, 64)
		ip = append(ip, addresses...)
	} else {
		addresses = []byte{10, 0, 0, 1, 10, 0, 0, 2}
		ip = enc.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(20+len(segment)))
		ip = append(enc.BigEndian.AppendUint16(ip, uint16(7+n)), 0x40, 0, 64, 6, 0, 0)
		ip = append(ip, addresses...)
		enc.BigEndian.PutUint16(ip[10:], ^uint16(onesSum(0, ip)))
	}
	sum := onesSum(onesSum(0, addresses), []byte{0, 6, byte(len(segment) >> 8), byte(len(segment))})
	if whole {
		sum = uint32(^uint16(onesSum(sum, segment)))
	}
	enc.BigEndian.PutUint16(segment[16:], uint16(sum))
	etherType := []byte{0x08, 0}
	if v6 {
		etherType = []byte{0x86, 0xDD}
	}
	frame = slices.Concat([]byte{2, 0, 0, 0, 0, 2}, ours, tag, etherType, ip)
	return append(frame, segment...), len(frame)
}

// TestOffloadSuperFrames puts super-frames on a tunnel's device whose cable takes none: each segment leaves with the whole
// head, its own lengths, and the tag of a VLAN, octet by octet as when it is sent alone.
func TestOffloadSuperFrames(t *testing.T) {
	for _, c := range offloadCarriers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			l := lab.ForTest(t, lab.Config{MTU: 1600, NoOffloads: true})
			peers := startEnds(t, ctx, l, c, [2]string{"on", "off"}, "--gso", "on")
			pings(t, ctx, l.A, l.B.Addr4.Addr(), 56) // neighbours are known
			pings(t, ctx, l.A, l.B.Addr6.Addr(), 56)
			alone, super, wire := rawDevice(t, l.A, tunnelDev), rawDevice(t, l.A, tunnelDev), listenPackets(t, l.B, lab.Dev)
			if err := unix.SetsockoptInt(super, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
				t.Fatal(err)
			}
			next := func() []byte {
				for buf := make([]byte, 2000); ; {
					if f := wire.read(t, buf); bytes.Contains(f, ours) {
						return maskChosen(slices.Clone(f))
					}
				}
			}
			for _, v6 := range []bool{false, true} {
				for _, tag := range [][]byte{nil, {0x81, 0, 0x60, 5}} {
					name := fmt.Sprintf("IPv6 %t, tag %x", v6, tag)
					var want [3][]byte
					for i := range want {
						frame, _ := segmentOf(v6, tag, i*superSize, min((i+1)*superSize, superPayload), i, true)
						if _, err := unix.Write(alone, frame); err != nil {
							t.Fatal(err)
						}
						want[i] = next()
					}
					frame, tcp := segmentOf(v6, tag, 0, superPayload, 0, false)
					kind := byte(1) // VIRTIO_NET_HDR_GSO_TCPV4, or TCPV6
					if v6 {
						kind = 4
					}
					header := []byte{1, kind}
					for _, n := range []int{tcp + 20, superSize, tcp, 16} {
						header = enc.NativeEndian.AppendUint16(header, uint16(n))
					}
					if _, err := unix.Write(super, append(header, frame...)); err != nil {
						t.Fatal(err)
					}
					for i := range want {
						if got := next(); !bytes.Equal(got, want[i]) {
							t.Errorf("%s, segment %d:\n%x, want\n%x", name, i, got, want[i])
						}
					}
				}
			}
			n := peers[0].stop(t).Counters
			if k := n["kernel"]; k["tx_frames"] < 24 || k["tx_to_hub"] != 0 {
				t.Errorf("the kernel counted %v", k)
			}
		})
	}
}
