package dlpi

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
)

var (
	near = Device{Address: [6]byte{2, 0, 0, 0, 0, 1}, MaxFrame: 1514}
	peer = []byte{2, 0, 0, 0, 0, 2}
)

func prim(number uint32, w ...uint32) Prim { return words(append([]uint32{number}, w...)...) }

func request(m Machine, p Prim) Step { return m.Request(m.Interface().Append(nil, &p)) }

// in makes a machine in a state.
func in(s State) *Link {
	l := New()
	if s == Unattached {
		return l
	}
	if request(l, prim(AttachReq, 7)); s == AttachPending {
		return l
	}
	if l.Attached(&near); s == Unbound {
		return l
	}
	if s == DetachPending {
		request(l, prim(DetachReq))
		return l
	}
	request(l, prim(BindReq, 0xFE, 0, CLDLS<<16, 0))
	return l
}

// TestEveryPrimitiveInEveryState follows appendix B of DLPI 2.0.0: what is known and not allowed
// is DL_OUTSTATE, what is known and not of this service DL_NOTSUPPORTED, all else DL_BADPRIM.
func TestEveryPrimitiveInEveryState(t *testing.T) {
	legal := map[State][]uint32{
		Unattached: {InfoReq, AttachReq}, AttachPending: {InfoReq}, DetachPending: {InfoReq},
		Unbound: {InfoReq, DetachReq, BindReq, PhysAddrReq},
		Idle:    {InfoReq, UnbindReq, SubsBindReq, SubsUnbindReq, UnitdataReq, XIDReq, XIDRes, TestReq, TestRes, PhysAddrReq},
	}
	ours := []uint32{InfoReq, AttachReq, DetachReq, BindReq, UnbindReq, SubsBindReq, SubsUnbindReq, UnitdataReq, XIDReq, XIDRes, TestReq, TestRes, PhysAddrReq}
	other := []uint32{UDQOSReq, 0x0d, 0x0f, 0x11, 0x13, 0x17, 0x19, 0x1d, 0x1e, 0x1f, 0x20, 0x21, 0x24, 0x27, 0x33, 0x34}
	for s, may := range legal {
		for n := range uint32(0x40) {
			l := in(s)
			if l.State() != s {
				t.Fatalf("state %d, want %d", l.State(), s)
			}
			block := make([]byte, 4*MaxWords)
			block[3] = byte(n)
			got := l.Request(block)
			code := got.Answer.Words[2]
			var want uint32
			switch {
			case slices.Contains(may, n):
				if got.Answer.Words[0] == ErrorAck && (code == OutState || code == NotSupported || code == BadPrim) {
					t.Errorf("state %d, %#x: %#x", s, n, code)
				}
				continue
			case n == UnitdataReq: // 4.2.1: a datagram is answered with DL_UDERROR_IND
				if got.Answer.Words[0] != UDErrorInd || got.Answer.Words[4] != OutState {
					t.Errorf("state %d, datagram: %x", s, got.Answer.Words)
				}
				continue
			case slices.Contains(ours, n):
				want = OutState
			case slices.Contains(other, n):
				want = NotSupported
			default:
				want = BadPrim
			}
			if got.Do != ActAnswer || got.Answer.Words[0] != ErrorAck || got.Answer.Words[1] != n || code != want || l.State() != s {
				t.Errorf("state %d, %#x: %x, want error %#x", s, n, got.Answer.Words[:4], want)
			}
		}
	}
}

func TestAttach(t *testing.T) {
	l := New()
	if s := request(l, prim(AttachReq, 7)); s.Do != ActAttach || s.PPA != 7 || l.State() != AttachPending {
		t.Fatalf("%+v", s)
	}
	if s := l.Attached(nil); s.Answer.Words[0] != ErrorAck || s.Answer.Words[2] != BadPPA || l.State() != Unattached {
		t.Errorf("no such line: %x", s.Answer.Words)
	}
	if s := l.Attached(&near); s.Do != 0 || l.State() != Unattached {
		t.Errorf("a line that nobody asked for: %+v", s)
	}
	request(l, prim(AttachReq, 7))
	if s := l.Attached(&near); s.Answer.Words[0] != OKAck || s.Answer.Words[1] != AttachReq {
		t.Errorf("%x", s.Answer.Words)
	}
	if s := request(l, prim(DetachReq)); s.Do != ActDetach || l.State() != DetachPending {
		t.Errorf("%+v", s)
	}
	if s := l.Detached(); s.Answer.Words[0] != OKAck || s.Answer.Words[1] != DetachReq || l.State() != Unattached {
		t.Errorf("%x", s.Answer.Words)
	}
}

