package control

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// readGolden reads octets written by hand; the offsets must be right.
func readGolden(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "golden", name+".hex"))
	if err != nil {
		t.Fatal(err)
	}
	var b []byte
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, ";")
		at, octets, found := strings.Cut(line, ":")
		if !found {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(at))
		if err != nil || n != len(b) {
			t.Fatalf("%s: offset %q after %d octets", name, at, len(b))
		}
		x, err := hex.DecodeString(strings.Join(strings.Fields(octets), ""))
		if err != nil {
			t.Fatal(name, err)
		}
		b = append(b, x...)
	}
	return b
}

func mustName(s string) Name {
	n, err := MakeName(s)
	if err != nil {
		panic(err)
	}
	return n
}

// golden are the messages of testdata/golden as their comments say them.
func golden() map[string]Message {
	mmi := MMI{Command: 130, Direction: DirectionBoth, NameLen: 6, ArgLen: 5, Name: mustName("shaper")}
	copy(mmi.Inline[:], "\xA1\xA2\xA3\xA4\xA5")
	cell := Sig{Port: 3, VCI: 1, Header: 5<<1 | 1, Kind: SigKindMeta, NS: 0x179E1F6012345678}
	for i := range cell.Payload {
		cell.Payload[i] = byte(i/8<<4 + i%8 + 1)
	}
	all := map[string]Message{
		"hub":  {Header: Header{Type: HubHello, Flags: FlagSync | FlagTrailer, Seq: 1, Len: 8}},
		"sock": {Header: Header{Type: SockIncoming, Flags: FlagSync | FlagTrailer, Band: 5, Src: 17, Dst: 34, Seq: 258, Conn: MakeConnID(3, 9), Len: 32, Epoch: 42}},
		"atm": {Header: Header{Type: ATMAdd, Flags: FlagSync | FlagHiPri, Band: 255, Src: 0x04000021, Dst: 0x08000043,
			Seq: 0xFFFFFFFF, Conn: MakeConnID(2147483649, 123456), Epoch: 0xDEADBEEF}},
		"sig":  {Header: Header{Type: SigRX, Flags: FlagNoReply, Band: 1, Src: 5, Dst: 6, Seq: 7, Epoch: 42}},
		"mmi":  {Header: Header{Type: MMICmd, Flags: FlagSync, Src: 9, Dst: 10, Seq: 11, Key: 0xFEDCBA9876543210, Epoch: 42}},
		"evt":  {Header: Header{Type: EvtEvent, Flags: FlagTrailer | FlagGroup | FlagNoReply, Band: 2, Cause: 31, Src: 12, Dst: 13, Seq: 14, Idx: 21, Val: 22, Len: 12, Epoch: 42}},
		"prim": {Header: Header{Type: PrimPrimitive, Flags: FlagReply | FlagMore | FlagTrailer, Cause: 127, Status: -6, Src: 31, Dst: 32, Seq: 33, Ack: 1, Idx: uint32(InterfaceDLPI), Val: 11, Len: 6, Epoch: 42}},
	}
	set := func(name string, f func(*Message)) {
		m := all[name]
		f(&m)
		all[name] = m
	}
	set("hub", func(m *Message) { m.SetHub(&Hub{A: uint32(RoleManager), B: 0xDEFACED0, Name: mustName("cellsigd")}) })
	set("sock", func(m *Message) {
		m.SetSock(&Sock{Port: 7, Backlog: 128, AAL: AAL5, Service: ServiceVBR, MaxSDU: 9216, PCRForward: 353207, PCRBackward: 4097,
			SAP:    0x0102030405060708,
			Local:  [20]byte{0x47, 0, 0x91, 0x81, 0, 0, 0, 0, 0x61, 0x70, 0x5B, 0xD9, 1, 1, 2, 3, 4, 5, 6, 0},
			Remote: [20]byte{0x39, 0x84, 0x0F, 0x80, 0x01, 0xBC, 0x61, 0xDF, 0, 7, 0x10, 0x10, 1, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0, 0xF0, 0x0A}})
	})
	set("atm", func(m *Message) {
		m.SetATM(&ATM{Port: 258, VPI: 255, VCI: 4660, AAL: AAL5, Direction: DirectionBoth, Service: ServiceRealTimeVBR, RxMode: RxRaw,
			MaxSDU: 1500, PCRForward: 65537, PCRBackward: 131074, SCRForward: 196611, SCRBackward: 262148, MBS: 100,
			Receiver: 0x04000065, Hiwat: 65536, Lowat: 16384, SAP: 0x0800})
	})
	set("sig", func(m *Message) { m.SetSig(&cell) })
	set("mmi", func(m *Message) { m.SetMMI(&mmi) })
	set("evt", func(m *Message) {
		m.SetEvt(&Evt{IdxFirst: 21, IdxRange: 23, ValFirst: 22, ValRange: 24, Mask: EventVCGone, Group: 13, Lost: 1<<32 | 2, NS: 0x179E1F6087654321})
	})
	set("prim", func(m *Message) { m.SetPrim(&Hub{A: 81, B: 82, Name: mustName("abcdefghijklmnopqrstuvwxyz012345")}) })
	return all
}

