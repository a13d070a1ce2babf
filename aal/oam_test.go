package aal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// oamCodec is what every OAM cell type has.
type oamCodec interface {
	Encode([]byte) error
	Decode([]byte) error
	String() string
}

// continuity makes PutOAMContinuity a codec for the tables.
type continuity struct{}

func (continuity) Encode(p []byte) error { return PutOAMContinuity(p) }
func (continuity) Decode(p []byte) error { return readOAM(p, OAMCC) }
func (continuity) String() string        { return OAMCC.String() }

func ptr[T any](v T) *T { return &v }

const oamTestIDs = "000102030405060708090a0b0c0d0e0f"

var (
	oamTestID     = OAMID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	oamTestUnused = strings.Repeat("6a", PayloadSize)
)

var oamVectors = []struct {
	name string
	cell oamCodec
	want string // from the first octet; 6A to octet 46
	edc  string
	text string
}{
	{
		"AIS", ptr(MakeOAMFault(OAMAIS)), "10", "03b9",
		"cell-type Fault Management (1), func-type AIS (0), defect-type 0x6a, defect-location " + oamTestUnused[:32],
	}, {
		"RDI", ptr(MakeOAMFault(OAMRDI)), "11", "00af",
		"cell-type Fault Management (1), func-type RDI (1), defect-type 0x6a, defect-location " + oamTestUnused[:32],
	}, {
		"CC", continuity{}, "14", "0387", "cell-type Fault Management (1), func-type Continuity Check (4)",
	}, {
		"loopback",
		&OAMLoopback{Request: true, Tag: 1, Location: FilledOAMID(OAMIDEnd), Source: FilledOAMID(OAMIDNone)},
		"180100000001ffffffffffffffffffffffffffffffff", "0309",
		"cell-type Fault Management (1), func-type Loopback (8), Request, Correlation-Tag 0x00000001, " +
			"Loopback-ID ffffffffffffffffffffffffffffffff, Source-ID " + oamTestUnused[:32],
	}, {
		"AIS with defect", &OAMFault{Kind: OAMAIS, Defect: 1, Location: oamTestID}, "1001" + oamTestIDs, "",
		"cell-type Fault Management (1), func-type AIS (0), defect-type 0x01, defect-location " + oamTestIDs,
	}, {
		"loopback returned", &OAMLoopback{Tag: 0xDEADBEEF, Location: oamTestID, Source: oamTestID},
		"1800deadbeef" + oamTestIDs + oamTestIDs, "",
		"cell-type Fault Management (1), func-type Loopback (8), Reply, Correlation-Tag 0xdeadbeef, " +
			"Loopback-ID " + oamTestIDs + ", Source-ID " + oamTestIDs,
	}, {
		"forward monitoring",
		&OAMForward{MCSN: 1, TUC01: 0x0203, BEDC: 0x0405, TUC0: 0x0607, Time: OAMNoTimestamp},
		"20" + "01" + "0203" + "0405" + "0607" + "ffffffff", "",
		"cell-type Performance Management (2), func-type Forward Monitoring (0), " +
			"MCSN 1, TUC0+1 515, BEDC 0x0405, TUC0 1543, TSTP 0xffffffff",
	}, {
		"backward reporting",
		&OAMBackward{
			MCSN: 1, TUC01: 0x0203, TUC0: 0x0607, Time: 0x08090A0B,
			RMCSN: 0x0C, SECBC: 0x0D, TRCC0: 0x0E0F, BLER: 0x10, TRCC01: 0x1112,
		},
		"21" + "01" + "0203" + "6a6a" + "0607" + "08090a0b" + oamTestUnused[:54] +
			"0c" + "0d" + "0e0f" + "10" + "1112", "",
		"cell-type Performance Management (2), func-type Backward Reporting (1), MCSN 1, TUC0+1 515, TUC0 1543, " +
			"TSTP 0x08090a0b, RMCSN 12, SECBC 13, TRCC0 3599, BLER 16, TRCC0+1 4370",
	}, {
		"activate monitoring",
		&OAMActivation{
			Kind: OAMActPM, Message: OAMActivate, Direction: OAMBothWays, Tag: 0x55,
			BlockAB: OAMBlock1024 | OAMBlock256, BlockBA: OAMBlock128,
		},
		"80" + "07" + "55" + "a1", "",
		"cell-type activate/deactivate (8), func-type Performance Monitoring (0), Activate, direction two-way, " +
			"Correlation-Tag 0x55, PM-block-size A-B 256|1024 B-A 128",
	}, {
		"deactivation of CC denied",
		&OAMActivation{Kind: OAMActCC, Message: OAMDeactivateDenied, Tag: 2},
		"81" + "1c" + "02" + "00", "",
		"cell-type activate/deactivate (8), func-type Continuity Check (1), Deactivation Request Denied, direction none, " +
			"Correlation-Tag 0x02, PM-block-size A-B none B-A none",
	},
}

