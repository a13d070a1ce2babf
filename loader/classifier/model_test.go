package classifier

import (
	"encoding/binary"
	"net/netip"
)

// model is the classifier again, in Go and from README.md of package bpf alone, to compare with.
type model struct {
	wires       map[Wire]Port
	connections map[Key]Connection
	outputs     map[uint32]Output
	relayed     map[Key]uint64
	sequence    map[uint32]uint64
	traffic     map[uint32]*Traffic
	want        map[counted]uint64
}

func newModel() *model {
	return &model{
		map[Wire]Port{}, map[Key]Connection{}, map[uint32]Output{}, map[Key]uint64{}, map[uint32]uint64{}, map[uint32]*Traffic{}, map[counted]uint64{},
	}
}

// counted is which of Counts a frame is in.
type counted string

// testInterface is the one that the kernel runs tests on: lo.
const testInterface = 1

// view is what the model reads of a frame.
type view struct {
	wire     Wire
	to, from [6]byte
	rest     []byte // behind the label stack
	padded   bool   // octets follow what belongs to it
	alert    bool
	checksum bool // it does not hold
}

// judge says what becomes of a frame, and how it is counted; of a relayed one, out is what leaves.
func (m *model) judge(f []byte) (verdict Verdict, how counted, out []byte) {
	v, how := read(f)
	if how != "" {
		return Pass, how, nil
	}
	p, bound := m.wires[v.wire]
	switch {
	case !bound:
		return Pass, "no wire", nil
	case !p.Connections:
		return p.Verdict, map[Verdict]counted{Pass: "pass", Hub: "hub", Drop: "drop"}[p.Verdict], nil
	case v.checksum:
		return Hub, "checksum", nil
	case v.alert, v.padded, p.CheckSender && v.from != p.Sender, p.CheckOwn && v.to != p.Own && v.to != p.Group:
		return Hub, "strange", nil
	}
	var control uint32
	if p.ControlWord {
		if len(v.rest) < 4 {
			return Hub, "strange", nil
		}
		control = binary.BigEndian.Uint32(v.rest)
		n := int(control >> 16 & 63)
		if control>>28 != 0 || p.Frames && (control&(1<<27) != 0 || n != 0 && (n < 4 || n > len(v.rest))) {
			return Hub, "strange", nil
		}
		v.rest = v.rest[4:]
	}
	keys := []Key{{p.Number, p.VC}}
	if p.Payload == Cells {
		if len(v.rest) == 0 || len(v.rest)%52 != 0 {
			return Hub, "strange", nil
		}
		keys = keys[:0]
		for at := 0; at < len(v.rest); at += 52 {
			keys = append(keys, m.find(&p, binary.BigEndian.Uint32(v.rest[at:])))
		}
	}
	verdict, to := p.Verdict, uint32(0)
	for i, k := range keys {
		one, its := p.Verdict, uint32(0)
		if c, ok := m.connections[k]; ok {
			if one = c.Verdict; one == Relay {
				its = c.Out
			}
		}
		if i == 0 {
			verdict, to = one, its
		} else if verdict != one || to != its {
			return Hub, "mixed", nil
		}
	}
	if verdict != Relay {
		return verdict, map[Verdict]counted{Pass: "pass", Hub: "hub", Drop: "drop"}[verdict], nil
	}
	units := uint64(1)
	if p.Cell != 0 {
		units = uint64((len(v.rest) + 1) / p.Cell)
	}
	return m.relay(keys, p.Number, to, control, v.rest, units)
}

// find is the key of a cell: its VP's where that has a verdict.
func (m *model) find(p *Port, header uint32) Key {
	k := Key{p.Number, MakeVP(uint16(header >> 20))}
	if _, ok := m.connections[k]; ok && p.Paths {
		return k
	}
	return Key{p.Number, VC(header >> 4)}
}

func (m *model) trafficOf(number uint32) *Traffic {
	if m.traffic[number] == nil {
		m.traffic[number] = &Traffic{}
	}
	return m.traffic[number]
}

