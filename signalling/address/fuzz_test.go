package address

import (
	"strings"
	"testing"
)

// What can be read is written as it reads back.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"47.0005.80FFE1000000F20F2200.0020EA000EE0.00", "358401975443:00000001.0020EA000EE0.00", "+358401975443", ":1", "3.5.8",
		"1+49.00000000000000000000000A.0020EA000EE0.00", "C3.000358401975443F.00000001.0020EA000EE0.00", "+", ".:+", "0.0.5",
		"45.000000000000000F.00000001.0020EA000EE0.00",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := Parse(text)
		if err != nil {
			if !a.IsZero() {
				t.Fatalf("%v beside %v", a, err)
			}
			return
		}
		if back, err := Parse(a.String()); err != nil || back != a {
			t.Fatalf("%q: %v reads back as %v, %v", text, a, back, err)
		}
	})
}

// A prefix that can be read is written as it reads back.
func FuzzParsePrefix(f *testing.F) {
	for _, text := range []string{"*", "47/8", "47.0005.80FFE1000000F20F2200", "+358*", "358401975443", "1:/72", "39.246F/23", "45.000358401975443F/66", "/", "+*"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePrefix(text)
		if err != nil {
			return
		}
		if back, err := ParsePrefix(p.String()); err != nil || back != p {
			t.Fatalf("%q: %v reads back as %v, %v", text, p, back, err)
		}
	})
}

// A table of hosts never panics, and its addresses are addresses.
func FuzzReadHosts(f *testing.F) {
	f.Add(hostsFile)
	f.Add("+1 one # two\n\n?.*.1 x")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ReadHosts(strings.NewReader(text))
		if err != nil {
			return
		}
		for a := range h.byAddress {
			if back, err := Parse(a.String()); err != nil || back != a {
				t.Fatalf("%v reads back as %v, %v", a, back, err)
			}
		}
	})
}
