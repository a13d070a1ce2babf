package modules

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/nic"
)

// marked are packets with an ECN field, as a TUN gives them, and in frames as a TAP does.
func marked(mark uint8) map[string]struct {
	frame []byte
	kind  aal.Kind
} {
	v4 := append([]byte{0x45, 46<<2 | mark, 0, 24, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 7}, 1, 2, 3, 4)
	binary.BigEndian.PutUint16(v4[ipv4SumAt:], checksum(0, v4[:ipv4Header]))
	v6 := append([]byte{0x60 | 46>>2, 46<<6&0xFF | mark<<4 | 5, 6, 7, 0, 4, 17, 64}, make([]byte, 36)...)
	bridged := func(tags int, etherType uint16, packet []byte) []byte {
		f := bytes.Repeat([]byte{2}, etherTypeAt)
		for range tags {
			f = append(f, 0x81, 0, 0, 7)
		}
		return append(binary.BigEndian.AppendUint16(f, etherType), packet...)
	}
	return map[string]struct {
		frame []byte
		kind  aal.Kind
	}{
		"IPv4": {v4, aal.Routed}, "IPv6": {v6, aal.Routed},
		"IPv4 in Ethernet": {bridged(0, etherTypeIPv4, v4), aal.Bridged}, "IPv6 in Ethernet": {bridged(0, etherTypeIPv6, v6), aal.Bridged},
		"IPv4 in a VLAN": {bridged(1, etherTypeIPv4, v4), aal.Bridged}, "IPv6 in two": {bridged(2, etherTypeIPv6, v6), aal.Bridged},
	}
}

// RFC 6040, figure 4: the mark that a packet has after the tunnel, by what it has itself and what the outer header had.
// Its "(!)" and "(!!!)" combinations only want to be logged, where anybody listens.
func TestDecapsulateMarks(t *testing.T) {
	const drop = 0xFF
	figure := map[uint8][4]uint8{ // by inner: for outer Not-ECT, ECT(1), ECT(0) and CE, as they are numbered
		nic.NotECT: {nic.NotECT, nic.NotECT, nic.NotECT, drop},
		nic.ECT0:   {nic.ECT0, nic.ECT1, nic.ECT0, nic.CE},
		nic.ECT1:   {nic.ECT1, nic.ECT1, nic.ECT1, nic.CE},
		nic.CE:     {nic.CE, nic.CE, nic.CE, nic.CE},
	}
	for inner, row := range figure {
		for outer, want := range row {
			for name, c := range marked(inner) {
				ip := innerIP(c.frame, c.kind)
				if markOf(ip) != inner {
					t.Fatalf("%s: inner mark %d is read as %d", name, inner, markOf(ip))
				}
				ok := decapsulate(ip, uint8(outer))
				switch {
				case ok != (want != drop):
					t.Errorf("%s, inner %d, outer %d: passes: %v", name, inner, outer, ok)
				case ok && !bytes.Equal(c.frame, marked(want)[name].frame): // the checksum too, and nothing else
					t.Errorf("%s, inner %d, outer %d: %x, want %x", name, inner, outer, c.frame, marked(want)[name].frame)
				}
			}
		}
	}
}

// What is no whole IP header has no mark, and is let alone.
func TestMarksOfOtherFrames(t *testing.T) {
	for name, c := range marked(nic.ECT0) {
		whole := len(c.frame) - len(innerIP(c.frame, c.kind)) + ipv4Header
		if name == "IPv6" || name == "IPv6 in Ethernet" || name == "IPv6 in two" {
			whole += ipv6Header - ipv4Header
		}
		for n := range whole {
			if ip := innerIP(c.frame[:n], c.kind); ip != nil {
				t.Errorf("%s: %d octets of it are taken for a packet", name, n)
			}
		}
	}
	arp := append(bytes.Repeat([]byte{2}, etherTypeAt), append([]byte{8, 6}, make([]byte, 46)...)...)
	before := bytes.Clone(arp)
	if ip := innerIP(arp, aal.Bridged); ip != nil || !decapsulate(ip, nic.CE) || !bytes.Equal(arp, before) {
		t.Error("ARP is not let alone")
	}
}

// FuzzMarks gives frames of any form every outer mark: nothing but the field and the checksum changes.
func FuzzMarks(f *testing.F) {
	for mark := range uint8(4) {
		for _, c := range marked(mark) {
			f.Add(c.frame, c.kind == aal.Bridged, mark)
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte, bridged bool, outer uint8) {
		kind := aal.Routed
		if bridged {
			kind = aal.Bridged
		}
		before := bytes.Clone(frame)
		ip := innerIP(frame, kind)
		inner := markOf(ip)
		ok := decapsulate(ip, outer&ecnField)
		if ok == (ip != nil && inner == nic.NotECT && outer&ecnField == nic.CE) {
			t.Errorf("inner %d, outer %d: passes: %v", inner, outer, ok)
		}
		changed := 0
		for i := range frame {
			if frame[i] != before[i] {
				changed++
			}
		}
		if changed > 3 {
			t.Errorf("%d octets have changed", changed)
		}
		if ip != nil && ip[0]>>4 == 4 && checksum(0, before[len(frame)-len(ip):][:ipv4Header]) == 0 && checksum(0, ip[:ipv4Header]) != 0 {
			t.Error("a right checksum has become wrong")
		}
	})
}
