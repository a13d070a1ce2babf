package modules

import (
	"encoding/binary"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
)

// packet4 and packet6 are packets of a protocol from one address to another.
func packet4(size int, protocol byte, change func([]byte)) []byte {
	p := make([]byte, size)
	p[0], p[8], p[9] = 0x45, 64, protocol
	binary.BigEndian.PutUint16(p[2:], uint16(size))
	copy(p[12:], []byte{198, 51, 100, 1, 198, 51, 100, 2})
	if change != nil {
		change(p)
	}
	return p
}

func packet6(size int, protocol byte, change func([]byte)) []byte {
	p := make([]byte, size)
	p[0], p[6], p[7] = 0x60, protocol, 64
	binary.BigEndian.PutUint16(p[4:], uint16(size-ipv6Header))
	copy(p[8:], []byte{0x20, 0x01, 0x0D, 0xB8, 15: 1})
	copy(p[24:], []byte{0x20, 0x01, 0x0D, 0xB8, 15: 2})
	if change != nil {
		change(p)
	}
	return p
}

func bridged(etherType uint16, packet []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}, etherType), packet...)
}

// TestPacketTooBig tells who is told, and what (RFC 792, 1191, 1122 3.2.2, 4443 2.4 and 3.2).
func TestPacketTooBig(t *testing.T) {
	const icmp, tcp = protocolICMP, 6
	for _, test := range []struct {
		name    string
		frame   []byte
		bridged bool
		octets  int // of the answer
	}{
		{"IPv4", packet4(1500, tcp, nil), false, ipv4Quoted},
		{"IPv4 over a bridge", bridged(etherTypeIPv4, packet4(1500, tcp, nil)), true, ethernetHeader + ipv4Quoted},
		{"IPv4 in a VLAN", bridged(etherTypeVLAN, append([]byte{0, 7, 8, 0}, packet4(1500, tcp, nil)...)), true, ethernetHeader + vlanTag + ipv4Quoted},
		{"a ping", packet4(1500, icmp, func(p []byte) { p[20] = 8 }), false, ipv4Quoted},
		{"first fragment", packet4(1500, tcp, func(p []byte) { p[6] = 0x20 }), false, ipv4Quoted},
		{"later fragment", packet4(1500, tcp, func(p []byte) { p[7] = 1 }), false, 0},
		{"an ICMP error", packet4(1500, icmp, func(p []byte) { p[20] = 3 }), false, 0},
		{"to a group", packet4(1500, tcp, func(p []byte) { p[16] = 224 }), false, 0},
		{"to all", packet4(1500, tcp, func(p []byte) { copy(p[16:], []byte{255, 255, 255, 255}) }), false, 0},
		{"from nobody", packet4(1500, tcp, func(p []byte) { clear(p[12:16]) }), false, 0},
		{"header cut short", packet4(24, tcp, func(p []byte) { p[0] = 0x4F }), false, 0},
		{"IPv6", packet6(1500, tcp, nil), false, ipv6Quoted},
		{"IPv6 over a bridge", bridged(etherTypeIPv6, packet6(1500, tcp, nil)), true, ethernetHeader + ipv6Quoted},
		{"an ICMPv6 error", packet6(1500, protocolICMPv6, func(p []byte) { p[40] = 1 }), false, 0},
		{"an ICMPv6 echo", packet6(1500, protocolICMPv6, func(p []byte) { p[40] = 128 }), false, ipv6Quoted},
		{"from the unspecified address", packet6(1500, tcp, func(p []byte) { clear(p[8:24]) }), false, 0},
		{"neither", bridged(0x88B5, packet4(1500, tcp, nil)), true, 0},
		{"nothing", nil, false, 0},
		{"a frame from a group", append([]byte{2, 0, 0, 0, 0, 2, 1}, bridged(etherTypeIPv4, packet4(1500, tcp, nil))[7:]...), true, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			dst := make([]byte, maxTooBig)
			n := packetTooBig(dst, test.frame, 1300, test.bridged)
			if n != test.octets {
				t.Fatalf("%d octets, want %d", n, test.octets)
			}
			if n > 0 {
				checkTooBig(t, dst[:n], test.frame, test.bridged)
			}
		})
	}
}

