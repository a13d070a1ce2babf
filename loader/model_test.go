package loader

import "encoding/binary"

// model is the classifier again, in Go and from README.md of package bpf alone, to compare with.
type model map[Wire]Verdict

// counted is which of Counts a frame is in.
type counted string

// judge says what becomes of a frame, and how it is counted.
func (m model) judge(f []byte) (Verdict, counted) {
	w, ok := readWire(f)
	if !ok {
		return Pass, "other"
	}
	v, bound := m[w]
	if !bound {
		return Pass, "no wire"
	}
	return v, map[Verdict]counted{Pass: "pass", Hub: "hub", Drop: "drop"}[v]
}

// readWire reads an Ethernet header with up to two VLAN tags, and a stack of up to eight labels.
func readWire(f []byte) (w Wire, ok bool) {
	if len(f) < 14 {
		return w, false
	}
	kind, rest := binary.BigEndian.Uint16(f[12:]), f[14:]
	var tags []uint16
	for ; (kind == 0x8100 || kind == 0x88A8) && len(tags) < 2; rest = rest[4:] {
		if len(rest) < 4 {
			return w, false
		}
		tags = append(tags, binary.BigEndian.Uint16(rest)&0xFFF)
		kind = binary.BigEndian.Uint16(rest[2:])
	}
	if kind != 0x8847 {
		return w, false
	}
	switch n := len(tags); {
	case n == 2 && tags[0] != 0:
		w.VLAN = 0xFFFF // no port's
	case n > 0:
		w.VLAN = tags[n-1]
	}
	for range 8 {
		if len(rest) < 4 {
			return w, false
		}
		entry := binary.BigEndian.Uint32(rest)
		rest = rest[4:]
		if entry&0x100 != 0 {
			w.Label = entry >> 12
			return w, true
		}
	}
	return w, false
}
