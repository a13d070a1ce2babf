package ie

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

// Codings worked out by hand from the figures of the clause that the table
// names. They pin down what a round trip cannot: where each bit is.
var codings = []struct {
	name  string
	value Value
	hex   string
}{
	{"cause 102, T303", &Cause{Location: LocationPublicLocal, Value: 102, Diagnostics: []byte("303")}, "08 80 0005 82 e6 333033"},
	{"call state", &CallState{State: 10}, "14 80 0001 0a"},
	{"restart request", &CallState{State: StateRestartRequest}, "14 80 0001 3d"},
	{"notification", &Notification{Description: []byte{0x81}}, "27 80 0001 81"},
	{"transit delay", &TransitDelay{Cumulative: Some[uint16](100), Maximum: Some(AnyTransitDelay)}, "42 80 0006 01 0064 03 ffff"},
	{"transit delay of a network", &TransitDelay{Cumulative: Some[uint16](1), Network: true}, "42 80 0004 01 0001 0a"},
	{"connected number", &ConnectedNumber{Number{NumberInternational, PlanE164, []byte("12")}, Screening{Some[uint8](0), Some[uint8](3)}}, "4c 80 0004 11 83 3132"},
	{"connected number, short", &ConnectedNumber{Number: Number{NumberInternational, PlanE164, []byte("12")}}, "4c 80 0003 91 3132"},
	{"connected subaddress", &ConnectedSubaddress{Subaddress{SubaddressATM, true, []byte{1}}}, "4d 80 0002 98 01"},
	{"endpoint reference", &EndpointReference{Flag: true, Value: 0x1234}, "54 80 0003 00 9234"},
	{"endpoint state", &EndpointState{State: 6}, "55 80 0001 06"},
	{"AAL 1", &AALParameters{Type: AAL1, Subtype: Some[uint8](2), CBRRate: Some[uint8](64), Multiplier: Some[uint16](30),
		ClockRecovery: Some[uint8](1), ErrorCorrection: Some[uint8](0), BlockSize: Some[uint16](30), PartialFill: Some[uint8](47)},
		"58 80 0011 01 8502 8640 87001e 8801 8900 8a001e 8b2f"},
	{"AAL 3/4", &AALParameters{Type: AAL34, ForwardMaxSDU: Some[uint16](9188), BackwardMaxSDU: Some[uint16](1), MID: Some[uint32](1023), SSCS: Some[uint8](4)},
		"58 80 000e 03 8c23e4 810001 82000003ff 8404"},
	{"AAL 5 of UNI 3.0", &AALParameters{Type: AAL5, ForwardMaxSDU: Some[uint16](9188), BackwardMaxSDU: Some[uint16](9188), Mode: Some[uint8](1), SSCS: Some[uint8](0)},
		"58 80 000b 05 8c23e4 8123e4 8301 8400"},
	{"user AAL", &AALParameters{Type: AALUser, User: []byte{1, 2, 3, 4}}, "58 80 0005 10 01020304"},
	{"traffic, all", &TrafficDescriptor{Traffic{
		ForwardPeak0: Some[uint32](1), BackwardPeak0: Some[uint32](2), ForwardPeak01: Some[uint32](3), BackwardPeak01: Some[uint32](4),
		ForwardSust0: Some[uint32](5), BackwardSust0: Some[uint32](6), ForwardSust01: Some[uint32](7), BackwardSust01: Some[uint32](8),
		ForwardMin01: Some[uint32](9), BackwardMin01: Some[uint32](10),
		ForwardBurst0: Some[uint32](11), BackwardBurst0: Some[uint32](12), ForwardBurst01: Some[uint32](13), BackwardBurst01: Some[uint32](14),
		BestEffort: true, Options: Some(FrameDiscardForward | FrameDiscardBackward | TaggingBackward)}},
		"59 80 003b 82000001 83000002 84000003 85000004 88000005 89000006 90000007 91000008 92000009 9300000a a000000b a100000c b000000d b100000e be bfc2"},
	{"alternative traffic", &AlternativeTraffic{Traffic{ForwardPeak01: Some[uint32](1<<24 - 1)}}, "82 80 0004 84ffffff"},
	{"minimum traffic", &MinimumTraffic{Traffic{BackwardMin01: Some[uint32](7)}}, "81 80 0004 93000007"},
	{"minimum desired rate", &MinimumDesiredRate{Origin: 1, Forward: Some[uint32](1), Backward: Some[uint32](2)}, "f0 e0 0009 01 00000001 02000002"},
	{"connection", &Connection{Associated: Explicit, Exclusive: AnyVCI, VPCI: 0x1234, VCI: 0x5678}, "5a 80 0005 89 1234 5678"},
	{"OAM traffic", &OAMTraffic{Shaping: 1, Mandatory: true, Faults: 1, Forward: 4, Backward: 1}, "5b 80 0002 b1 c1"},
	{"QoS", &QoSParameter{1, 4}, "5c 80 0002 01 04"},
	{"high layer", &HighLayer{3, []byte{0, 0xa0, 0x3e, 0, 0, 0, 1}}, "5d 80 0008 83 00a03e00000001"},
	{"bearer A", &BearerCapability{Class: BearerA}, "5e 80 0002 81 80"},
	{"bearer X, ABR, to many", &BearerCapability{Class: BearerX, Transfer: Some(TransferABR), Clipping: 1, Multipoint: 1}, "5e 80 0003 10 8c a1"},
	{"low layer: LLC", &LowLayer{Layer2: Some(Layer2LLC)}, "5f 80 0001 cc"},
	{"low layer: LANE", &LowLayer{Layer3: Some(Layer3TR9577), IPI: Some(IPISNAP), OUI: Some[uint32](0x00a03e), PID: Some[uint16](1)},
		"5f 80 0009 6b 40 80 80 00a03e 0001"},
	{"low layer: odd identifier", &LowLayer{Layer3: Some(Layer3TR9577), IPI: Some[uint8](0xcf)}, "5f 80 0003 6b 67 c0"},
	{"low layer: X.25", &LowLayer{Layer1: Some[uint8](1), Layer2: Some(Layer2X25), Layer2Mode: Some[uint8](2), Layer2Window: Some[uint8](7),
		Layer3: Some(Layer3X25), Layer3Mode: Some[uint8](1), Layer3Packet: Some[uint8](7), Layer3Window: Some[uint8](2)},
		"5f 80 0008 a1 46 40 87 66 20 07 82"},
	{"low layer: user", &LowLayer{Layer2: Some(Layer2User), Layer2User: Some[uint8](5), Layer3: Some(Layer3User), Layer3User: Some[uint8](6)}, "5f 80 0004 50 85 70 86"},
	{"low layer: H.310", &LowLayer{Layer3: Some(Layer3H310), Terminal: Some[uint8](3), Capability: 2, Multiplex: Some[uint8](0x0a)}, "5f 80 0003 6c 23 8a"},
	{"locking shift", &LockingShift{5}, "60 80 0001 85"},
	{"non-locking shift", &NonLockingShift{6}, "61 80 0001 86"},
	{"sending complete", &SendingComplete{}, "62 80 0001 a1"},
	{"repeat", &Repeat{RepeatPrioritized}, "63 80 0001 82"},
	{"calling number", &CallingNumber{Number{NumberUnknown, PlanATM, bytes.Repeat([]byte{0x47}, 20)}, Screening{Some[uint8](1), Some[uint8](1)}},
		"6c 80 0016 02 a1 " + strings.Repeat("47", 20)},
	{"calling subaddress", &CallingSubaddress{Subaddress{Type: SubaddressNSAP, Address: []byte{0x49}}}, "6d 80 0002 80 49"},
	{"called number", &CalledNumber{Number{NumberInternational, PlanE164, []byte("358")}}, "70 80 0004 91 333538"},
	{"called subaddress", &CalledSubaddress{Subaddress{Type: SubaddressUser, Address: []byte{1, 2}}}, "71 80 0003 a0 0102"},
	{"transit network", &TransitNetwork{2, 1, []byte("0288")}, "78 80 0005 a1 30323838"},
	{"restart", &Restart{RestartAll}, "79 80 0001 82"},
	{"user-user", &UserUser{0, []byte("hi")}, "7e 80 0003 00 6869"},
	{"generic identifier", &GenericIdentifier{1, []Identifier{{1, []byte{9}}, {2, []byte{1, 2, 3, 4}}}}, "7f e0 000a 01 01 01 09 02 04 01020304"},
	{"ABR setup", &ABRSetup{
		ForwardInitial: Some[uint32](1), BackwardInitial: Some[uint32](2), ForwardExposure: Some[uint32](3), BackwardExposure: Some[uint32](4),
		RoundTrip: Some[uint32](5), ForwardIncrease: Some[uint8](11), BackwardIncrease: Some[uint8](12), ForwardDecrease: Some[uint8](13), BackwardDecrease: Some[uint8](15)},
		"84 e0 001c c2000001 c3000002 c4000003 c5000004 c6000005 c80b c90c ca0d cb0f"},
	{"report type", &ReportType{1}, "89 80 0001 01"},
	{"ABR additional", &ABRAdditional{Forward: Some(ABRRecord{HasNrm: true, HasADTF: true, Nrm: 5, ADTF: 50}.Bits())}, "e4 e0 0005 c2 9a006400"},
	{"leaf call identifier", &LeafCallIdentifier{0, 0x01020304}, "e8 e0 0005 80 01020304"},
	{"leaf parameters", &LeafParameters{}, "e9 e0 0001 80"},
	{"leaf sequence", &LeafSequence{7}, "ea e0 0004 00000007"},
	{"connection scope", &ConnectionScope{1, 15}, "eb e0 0002 81 0f"},
	{"extended QoS", &ExtendedQoS{Origin: 1, ForwardAcceptable: Some(AnyDelayVariation), BackwardAcceptable: Some[uint32](2),
		ForwardCumulated: Some[uint32](3), BackwardCumulated: Some[uint32](4), ForwardLoss: Some[uint8](7), BackwardLoss: Some(AnyLossRatio)},
		"ec e0 0015 01 94ffffff 95000002 96000003 97000004 a207 a3ff"},
	{"progress", &ProgressIndicator{1, 8}, "1e 80 0002 81 88"},
	{"narrowband bearer", &NarrowbandBearer{[]byte{0x88, 0x90}}, "04 80 0002 8890"},
	{"narrowband low layer", &NarrowbandLowLayer{[]byte{0x88}}, "7c 80 0001 88"},
	{"narrowband high layer", &NarrowbandHighLayer{[]byte{0x91}}, "7d 80 0001 91"},
}