// relay makes the frame that leaves.
func (m *model) relay(keys []Key, in, number, control uint32, payload []byte, count uint64) (Verdict, counted, []byte) {
	o, ok := m.outputs[number]
	if !ok {
		return Hub, "unresolved", nil
	}
	f := append(append([]byte{}, o.To[:]...), o.Own[:]...)
	if o.VLAN != 0 {
		f = append(f, 0x81, 0, byte(o.VLAN>>8), byte(o.VLAN))
	}
	inner := len(payload) + len(o.Labels)
	if o.ControlWord {
		inner += 4
	}
	switch {
	case !o.Local.IsValid():
		f = append(f, 0x88, 0x47)
	case o.Local.Addr().Is4():
		f = append(f, 8, 0)
		ip := []byte{0x45, o.DSCP << 2, byte((28 + inner) >> 8), byte(28 + inner), 0, 0, 0x40, 0, 64, 17, 0, 0}
		ip = append(append(ip, o.Local.Addr().AsSlice()...), o.Remote.Addr().AsSlice()...)
		binary.BigEndian.PutUint16(ip[10:], internetChecksum(ip))
		f = append(f, ip...)
	default:
		f = append(f, 0x86, 0xDD, 0x60|o.DSCP>>2, o.DSCP<<6, 0, 0, byte((8+inner)>>8), byte(8+inner), 17, 64)
		f = append(append(f, o.Local.Addr().AsSlice()...), o.Remote.Addr().AsSlice()...)
	}
	if o.Local.IsValid() {
		for _, n := range []uint16{o.Local.Port(), o.Remote.Port(), uint16(8 + inner), 0} {
			f = binary.BigEndian.AppendUint16(f, n)
		}
	}
	f = append(f, o.Labels...)
	total := len(f) + inner - len(o.Labels)
	if total > o.Frame || o.Payload == Cells && len(payload) > o.Cells {
		return Hub, "too long", nil
	}
	if o.ControlWord {
		shift := 0
		if o.Specific {
			shift = 8
		}
		control &^= 0xFFFF << shift
		if o.Numbered {
			control |= (uint32(m.sequence[number]%65535) + 1) << shift
			m.sequence[number]++
		}
		f = binary.BigEndian.AppendUint32(f, control)
	}
	cells := append([]byte{}, payload...)
	if o.Payload == Cells {
		count = uint64(len(keys))
		for i := range keys {
			h := binary.BigEndian.Uint32(cells[i*52:])
			as := m.connections[keys[i]].As
			if as&wholeVP != 0 {
				h = h&0xFFFFF | uint32(as)<<20
			} else {
				h = h&0xF | uint32(as)<<4
			}
			binary.BigEndian.PutUint32(cells[i*52:], h)
			m.relayed[keys[i]]++
		}
	} else {
		m.relayed[keys[0]] += count
	}
	from, to := m.trafficOf(in), m.trafficOf(number)
	from.RxFrames, from.RxCells = from.RxFrames+1, from.RxCells+count
	to.TxFrames, to.TxCells = to.TxFrames+1, to.TxCells+count
	return Relay, "relay", append(f, cells...)
}

// internetChecksum is that of RFC 1071 over whole words.
func internetChecksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for sum > 0xFFFF {
		sum = sum>>16 + sum&0xFFFF
	}
	return ^uint16(sum)
}

// read reads an Ethernet header with up to two VLAN tags, the headers of a datagram, and a stack of up to eight labels.
func read(f []byte) (v view, bad counted) {
	const other = "other"
	if len(f) < 14 {
		return v, other
	}
	v.to, v.from = [6]byte(f), [6]byte(f[6:])
	kind, rest := binary.BigEndian.Uint16(f[12:]), f[14:]
	var tags []uint16
	for ; (kind == 0x8100 || kind == 0x88A8) && len(tags) < 2; rest = rest[4:] {
		if len(rest) < 4 {
			return v, other
		}
		tags = append(tags, binary.BigEndian.Uint16(rest)&0xFFF)
		kind = binary.BigEndian.Uint16(rest[2:])
	}
	v.wire.Interface = testInterface
	switch n := len(tags); {
	case n == 2 && tags[0] != 0:
		v.wire.VLAN = 0xFFFF // no port's
	case n > 0:
		v.wire.VLAN = tags[n-1]
	}
	switch kind {
	case 0x8847:
	case 0x0800:
		if len(rest) < 20 || rest[0] != 0x45 || rest[9] != 17 {
			return v, other
		}
		if binary.BigEndian.Uint16(rest[6:])&0x3FFF != 0 {
			return v, "fragment"
		}
		from, _ := netip.AddrFromSlice(rest[12:16])
		to, _ := netip.AddrFromSlice(rest[16:20])
		if !v.datagram(rest, 20, int(binary.BigEndian.Uint16(rest[2:])), from, to) {
			return v, other
		}
		rest = v.rest
	case 0x86DD:
		if len(rest) < 40 || rest[0]>>4 != 6 {
			return v, other
		}
		if rest[6] == 44 {
			return v, "fragment"
		}
		from, _ := netip.AddrFromSlice(rest[8:24])
		to, _ := netip.AddrFromSlice(rest[24:40])
		if rest[6] != 17 || !v.datagram(rest, 40, 40+int(binary.BigEndian.Uint16(rest[4:])), from, to) {
			return v, other
		}
		rest = v.rest
	default:
		return v, other
	}
	for range 8 {
		if len(rest) < 4 {
			return v, other
		}
		entry := binary.BigEndian.Uint32(rest)
		rest = rest[4:]
		v.wire.Label = entry >> 12
		if entry&0x100 != 0 {
			v.rest = rest
			return v, ""
		}
		v.alert = v.alert || v.wire.Label == 1
	}
	return v, other
}

// datagram reads a UDP header behind an IP header; packet is what IP says of the length.
func (v *view) datagram(p []byte, header, packet int, from, to netip.Addr) bool {
	if packet > len(p) || len(p) < header+8 {
		return false
	}
	udp := p[header:]
	if header+int(binary.BigEndian.Uint16(udp[4:])) != packet || packet < header+8 {
		return false
	}
	v.padded = packet < len(p)
	v.wire = Wire{Local: netip.AddrPortFrom(to, binary.BigEndian.Uint16(udp[2:])), Remote: from}
	if udp[6] != 0 || udp[7] != 0 {
		all := binary.BigEndian.AppendUint32([]byte{0, 17}, uint32(packet-header))
		all = append(append(append(all, from.AsSlice()...), to.AsSlice()...), p[header:packet]...)
		v.checksum = internetChecksum(append(all, make([]byte, len(all)%2)...)) != 0
	}
	v.rest = p[header+8 : packet]
	return true
}
