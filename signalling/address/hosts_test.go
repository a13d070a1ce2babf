package address

import (
	"errors"
	"strings"
	"testing"
)

const hostsFile = `# addresses and names
47.0005.80FFE1000000F20F2200.0020EA000EE0.00	Alpha.example alpha   # the first
+358401975443   beta
0.5             signalling
0.0.16          ilmi
?.?.*           any
47.0005.80FFE1000000F20F2200.0020EA000EE0.00 gamma ALPHA

358401975444 alpha delta
`

// The format of hosts.atm, as linux-atm's search reads it: case does not
// count, the first line that has a name or an address does.
func TestHosts(t *testing.T) {
	h, err := ReadHosts(strings.NewReader(hostsFile))
	if err != nil || h.Len() != 3 {
		t.Fatal(h.Len(), err)
	}
	a := Address{AESA: aesa(t, "47.0005.80FFE1000000F20F2200.0020EA000EE0.00")}
	for name, want := range map[string]string{
		"alpha": a.String(), "ALPHA.EXAMPLE": a.String(), "gamma": a.String(), "beta": "+358401975443", "delta": "+358401975444",
		"+1": "+1", // an address
	} {
		if got, err := h.Parse(name); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v, want %s", name, got, err, want)
		}
	}
	for _, name := range []string{"signalling", "ilmi", "any", "first", "nobody", ""} {
		if got, err := h.Parse(name); !errors.Is(err, ErrSyntax) {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
	if h.Text(a) != "Alpha.example" || h.Text(Address{Number: number(t, "1")}) != "+1" {
		t.Errorf("written %s", h.Text(a))
	}
	var empty Hosts
	if _, ok := empty.Lookup("alpha"); ok || empty.Text(a) != a.String() {
		t.Error("the empty table knows names")
	}
}

// A line that is wrong is named.
func TestHostsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"+1 one\n47.0005 x\nbad line\n":    "line 3: ",
		"+1\n":                             "line 1: ",
		"1.2.3.4.999999999999 x\n":         "line 1: ",
		strings.Repeat("x", MaxHostLine+2): "hosts: ",
	} {
		if _, err := ReadHosts(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	h := Hosts{byName: map[string]Address{}, byAddress: map[Address]string{}}
	for i := range MaxHosts {
		a := Address{AESA: AESA{AFILocal, 1: byte(i), 2: byte(i >> 8), 3: byte(i >> 16)}}
		h.byAddress[a] = "x"
	}
	if err := h.add([]string{"+1", "one"}); err == nil {
		t.Error("no limit")
	}
}