// checkTooBig reads an answer as its receiver does.
func checkTooBig(t *testing.T, answer, frame []byte, bridged bool) {
	t.Helper()
	mac := 0
	if bridged {
		mac = ethernetHeader
		if [6]byte(answer) != [6]byte(frame[6:]) || [6]byte(answer[6:]) != [6]byte(frame) {
			t.Errorf("it goes from %x to %x", answer[6:12], answer[:6])
		}
		if frame[12] == 0x81 {
			mac += vlanTag
		}
	}
	p, original := answer[mac:], frame[mac:]
	if p[0]>>4 == 4 {
		if checksum(0, p[:ipv4Header]) != 0 || checksum(0, p[ipv4Header:]) != 0 {
			t.Error("bad checksum")
		}
		if p[20] != 3 || p[21] != 4 || int(binary.BigEndian.Uint16(p[26:])) != 1300-mac {
			t.Errorf("ICMP %x", p[20:28])
		}
		if [4]byte(p[12:]) != [4]byte(original[16:]) || [4]byte(p[16:]) != [4]byte(original[12:]) || [20]byte(p[28:]) != [20]byte(original) {
			t.Errorf("header %x quotes %x", p[:20], p[28:48])
		}
		return
	}
	if p[40] != 2 || int(binary.BigEndian.Uint32(p[44:])) != 1300-mac || [16]byte(p[8:]) != [16]byte(original[24:]) || [40]byte(p[48:]) != [40]byte(original) {
		t.Errorf("ICMPv6 %x", p[:60])
	}
}

// TestTooBigModule stops frames over the limit, answers within the rate, and passes the rest.
func TestTooBigModule(t *testing.T) {
	clock := &testClock{now: 1 << 40}
	arena, err := block.NewArena(block.Config{Small: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer arena.Close()
	h, err := dataplane.NewHub(dataplane.Config{Pool: arena.Pool(0), Clock: clock.read})
	if err != nil {
		t.Fatal(err)
	}
	var up, down int
	count := func(n *int) func(*dataplane.Queue, dataplane.Msg) {
		return func(_ *dataplane.Queue, m dataplane.Msg) { *n++; h.Free(m) }
	}
	var host *dataplane.Queue
	m := NewTooBig(aal.Routed)
	fabric, err := dataplane.NewFabric(registry(t, map[string]dataplane.Module{
		"below":  {Name: "below", WritePut: count(&down)},
		"toobig": m.Module(),
		"above":  {Name: "above", ReadPut: count(&up), Open: func(q *dataplane.Queue) error { host = q.Mate(); return nil }},
	}), h)
	if err != nil {
		t.Fatal(err)
	}
	defer fabric.Close()
	if _, err := fabric.Build(0, dataplane.Part{Name: "below"}, dataplane.Part{Name: "toobig"}, dataplane.Part{Name: "above"}); err != nil {
		t.Fatal(err)
	}
	send := func(frame []byte) {
		b := h.Pool.Alloc(len(frame))
		copy(h.Pool.Extend(b, len(frame)), frame)
		host.PutNext(dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(len(frame))})
	}
	send(packet4(1500, 6, nil)) // no limit yet
	m.SetLimit(1300)
	send(packet4(1300, 6, nil))
	if down != 2 || up != 0 {
		t.Fatalf("%d passed, %d answers", down, up)
	}
	for range 2 * tooBigBurst {
		send(packet4(1301, 6, nil))
	}
	if down != 2 || up != tooBigBurst+1 {
		t.Errorf("%d passed, %d answers, want 2 and %d", down, up, tooBigBurst+1)
	}
	clock.now += 10 * tooBigInterval
	h.Pass()
	send(packet4(1301, 6, nil))
	if got := m.Counts(); up != tooBigBurst+2 || got[0].N != 2*tooBigBurst+1 || got[1].N != uint64(up) {
		t.Errorf("%d answers, %v", up, got)
	}
}

// FuzzPacketTooBig wants no panic and no answer to an answer.
func FuzzPacketTooBig(f *testing.F) {
	f.Add(packet4(1500, 6, nil), false)
	f.Add(packet6(1500, 6, nil), false)
	f.Add(bridged(etherTypeIPv4, packet4(100, 6, nil)), true)
	f.Add(bridged(etherTypeVLAN, append([]byte{0, 7, 0x86, 0xDD}, packet6(100, 6, nil)...)), true)
	f.Fuzz(func(t *testing.T, frame []byte, bridged bool) {
		var dst, again [maxTooBig]byte
		n := packetTooBig(dst[:], frame, 1300, bridged)
		if n > 0 && packetTooBig(again[:], dst[:n], 100, bridged) != 0 {
			t.Errorf("%x was answered", dst[:n])
		}
	})
}