func TestBind(t *testing.T) {
	for _, c := range []struct {
		name             string
		sap, mode, flags uint32
		code, auto       uint32 // of a refusal; of DL_BIND_ACK
	}{
		{"EtherType", 0x88B5, CLDLS << 16, AutoTest, ^uint32(0), 0},
		{"LLC", 0xFE, CLDLS << 16, AutoTest | AutoXID, ^uint32(0), 3},
		{"group DSAP", 0xFF, CLDLS << 16, 0, BadSAP, 0},
		{"null DSAP", 0, CLDLS << 16, 0, BadSAP, 0},
		{"length", 0x5DC, CLDLS << 16, 0, BadSAP, 0},
		{"beyond 16 bits", 0x10800, CLDLS << 16, 0, BadSAP, 0},
		{"connections", 0xFE, 1 << 16, 0, Unsupported, 0},
		{"connection management", 0xFE, CLDLS<<16 | 1, 0, Unsupported, 0},
	} {
		l := in(Unbound)
		s := request(l, prim(BindReq, c.sap, 0, c.mode, c.flags))
		if c.code != ^uint32(0) {
			if s.Answer.Words[0] != ErrorAck || s.Answer.Words[2] != c.code || l.State() != Unbound {
				t.Errorf("%s: %x", c.name, s.Answer.Words)
			}
			continue
		}
		if s.Answer.Words[0] != BindAck || s.Answer.Words[5] != c.auto || s.Do&ActTake == 0 || l.State() != Idle || !bytes.HasPrefix(s.Answer.Addr[0], near.Address[:]) {
			t.Errorf("%s: %+v", c.name, s)
		}
		if s := request(l, prim(UnbindReq)); s.Do&ActTake == 0 || len(l.SAPs()) != 0 || l.State() != Unbound {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

func TestSubsequentBind(t *testing.T) {
	sub := func(l *Link, number, class uint32, sap string) Prim {
		p := prim(number, 0, 0, class)
		p.Addr[0], _ = hex.DecodeString(sap)
		return request(l, p).Answer
	}
	l := in(Unbound)
	request(l, prim(BindReq, 0xAA, 0, CLDLS<<16, 0))
	for _, c := range []struct {
		class uint32
		sap   string
		code  uint32
	}{
		{HierarchicalBind, "080007809B", 0}, {HierarchicalBind, "080007809B", BadAddr}, {PeerBind, "080007809C", Unsupported},
		{PeerBind, "0800", 0}, {PeerBind, "42", 0}, {PeerBind, "43", BadAddr}, {HierarchicalBind, "42", Unsupported}, {3, "44", Unsupported}, {PeerBind, "", BadAddr},
	} {
		got := sub(l, SubsBindReq, c.class, c.sap)
		if ok := got.Words[0] == SubsBindAck; ok != (c.code == 0) || !ok && got.Words[2] != c.code {
			t.Errorf("%d %s: %x", c.class, c.sap, got.Words[:4])
		}
	}
	if want := []SAP{LLC(0xAA), SNAP(0x080007, 0x809B), EtherType(0x800), LLC(0x42)}; !slices.Equal(l.SAPs(), want) {
		t.Errorf("%x", l.SAPs())
	}
	if got := sub(l, SubsUnbindReq, 0, "080007809B"); got.Words[0] != OKAck || len(l.SAPs()) != 3 {
		t.Errorf("%x", got.Words)
	}
	if got := sub(l, SubsUnbindReq, 0, "AA"); got.Words[0] != ErrorAck || got.Words[2] != BadAddr {
		t.Errorf("the first is unbound by DL_UNBIND_REQ: %x", got.Words)
	}
	for n := range 2 * MaxSubs {
		sub(l, SubsBindReq, PeerBind, hex.EncodeToString([]byte{0x90, byte(n)}))
	}
	if got := sub(l, SubsBindReq, PeerBind, "9100"); got.Words[2] != TooMany || len(l.SAPs()) != 1+MaxSubs {
		t.Errorf("%x with %d", got.Words, len(l.SAPs()))
	}
	if got := sub(in(Idle), SubsBindReq, HierarchicalBind, "080007809B"); got.Words[2] != BadAddr {
		t.Errorf("SNAP behind SAP FE: %x", got.Words)
	}
}

func TestUnitdataRefused(t *testing.T) {
	for _, c := range []struct {
		address string
		octets  int
		code    uint32
	}{
		{"020000000002FE", 1498, BadData}, {"020000000002FE", 0, BadData}, {"0200000002FE", 5, BadAddr}, {"02000000000288B5", 5, BadAddr}, {"020000000002FF", 5, BadAddr}, {"", 5, BadAddr},
	} {
		p := prim(UnitdataReq)
		p.Addr[0], _ = hex.DecodeString(c.address)
		p.Data = make([]byte, c.octets)
		s := request(in(Idle), p)
		if s.Do != ActAnswer || s.Answer.Words[0] != UDErrorInd || s.Answer.Words[4] != c.code || !bytes.Equal(s.Answer.Addr[0], p.Addr[0]) {
			t.Errorf("%+v: %+v", c, s)
		}
	}
}

func frame(text string) []byte {
	p, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		panic(err)
	}
	return slices.Concat(near.Address[:], peer, p)
}

// TestForeign drops what makes no sense or is not the user's: 802.3 lengths, 802.2 types and groups.
func TestForeign(t *testing.T) {
	for name, f := range map[string][]byte{
		"short": near.Address[:], "longer than it is": frame("0009 FE FE 03 11"), "no control": frame("0002 FE FE 03"),
		"another SAP": frame("0004 42 FE 03 11"), "group SAP": frame("0004 FF FE 03 11"), "type 2": frame("0004 FE FE 00 11"),
		"UI response": frame("0004 FE FF 03 11"), "DISC": frame("0003 FE FE 43"), "Ethernet": frame("88B5 11"), "half a SNAP": frame("0005 AA AA 03 08 00"),
	} {
		if s := in(Idle).Frame(f); s.Do != 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if s := in(Idle).Frame(frame("0004 FE 10 03 11 000000")); s.Do != ActAnswer || !bytes.Equal(s.Answer.Data, []byte{0x11}) {
		t.Errorf("padding: %+v", s)
	}
	for _, s := range []State{Unattached, AttachPending, Unbound, DetachPending} {
		if s := in(s).Frame(frame("0004 FE 10 03 11")); s.Do != 0 {
			t.Errorf("unbound: %+v", s)
		}
	}
}

// TestLineStates follows the state table of CDI.
func TestLineStates(t *testing.T) {
	make := map[CDState]func() *Line{}
	steps := []uint32{0, CDAttachReq, 0, CDEnableReq, CDAllowInputReq}
	states := []CDState{CDUnattached, cdAttaching, CDDisabled, CDEnabled, CDInputAllowed}
	for i, s := range states {
		make[s] = func() *Line {
			l := NewLine()
			for j := 1; j <= i; j++ {
				if steps[j] == 0 {
					l.Attached(&near)
				} else {
					request(l, prim(steps[j], 1))
				}
			}
			return l
		}
	}
	legal := map[CDState][]uint32{
		CDUnattached: {CDAttachReq}, CDDisabled: {CDDetachReq, CDEnableReq}, CDEnabled: {CDDisableReq, CDAllowInputReq}, CDInputAllowed: {CDDisableReq, CDHaltInputReq},
	}
	for _, s := range states {
		for _, n := range []uint32{CDAttachReq, CDDetachReq, CDEnableReq, CDDisableReq, CDAllowInputReq, CDHaltInputReq} {
			l := make[s]()
			if l.State() != s {
				t.Fatalf("state %d, want %d", l.State(), s)
			}
			got := request(l, prim(n))
			if ok := got.Do&ActAnswer == 0 || got.Answer.Words[0] != CDErrorAck; ok != slices.Contains(legal[s], n) || !ok && got.Answer.Words[3] != CDOutState {
				t.Errorf("state %d, %s: %x", s, CDI.Name(n), got.Answer.Words[:5])
			}
		}
		for _, n := range []uint32{0x0c, 0x0e, 0x12} {
			if got := request(make[s](), prim(n)); got.Answer.Words[3] != CDNotSupp {
				t.Errorf("%s: %x", CDI.Name(n), got.Answer.Words[:5])
			}
		}
	}
}

// TestDataCostsNothing: no allocation for a datagram, either way.
func TestDataCostsNothing(t *testing.T) {
	l := in(Idle)
	p := prim(UnitdataReq)
	p.Addr[0], p.Data = append(slices.Clone(peer), 0xFE), []byte("data")
	block, f, buf := DLPI.Append(nil, &p), frame("0004 FE 10 03 11"), make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() {
		if l.Request(block).Do != ActSend {
			t.Fatal("not sent")
		}
		s := l.Frame(f)
		buf = DLPI.Append(buf[:0], &s.Answer)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestBlocks are octets written out by hand from the structures of DLPI 2.0.0, appendix C.
func TestBlocks(t *testing.T) {
	for _, c := range []struct {
		name, hex string
		p         Prim
	}{
		{"DL_ATTACH_REQ", "0000000b 00000007", prim(AttachReq, 7)},
		{"DL_BIND_REQ", "00000001 000000fe 00000000 0002 0000 00000003", prim(BindReq, 0xFE, 0, CLDLS<<16, 3)},
		{"DL_UNITDATA_REQ", "00000007 00000007 00000014 00000000 00000000 020000000002fe 6869", func() Prim {
			p := prim(UnitdataReq, 7, 20)
			p.Addr[0], p.Data = append(slices.Clone(peer), 0xFE), []byte("hi")
			return p
		}()},
		{"DL_SUBS_BIND_REQ", "0000001b 00000010 00000005 00000002 080007809b", func() Prim {
			p := prim(SubsBindReq, 16, 5, 2)
			p.Addr[0] = []byte{8, 0, 7, 0x80, 0x9B}
			return p
		}()},
	} {
		want, _ := hex.DecodeString(strings.ReplaceAll(c.hex, " ", ""))
		if got := DLPI.Append(nil, &c.p); !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", c.name, got, want)
		}
		got, err := DLPI.Decode(want)
		if err != nil || got.Words != c.p.Words || !bytes.Equal(got.Addr[0], c.p.Addr[0]) || !bytes.Equal(got.Data, c.p.Data) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

// FuzzRequest has machines in all states take octets, and write what they answer so that it is
// read again as it was.
func FuzzRequest(f *testing.F) {
	for n := range uint32(0x36) {
		block := make([]byte, 4*MaxWords)
		block[3] = byte(n)
		f.Add(block)
	}
	f.Add([]byte("\x00\x00\x00\x07\x00\x00\x00\x07\x00\x00\x00\x14\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x02\xfehi"))
	f.Fuzz(func(t *testing.T, block []byte) {
		for _, m := range []Machine{in(Unattached), in(Unbound), in(Idle), NewLine()} {
			s := m.Request(block)
			if s.Do&ActAnswer != 0 {
				written := m.Interface().Append(nil, &s.Answer)
				back, err := m.Interface().Decode(written)
				if err != nil || back.Words[0] != s.Answer.Words[0] || !bytes.Equal(m.Interface().Append(nil, &back), written) {
					t.Errorf("%x: %v", written, err)
				}
			}
			if s.Do&ActSend != 0 && len(s.Header)+len(s.Payload) > near.MaxFrame {
				t.Errorf("%d octets", len(s.Header)+len(s.Payload))
			}
		}
	})
}

// FuzzFrame has a bound user take frames.
func FuzzFrame(f *testing.F) {
	for _, s := range []string{"0004 FE 10 03 11", "0007 FE 20 F3 01020304", "0006 FE 20 AF 810100", "000D AA AA 03 080007 809B 0102030405", "88B5 11"} {
		f.Add(frame(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		l := in(Unbound)
		request(l, prim(BindReq, 0xFE, 0, CLDLS<<16, AutoTest))
		s := l.Frame(p)
		if s.Do != 0 && !slices.Contains(l.SAPs(), Classify(p)) {
			t.Errorf("%x was handed up", p)
		}
		if len(s.Answer.Data) > len(p) || len(s.Payload) > len(p) {
			t.Errorf("more than came")
		}
	})
}
