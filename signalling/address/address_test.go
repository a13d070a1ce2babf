package address

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

func aesa(t testing.TB, text string) AESA {
	t.Helper()
	a, err := Parse(text)
	if err != nil || !a.HasAESA() {
		t.Fatalf("%s: %v", text, err)
	}
	return a.AESA
}

// The four formats and their groups (UNI 4.0 signalling, 3.0; af-uni-0010, 5.1.3).
func TestFormats(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		format     Format
		group      byte
		digits     string
	}{
		{"DCC", "39.246F.00100000000000000001.0020EA000EE0.00", DCC, AFIDCCGroup, ""},
		{"ICD", "47.0005.80FFE1000000F20F2200.0020EA000EE0.01", ICD, AFIICDGroup, ""},
		{"E.164", "358401975443:00000001.0020EA000EE0.00", E164, AFIE164Group, "358401975443"},
		{"local", "49.00000000000000000000000A.0020EA000EE0.FF", Local, AFILocalGroup, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := aesa(t, tt.text)
			if a.Format() != tt.format || a.IsGroup() || a.Number().Digits() != tt.digits {
				t.Errorf("%v, group %v, number %v", a.Format(), a.IsGroup(), a.Number())
			}
			if a.String() != tt.text {
				t.Errorf("written %s", a)
			}
			g := a.Group()
			if g[0] != tt.group || !g.IsGroup() || g.Format() != tt.format || g.Individual() != a || g.Group() != g {
				t.Errorf("group %s", g)
			}
			if back := aesa(t, g.String()); back != g {
				t.Errorf("%s reads back as %s", g, back)
			}
		})
	}
}

// Prefix, ESI and selector (UNI 4.0 signalling, 3.0; af-ilmi-0065, 9).
func TestParts(t *testing.T) {
	a := aesa(t, "47.0005.80FFE1000000F20F2200.0020EA000EE0.07")
	if a.Prefix().String() != "47.0005.80FFE1000000F20F2200" || a.ESI().String() != "0020EA000EE0" || a.Selector() != 7 {
		t.Errorf("%v %v %d", a.Prefix(), a.ESI(), a.Selector())
	}
	if b := a.Prefix().AESA(a.ESI(), 7); b != a {
		t.Errorf("joined: %s", b)
	}
}

// A number in an AESA: fifteen digits with zeros in front, and F.
func TestBCD(t *testing.T) {
	for digits, want := range map[string]string{
		"1":               "000000000000001F",
		"358401975443":    "000358401975443F",
		"123456789012345": "123456789012345F",
	} {
		n := number(t, digits)
		a := E164AESA(n, [4]byte{1, 2, 3, 4}, ESI{5, 6, 7, 8, 9, 10}, 11)
		if a.Hex() != "45"+want+"010203040506070809"+"0A0B" {
			t.Errorf("%s: %s", digits, a.Hex())
		}
		back, err := FromBCD(n.BCD())
		if err != nil || back != n || a.Number() != n {
			t.Errorf("%s: back %v, %v, of AESA %v", digits, back, err, a.Number())
		}
	}
	for _, bad := range [][BCDSize]byte{{}, {0xA0, 0, 0, 0, 0, 0, 0, 0x1F}, {0, 0, 0, 0, 0, 0, 0, 0x0F}, {7: 0x1E}} {
		if n, err := FromBCD(bad); !errors.Is(err, ErrNumber) {
			t.Errorf("%X: %v, %v", bad, n, err)
		}
	}
}

