package aal

import (
	"bytes"
	"errors"
	"regexp"
	"testing"

	"github.com/cellhub/cellhub/aal/internal/oracle"
)

// fuzzed names the fuzz target of each function that reads what others wrote.
var fuzzed = map[string]string{
	"AAL1Decoder.Decode":       "FuzzAAL1Header",
	"AAL1Receiver.Receive":     "FuzzAAL1Receiver",
	"AAL1Sequence.Step":        "FuzzAAL1Sequence",
	"AAL2Receiver.Load":        "FuzzAAL2Receiver",
	"AAL34Receiver.Receive":    "FuzzAAL34Receiver",
	"ATMARP.Decode":            "FuzzATMARP",
	"CheckCRC10":               "FuzzCheckCRC10",
	"Delineator.Push":          "FuzzDelineator",
	"DetectPPP":                "FuzzDecap",
	"Encap.Decap":              "FuzzDecap",
	"FragmentReceiver.Receive": "FuzzFragments",
	"HECReceiver.Check":        "FuzzHECReceiver",
	"LoopOAM":                  "FuzzOAM",
	"OAMActivation.Decode":     "FuzzOAM",
	"OAMBackward.Decode":       "FuzzOAM",
	"OAMFault.Decode":          "FuzzOAM",
	"OAMForward.Decode":        "FuzzOAM",
	"OAMLoopback.Decode":       "FuzzOAM",
	"ParseAAL0":                "FuzzAAL0",
	"ParseAAL1Pointer":         "FuzzAAL1Pointer",
	"ParseAAL2Header":          "FuzzAAL2Header",
	"ParseAAL34":               "FuzzAAL34Cell",
	"ParseEncap":               "FuzzParseEncap",
	"ParseVC":                  "FuzzParseVC",
	"RMCell.Decode":            "FuzzRM",
	"ReadHeader":               "FuzzHeader",
	"ReadOAM":                  "FuzzOAM",
	"Reassembler.Push":         "FuzzReassemblers",
	"Reassembler.PushWire":     "FuzzPushWire",
	"SRTSReceiver.Stamp":       "FuzzSRTS",
	"SSSARReceiver.Push":       "FuzzSSSAR",
	"Scrambler.Descramble":     "FuzzDescramble",
	"SplitVPN":                 "FuzzDecap",
	"StreamReassembler.Push":   "FuzzReassemblers",
	"UnpackChannel":            "FuzzOneToOne",
	"UnpackPDU":                "FuzzOneToOne",
	"UnpackPath":               "FuzzOneToOne",
	"OAMPerformance.Received":  "FuzzOAMPerformance",
}

var readsOthers = regexp.MustCompile(`^(Parse|Decode|Read|Push|Receive|Load|Decap|Split|Detect|Check|LoopOAM|Step|Stamp|Descramble|Unpack)`)

// Every exported decoder has a fuzz target, which calls it by itself or
// through the tests' helpers.
func TestEveryDecoderIsFuzzed(t *testing.T) {
	tests := map[string]oracle.Func{}
	var decoders []oracle.Func
	for _, f := range oracle.Source(t) {
		switch {
		case f.Test && f.Receiver == "":
			tests[f.Name] = f
		case !f.Test && f.Params > 0 && readsOthers.MatchString(f.Name) && f.String() != "SRTS.Stamp": // which makes one
			decoders = append(decoders, f)
		}
	}
	if len(decoders) < len(fuzzed) {
		t.Errorf("%d decoders in the source, %d in the table", len(decoders), len(fuzzed))
	}
	for _, d := range decoders {
		target, ok := tests[fuzzed[d.String()]]
		if !ok || !calls(tests, target, d.Name, map[string]bool{}) {
			t.Errorf("%v has no fuzz target that calls it", d)
		}
	}
}

func calls(tests map[string]oracle.Func, f oracle.Func, name string, seen map[string]bool) bool {
	if f.Uses[name] {
		return true
	}
	seen[f.Name] = true
	for used := range f.Uses {
		if next, ok := tests[used]; ok && !seen[used] && calls(tests, next, name, seen) {
			return true
		}
	}
	return false
}

// A pointer with an error is refused, a good one is written as it was read.
func FuzzAAL1Pointer(f *testing.F) {
	f.Add(uint8(0), false)
	f.Add(uint8(AAL1PointerEnd|0x80), false)
	f.Add(uint8(AAL1PointerDummy), true)
	f.Fuzz(func(t *testing.T, octet uint8, old bool) {
		offset, err := ParseAAL1Pointer(octet, old)
		switch {
		case err != nil && !errors.Is(err, ErrAAL1Pointer):
			t.Fatal(err)
		case err == nil && PutAAL1Pointer(offset) != octet && (!old || offset != octet):
			t.Fatalf("%02X is %d", octet, offset)
		case err == nil && offset > AAL1PointerEnd && offset != AAL1PointerDummy:
			t.Fatalf("%02X is %d", octet, offset)
		}
	})
}

