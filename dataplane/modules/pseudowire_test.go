package modules

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// RFC 3032: label 20 bits, traffic class 3, bottom of stack 1, TTL 8.
func TestPseudowireHeaders(t *testing.T) {
	for _, c := range []struct {
		name string
		e    Encapsulation
		n    int
		want string
	}{
		{"n1", Encapsulation{LabelOut: 100, LabelIn: 100}, 52, "000641ff"},
		{"n1cw", Encapsulation{Mode: ModeN1CW, LabelOut: 100, LabelIn: 100}, 52, "000641ff 00000000"},
		{"class and TTL", Encapsulation{LabelOut: 100, LabelIn: 100, TC: 5, TTL: 64}, 52, "00064b40"},
		{"an outer label", Encapsulation{LabelOut: 100, LabelIn: 100, Outer: []uint32{2000}}, 52, "007d00ff 000641ff"},
		{"three outer labels", Encapsulation{LabelOut: 1048575, LabelIn: 16, Outer: []uint32{16, 17, 18}, TC: 1, TTL: 2}, 52, "00010202 00011202 00012202 fffff302"},
		{"numbered", Encapsulation{Mode: ModeN1CW, LabelOut: 100, LabelIn: 100, Numbered: true}, 52, "000641ff 00000001"},
		{"short SDU has a length", Encapsulation{Mode: ModeAAL5SDU, LabelOut: 100, LabelIn: 100}, 59, "000641ff 003f0000"},
		{"long SDU has none", Encapsulation{Mode: ModeAAL5SDU, LabelOut: 100, LabelIn: 100}, 60, "000641ff 00000000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.e.check(); err != nil {
				t.Fatal(err)
			}
			w := newPseudowire(&c.e, nil)
			got := make([]byte, c.e.Overhead())
			if w.overhead() != len(got) {
				t.Fatalf("overhead %d and %d", w.overhead(), len(got))
			}
			w.put(got, c.n, false, false, 0)
			if want := unhex(t, c.want); !bytes.Equal(got, want) {
				t.Errorf("%x, want %x", got, want)
			}
		})
	}
}

func TestEncapsulationRefused(t *testing.T) {
	for name, e := range map[string]Encapsulation{
		"reserved label":         {LabelOut: 15, LabelIn: 100},
		"no label in":            {LabelOut: 100},
		"label of 21 bits":       {LabelOut: 100, LabelIn: 1 << 20},
		"reserved outer label":   {LabelOut: 100, LabelIn: 100, Outer: []uint32{3}},
		"four outer labels":      {LabelOut: 100, LabelIn: 100, Outer: []uint32{16, 17, 18, 19}},
		"class 8":                {LabelOut: 100, LabelIn: 100, TC: 8},
		"numbers and no control": {LabelOut: 100, LabelIn: 100, Numbered: true},
	} {
		if e.check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestReadStack(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       stack
		ok         bool
	}{
		{"one label", "000641ff aa", stack{label: 100, octets: 4}, true},
		{"explicit null above", "000000ff 000641ff", stack{label: 100, octets: 8}, true},
		{"IPv6 explicit null above", "000020ff 000641ff", stack{label: 100, octets: 8}, true},
		{"transport label above", "007d00ff 000641ff", stack{label: 100, octets: 8}, true},
		{"router alert above", "000010ff 000641ff", stack{label: 100, octets: 8, alert: true}, true},
		{"router alert at the bottom is a label", "000011ff", stack{label: 1, octets: 4}, true},
		{"deepest", strings.Repeat("007d00ff", MaxLabelDepth-1) + "000641ff", stack{label: 100, octets: 4 * MaxLabelDepth}, true},
		{"one too deep", strings.Repeat("007d00ff", MaxLabelDepth) + "000641ff", stack{}, false},
		{"never ends", "007d00ff", stack{}, false},
		{"cut short", "007d00ff 000641", stack{}, false},
		{"nothing", "", stack{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := readStack(unhex(t, c.text))
			if ok != c.ok || ok && got != c.want {
				t.Errorf("%+v, %v; want %+v, %v", got, ok, c.want, c.ok)
			}
		})
	}
}

// What strips from a control word, by RFC 4717 and RFC 4385.
func TestPseudowireStrip(t *testing.T) {
	for _, c := range []struct {
		name     string
		e        Encapsulation
		text     string
		from, to int
		cause    dropCause
	}{
		{"n1 has no control word", Encapsulation{}, "10000000 00", 0, 5, taken},
		{"n1cw", Encapsulation{Mode: ModeN1CW}, "00000000 aa", 4, 5, taken},
		{"n1cw: length is none", Encapsulation{Mode: ModeN1CW}, "00050000 aabbcc", 4, 7, taken},
		{"n1cw: the control channel", Encapsulation{Mode: ModeN1CW}, "10000007 aa", 0, 0, vccv},
		{"n1cw: IP is no control word", Encapsulation{Mode: ModeN1CW}, "45000000 aa", 0, 0, badControl},
		{"n1cw cut short", Encapsulation{Mode: ModeN1CW}, "000000", 0, 0, badFrame},
		{"SDU with padding", Encapsulation{Mode: ModeAAL5SDU}, "00060000 aabb0000", 4, 6, taken},
		{"SDU longer than its frame", Encapsulation{Mode: ModeAAL5SDU}, "00090000 aabb0000", 0, 0, badLength},
		{"length that does not hold itself", Encapsulation{Mode: ModeAAL5SDU}, "00030000 aabb0000", 0, 0, badLength},
		{"administrative cell", Encapsulation{Mode: ModeAAL5SDU}, "08000000 aabb", 4, 6, adminCell},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newPseudowire(&c.e, nil)
			from, to, _, cause := w.strip(unhex(t, c.text))
			if from != c.from || to != c.to || cause != c.cause {
				t.Errorf("[%d:%d], cause %d; want [%d:%d], %d", from, to, cause, c.from, c.to, c.cause)
			}
		})
	}
}