func octetsOf(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCoding(t *testing.T) {
	seen := map[ID]bool{}
	for _, c := range codings {
		want := octetsOf(t, c.hex)
		seen[c.value.ID()] = true
		got, err := Append(nil, New(c.value))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: % x, want % x: %v", c.name, got, want, err)
		}
		back := Decode(want)
		if len(back) != 1 || back[0].Err != nil || !reflect.DeepEqual(back[0].Value, c.value) {
			t.Errorf("%s: decoded to %+v (%v), want %+v", c.name, back[0].Value, back[0].Err, c.value)
		}
	}
	for _, id := range IDs() {
		if !seen[id] {
			t.Errorf("%v has no vector", id)
		}
		if id.Clause() == "" {
			t.Errorf("%v has no clause", id)
		}
	}
}

// Contents that break their declaration are a content error of the element
// and nothing else (Q.2931, 5.6.7.2 and 5.6.8.2).
func TestContentErrors(t *testing.T) {
	for _, c := range []struct{ name, hex string }{
		{"too short", "14 80 0000"},
		{"too long", "14 80 0002 0a00"},
		{"reserved call state", "14 80 0001 0d"},
		{"extension bit 0 at the end", "79 80 0001 02"},
		{"reserved restart class", "79 80 0001 83"},
		{"unknown traffic subfield", "59 80 0004 86000001"},
		{"cut traffic subfield", "59 80 0003 840000"},
		{"unknown AAL type", "58 80 0001 07"},
		{"parameter of another AAL", "58 80 0003 05 8502"},
		{"partial fill of 48", "58 80 0003 01 8b30"},
		{"E.164 digit with bit 8", "70 80 0002 91 b1"},
		{"no number", "70 80 0001 91"},
		{"number of 21 octets", "70 80 0016 82" + strings.Repeat("00", 21)},
		{"second layer 2", "5f 80 0002 cc cc"},
		{"window of 0", "5f 80 0003 46 40 80"},
		{"reserved bearer class", "5e 80 0002 82 80"},
		{"no octet 6", "5e 80 0001 81"},
		{"sending complete that is not", "62 80 0001 a2"},
		{"rate increase factor 16", "84 e0 0002 c810"},
		{"identifier longer than the element", "7f e0 0004 01 01 05 00"},
	} {
		e := Decode(octetsOf(t, c.hex))
		if len(e) != 1 || e[0].Err == nil || e[0].Value != nil {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
}

// Q.2931, 5.6.6.3: a coding standard that the element does not have.
func TestCodingStandard(t *testing.T) {
	for coding, want := range []error{nil, ErrCoding, ErrCoding, nil} {
		b := []byte{0x5c, 0x80 | byte(coding)<<5, 0, 2, 0, 0}
		if e := Decode(b)[0]; e.Err != want || e.Coding != Coding(coding) {
			t.Errorf("coding %d: %v", coding, e.Err)
		}
	}
}

// Q.2931, 4.5.3 and 4.5.4: a locking shift lasts and only goes up, a
// non-locking one is for one element.
func TestShift(t *testing.T) {
	b := octetsOf(t, "14800001 0a"+"61800001 86"+"14800001 0a"+"14800001 0a"+"60800001 85"+"14800001 0a"+"60800001 84"+"14800001 0a"+"61800001 80"+"14800001 0a"+"14800001 0a")
	var got []uint8
	elements := Decode(b)
	for _, e := range elements {
		if e.ID == CallStateID {
			got = append(got, e.Codeset)
		}
	}
	if want := []uint8{0, 6, 0, 5, 5, 0, 5}; !reflect.DeepEqual(got, want) {
		t.Errorf("codesets %v, want %v", got, want)
	}
	if again, err := Append(nil, elements...); err != nil || !bytes.Equal(again, b) {
		t.Errorf("% x, want % x: %v", again, b, err)
	}
}

// Values that do not fit are an error, not other values.
func TestAppendErrors(t *testing.T) {
	for _, v := range []Value{
		&CallState{State: 64}, &CallState{State: 13}, &Cause{Value: 128}, &Cause{Location: 16},
		&Cause{Diagnostics: make([]byte, 29)}, &EndpointReference{Value: 1 << 15},
		&TrafficDescriptor{Traffic{ForwardPeak01: Some[uint32](1 << 24)}},
		&CalledNumber{Number{Plan: PlanATM, Digits: make([]byte, 21)}}, &CalledNumber{},
		&GenericIdentifier{1, []Identifier{{1, make([]byte, 21)}}}, &LowLayer{Layer1: Some[uint8](32)},
		&Notification{}, &Restart{3},
	} {
		if b, err := Append(nil, New(v)); err == nil {
			t.Errorf("%+v became % x", v, b)
		}
	}
	if _, err := Append(nil, Element{ID: CauseID, Value: &CallState{}}); err == nil {
		t.Error("a value of another element was taken")
	}
}

func TestTruncated(t *testing.T) {
	for _, h := range []string{"14", "1480", "148000", "14800002 0a"} {
		e := Decode(octetsOf(t, h))
		if len(e) != 1 || e[0].Err != ErrTruncated {
			t.Errorf("%s: %+v", h, e)
		}
	}
}

func TestDiagnostics(t *testing.T) {
	missing := &Cause{Value: CauseMandatoryMissing, Diagnostics: []byte{0x59, 0x70}}
	if got := missing.Elements(); !reflect.DeepEqual(got, []ID{TrafficDescriptorID, CalledNumberID}) {
		t.Errorf("cause 96: %v", got)
	}
	if m, ok := (&Cause{Value: CauseMessageIncompatible, Diagnostics: []byte{7}}).Message(); !ok || m != 7 {
		t.Errorf("cause 101: %v %v", m, ok)
	}
	if got := (&Cause{Value: CauseTimerExpired, Diagnostics: []byte("308")}).Timer(); got != "308" {
		t.Errorf("cause 102: %q", got)
	}
	if p, c, ok := (&Cause{Value: CauseVCDoesNotExist, Diagnostics: []byte{0, 1, 0, 32}}).Channel(); !ok || p != 1 || c != 32 {
		t.Errorf("cause 82: %d %d %v", p, c, ok)
	}
	if c, ok := (&Cause{Value: CauseNoRoute, Diagnostics: []byte{0x81}}).Condition(); !ok || c != ConditionPermanent {
		t.Errorf("cause 3: %d %v", c, ok)
	}
	number, _ := Append(nil, New(&CalledNumber{Number{NumberInternational, PlanE164, []byte("42")}}))
	e, ok := (&Cause{Value: CauseNumberChanged, Diagnostics: number}).Element()
	if n, is := e.Value.(*CalledNumber); !ok || !is || string(n.Digits) != "42" {
		t.Errorf("cause 22: %v %v", e, ok)
	}
	for _, c := range []*Cause{{Value: 96, Diagnostics: nil}, {Value: 97}, {Value: 102}, {Value: 82, Diagnostics: []byte{1}}, {Value: 22, Diagnostics: []byte{1, 2}}} {
		e := New(c)
		_ = e.String() // short diagnostics do no harm
	}
}

func TestPrint(t *testing.T) {
	for _, c := range []struct{ hex, want string }{
		{"08 80 0005 82 e6 333033", "Cause: location public network serving the local user (2), value recovery on timer expiry (102), diagnostics T303"},
		{"59 80 0009 840563b7 850563b7 be", "ATM traffic descriptor: forward PCR 0+1 353207, backward PCR 0+1 353207, best effort 1"},
		{"5a 80 0005 88 0000 0064", "Connection identifier: associated explicit VPCI (1), exclusive exclusive VPCI, exclusive VCI (0), VPCI 0, VCI 100"},
		{"70 80 0004 91 333538", `Called party number: type international (1), plan E.164 (1), number "358"`},
		{"33 80 0001 ff", "element 0x33: contents ff [unknown element]"},
	} {
		if got := Decode(octetsOf(t, c.hex))[0].String(); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range codings {
		b, _ := hex.DecodeString(strings.ReplaceAll(c.hex, " ", ""))
		f.Add(b)
	}
	f.Add([]byte{0x60, 0x80, 0, 1, 0x85, 0x14, 0x80, 0, 1, 10})
	f.Add([]byte{0x08, 0x80, 0, 9, 0x80, 0x96, 0x08, 0x80, 0, 3, 0x80, 0x96, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		elements := Decode(b)
		for i := range elements {
			e := &elements[i]
			_ = e.String()
			if e.Value == nil {
				continue
			}
			once, err := Append(nil, *e)
			if err != nil {
				t.Fatalf("%v does not encode: %v", e, err)
			}
			back := Decode(once)
			if e.Codeset == 0 && (len(back) != 1 || back[0].Err != nil || !same(back[0].Value, e.Value)) {
				t.Fatalf("% x: %v, %v", once, e, back)
			}
		}
	})
}
