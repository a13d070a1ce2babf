package modules

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/nic"
)

// A port that cannot receive tells so downstream: VC-AIS for each channel, VP-AIS for each
// path, to every leaf, at once and each second, until it can (I.610, 9.1.1 and 9.2.1).
func TestAISDownstream(t *testing.T) {
	for _, test := range []struct {
		name     string
		fall, up func(*switchRig) error
	}{
		{"the port is stopped", func(r *switchRig) error { return r.carriers[0].SetUp(0, false) }, func(r *switchRig) error { return r.carriers[0].SetUp(0, true) }},
		{"its device goes", func(r *switchRig) error { r.carriers[0].Detach(); return nil }, func(r *switchRig) error {
			near, far, err := nic.NewWire(nic.WireConfig{})
			r.far[0] = far
			return errors.Join(err, r.carriers[0].Replace(near, [6]byte{}))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newSwitchRig(t, 2, nic.WireConfig{}, 1, 2)
			r.now = 1e9
			c := r.carriers[0]
			for _, err := range []error{
				c.Connect(channel(0, 0, 50), r.to(1, 0, aal.VC{VPI: 1, VCI: 60})),
				c.AddLeaf(channel(0, 0, 50), 1, r.to(1, 1, aal.VC{VPI: 2, VCI: 70})),
				c.Connect(path(0, 3), Output{r.ids[1], path(1, 4)}),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			r.pass()
			if sent := r.sent(1); len(sent) != 0 {
				t.Fatalf("nothing has fallen, and %v is sent", sent)
			}
			if err := test.fall(r); err != nil {
				t.Fatal(err)
			}
			ais := func(flow aal.OAMFlow, vc aal.VC) []byte { return oamCell(t, flow, vc, faultOf(aal.OAMAIS)) }
			want := [2][]byte{
				ais(aal.OAMF5EndToEnd, aal.VC{VPI: 1, VCI: 60}),
				append(ais(aal.OAMF5EndToEnd, aal.VC{VPI: 2, VCI: 70}), ais(aal.OAMF4EndToEnd, aal.VC{VPI: 4})...),
			}
			for second := range 3 {
				r.pass()
				sent := r.sent(1)
				wantCells(t, fmt.Sprint(second, " port 0"), sent[0], want[0])
				wantCells(t, fmt.Sprint(second, " port 1"), sent[1], want[1])
				r.now += 999e6
				if r.pass(); len(r.sent(1)) != 0 {
					t.Fatal("sooner than a second later")
				}
				r.now += 1e6
			}
			if err := test.up(r); err != nil {
				t.Fatal(err)
			}
			r.now += 2e9
			if r.pass(); len(r.sent(1)) != 0 {
				t.Error("AIS goes on")
			}
			r.send(0, 0, userCells(aal.VC{VCI: 50}, 1))
			wantCells(t, "afterwards", r.sent(1)[0], userCells(aal.VC{VPI: 1, VCI: 60}, 1))
		})
	}
}

// A segment ends at a port: its flow does not pass, loopback of it is answered out of the same
// port, end-to-end flows and user cells pass; F5 of a channel, F4 of a path (I.610, annex C).
func TestSegmentEnd(t *testing.T) {
	r := newSwitchRig(t, 1, nic.WireConfig{}, 1, 1)
	own := strings.Repeat("ab", aal.OAMIDSize)
	for _, arg := range []string{"0 0/50 %d 0 1/60", "0 3/* %d 0 4/*"} {
		if _, err := r.do(0, control.CarrierConnect, arg, r.ids[1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, arg := range []string{"0 0/50 segment id=" + own, "0 3/* segment"} {
		if _, err := r.do(0, control.CarrierOAM, "%s", arg); err != nil {
			t.Fatal(err)
		}
	}
	in, out := aal.VC{VCI: 50}, aal.VC{VPI: 1, VCI: 60}
	for _, test := range []struct {
		name       string
		cell       []byte
		back, pass []byte
	}{
		{"F5 segment loopback", oamCell(t, aal.OAMF5Segment, in, loopback(true)), oamCell(t, aal.OAMF5Segment, in, loopback(false)), nil},
		{"F5 end to end", oamCell(t, aal.OAMF5EndToEnd, in, loopback(true)), nil, oamCell(t, aal.OAMF5EndToEnd, out, loopback(true))},
		{"F5 segment continuity", oamCell(t, aal.OAMF5Segment, in, aal.PutOAMContinuity), nil, nil},
		{"a user cell", userCells(in, 1), nil, userCells(out, 1)},
		{"F4 segment loopback", oamCell(t, aal.OAMF4Segment, aal.VC{VPI: 3}, loopback(true)), oamCell(t, aal.OAMF4Segment, aal.VC{VPI: 3}, loopback(false)), nil},
		{"F4 end to end", oamCell(t, aal.OAMF4EndToEnd, aal.VC{VPI: 3}, loopback(true)), nil, oamCell(t, aal.OAMF4EndToEnd, aal.VC{VPI: 4}, loopback(true))},
		{"F5 inside the path", oamCell(t, aal.OAMF5Segment, aal.VC{VPI: 3, VCI: 99}, loopback(true)), nil, oamCell(t, aal.OAMF5Segment, aal.VC{VPI: 4, VCI: 99}, loopback(true))},
	} {
		r.send(0, 0, test.cell)
		wantCells(t, test.name+": back", r.sent(0)[0], test.back)
		wantCells(t, test.name+": on", r.sent(1)[0], test.pass)
	}
	if _, err := r.do(0, control.CarrierOAM, "0 0/50 off"); err != nil {
		t.Fatal(err)
	}
	r.send(0, 0, oamCell(t, aal.OAMF5Segment, in, loopback(true)))
	wantCells(t, "off: on", r.sent(1)[0], oamCell(t, aal.OAMF5Segment, out, loopback(true)))
}

// Continuity check on a segment, and loopback asked for by the switch itself, to the end of the
// segment and to that of the connection: between two switches, end to end through the first.
func TestContinuityAndPing(t *testing.T) {
	r := newSwitchRig(t, 1, nic.WireConfig{}, 1, 1)
	r.now = 1e9
	must := func(_ string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(r.do(0, control.CarrierConnect, "0 0/50 %d 0 1/60", r.ids[1]))
	must(r.do(0, control.CarrierOAM, "0 0/50 segment source sink"))
	vc := aal.VC{VCI: 50}
	cc := oamCell(t, aal.OAMF5Segment, vc, aal.PutOAMContinuity)
	for range 16 { // four seconds
		r.now += oamTick
		r.pass()
	}
	if got := r.sent(0)[0]; len(got) < 4*aal.CellSize || !bytes.Equal(got[:aal.CellSize], cc) {
		t.Errorf("continuity cells: %s", headers(got))
	}
	defects := func() string {
		text, err := r.do(0, control.CarrierCounts, "0 0/50")
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	if text := defects(); !strings.Contains(text, fmt.Sprintf("oam_defects %d\n", aal.OAMStateLOC)) {
		t.Errorf("continuity is lost: %q", text)
	}
	r.send(0, 0, cc)
	if text := defects(); !strings.Contains(text, "oam_defects 0\n") {
		t.Errorf("continuity is there again: %q", text)
	}
	r.sent(0)
	for i, flow := range []aal.OAMFlow{aal.OAMF5Segment, aal.OAMF5EndToEnd} {
		must(r.do(0, control.CarrierPing, "0 0/50 %s", []string{"segment", "end"}[i]))
		if _, err := r.do(0, control.CarrierPing, "0 0/50 %s", []string{"segment", "end"}[i]); !errors.Is(err, syscall.EALREADY) {
			t.Errorf("a second one: %v", err)
		}
		r.pass()
		cell := r.sent(0)[0]
		if len(cell) != aal.CellSize || aal.ReadHeader(cell) != flow.Header(vc) {
			t.Fatalf("%s", headers(cell))
		}
		if err := aal.LoopOAM(cell[aal.HeaderSize:]); err != nil {
			t.Fatal(err)
		}
		r.now += int64(1+i) * 1e6
		r.send(0, 0, cell)
		if text := defects(); !strings.Contains(text, fmt.Sprintf("oam_returned %d\n", i+1)) || !strings.Contains(text, fmt.Sprintf("oam_rtt_ns %d\n", (1+i)*1e6)) {
			t.Errorf("ping %d: %q", i, text)
		}
		if len(r.sent(1)) != 0 {
			t.Error("our answer has gone on")
		}
	}
	if _, err := r.do(0, control.CarrierOAM, "0 0/50 sink"); !errors.Is(err, errOAM) {
		t.Errorf("continuity without a segment's end: %v", err)
	}
}

// A path that ends at the port, with VCs above, has its F4 loopback answered, of the segment and
// of the whole, and RDI returned while AIS comes, where it was configured; its VCs' cells go up
// (I.610, 9.1.1).
func TestEndOfPath(t *testing.T) {
	r := newSwitchRig(t, 1, nic.WireConfig{}, 1)
	r.now = 1e9
	vp := aal.VC{VPI: 6}
	ask := append(oamCell(t, aal.OAMF4Segment, vp, loopback(true)), oamCell(t, aal.OAMF4EndToEnd, vp, loopback(true))...)
	r.send(0, 0, ask)
	wantCells(t, "not configured: back", r.sent(0)[0], nil)
	wantCells(t, "not configured: up", r.sinks[0].octets, ask)
	r.sinks[0].octets = nil
	if _, err := r.do(0, control.CarrierOAM, "0 6/* end"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.do(0, control.CarrierConnect, "0 6/* %d 0 7/*", r.ids[0]); !errors.Is(err, errEnds) {
		t.Errorf("switched too: %v", err)
	}
	user := userCells(aal.VC{VPI: 6, VCI: 44}, 2)
	r.send(0, 0, append(append(bytes.Clone(ask), user...), userCells(aal.VC{VPI: 5, VCI: 4}, 1)...))
	wantCells(t, "back", r.sent(0)[0], append(oamCell(t, aal.OAMF4Segment, vp, loopback(false)), oamCell(t, aal.OAMF4EndToEnd, vp, loopback(false))...))
	wantCells(t, "up", r.sinks[0].octets, append(user, userCells(aal.VC{VPI: 5, VCI: 4}, 1)...))
	r.send(0, 0, oamCell(t, aal.OAMF4EndToEnd, vp, faultOf(aal.OAMAIS)))
	wantCells(t, "RDI", r.sent(0)[0], oamCell(t, aal.OAMF4EndToEnd, vp, faultOf(aal.OAMRDI)))
	if _, err := r.do(0, control.CarrierOAM, "0 6/* off"); err != nil {
		t.Fatal(err)
	}
	r.now += 2e9
	r.send(0, 0, ask)
	wantCells(t, "off: back", r.sent(0)[0], nil)
}
