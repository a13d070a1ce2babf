package port

import (
	"strings"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/modules"
)

// A port finds the tables that are built in, and those that it was given; another is refused with the
// names of those there are. A table that is exchanged is the same to its ports.
func TestQoSTables(t *testing.T) {
	const text = "udp:192.0.2.1:6635,remote=192.0.2.2:6635,label=16,mode=n1,qos="
	for _, name := range QoSBuiltIn {
		s, err := Parse(text + name)
		if err != nil || s.String() != text+name || s.portConfig().QoS == nil {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	if _, err := Parse(text + "gold"); err == nil || !strings.Contains(err.Error(), "qos=gold: no such table: default, inner") {
		t.Errorf("%v", err)
	}
	var o Opener
	o.QoS.Set("gold", new(modules.QoSTable))
	q, err := o.QoS.Find("gold")
	o.QoS.Set("gold", DefaultQoS())
	if again, _ := o.QoS.Find("gold"); err != nil || again != q {
		t.Errorf("the table of a name is another: %v", err)
	}
	if _, err := o.Read(text + "gold"); err != nil {
		t.Error(err)
	}
	if _, err := o.Read(text + "silver"); err == nil || !strings.Contains(err.Error(), "default, gold, inner") && !strings.Contains(err.Error(), "gold, default, inner") {
		t.Errorf("%v", err)
	}
}

// The default table, against RFC 4594 (EF for telephony, AF4 for video, AF2 for low-latency data, AF1 for
// high-throughput data) and RFC 2597 (AFxy is 8x+2y; CLP 1 is a drop precedence more in the same class).
func TestDefaultQoS(t *testing.T) {
	d := DefaultQoS()
	af := func(x, y uint8) uint8 { return 8*x + 2*y }
	for category, want := range map[aal.Category][2]uint8{
		aal.CBR: {0b101110, 0b101110}, aal.RealTimeVBR: {af(4, 1), af(4, 2)}, aal.VBR: {af(2, 1), af(2, 2)},
		aal.UBRMCR: {af(1, 1), af(1, 2)}, aal.UBR: {0, 0},
	} {
		for clp, dscp := range want {
			m := d.Cells[category][clp]
			if m.DSCP != dscp || m.TC != dscp>>3 || m.PCP == 1 || m.Given != modules.GivenDSCP|modules.GivenTC|modules.GivenPCP {
				t.Errorf("%v, CLP %d: %+v, want DSCP %d and class %d", category, clp, m, dscp, dscp>>3)
			}
		}
	}
	CopyInner(d, 8, 9)
	if d.Inner[9] != mark(9, 1, 1) || d.Inner[10].Given != 0 || !d.ByInner {
		t.Errorf("%+v", d.Inner)
	}
}
