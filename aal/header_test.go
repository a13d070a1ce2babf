package aal

import (
	"strings"
	"testing"
)

func TestParseVC(t *testing.T) {
	for _, c := range []struct {
		in   string
		want VC
		err  string // part of it, or none
	}{
		{"0/100", VC{0, 100}, ""},
		{"0.100", VC{0, 100}, ""},
		{"4095/65535", VC{4095, 65535}, ""},
		{"1/0", VC{1, 0}, ""},
		{"4096/1", VC{}, "VPI 4096 is out of range 0 to 4095"},
		{"0/65536", VC{}, "VCI 65536 is out of range 0 to 65535"},
		{"0/99999999999999999999999", VC{}, "out of range"},
		{"", VC{}, "want VPI/VCI"},
		{"100", VC{}, "want VPI/VCI"},
		{"/100", VC{}, "want VPI/VCI"},
		{"0/", VC{}, "want VPI/VCI"},
		{"0/1/2", VC{}, "want VPI/VCI"},
		{"0.0.100", VC{}, "want VPI/VCI"},
		{"-1/5", VC{}, "want VPI/VCI"},
		{"+1/5", VC{}, "want VPI/VCI"},
		{"0x1/5", VC{}, "want VPI/VCI"},
		{"0/1_0", VC{}, "want VPI/VCI"},
		{" 0/100", VC{}, "want VPI/VCI"},
	} {
		got, err := ParseVC(c.in)
		if got != c.want || (err == nil) != (c.err == "") {
			t.Errorf("%q: %v, %v", c.in, got, err)
		}
		if err != nil && (!strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%q: %v", c.in, err)
		}
	}
}

func TestVC(t *testing.T) {
	for _, vc := range []VC{{0, 0}, {0, 31}, {0, 32}, {4095, 65535}} {
		if back, err := ParseVC(vc.String()); err != nil || back != vc {
			t.Errorf("%v: %v, %v", vc, back, err)
		}
	}
	if !(VC{0, 31}).Reserved() || (VC{0, 32}).Reserved() {
		t.Error("VCIs below 32 are reserved, and no others")
	}
}

// I.361, 2.2: every field of the header in its place, and no field moves
// another.
func TestHeaderFields(t *testing.T) {
	for pti := range uint8(8) {
		for _, clp := range []bool{false, true} {
			for _, vc := range []VC{{0, 0}, {0xABC, 0x1234}, {4095, 65535}} {
				h := MakeHeader(vc, pti, clp)
				if h.VC() != vc || h.PTI() != pti || h.CLP() != clp || h.User() != (pti < 4) {
					t.Errorf("%v pti %d clp %v: %v", vc, pti, clp, h)
				}
				if h.EFCI() != (pti == 2 || pti == 3) || h.AUU() != (pti == 1 || pti == 3) {
					t.Errorf("pti %d: EFCI %v AUU %v", pti, h.EFCI(), h.AUU())
				}
				if g := h.WithVC(VC{7, 8}); g != MakeHeader(VC{7, 8}, pti, clp) {
					t.Errorf("WithVC: %v", g)
				}
				if g := h.WithVPI(7); g != MakeHeader(VC{7, vc.VCI}, pti, clp) {
					t.Errorf("WithVPI: %v", g)
				}
				if g := h.WithCLP(!clp); g != MakeHeader(vc, pti, !clp) {
					t.Errorf("WithCLP: %v", g)
				}
				if g := h.WithPTI(7 - pti); g != MakeHeader(vc, 7-pti, clp) {
					t.Errorf("WithPTI: %v", g)
				}
			}
		}
	}
	user := MakeHeader(VC{0, 100}, 0, false)
	if user.WithEFCI(true).WithAUU(true) != user.WithPTI(3) || user.WithPTI(3).WithEFCI(false).WithAUU(false) != user {
		t.Error("EFCI and AUU of a user cell")
	}
	oam := user.WithPTI(PTISegmentOAM)
	if oam.WithEFCI(true) != oam || oam.WithAUU(true) != oam {
		t.Error("an OAM cell has no EFCI and no AUU")
	}
	if got := MakeHeader(VC{0, 100}, 1, true).String(); got != "0/100 pti 1 clp 1" {
		t.Error(got)
	}
}

func TestHeaderUNI(t *testing.T) {
	h := MakeHeader(VC{0xAB, 0x1234}, 0, false)
	g := h.WithGFC(0xD)
	if g.GFC() != 0xD || h.GFC() != 0 || g.UNI() != h || g.UNI().VC() != (VC{0xAB, 0x1234}) {
		t.Errorf("%08X %08X", uint32(h), uint32(g))
	}
}

func TestHeaderOctets(t *testing.T) {
	var b [4]byte
	MakeHeader(VC{0, 100}, 1, true).Put(b[:])
	if b != [4]byte{0x00, 0x00, 0x06, 0x43} {
		t.Errorf("% X", b)
	}
	if h := ReadHeader(b[:]); h != MakeHeader(VC{0, 100}, 1, true) {
		t.Error(h)
	}
}

func TestHECVectors(t *testing.T) {
	for _, c := range []struct {
		name string
		h    Header
		hec  uint8
	}{
		{"unassigned", 0x00000000, 0x55},
		{"idle", 0x00000001, 0x52},
		{"VC 0/5", 0x00000050, 0xE2},
		{"VC 0/16", 0x00000100, 0x40},
		{"00100640", 0x00100640, 0x4E},
		{"00000C82", 0x00000C82, 0x2E},
		{"006004D0", 0x006004D0, 0xFA},
		{"00000210", 0x00000210, 0x0F},
		{"00000212", 0x00000212, 0x01},
	} {
		if got := c.h.HEC(); got != c.hec {
			t.Errorf("%s: %02X, want %02X", c.name, got, c.hec)
		}
	}
}

// What ParseVC takes, it takes again as String writes it.
func FuzzParseVC(f *testing.F) {
	for _, s := range []string{"0/100", "0.100", "4095/65535", "4096/0", "1/2/3", "-1/1", "99999999999999999999/1", "0/", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		vc, err := ParseVC(s)
		if err != nil {
			if vc != (VC{}) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v with %q", vc, err)
			}
			return
		}
		if back, err := ParseVC(vc.String()); err != nil || back != vc || vc.VPI > MaxVPI {
			t.Errorf("%v, %v, %v", vc, back, err)
		}
	})
}