// Every field of every cell at its place, I.610, 10.2 to 10.4. The EDC of the
// first four are those of the published vectors.
func TestOAMVectors(t *testing.T) {
	for _, tt := range oamVectors {
		t.Run(tt.name, func(t *testing.T) {
			got := randomOctets(rand.New(rand.NewPCG(1, 1)), PayloadSize)
			if err := tt.cell.Encode(got); err != nil {
				t.Fatal(err)
			}
			want := payload6A(unhex(t, tt.want))
			if !bytes.Equal(got[:46], want[:46]) {
				t.Errorf("payload %x\nwant    %x", got[:46], want[:46])
			}
			if edc := hex.EncodeToString(got[46:]); tt.edc != "" && edc != tt.edc {
				t.Errorf("EDC %s, want %s", edc, tt.edc)
			}
			if s := tt.cell.String(); s != tt.text {
				t.Errorf("prints %s\nwant   %s", s, tt.text)
			}
			decodesBack(t, tt.cell, got)
		})
	}
}

// decodesBack decodes p with c, encodes the result, and wants p again; wrong
// CRC, wrong kind and short payloads must be told.
func decodesBack(t *testing.T, c oamCodec, p []byte) {
	t.Helper()
	text := c.String()
	if err := c.Decode(p); err != nil {
		t.Fatal(err)
	}
	again := make([]byte, PayloadSize)
	if err := c.Encode(again); err != nil || !bytes.Equal(again, p) || c.String() != text {
		t.Errorf("decoded and encoded again: %x (%v)\nwant %x", again, err, p)
	}
	p[30] ^= 1
	if err := c.Decode(p); !errors.Is(err, ErrCRC10) {
		t.Errorf("flipped bit: %v, want ErrCRC10", err)
	}
	if err := PutOAM(p, 0x77, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Decode(p); !errors.Is(err, ErrOAMKind) {
		t.Errorf("another kind: %v, want ErrOAMKind", err)
	}
	if err := c.Decode(p[:47]); !errors.Is(err, ErrPayloadSize) {
		t.Errorf("short: %v, want ErrPayloadSize", err)
	}
	if err := c.Encode(p[:47]); !errors.Is(err, ErrPayloadSize) {
		t.Errorf("short: %v, want ErrPayloadSize", err)
	}
}

func TestOAMEncodeRefusesKind(t *testing.T) {
	p := make([]byte, PayloadSize)
	if err := (&OAMFault{Kind: OAMCC}).Encode(p); !errors.Is(err, ErrOAMKind) {
		t.Errorf("fault: %v", err)
	}
	if err := (&OAMActivation{Kind: OAMCC}).Encode(p); !errors.Is(err, ErrOAMKind) {
		t.Errorf("activation: %v", err)
	}
}

func TestOAMKindString(t *testing.T) {
	for k, want := range map[OAMKind]string{
		OAMAPS: "cell-type Protection Switching (5), func-type Individual Protection (1)",
		0xF3:   "cell-type System Management (15), func-type unknown (3)",
		0x1F:   "cell-type Fault Management (1), func-type none (15)",
		0x30:   "cell-type unknown (3), func-type unknown (0)",
	} {
		if got := k.String(); got != want {
			t.Errorf("%02X prints %s, want %s", uint8(k), got, want)
		}
	}
}

// I.610, 7.2.1 and 7.2.2: F4 by VCI, F5 by PTI.
func TestOAMFlow(t *testing.T) {
	vc := VC{VPI: 5, VCI: 100}
	for _, tt := range []struct {
		flow OAMFlow
		vci  uint16
		pti  uint8
		text string
	}{
		{OAMF4Segment, 3, 0, "OAM F4 (segment)"},
		{OAMF4EndToEnd, 4, 0, "OAM F4 (end)"},
		{OAMF5Segment, 100, 4, "OAM F5 (segment)"},
		{OAMF5EndToEnd, 100, 5, "OAM F5 (end)"},
	} {
		h := tt.flow.Header(vc)
		if want := MakeHeader(VC{5, tt.vci}, tt.pti, false); h != want {
			t.Errorf("%v: header %v, want %v", tt.flow, h, want)
		}
		if f, ok := h.OAMFlow(); !ok || f != tt.flow {
			t.Errorf("%v is read as %v %v", h, f, ok)
		}
		if tt.flow.String() != tt.text || tt.flow.Segment() != (tt.vci == 3 || tt.pti == 4) {
			t.Errorf("%v, want %s", tt.flow, tt.text)
		}
	}
	for pti := range uint8(8) {
		_, f4 := MakeHeader(VC{5, 3}, pti, false).OAMFlow()
		if want := pti == 0 || pti == 2 || pti == 4 || pti == 5; f4 != want {
			t.Errorf("VCI 3 pti %d: OAM %v, want %v", pti, f4, want)
		}
		_, user := MakeHeader(vc, pti, false).OAMFlow()
		if want := pti == 4 || pti == 5; user != want {
			t.Errorf("VCI 100 pti %d: OAM %v, want %v", pti, user, want)
		}
	}
}

// I.610, 10.2.3: the looping point clears the indication and touches nothing
// else but the CRC.
func TestOAMLoop(t *testing.T) {
	p := make([]byte, PayloadSize)
	c := OAMLoopback{Request: true, Tag: 0x01020304, Location: FilledOAMID(OAMIDEnd), Source: FilledOAMID(9)}
	if err := c.Encode(p); err != nil {
		t.Fatal(err)
	}
	if err := LoopOAM(p); err != nil {
		t.Fatal(err)
	}
	var back OAMLoopback
	if err := back.Decode(p); err != nil {
		t.Fatal(err)
	}
	c.Request = false
	if back != c {
		t.Errorf("looped: %+v, want %+v", back, c)
	}
	before := bytes.Clone(p)
	if err := LoopOAM(p); !errors.Is(err, ErrOAMKind) || !bytes.Equal(p, before) {
		t.Errorf("looped twice: %v", err)
	}
	p[9] ^= 1
	if err := LoopOAM(p); !errors.Is(err, ErrCRC10) {
		t.Errorf("damaged: %v", err)
	}
}

// I.610, annex C.
func TestOAMLoopsAt(t *testing.T) {
	own, other := FilledOAMID(7), FilledOAMID(8)
	all, end, none := FilledOAMID(OAMIDAll), FilledOAMID(OAMIDEnd), FilledOAMID(OAMIDNone)
	for _, tt := range []struct {
		name  string
		loc   OAMID
		flow  OAMFlow
		point OAMPoint
		want  bool
	}{
		{"ones at the segment's end", end, OAMF5Segment, OAMEndPoint, true},
		{"ones on the way", end, OAMF5Segment, OAMConnectingPoint, false},
		{"ones at the connection's end", end, OAMF4EndToEnd, OAMEndPoint, true},
		{"own on the segment", own, OAMF4Segment, OAMConnectingPoint, true},
		{"own at the end", own, OAMF5EndToEnd, OAMEndPoint, true},
		{"own on the way, end to end", own, OAMF5EndToEnd, OAMConnectingPoint, false},
		{"zeros on the segment", all, OAMF5Segment, OAMConnectingPoint, true},
		{"zeros end to end", all, OAMF5EndToEnd, OAMEndPoint, false},
		{"another's", other, OAMF5Segment, OAMEndPoint, false},
		{"6A nowhere", none, OAMF5Segment, OAMEndPoint, false},
	} {
		c := OAMLoopback{Request: true, Location: tt.loc}
		if got := c.LoopsAt(own, tt.point, tt.flow); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		c.Request = false
		if c.LoopsAt(own, tt.point, tt.flow) {
			t.Errorf("%s: a reply is looped", tt.name)
		}
	}
	unnamed := OAMLoopback{Request: true, Location: none}
	if unnamed.LoopsAt(none, OAMEndPoint, OAMF5Segment) {
		t.Error("6A loops at a point without an identifier")
	}
}

func TestOAMAnswer(t *testing.T) {
	req := OAMActivation{Kind: OAMActPM, Message: OAMActivate, Direction: OAMAToB, Tag: 9, BlockAB: OAMBlock128 | OAMBlock512}
	got := req.Answer(OAMActivateConfirm, OAMBlock512, 0)
	want := OAMActivation{Kind: OAMActPM, Message: OAMActivateConfirm, Tag: 9, BlockAB: OAMBlock512}
	if got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// I.610, 9.2.1 and 9.2.2, on a clock of our own.
func TestOAMMonitor(t *testing.T) {
	var m OAMMonitor
	at := func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }
	step := func(ms int, state OAMState, due OAMDue) {
		t.Helper()
		if d := m.Poll(at(ms)); d != due || m.State() != state {
			t.Errorf("at %d ms: state %v due %d, want %v %d", ms, m.State(), d, state, due)
		}
	}
	step(0, 0, 0)
	m.Cell(at(100), OAMAIS)
	step(100, OAMStateAIS, OAMDueRDI) // at once, then every second
	step(1000, OAMStateAIS, 0)
	m.Cell(at(1100), OAMAIS)
	step(1100, OAMStateAIS, OAMDueRDI)
	m.User()
	step(1200, 0, 0) // a user cell ends it
	m.Cell(at(1300), OAMAIS)
	step(1300, OAMStateAIS, OAMDueRDI)
	step(3799, OAMStateAIS, OAMDueRDI)
	step(3800, 0, 0) // 2.5 s without AIS end it
	m.Cell(at(4000), OAMRDI)
	step(6499, OAMStateRDI, 0)
	step(6500, 0, 0)
	m.Sink(at(7000), true)
	step(10499, 0, 0)
	step(10500, OAMStateLOC, OAMDueRDI) // 3.5 s without a cell
	m.Cell(at(10600), OAMCC)
	step(10600, 0, 0)
	m.Source(at(11000), true)
	step(11000, 0, OAMDueCC)
	step(11999, 0, 0)
	step(12000, 0, OAMDueCC)
	m.Sent(at(12900)) // user cells go: no CC needed
	step(13000, 0, 0)
	m.User()
	step(13900, 0, OAMDueCC)
	if s := (OAMStateRDI | OAMStateLOC).String(); s != "RDI LOC" {
		t.Error(s)
	}
}

// I.610, 9.2.1 and 10.3: two ends, with damage on the way.
func TestOAMPerformance(t *testing.T) {
	const block = 128
	rng := rand.New(rand.NewPCG(3, 3))
	var src OAMSource
	sink := OAMSink{Thresholds: OAMThresholds{Errors: 4, Lost: 2, Misinserted: 1}}
	run := func(lose, insert, flips int) (OAMBlock, bool) {
		t.Helper()
		for i := range block {
			p := randomOctets(rng, PayloadSize)
			clp := i%4 == 0
			must(t, src.User(p, clp))
			if i < lose {
				continue
			}
			if i-lose < flips {
				p[i%PayloadSize] ^= 1 << (i % 8)
			}
			must(t, sink.User(p, clp))
		}
		for range insert {
			must(t, sink.User(randomOctets(rng, PayloadSize), false))
		}
		if src.Block() != block {
			t.Fatalf("block of %d", src.Block())
		}
		p := make([]byte, PayloadSize)
		c := src.Forward(OAMNoTimestamp)
		if err := c.Encode(p); err != nil {
			t.Fatal(err)
		}
		var got OAMForward
		if err := got.Decode(p); err != nil {
			t.Fatal(err)
		}
		return sink.Forward(got)
	}
	if _, ok := run(0, 0, 0); ok {
		t.Error("the first monitoring cell ended a block")
	}
	for _, tt := range []struct {
		name                string
		lose, insert, flips int
		lost, bler          int
		severe              bool
	}{
		{"clean", 0, 0, 0, 0, 0, false},
		{"one bit", 0, 0, 1, 0, 1, false},
		{"six bits", 0, 0, 6, 0, 6, true},
		{"two lost", 2, 0, 0, 2, OAMNoBLER, false},
		{"three lost", 3, 0, 0, 3, OAMNoBLER, true},
		{"two misinserted", 0, 2, 0, -2, OAMNoBLER, true},
		{"clean again", 0, 0, 0, 0, 0, false},
	} {
		b, ok := run(tt.lose, tt.insert, tt.flips)
		if !ok || b.Lost() != tt.lost || int(b.BLER) != tt.bler || b.Severe != tt.severe || b.Sent != block {
			t.Errorf("%s: %+v %v", tt.name, b, ok)
		}
		r := sink.Backward(OAMNoTimestamp)
		if r.BLER != b.BLER || r.RMCSN != src.mcsn-1 || r.TUC01 != src.counts.all || r.TRCC01 != sink.counts.all {
			t.Errorf("%s: report %v", tt.name, &r)
		}
	}
	if r := sink.Backward(0); r.SECBC != 3 || r.MCSN != 7 {
		t.Errorf("report %v, want SECBC 3 MCSN 7", &r)
	}
	for range 10 { // tagged on the way
		p := randomOctets(rng, PayloadSize)
		must(t, src.User(p, false))
		must(t, sink.User(p, true))
	}
	if b, ok := sink.Forward(src.Forward(0)); !ok || b.Lost() != 0 || b.Lost0() != 10 || b.BLER != 0 {
		t.Errorf("ten tagged: %+v", b)
	}
	src.Forward(OAMNoTimestamp) // lost on the way
	if b, ok := run(0, 0, 0); !ok || b.Missed != 1 || b.BLER != OAMNoBLER || b.Lost() != 0 {
		t.Errorf("a monitoring cell lost: %+v", b)
	}
}

// The counts are modulo 65,536 and go round without harm.
func TestOAMPerformanceWraps(t *testing.T) {
	p := make([]byte, PayloadSize)
	var src OAMSource
	var sink OAMSink
	sink.Forward(src.Forward(0))
	for round := range 300 {
		for range 1000 {
			must(t, src.User(p, false))
			must(t, sink.User(p, false))
		}
		if b, ok := sink.Forward(src.Forward(0)); !ok || b.Sent != 1000 || b.Lost() != 0 || b.BLER != 0 || b.Missed != 0 {
			t.Fatalf("round %d: %+v", round, b)
		}
	}
}

func FuzzOAM(f *testing.F) {
	p := make([]byte, PayloadSize)
	for _, k := range []OAMKind{OAMAIS, OAMRDI, OAMCC, OAMLB, OAMFPM, OAMBR, OAMAPS, OAMActPM, OAMActCC, OAMSystem} {
		if err := PutOAM(p, k, []byte{1, 2, 3}); err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.Clone(p))
	}
	f.Add([]byte{0x10})
	f.Fuzz(func(t *testing.T, p []byte) {
		p = bytes.Clone(p)
		if len(p) >= PayloadSize {
			PutCRC10(whole(p), p[46]>>2) // past the CRC, or little is reached
		}
		kind, err := ReadOAM(p)
		for _, c := range []oamCodec{&OAMFault{}, &OAMLoopback{}, &OAMForward{}, &OAMBackward{}, &OAMActivation{}} {
			if c.Decode(p) != nil {
				continue
			}
			again := make([]byte, PayloadSize)
			if err != nil || c.Encode(again) != nil || again[0] != p[0] || c.String() == "" {
				t.Fatalf("%v: %x became %x", kind, p, again)
			}
			first := c.String()
			if c.Decode(again) != nil || c.String() != first {
				t.Fatalf("%s became %v", first, c)
			}
		}
		_ = LoopOAM(p)
	})
}

