package nic

import "testing"

func TestGSOFlag(t *testing.T) {
	for _, want := range []GSO{GSOAuto, GSOOn, GSOOff} {
		var g GSO
		if err := g.Set(want.String()); err != nil || g != want {
			t.Errorf("%v is read as %v, %v", want, g, err)
		}
	}
	g := GSOOff
	for _, text := range []string{"", "On", "true", "auto "} {
		if err := g.Set(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
