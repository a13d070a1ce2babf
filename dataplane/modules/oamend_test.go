package modules

import (
	"bytes"
	"testing"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/nic"
)

// oamCell is a good OAM cell of a flow.
func oamCell(t *testing.T, f aal.OAMFlow, vc aal.VC, put func(payload []byte) error) []byte {
	t.Helper()
	c := make([]byte, aal.CellSize)
	f.Header(vc).Put(c)
	if err := put(c[aal.HeaderSize:]); err != nil {
		t.Fatal(err)
	}
	return c
}

func loopback(request bool) func([]byte) error {
	return (&aal.OAMLoopback{Request: request, Tag: 7, Location: aal.FilledOAMID(aal.OAMIDEnd), Source: aal.FilledOAMID(1)}).Encode
}

func faultOf(k aal.OAMKind) func([]byte) error {
	c := aal.MakeOAMFault(k)
	return c.Encode
}

// An end of a VC answers loopback of both flows, in cells and in administrative cells beside
// SDUs, and returns RDI once a second while AIS comes, until a user cell comes (I.610, 9.2.1).
func TestEndOfVC(t *testing.T) {
	for _, mode := range []Mode{ModeN1, ModeAAL5SDU} {
		t.Run(mode.String(), func(t *testing.T) {
			far, near, err := nic.NewWire(nic.WireConfig{MaxFrame: 2000})
			if err != nil {
				t.Fatal(err)
			}
			clock := &testClock{now: 5e9}
			e := newEnd(t, tunnelConfig{encap: aal.LLC, kind: aal.Bridged, mode: mode}, near, clock, 1, 2)
			frame := func(cell []byte) []byte {
				f := appendLabel(nil, 100, 0, DefaultTTL, true)
				if mode == ModeAAL5SDU {
					f = append(f, 8, ControlWordBytes+aal.CellSize, 0, 0)
				}
				return append(f, cell...)
			}
			exchange := func(what string, in []byte, want ...[]byte) {
				t.Helper()
				if in != nil {
					send(t, far, frame(in))
				}
				settleOne(e)
				got := receiveAll(t, far)
				for i, w := range want {
					want[i] = frame(w)
				}
				if !equalFrames(got, want) {
					t.Errorf("%s: %x, want %x", what, got, want)
				}
			}
			for _, flow := range []aal.OAMFlow{aal.OAMF5Segment, aal.OAMF5EndToEnd} {
				exchange("loopback", oamCell(t, flow, testVC, loopback(true)), oamCell(t, flow, testVC, loopback(false)))
				exchange("an answer", oamCell(t, flow, testVC, loopback(false)))
			}
			rdi := oamCell(t, aal.OAMF5EndToEnd, testVC, faultOf(aal.OAMRDI))
			ais := oamCell(t, aal.OAMF5EndToEnd, testVC, faultOf(aal.OAMAIS))
			exchange("AIS", ais, rdi)
			clock.now += int64(750 * time.Millisecond)
			exchange("AIS again", ais)
			clock.now += int64(250 * time.Millisecond)
			exchange("a second later", nil, rdi)
			bad := bytes.Clone(ais)
			bad[30] ^= 4
			exchange("damaged", bad)
			for range 12 {
				clock.now += int64(oamTick)
				settleOne(e)
			}
			receiveAll(t, far)
			clock.now += int64(2 * time.Second)
			exchange("without AIS for 2.5 s", nil)
			module := "aal5"
			if mode == ModeAAL5SDU {
				module = "carrier"
			}
			if n := e.count(t, module, "rx_drop_oam"); n != 3 { // two answers, and the damaged one
				t.Errorf("%d OAM cells dropped, want 3", n)
			}
		})
	}
}
