package aal

import "testing"

// RFC 2364, 7.
func TestDetectPPP(t *testing.T) {
	for _, c := range []struct {
		name  string
		sdu   string
		encap Encap
		ok    bool
	}{
		{"Linux 6.1 pppoatm, LLC", "fefe03cfc0210101000a050681b057d7", LLC, true},
		{"Linux 6.1 pppoatm, VC-mux", "c0210101000a050680725b2f", VCMux, true},
		{"IPCP tells nothing", "fefe03cf80210101", 0, false},
		{"another NLPID", "fefe0381c021", 0, false},
		{"cut short", "fefe03cfc0", 0, false},
		{"one octet", "c0", 0, false},
		{"nothing", "", 0, false},
	} {
		if e, ok := DetectPPP(unhex(t, c.sdu)); ok != c.ok || ok && e != c.encap {
			t.Errorf("%s: %v %v", c.name, e, ok)
		}
	}
}
