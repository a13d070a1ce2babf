package control

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"testing/quick"
)

// damaged is a golden datagram with octets replaced.
func damaged(t testing.TB, name string, at int, octets ...byte) []byte {
	b := slices.Clone(readGolden(t, name))
	copy(b[at:], octets)
	return b
}

// Each fault is found, and told apart from the others.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name string
		b    []byte
		want Fault
	}{
		{"empty", nil, ErrSize},
		{"127 octets", readGolden(t, "atm")[:127], ErrSize},
		{"magic", damaged(t, "atm", 3, '2'), ErrMagic},
		{"version 0", damaged(t, "atm", 4, 0), ErrVersion},
		{"version 2", damaged(t, "atm", 4, 2), ErrVersion},
		{"class 7", damaged(t, "atm", 5, 7), ErrClass},
		{"class 255", damaged(t, "atm", 5, 255), ErrClass},
		{"type 0", damaged(t, "atm", 6, 0, 0), ErrType},
		{"ATM type 17", damaged(t, "atm", 6, 0, 17), ErrType},
		{"ATM type 257", damaged(t, "atm", 6, 1, 1), ErrType},
		{"HUB type 21", damaged(t, "hub", 6, 0, 21), ErrType},
		{"SOCK type 16", damaged(t, "sock", 6, 0, 16), ErrType},
		{"SIG type 3", damaged(t, "sig", 6, 0, 3), ErrType},
		{"MMI type 4", damaged(t, "mmi", 6, 0, 4), ErrType},
		{"EVT type 5", damaged(t, "evt", 6, 0, 5), ErrType},
		{"PRIM type 2", damaged(t, "prim", 6, 0, 2), ErrType},
		{"flag 128", damaged(t, "atm", 9, 0x86), ErrFlags},
		{"flag 32768", damaged(t, "atm", 8, 0x80), ErrFlags},
		{"SYNC and NOREPLY", damaged(t, "atm", 9, 0x42), ErrFlags},
		{"cause 128", damaged(t, "atm", 11, 128), ErrValue},
		{"VPI 4096", damaged(t, "atm", 66, 0x10, 0), ErrValue},
		{"AAL 4", damaged(t, "atm", 70, 4), ErrValue},
		{"AAL 6", damaged(t, "sock", 68, 6), ErrValue},
		{"direction 4", damaged(t, "atm", 71, 4), ErrValue},
		{"service 7", damaged(t, "sock", 69, 7), ErrValue},
		{"rxmode 3", damaged(t, "atm", 73, 3), ErrValue},
		{"SIG header 16", damaged(t, "sig", 70, 16), ErrValue},
		{"SIG kind 0", damaged(t, "sig", 71, 0), ErrValue},
		{"SIG kind 4", damaged(t, "sig", 71, 4), ErrValue},
		{"SIG kind 65", damaged(t, "sig", 71, 65), ErrValue},
		{"command 256", damaged(t, "mmi", 64, 1, 0), ErrValue},
		{"MMI direction 4", damaged(t, "mmi", 66, 4), ErrValue},
		{"namelen 33", damaged(t, "mmi", 67, 33), ErrValue},
		{"arglen 65536", damaged(t, "mmi", 68, 0, 1, 0, 0), ErrValue},
		{"event mask 4096", damaged(t, "evt", 80, 0, 0, 0x10, 0), ErrValue},
		{"len 65536", damaged(t, "hub", 56, 0, 1, 0, 0), ErrTrailerLong},
		{"len 2^32-1", damaged(t, "hub", 56, 255, 255, 255, 255), ErrTrailerLong},
		{"len one more", damaged(t, "hub", 59, 9), ErrLength},
		{"len one less", damaged(t, "hub", 59, 7), ErrLength},
		{"TRAILER, len 0", damaged(t, "hub", 59, 0), ErrLength},
		{"no TRAILER, len 8", damaged(t, "hub", 9, 2), ErrLength},
		{"octets after a message", append(readGolden(t, "atm"), 0), ErrLength},
		{"trailer cut", readGolden(t, "sock")[:150], ErrLength},
		{"TLV padding", damaged(t, "sock", 143, 1), ErrTLVPadding},
		{"TLV too long", damaged(t, "hub", 131, 5), ErrTLVShort},
		{"one and a half ports", damaged(t, "hub", 131, 3, 0, 1, 1, 0), ErrTLVLength},
		{"TLV critical", damaged(t, "hub", 128, 0x80), ErrTLVUnknown},
		{"second end of 5", damaged(t, "evt", 131, 5, 0, 4, 0, 1, 2, 0), ErrTLVLength},
		{"second end, VPI 4097", damaged(t, "evt", 134, 0x10), ErrValue},
	} {
		var m Message
		trailer, err := m.DecodeDatagram(c.b)
		if err != c.want || trailer != nil {
			t.Errorf("%s: %v, not %v", c.name, err, c.want)
		}
	}
}