// Whatever counts come, seven cells in sequence bring both algorithms back,
// and never more than six cells are made up for.
func FuzzAAL1Sequence(f *testing.F) {
	f.Add([]byte{0, 1, 2, 5, 6, 7, 0}, false)
	f.Add([]byte{0, 1, 0x82, 3, 3, 4}, true)
	f.Fuzz(func(t *testing.T, counts []byte, fast bool) {
		s := AAL1Sequence{Fast: fast}
		for _, c := range counts {
			v := s.Step(c, c < 0x80)
			if v.Dummies > 6 || v.Count > 7 || v.Accept == (v.Stray || v.Break) {
				t.Fatalf("%+v", v)
			}
		}
		for c := range uint8(7) {
			s.Step(c, true)
		}
		if v := s.Step(7, true); !s.Synced() || !v.Accept || v.Dummies != 0 {
			t.Fatalf("%v: %+v", &s, v)
		}
	})
}

// The last ten bits of a payload are its CRC-10 or not; what is no payload has
// none.
func FuzzCheckCRC10(f *testing.F) {
	f.Add(make([]byte, PayloadSize))
	f.Add(bytes.Repeat([]byte{IdleOctet}, WireCellSize))
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) != PayloadSize {
			if CheckCRC10(p) {
				t.Fatalf("%d octets have a CRC-10", len(p))
			}
			return
		}
		again := bytes.Clone(p)
		PutCRC10(whole(again), p[PayloadSize-2]>>2)
		if CheckCRC10(p) != bytes.Equal(again, p) || !CheckCRC10(again) {
			t.Fatalf("%x, right %x", p, again)
		}
	})
}

// Cells of 53 octets are reassembled as those of 52 are, whatever their HEC.
func FuzzPushWire(f *testing.F) {
	h := MakeHeader(VC{0, 100}, 0, false)
	f.Add(makeCells(f, h, pattern(100)), uint8(0))
	f.Add(makeCells(f, h, pattern(41))[:CellSize+3], uint8(7))
	f.Fuzz(func(t *testing.T, cells []byte, hec uint8) {
		var wire []byte
		for rest := cells; len(rest) >= CellSize; rest = rest[CellSize:] {
			wire = append(append(append(wire, rest[:HeaderSize]...), hec), rest[HeaderSize:CellSize]...)
		}
		var a, b Reassembler
		a.Start(make([]byte, 4*PayloadSize))
		b.Start(make([]byte, 4*PayloadSize))
		for {
			n, ev := a.Push(cells)
			m, ev2 := b.PushWire(wire)
			cells, wire = cells[n:], wire[m:]
			if ev != ev2 || n/CellSize != m/WireCellSize || a.Partial() != b.Partial() {
				t.Fatalf("%v after %d octets, %v after %d", ev, n, ev2, m)
			}
			if ev == EvNone {
				return
			}
			if p, q := a.PDU(), b.PDU(); !bytes.Equal(p.SDU, q.SDU) || p.CLP != q.CLP || p.EFCI != q.EFCI || p.UU != q.UU {
				t.Fatalf("%+v and %+v", p, q)
			}
			a.Start(make([]byte, 4*PayloadSize))
			b.Start(make([]byte, 4*PayloadSize))
		}
	})
}

// A header's fields are all of it, and build it again.
func FuzzHeader(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF})
	f.Add([]byte{0, 0, 0, 0x3A, 1})
	f.Fuzz(func(t *testing.T, cell []byte) {
		if len(cell) < HeaderSize {
			return
		}
		h := ReadHeader(cell)
		if again := MakeHeader(h.VC(), h.PTI(), h.CLP()); again != h {
			t.Fatalf("%v became %v", h, again)
		}
		if h.UNI().WithGFC(h.GFC()) != h || h.VC().VPI > MaxVPI || h.User() != (h.PTI() < 4) {
			t.Fatalf("%08X: %v", uint32(h), h)
		}
		if flow, ok := h.OAMFlow(); ok && flow.String() == "" {
			t.Fatalf("%v: flow %d", h, flow)
		}
		if _, ok := h.OAMFlow(); ok && h.AUU() {
			t.Fatalf("%v ends a PDU and is an OAM cell", h)
		}
	})
}

// Descrambling takes scrambling back, however the octets are cut.
func FuzzDescramble(f *testing.F) {
	f.Add([]byte("scrambled payload"), uint8(5))
	f.Fuzz(func(t *testing.T, p []byte, piece uint8) {
		line := bytes.Clone(p)
		var out, in Scrambler
		out.Scramble(line)
		for rest := line; len(rest) > 0; {
			n := min(len(rest), 1+int(piece))
			in.Descramble(rest[:n:n])
			rest = rest[n:]
		}
		if !bytes.Equal(line, p) {
			t.Fatalf("%x became %x", p, line)
		}
		var late Scrambler // out of step: right from the 44th bit on
		again := bytes.Clone(p)
		out.Scramble(again)
		late.Descramble(again)
		if len(p) > 6 && !bytes.Equal(again[6:], p[6:]) {
			t.Fatalf("%x became %x", p, again)
		}
	})
}

// Only the two words that String gives are taken.
func FuzzParseEncap(f *testing.F) {
	f.Add("llc")
	f.Add("vcmux")
	f.Add("LLC ")
	f.Fuzz(func(t *testing.T, s string) {
		if e, err := ParseEncap(s); (err == nil) != (s == LLC.String() || s == VCMux.String()) || err == nil && e.String() != s {
			t.Fatalf("%q is %v, %v", s, e, err)
		}
	})
}