// A numbered pseudowire drops what is late or repeated, and counts what is missing.
func TestPseudowireOrder(t *testing.T) {
	w := newPseudowire(&Encapsulation{Mode: ModeN1CW, LabelOut: 100, LabelIn: 100, Numbered: true}, nil)
	var causes []dropCause
	for _, text := range []string{"00000001", "00000002", "00000005", "00000003", "00000005", "00000006", "00000000"} {
		_, _, _, cause := w.strip(unhex(t, text))
		causes = append(causes, cause)
	}
	want := []dropCause{taken, taken, taken, outOfOrder, outOfOrder, taken, taken}
	if !bytes.Equal(bytesOf(causes), bytesOf(want)) || w.missing != 2 {
		t.Errorf("causes %v, %d missing; want %v, 2", causes, w.missing, want)
	}
}

func bytesOf(causes []dropCause) (p []byte) {
	for _, c := range causes {
		p = append(p, byte(c))
	}
	return p
}

// What one end puts the other strips, whatever lies between.
func FuzzPseudowire(f *testing.F) {
	f.Add(uint8(0), uint8(1), uint64(1), []byte("payload"))
	f.Add(uint8(1), uint8(0), uint64(2), make([]byte, 52))
	f.Add(uint8(2), uint8(3), uint64(3), []byte{})
	f.Add(uint8(3), uint8(1), uint64(4), make([]byte, 49))
	f.Add(uint8(4), uint8(0), uint64(5), make([]byte, 51))
	f.Add(uint8(5), uint8(2), uint64(6), make([]byte, 96))
	f.Fuzz(func(t *testing.T, mode, outer uint8, seed uint64, payload []byte) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		e := Encapsulation{Mode: Mode(int(mode) % len(modeNames)), LabelOut: FirstLabel + rnd.Uint32N(1<<20-FirstLabel), TC: uint8(rnd.IntN(8)), TTL: uint8(rnd.Uint32())}
		e.LabelIn, e.Numbered = e.LabelOut, e.Mode.ControlWord() && seed%2 == 0
		for range outer % (MaxOuterLabels + 1) {
			e.Outer = append(e.Outer, FirstLabel+rnd.Uint32N(1<<20-FirstLabel))
		}
		if err := e.check(); err != nil {
			t.Fatal(err)
		}
		w := newPseudowire(&e, nil)
		frame := make([]byte, w.overhead(), w.overhead()+len(payload))
		w.put(frame, len(payload), false, false, 0)
		frame = append(frame, payload...)
		s, ok := readStack(frame)
		if !ok || s.label != e.LabelIn {
			t.Fatalf("stack %+v, %v of %x", s, ok, frame)
		}
		rest := frame[s.octets:]
		from, to, _, cause := w.strip(rest)
		if e.Mode.specific() { // the ATM-specific octet is part of what the frame carries
			payload = append([]byte{0}, payload...)
		}
		if cause != taken || !bytes.Equal(rest[from:to], payload) {
			t.Fatalf("payload %x of %x, cause %d", rest[from:to], frame, cause)
		}
		w.strip(payload) // any octets at all
		readStack(payload)
	})
}