// Each octet that must be zero, by the layouts and no table of the code's.
func TestReserved(t *testing.T) {
	for name, octets := range map[string][][2]int{
		"hub":  {{81, 104}, {104, 128}}, // behind the zero that ends name, zero[24]
		"prim": {{104, 128}},            // zero[24]
		"atm":  {{108, 112}, {120, 128}},
		"evt":  {{104, 128}},
		"mmi":  {{78, 104}, {109, 128}}, // behind namelen 6, behind arglen 5
	} {
		for _, span := range octets {
			for at := span[0]; at < span[1]; at++ {
				var m Message
				if _, err := m.DecodeDatagram(damaged(t, name, at, 1)); err != ErrReserved {
					t.Errorf("%s, octet %d: %v", name, at, err)
				}
			}
		}
	}
	// Elsewhere in the messages a changed octet is another message or a fault, never
	// the same message.
	for name, want := range golden() {
		b := readGolden(t, name)
		for at := range Size {
			b[at] ^= 1
			var m Message
			if err := m.Decode((*[Size]byte)(b)); err == nil && m == want {
				t.Errorf("%s: octet %d is not read", name, at)
			}
			b[at] ^= 1
		}
	}
}

// After a fault the header is there for an answer, and the body is not.
func TestHeaderOfFaulty(t *testing.T) {
	var m Message
	b := damaged(t, "atm", 108, 1)
	if err := m.Decode((*[Size]byte)(b)); err != ErrReserved || m.Seq != 0xFFFFFFFF || m.Conn.Index() != 123456 {
		t.Error(err, &m)
	}
	if m.ATM() != (ATM{}) {
		t.Error("body of a faulty message")
	}
	b[0] = 'h'
	if err := m.Decode((*[Size]byte)(b)); err != ErrMagic || m != (Message{}) {
		t.Error(err, &m)
	}
}

// A name fills its 32 octets or ends with a zero.
func TestName(t *testing.T) {
	for s, want := range map[string]error{"": nil, "eth0": nil, string(make([]byte, 33)): ErrName, "a\x00b": ErrName} {
		if n, err := MakeName(s); err != want || err == nil && n.String() != s {
			t.Errorf("%q: %q, %v", s, n, err)
		}
	}
	var b MMI
	long := string(bytes.Repeat([]byte{'x'}, 32))
	if b.SetModuleName(long) != nil || b.ModuleName() != long || b.SetModuleName(long+"x") != ErrName {
		t.Error(b)
	}
	if b.SetModuleName("a\x00") != nil || b.ModuleName() != "a\x00" || b.NameLen != 2 {
		t.Error("a counted name may hold a zero", b) // it is matched exactly, all of it
	}
}