// The octets written by hand are what the codec writes, and read as what they say.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.hex")
	if err != nil || len(files) != len(golden()) || len(files) != numClasses {
		t.Fatalf("%d files, %d messages, %d classes: %v", len(files), len(golden()), numClasses, err)
	}
	for name, want := range golden() {
		octets := readGolden(t, name)
		var m Message
		trailer, err := m.DecodeDatagram(octets)
		if err != nil || m != want {
			t.Errorf("%s: %v\n got %v\nwant %v", name, err, &m, &want)
			continue
		}
		var b [Size]byte
		want.Encode(&b)
		if !bytes.Equal(b[:], octets[:Size]) {
			t.Errorf("%s encodes as\n%x, not\n%x", name, b, octets[:Size])
		}
		if !bytes.Equal(trailer, octets[Size:]) {
			t.Errorf("%s: trailer %x", name, trailer)
		}
	}
}

// The bodies read back what was set, and nothing for another class.
func TestBodies(t *testing.T) {
	all := golden()
	sock, atm, sig, mmi, evt, hub, prim := all["sock"], all["atm"], all["sig"], all["mmi"], all["evt"], all["hub"], all["prim"]
	switch {
	case sock.Sock().Remote[19] != 0x0A || sock.Sock().MaxSDU != 9216:
		t.Error(sock.Sock())
	case atm.ATM().SCRBackward != 262148 || atm.ATM().RxMode != RxRaw:
		t.Error(atm.ATM())
	case sig.Sig().Payload[47] != 0x58 || sig.Sig().NS != 0x179E1F6012345678:
		t.Error(sig.Sig())
	case mmi.MMI().Inline[4] != 0xA5 || mmi.MMI().Command != 130:
		t.Error(mmi.MMI())
	case evt.Evt().Lost != 1<<32|2 || evt.Evt().Mask != EventVCGone:
		t.Error(evt.Evt())
	case hub.Hub().Name.String() != "cellsigd" || hub.Hub().A != 1:
		t.Error(hub.Hub())
	case prim.Prim().B != 82 || prim.Prim().Name.String() != "abcdefghijklmnopqrstuvwxyz012345":
		t.Error(prim.Prim())
	}
	if atm.Sock() != (Sock{}) || sock.ATM() != (ATM{}) || prim.Hub() != (Hub{}) || hub.Prim() != (Hub{}) {
		t.Error("a body of another class")
	}
}

func TestString(t *testing.T) {
	for name, want := range map[string]string{
		"hub": `HUB HELLO flags SYNC|TRAILER seq 1 len 8 a 1 b 3740978896 name "cellsigd"`,
		"atm": "ATM ADD flags SYNC|HIPRI band 255 src 67108897 dst 134217795 seq 4294967295 conn 123456.2147483649 epoch 3735928559 " +
			"port 258 vpi 255 vci 4660 aal 5 direction BOTH service RT_VBR rxmode RAW maxsdu 1500 pcr_forward 65537 pcr_backward 131074 " +
			"scr_forward 196611 scr_backward 262148 mbs 100 receiver 67108965 hiwat 65536 lowat 16384 sap 0x800",
		"prim": `PRIM PRIMITIVE flags REPLY|MORE|TRAILER cause 127 status -6 src 31 dst 32 seq 33 ack 1 idx 2 val 11 len 6 epoch 42 ` +
			`a 81 b 82 name "abcdefghijklmnopqrstuvwxyz012345"`,
	} {
		m := golden()[name]
		if got := m.String(); got != want {
			t.Errorf("%s\n got %s\nwant %s", name, got, want)
		}
	}
	if got := (Flags(1 | 1<<15)).String(); got != "REPLY|32768" {
		t.Error(got)
	}
	if got := (AAL(9)).String() + " " + TypeName(9, 1) + " " + TypeName(ClassSig, 3); got != "9 class 9 type 1 SIG type 3" {
		t.Error(got)
	}
}
