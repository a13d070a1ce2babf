package interop

import (
	"strings"
	"testing"
)

// Two guests behind two ports of our switch: one calls the other, both as users of different
// versions of the UNI; data goes both ways, and one releases.
func TestTwoGuests(t *testing.T) {
	const second = "47000580ffe1000000f20f22000020ea000ee100"
	s := newSite(t)
	s.hub(`
ports:
  one: {spec: "atmtcp:listen=127.0.0.1:2812", number: 1}
  two: {spec: "atmtcp:listen=127.0.0.1:2813", number: 2}
`)
	s.signalling(`
interfaces: [{port: 1, side: network, version: "3.1"}, {port: 2, side: network, version: "4.0"}]
routes: {` + theirs + `: [1], ` + second + `: [2]}
`)
	called := s.boot(joinPort("2813") + joined("40", "user", second) + `
for n in 1 2 3; do call -l ` + second + ` "from two" 600; done
`)
	s.until("the second guest listens", called.Done(), func() bool { return strings.Contains(called.Output(), "listening") })
	caller := s.boot(joinPort("2812") + joined("31", "user", theirs) + `
for n in 1 2 3; do until call ` + theirs + ` ` + second + ` "from one, call $n"; do sleep 0.2; done; done
`)
	s.wait(caller)
	s.wait(called)
	// What is sent before the other's kernel has the VC is lost: it sends three times.
	for r, want := range map[string]string{caller.Output(): "received from two", called.Output(): "received from one"} {
		if !strings.Contains(r, want) {
			t.Errorf("no %q in\n%s", want, r)
		}
	}
	if n := strings.Count(called.Output(), "ended: released"); n != 3 {
		t.Errorf("%d calls of 3 have ended as they should:\n%s", n, called.Output())
	}
	s.until("no call is left", nil, func() bool { return strings.HasPrefix(s.cellctl("call", "show"), "no calls") })
}
