package nic

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"testing"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the random tests; 0: a new one")

// random is a source whose seed is printed when the test fails.
func random(t testing.TB) *rand.Rand {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again with -seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 0))
}

// flowSpec is one flow as a test makes it, and where it stands.
type flowSpec struct {
	bare, v6, udp bool
	tags          int    // VLAN tags
	extensions    []byte // IPv6: whole extension headers, the type of the first in front
	options       []byte // TCP
	mac           [12]byte
	addresses     []byte
	ports         [4]byte
	tos, ttl      uint8
	fragment      uint16 // IPv4: flags and offset
	id            uint16
	seq, ack      uint32
	flags         uint8
	reserved      uint8 // the lower four bits beside the header's length
	window, urg   uint16
	label         uint16 // IPv6: part of the flow label
}

// hopOptions and destinationOptions are extension headers with padding alone, RFC 8200, sections 4.3 and 4.6.
var (
	hopOptions         = []byte{nextHopByHop, 0, 0, 1, 4, 0, 0, 0, 0}
	destinationOptions = []byte{nextDestination, 0, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	timestamps         = []byte{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}
	sack               = []byte{1, 1, 5, 10, 0, 0, 1, 0, 0, 0, 2, 0}
)

func newFlow(r *rand.Rand, bare bool) *flowSpec {
	f := &flowSpec{
		bare: bare, v6: r.IntN(2) == 0, udp: r.IntN(3) == 0, tos: uint8(r.Uint32()), ttl: uint8(1 + r.IntN(255)),
		id: uint16(r.Uint32()), seq: r.Uint32(), ack: r.Uint32(), flags: 0x10, window: uint16(r.Uint32()), label: uint16(r.Uint32()),
		fragment: 0x4000 * uint16(r.IntN(2)), tags: max(0, r.IntN(5)-2),
	}
	if r.IntN(4) == 0 {
		f.seq = -uint32(r.IntN(5000)) // over the end of the sequence numbers
		f.id = -uint16(r.IntN(40))
	}
	size := 8
	if f.v6 {
		size = 32
		switch r.IntN(4) {
		case 0:
			f.extensions = hopOptions
		case 1:
			f.extensions = destinationOptions
		}
	}
	f.options = [][]byte{nil, timestamps, sack}[r.IntN(3)]
	f.addresses = make([]byte, size)
	for _, p := range [][]byte{f.mac[:], f.addresses, f.ports[:]} {
		for i := range p {
			p[i] = byte(r.Uint32())
		}
	}
	f.mac[0] &= 0xfe
	f.mac[6] &= 0xfe
	if r.IntN(4) == 0 {
		f.flags |= 0x40 // ECE
	}
	return f
}

// frame builds the frame of a payload, with checksums by the plain sum, and moves the flow on.
func (f *flowSpec) frame(payload []byte) []byte {
	tp, protocol := f.transport(payload), byte(protocolTCP)
	sumAt := tcpSum
	if f.udp {
		protocol, sumAt = protocolUDP, udpSum
	}
	pseudo := append([]byte(nil), f.addresses...)
	pseudo = append(pseudo, 0, protocol)
	pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(tp)))
	check := ^uint16(plainSum(append(pseudo, tp...)))
	if f.udp && check == 0 {
		check = 0xffff
	}
	put16(tp[sumAt:], check)
	return append(append(f.link(), f.network(protocol, len(tp))...), tp...)
}

func (f *flowSpec) link() []byte {
	if f.bare {
		return nil
	}
	p := append([]byte(nil), f.mac[:]...)
	for i := range f.tags {
		p = append(p, []byte{0x88, 0x81}[i+2-f.tags], []byte{0xa8, 0x00}[i+2-f.tags], 0x20, byte(7+i))
	}
	if f.v6 {
		return append(p, 0x86, 0xdd)
	}
	return append(p, 0x08, 0x00)
}

func (f *flowSpec) network(protocol byte, length int) []byte {
	if f.v6 {
		p := []byte{0x60 | f.tos>>4, f.tos << 4, byte(f.label >> 8), byte(f.label)}
		ext := f.extensions
		if ext == nil {
			p = binary.BigEndian.AppendUint16(p, uint16(length))
			return append(append(p, protocol, f.ttl), f.addresses...)
		}
		p = binary.BigEndian.AppendUint16(p, uint16(length+len(ext)-1))
		p = append(append(p, ext[0], f.ttl), f.addresses...)
		return append(append(p, protocol), ext[2:]...)
	}
	p := []byte{0x45, f.tos}
	p = binary.BigEndian.AppendUint16(p, uint16(ip4Header+length))
	p = binary.BigEndian.AppendUint16(p, f.id)
	p = binary.BigEndian.AppendUint16(p, f.fragment)
	p = append(append(p, f.ttl, protocol, 0, 0), f.addresses...)
	put16(p[ip4Sum:], ^uint16(plainSum(p)))
	f.id++
	return p
}

func (f *flowSpec) transport(payload []byte) []byte {
	p := append([]byte(nil), f.ports[:]...)
	if f.udp {
		p = binary.BigEndian.AppendUint16(p, uint16(udpHeader+len(payload)))
		return append(append(p, 0, 0), payload...)
	}
	p = binary.BigEndian.AppendUint32(p, f.seq)
	p = binary.BigEndian.AppendUint32(p, f.ack)
	p = append(p, byte((tcpHeader+len(f.options))/4)<<4|f.reserved, f.flags)
	p = binary.BigEndian.AppendUint16(p, f.window)
	p = binary.BigEndian.AppendUint16(append(p, 0, 0), f.urg)
	f.seq += uint32(len(payload))
	return append(append(p, f.options...), payload...)
}

// train makes n segments of a flow, size octets each and last in the last one; PSH or FIN in the last, perhaps, and CWR
// in the first.
func (f *flowSpec) train(r *rand.Rand, n, size, last int) (frames [][]byte) {
	flags := f.flags
	for i := range n {
		payload := make([]byte, size)
		if i == n-1 {
			payload = payload[:last]
			f.flags |= []uint8{0, tcpPSH, tcpFIN}[r.IntN(3)]
		}
		for i := range payload {
			payload[i] = byte(r.Uint32())
		}
		first := f.flags
		if i == 0 && r.IntN(3) == 0 {
			f.flags |= tcpCWR
		}
		frames = append(frames, f.frame(payload))
		f.flags = first
	}
	f.flags = flags
	return frames
}

// super is what a joiner's group looks like to the kernel.
func (g *group) super(frames [][]byte, next []uint8) ([]byte, vnet) {
	var v vnet
	head := make([]byte, maxHeaders)
	p := head[:g.header(head, frames[g.first], &v)]
	for i, n := g.first, 0; n < g.frames; i, n = next[i], n+1 {
		p = append(p, frames[i][g.payload:]...)
	}
	return p, v
}

// members are the frames of a group.
func (g *group) members(next []uint8) (list []int) {
	for i, n := g.first, 0; n < g.frames; i, n = next[i], n+1 {
		list = append(list, int(i))
	}
	return list
}

// cutAll cuts a super-frame; nil: it is refused.
func cutAll(frame []byte, v vnet, bare bool) (frames [][]byte) {
	var s splitter
	if !s.begin(frame, &v, bare) {
		return nil
	}
	for s.more() {
		room := make([]byte, 1<<16+256)
		frames = append(frames, room[:s.next(room)])
	}
	return frames
}
