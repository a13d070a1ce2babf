package address

import (
	"os"
	"strings"
	"testing"
)

// Where the package differs from linux-atm, and how it reads the text.
var differs = map[string]string{
	"4.7.0005.80FFE1000000F20F2200.0020EA000EE0.00":      "a dot within an octet",
	"37.0005.80FFE1000000F20F2200.0020EA000EE0.00":       "first octet",
	"39.FFFF.0010.2a00.0000.0000.0000.0020.4806.0007.00": "not in decimal",
	"47.0A05.80FFE1000000F20F2200.0020EA000EE0.00":       "not in decimal",
	"+1234567890123":                         "E.164 has 15 digits",
	"+123456789012345":                       "E.164 has 15 digits",
	":358401975443":                          "a colon in front, which its own code means to take",
	"358.401975443:00000001.0020EA000EE0.00": "dots in the number",
}

// vectors reads testdata/linux-atm.txt: the lines of one kind, in fields.
func vectors(t *testing.T, kind string) (out [][]string) {
	t.Helper()
	file, err := os.ReadFile("testdata/linux-atm.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		if f := strings.Fields(line); f[0] == kind {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		t.Fatal("no vectors")
	}
	return out
}

// text2atm: what linux-atm's library reads and refuses.
func TestReadsAsLinuxATM(t *testing.T) {
	for _, f := range vectors(t, "t") {
		text := strings.Trim(strings.ReplaceAll(f[1], "_", " "), `"`)
		a, err := Parse(text)
		got := "error"
		if err == nil {
			got = orDash(a.Number.Digits()) + " " + orDash(hexOf(a.AESA))
		}
		want := strings.Join(f[2:], " ")
		if why := differs[text]; (got != want) != (why != "") {
			t.Errorf("%q: %s; linux-atm %s; known difference: %q; %v", text, got, want, why, err)
		}
	}
}

// atm2text: what linux-atm's library writes, with dots and without.
func TestWritesAsLinuxATM(t *testing.T) {
	for _, f := range vectors(t, "p") {
		var a Address
		if f[1] != "-" {
			a.Number = number(t, f[1])
		}
		if f[2] != "-" {
			octets, err := parseHex(f[2])
			if err != nil {
				t.Fatal(err)
			}
			if a.AESA, err = FromOctets(octets); err != nil {
				t.Fatal(err)
			}
			if plain := strings.TrimPrefix(f[4], f[1]+"+"); a.AESA.Hex() != plain {
				t.Errorf("%s: %s; linux-atm %s", f[2], a.AESA.Hex(), plain)
			}
		}
		got := a.String()
		if a.AESA.Format() == E164 && a.AESA.IsGroup() {
			if !strings.HasPrefix(got, "C3.") {
				t.Errorf("%s: %s, not in hexadecimal", f[2], got)
			}
			continue
		}
		if got != f[3] {
			t.Errorf("%s %s: %s; linux-atm %s", f[1], f[2], got, f[3])
		}
	}
}

func hexOf(a AESA) string {
	if a == (AESA{}) {
		return ""
	}
	return strings.ToLower(a.Hex())
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func number(t *testing.T, digits string) Number {
	t.Helper()
	n, err := NewNumber(digits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