// Every body, whatever its fields, comes back as it was set.
func TestBodyIdentity(t *testing.T) {
	for name, f := range map[string]any{
		"sock": func(b Sock) bool { var m Message; m.SetSock(&b); return m.Sock() == b },
		"atm":  func(b ATM) bool { var m Message; m.SetATM(&b); return m.ATM() == b },
		"sig":  func(b Sig) bool { var m Message; m.SetSig(&b); return m.Sig() == b },
		"mmi":  func(b MMI) bool { var m Message; m.SetMMI(&b); return m.MMI() == b },
		"evt":  func(b Evt) bool { var m Message; m.SetEvt(&b); return m.Evt() == b },
		"hub":  func(b Hub) bool { var m Message; m.SetHub(&b); return m.Hub() == b },
		"prim": func(b Hub) bool { var m Message; m.SetPrim(&b); return m.Prim() == b },
		"traffic": func(v Traffic) bool {
			var b [56]byte
			v.encode(&b)
			var w Traffic
			w.decode(&b)
			return v == w
		},
	} {
		if err := quick.Check(f, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Nothing is allocated by encoding, decoding, the bodies and the TLVs.
func TestAllocations(t *testing.T) {
	datagrams := map[string][]byte{}
	for name := range golden() {
		datagrams[name] = readGolden(t, name)
	}
	for name, m := range golden() {
		var b [Size]byte
		body := m.ATM()
		sock := m.Sock()
		if n := testing.AllocsPerRun(100, func() {
			m.Encode(&b)
			if _, err := m.DecodeDatagram(datagrams[name]); err != nil {
				t.Fatal(err)
			}
			body, sock = m.ATM(), m.Sock()
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if m.Class == ClassATM {
			m.SetATM(&body)
		} else if m.Class == ClassSock {
			m.SetSock(&sock)
		}
	}
	trailer := readGolden(t, "sock")[Size:]
	room := make([]byte, 0, 256)
	traffic := Traffic{ForwardPCR01: 1000, ForwardService: ServiceCBR}
	if n := testing.AllocsPerRun(100, func() {
		r := ReadTLVs(trailer)
		for r.Next() {
		}
		out, err := traffic.Append(room)
		if err != nil || r.Err() != nil {
			t.Fatal(err, r.Err())
		}
		if _, err := ParseTraffic(out[4:]); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("TLVs: %v allocations", n)
	}
}

// FuzzMessage: what is taken encodes to the same octets, and nothing panics.
func FuzzMessage(f *testing.F) {
	for name := range golden() {
		f.Add(readGolden(f, name))
	}
	f.Add([]byte{})
	f.Add(make([]byte, Size))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Message
		trailer, err := m.DecodeDatagram(b)
		var fault Fault
		if err != nil {
			if !errors.As(err, &fault) || fault.Unwrap() == nil {
				t.Fatalf("%v is no fault", err)
			}
			return
		}
		var again [Size]byte
		m.Encode(&again)
		if !bytes.Equal(again[:], b[:Size]) || !bytes.Equal(trailer, b[Size:]) {
			t.Fatalf("%v encodes otherwise", &m)
		}
		if m.String() == "" || m.Class == ClassMMI && m.Type == MMICmd && !argumentHolds(&m, trailer) {
			t.Fatalf("%v: argument", &m)
		}
		if bodies := rebuild(m); bodies != m {
			t.Fatalf("body of %v is rebuilt as %v", &m, &bodies)
		}
	})
}

// argumentHolds tells whether an argument that is taken is as long as said.
func argumentHolds(m *Message, trailer []byte) bool {
	arg, err := m.Argument(trailer)
	return err == ErrArgument || err == nil && (len(arg) == 0 || len(arg) == int(m.MMI().ArgLen))
}

// rebuild makes the message anew from its header and its typed body.
func rebuild(m Message) (n Message) {
	n.Header = m.Header
	switch m.Class {
	case ClassHub:
		b := m.Hub()
		n.SetHub(&b)
	case ClassSock:
		b := m.Sock()
		n.SetSock(&b)
	case ClassATM:
		b := m.ATM()
		n.SetATM(&b)
	case ClassSig:
		b := m.Sig()
		n.SetSig(&b)
	case ClassMMI:
		b := m.MMI()
		n.SetMMI(&b)
	case ClassEvt:
		b := m.Evt()
		n.SetEvt(&b)
	case ClassPrim:
		b := m.Prim()
		n.SetPrim(&b)
	}
	return n
}

// The header's fields against a decoder of two lines a field, at the offsets of the
// page.
func TestHeaderOffsets(t *testing.T) {
	f := func(h Header) bool {
		m := Message{Header: h}
		var b [Size]byte
		m.Encode(&b)
		be := binary.BigEndian
		return string(b[:4]) == "HUB1" && b[4] == 1 && b[5] == byte(h.Class) && be.Uint16(b[6:]) == uint16(h.Type) &&
			be.Uint16(b[8:]) == uint16(h.Flags) && b[10] == h.Band && b[11] == h.Cause && int32(be.Uint32(b[12:])) == h.Status &&
			be.Uint32(b[16:]) == h.Src && be.Uint32(b[20:]) == h.Dst && be.Uint32(b[24:]) == h.Seq && be.Uint32(b[28:]) == h.Ack &&
			be.Uint64(b[32:]) == uint64(h.Conn) && be.Uint64(b[40:]) == h.Key && be.Uint32(b[48:]) == h.Idx &&
			be.Uint32(b[52:]) == h.Val && be.Uint32(b[56:]) == h.Len && be.Uint32(b[60:]) == h.Epoch
	}
	if err := quick.Check(f, nil); err != nil {
		t.Error(err)
	}
}
