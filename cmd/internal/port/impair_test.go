package port

import (
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/modules"
)

// Ports of every kind take impairments, in any place among their options; what makes no sense is
// refused with what is right.
func TestImpairments(t *testing.T) {
	want := modules.Impairment{Loss: 0.001, Errors: 0.5, CDV: 2 * time.Millisecond, Up: 10 * time.Second, Down: 500 * time.Millisecond, Seed: 7}
	for _, text := range []string{
		"eth:eth0,loss=1e-3,label=100,errors=0.5,cdv=2ms,flap=10s/500ms,seed=7",
		"udp:192.0.2.1:6635,loss=1e-3,errors=0.5,remote=192.0.2.2:6635,cdv=2ms,flap=10s/500ms,seed=7",
	} {
		s, err := Parse(text)
		if err != nil || s.Impairment != want {
			t.Errorf("%s: %+v, %v", text, s.Impairment, err)
		}
		if again, err := Parse(s.String()); err != nil || again.Impairment != want {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, text := range []string{"atmtcp:192.0.2.1", "atmtcp:listen=192.0.2.1", "gns3:192.0.2.1:1,remote=192.0.2.2:1", "pcap:/tmp/x", "replay:/tmp/x,rate=9"} {
		trunk, _, err := parseTrunk(text + ",seed=7,loss=1e-3,errors=0.5,cdv=2ms,flap=10s/500ms")
		if err != nil || trunk.Impairment != want {
			t.Errorf("%s: %+v, %v", text, trunk.Impairment, err)
		}
	}
	for text, words := range map[string]string{
		"loss=0": "above 0 and up to 1", "loss=1.1": "above 0 and up to 1", "errors=NaN": "above 0", "misinsert=": "no value", "cdv=11s": "at most 10s", "cdv=-1ms": "at most 10s",
		"flap=1s": "UP/DOWN", "flap=1s/0s": "UP/DOWN", "seed=7": "add one", "loss=0.1,seed=0": "from 1", "loss=0.1,loss=0.1": "twice",
		"mode=aal5sdu,misinsert=0.1": "no cells",
	} {
		if _, err := Parse("eth:eth0,label=100," + text); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %q", text, err, words)
		}
	}
	if _, err := Check("atmtcp:192.0.2.1,misinsert=0.1"); err == nil {
		t.Error("misinsert of SDUs is taken")
	}
	if i := seeded(want); i != want {
		t.Errorf("a seed that was given is %d", i.Seed)
	}
	if i := seeded(modules.Impairment{Loss: 1}); i.Seed == 0 {
		t.Error("no seed")
	}
}