// Text that is no address, and what is said of it.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		text string
		want error
	}{
		{"", ErrSyntax}, {"+", ErrSyntax}, {".", ErrSyntax}, {"1..2", ErrSyntax}, {"1.", ErrSyntax},
		{strings.Repeat("1", MaxText+1), ErrSyntax},
		{"+1234567890123456", ErrNumber}, {"+12A", ErrNumber}, {"+12 3", ErrNumber}, {"++1", ErrSyntax},
		{"47.0005", ErrNumber}, {"47.00AB", ErrSyntax}, {"host", ErrSyntax},
		{"00" + strings.Repeat("0", 38), ErrAFI}, {"37" + strings.Repeat("0", 38), ErrAFI},
		{"39FFFF" + strings.Repeat("0", 34), ErrIDI}, {"392460" + strings.Repeat("0", 34), ErrIDI},
		{"47000A" + strings.Repeat("0", 34), ErrIDI}, {"450000000000000010" + strings.Repeat("0", 22), ErrIDI},
		{"01:" + strings.Repeat("0", 22), ErrNumber}, {"1:" + strings.Repeat("0", 20), ErrSyntax},
		{"1:" + strings.Repeat("0", 24), ErrSyntax}, {"1:", ErrSyntax}, {":", ErrSyntax},
		{"1+2", ErrSyntax}, {"+1+", ErrSyntax}, {"+1+2+3", ErrSyntax},
	} {
		a, err := Parse(tt.text)
		want := tt.want
		if tt.text == "47.0005" { // six digits: a number
			want = nil
		}
		if !errors.Is(err, want) || (err != nil) != (want != nil) || (err != nil && !a.IsZero()) {
			t.Errorf("%q: %v, %v; want %v", tt.text, a, err, want)
		}
	}
	if _, err := FromOctets(make([]byte, 19)); err == nil {
		t.Error("19 octets taken")
	}
}

// randomAESA makes one of any format.
func randomAESA(rng *rand.Rand) (a AESA) {
	for i := range a {
		a[i] = byte(rng.Uint32())
	}
	pair := groupAFI[rng.IntN(len(groupAFI))]
	a[0] = pair[rng.IntN(2)]
	switch a.Format() {
	case DCC:
		a[1], a[2] = byte(rng.IntN(10)<<4|rng.IntN(10)), byte(rng.IntN(10)<<4|0xF)
	case ICD:
		a[1], a[2] = byte(rng.IntN(10)<<4|rng.IntN(10)), byte(rng.IntN(10)<<4|rng.IntN(10))
	case E164:
		bcd := randomNumber(rng).BCD()
		copy(a[1:], bcd[:])
	}
	return a
}

func randomNumber(rng *rand.Rand) Number {
	digits := []byte{byte('1' + rng.IntN(9))}
	for range rng.IntN(MaxDigits) {
		digits = append(digits, byte('0'+rng.IntN(10)))
	}
	n, _ := NewNumber(string(digits))
	return n
}

func randomAddress(rng *rand.Rand) (a Address) {
	if rng.IntN(3) > 0 {
		a.AESA = randomAESA(rng)
	}
	if rng.IntN(3) == 0 || !a.HasAESA() {
		a.Number = randomNumber(rng)
	}
	return a
}

// What is written reads back, in both forms.
func TestReadsBack(t *testing.T) {
	rng := proof.Seeded(t)
	for range 20000 {
		a := randomAddress(rng)
		if b, err := Parse(a.String()); err != nil || b != a {
			t.Fatalf("%s: %v, %v", a, b, err)
		}
		if b, err := Parse(strings.ToLower(a.AESA.Hex())); a.HasAESA() && (err != nil || b.AESA != a.AESA) {
			t.Fatalf("%s: %v, %v", a.AESA.Hex(), b, err)
		}
	}
}

// Addresses in JSON are text, and read back the same.
func TestJSON(t *testing.T) {
	for _, text := range []string{"", "+358401975443", "47.0005.80FFE1000000F20F2200.0020EA000EE0.00",
		"358401975443+47.0005.80FFE1000000F20F2200.0020EA000EE0.00"} {
		in := []byte(strconv.Quote(text))
		var a Address
		if err := json.Unmarshal(in, &a); err != nil {
			t.Fatal(err)
		}
		if out, err := json.Marshal(a); err != nil || !bytes.Equal(in, out) {
			t.Errorf("%s as %s, %v", in, out, err)
		}
	}
	if err := json.Unmarshal([]byte(`"nonsense"`), new(Address)); !errors.Is(err, ErrSyntax) {
		t.Error(err)
	}
}