func TestOAMAllocs(t *testing.T) {
	p := make([]byte, PayloadSize)
	var src OAMSource
	var sink OAMSink
	var lb OAMLoopback
	if n := testing.AllocsPerRun(100, func() {
		c := OAMLoopback{Request: true, Tag: 1}
		_ = c.Encode(p)
		_ = LoopOAM(p)
		_ = lb.Decode(p)
		must(t, src.User(p, false))
		must(t, sink.User(p, false))
		f := src.Forward(0)
		_ = f.Encode(p)
		_ = f.Decode(p)
		sink.Forward(f)
		b := sink.Backward(0)
		_ = b.Encode(p)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkOAM(b *testing.B) {
	p := make([]byte, PayloadSize)
	c := OAMLoopback{Request: true, Tag: 1}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = c.Encode(p)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		_ = c.Encode(p)
		for b.Loop() {
			if c.Decode(p) != nil {
				b.Fatal("wrong")
			}
		}
	})
	b.Run("loop", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p[lbIndication] = 1
			PutCRC10(whole(p), 0)
			_ = LoopOAM(p)
		}
	})
	b.Run("monitored user cell", func(b *testing.B) {
		b.ReportAllocs()
		var s OAMSource
		for b.Loop() {
			if err := s.User(p, false); err != nil {
				b.Fatal(err)
			}
		}
	})
}
