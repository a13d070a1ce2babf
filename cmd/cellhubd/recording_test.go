package main

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/dataplane/modules"
)

const recordedPDUs = 20

// recordPDUs makes a recording of AAL5 PDUs as cells on VC 0/100, by the recorder, and gives the SDUs.
func recordPDUs(t *testing.T, name string) (sdus [][]byte) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(10, 0))
	dev, err := modules.OpenRecorder(name, modules.TrunkCell)
	if err != nil {
		t.Fatal(err)
	}
	for range recordedPDUs {
		sdu := make([]byte, 1+rnd.IntN(1400))
		for i := range sdu {
			sdu[i] = byte(rnd.Uint32())
		}
		sdus = append(sdus, sdu)
		var s aal.Segmenter
		if err := s.Start(aal.MakeHeader(aal.VC{VCI: 100}, 0, false), sdu, 0, 0); err != nil {
			t.Fatal(err)
		}
		for !s.Done() {
			cell := make([]byte, aal.WireCellSize)
			s.WireCells(cell)
			if _, err := dev.Transmit([][]byte{cell}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := dev.Close(); err != nil {
		t.Fatal(err)
	}
	return sdus
}

// recorded gives the SDUs in a recording, all of one VC, that is being made.
func recorded(t *testing.T, name string, vc aal.VC) (sdus [][]byte) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const fileHeader = 24
	if len(text) < fileHeader { // it is being made
		return nil
	}
	rec, err := modules.ReadRecording(bytes.NewReader(text), 0)
	if err != nil && !strings.Contains(err.Error(), "no cells") && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	var pdu []byte
	for ; len(rec.Octets) > 0; rec.Octets = rec.Octets[rec.Size:] {
		h := aal.ReadHeader(rec.Octets)
		if h.VC() != vc {
			t.Fatalf("a cell of %v, want %v", h.VC(), vc)
		}
		if !h.User() {
			continue // AIS: the port was down
		}
		if pdu = append(pdu, rec.Octets[aal.HeaderSize+1:rec.Size]...); !h.AUU() {
			continue
		}
		n := int(pdu[len(pdu)-6])<<8 | int(pdu[len(pdu)-5]) // I.363.5, 9.2.1.2: the length
		if n > len(pdu) {
			t.Fatalf("a PDU of %d octets says %d", len(pdu), n)
		}
		sdus, pdu = append(sdus, pdu[:n:n]), nil
	}
	return sdus
}

// The matrix's part of recordings: what one end plays reaches a recording beyond the switch by a
// port of every kind, as cells and as PDUs, SDU for SDU, in order; tshark finds as many PDUs,
// whose CRCs are right.
func TestSwitchMatrixOfRecordings(t *testing.T) {
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	dir := t.TempDir()
	source := filepath.Join(dir, "source.pcap")
	sdus := recordPDUs(t, source)
	sw := controltest.Dial(t, startDaemon(t, l.B, filepath.Join(dir, "switch")).path, control.RoleAdmin)
	end := controltest.Dial(t, startDaemon(t, l.A, filepath.Join(dir, "end")).path, control.RoleAdmin)
	cross := func(c *controltest.Client, from, to uint16) {
		p := c.ATM(control.ATMXConnect, control.ATM{Port: from, VCI: 100, Direction: control.DirectionIn})
		p.Trailer, _ = (&control.SecondEnd{Port: to, VCI: 100}).Append(nil)
		c.Must(p)
	}
	const file = 30 // the number of the port that is a file
	for i, k := range kinds {
		port := uint16(1 + i)
		sw.Must(sw.Hub(control.HubOpen, 0, uint32(port), "port", k.name+" "+k.peer("192.0.2.1", "192.0.2.2", lab.Dev)+k.vc(100), ""))
		end.Must(end.Hub(control.HubOpen, 0, uint32(port), "port", k.name+" "+k.own("192.0.2.1", "192.0.2.2", lab.Dev)+k.vc(100), ""))
		if k.name == "atmtcp" {
			controltest.Until(t, "atmtcp has connected", func() bool { // a VC's coming and going is told
				end.Must(end.ATM(control.ATMAdd, control.ATM{Port: port, VCI: 99, AAL: control.AAL5}))
				end.Must(end.ATM(control.ATMDel, control.ATM{Port: port, VCI: 99}))
				return sw.Counters(sw.Must(sw.ATM(control.ATMPortStat, control.ATM{Port: port})))["rx_notices"] > 0
			})
		}
		for _, mode := range []string{"cells", "aal5sdu"} {
			t.Run(k.name+"-"+mode, func(t *testing.T) {
				target := filepath.Join(dir, k.name+mode+".pcap")
				sw.Must(sw.Hub(control.HubOpen, 0, file, "port", "file pcap:"+target+",mode="+mode, ""))
				cross(sw, port, file)
				end.Must(end.Hub(control.HubOpen, 0, file, "port", "file replay:"+source+",rate=2000", ""))
				cross(end, file, port)
				var got [][]byte
				controltest.Until(t, "all is recorded", func() bool {
					got = recorded(t, target, aal.VC{VCI: 100})
					return len(got) >= len(sdus)
				})
				if !slices.EqualFunc(got, sdus, bytes.Equal) {
					t.Errorf("%d SDUs that are not the %d of the source", len(got), len(sdus))
				}
				sw.Must(sw.Hub(control.HubClose, 0, file, "port", "", ""))
				end.Must(end.Hub(control.HubClose, 0, file, "port", "", ""))
				checkRecordingInTshark(t, target, mode)
			})
		}
	}
}

// checkRecordingInTshark has tshark count cells that end a PDU, or PDUs.
func checkRecordingInTshark(t *testing.T, name, mode string) {
	t.Helper()
	rows, err := lab.Tshark(t.Context(), name, "", nil, []string{"erf.types.type", "atm.vpi", "atm.vci", "frame.len", "_ws.expert.message"})
	if errors.Is(err, lab.ErrNoTshark) {
		t.Skip("needs tshark")
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		want := "3" // Endace's record types: a cell, and an AAL5 PDU
		if mode == "aal5sdu" {
			want = "4"
		}
		if r[0] != want || r[1] != "0" || r[2] != "100" || strings.Contains(r[4], "CRC") {
			t.Fatalf("record %d: tshark reads %q", i, r)
		}
	}
	if mode == "aal5sdu" && len(rows) != recordedPDUs {
		t.Errorf("tshark reads %d PDUs, want %d", len(rows), recordedPDUs)
	}
}

// A replay waits for a receiver, stops while its port is down, and goes on where it was.
func TestReplayStopsAndGoesOn(t *testing.T) {
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	dir := t.TempDir()
	source, target := filepath.Join(dir, "source.pcap"), filepath.Join(dir, "target.pcap")
	sdus := recordPDUs(t, source)
	c := controltest.Dial(t, startDaemon(t, l.B, filepath.Join(dir, "hub")).path, control.RoleAdmin)
	c.Must(c.Hub(control.HubOpen, 0, 1, "port", "from replay:"+source+",rate=200", ""))
	c.Must(c.Hub(control.HubOpen, 0, 2, "port", "to pcap:"+target, ""))
	p := c.ATM(control.ATMXConnect, control.ATM{Port: 1, VCI: 100})
	p.Trailer, _ = (&control.SecondEnd{Port: 2, VPI: 9, VCI: 900}).Append(nil)
	c.Must(p)
	cells := func() uint64 {
		return c.Counters(c.Must(c.ATM(control.ATMPortStat, control.ATM{Port: 1})))["rx_cells"]
	}
	controltest.Until(t, "it plays", func() bool { return cells() > 0 })
	c.Must(c.ATM(control.ATMPortDown, control.ATM{Port: 1}))
	before := cells()
	time.Sleep(50 * time.Millisecond) // ten cells' time; a player that goes on is caught, and none that has stopped
	if now := cells(); now != before {
		t.Errorf("%d cells, and %d when the port was taken down", now, before)
	}
	c.Must(c.ATM(control.ATMPortUp, control.ATM{Port: 1}))
	var got [][]byte
	controltest.Until(t, "all is recorded", func() bool {
		got = recorded(t, target, aal.VC{VPI: 9, VCI: 900})
		return len(got) == len(sdus)
	})
	if !slices.EqualFunc(got, sdus, bytes.Equal) {
		t.Error("what came is not what was recorded")
	}
	for _, wrong := range []string{"pcap:x.pcap", "pcap:" + target + ",mode=n1", "pcap:" + target, "replay:" + source + ",rate=0", "replay:/dev/null", "replay:" + dir + "/none"} {
		if _, err := c.Call(c.Hub(control.HubOpen, 0, 3, "port", "wrong "+wrong, "")); err == nil {
			t.Errorf("%s: taken", wrong)
			c.Must(c.Hub(control.HubClose, 0, 3, "port", "", ""))
		}
	}
}

// A recording that is played by an impaired port loses the same cells each time by one seed, which
// is among the port's counters, given or drawn.
func TestImpairedReplay(t *testing.T) {
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	dir := t.TempDir()
	source := filepath.Join(dir, "source.pcap")
	recordPDUs(t, source)
	c := controltest.Dial(t, startDaemon(t, l.B, filepath.Join(dir, "hub")).path, control.RoleAdmin)
	play := func(name, seed string) (file []byte, counts map[string]uint64) {
		target := filepath.Join(dir, name)
		c.Must(c.Hub(control.HubOpen, 0, 1, "port", "from replay:"+source+",rate=100000,loss=0.2,errors=0.1"+seed, ""))
		c.Must(c.Hub(control.HubOpen, 0, 2, "port", "to pcap:"+target, ""))
		p := c.ATM(control.ATMXConnect, control.ATM{Port: 1, VCI: 100})
		p.Trailer, _ = (&control.SecondEnd{Port: 2, VCI: 100}).Append(nil)
		c.Must(p)
		before, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := modules.ReadRecording(bytes.NewReader(before), 0)
		if err != nil {
			t.Fatal(err)
		}
		controltest.Until(t, "all is played", func() bool {
			counts = c.Counters(c.Must(c.ATM(control.ATMPortStat, control.ATM{Port: 1})))
			return counts["rx_cells"] == uint64(len(rec.At))
		})
		for _, port := range []uint32{1, 2} {
			c.Must(c.Hub(control.HubClose, 0, port, "port", "", ""))
		}
		if file, err = os.ReadFile(target); err != nil {
			t.Fatal(err)
		}
		if rec, err = modules.ReadRecording(bytes.NewReader(file), 0); err != nil {
			t.Fatal(err)
		}
		if n := uint64(len(rec.At)); counts["impair_lost"] == 0 || n != counts["rx_cells"]-counts["impair_lost"] {
			t.Errorf("%d cells are recorded: %v", n, counts)
		}
		return rec.Octets, counts
	}
	first, counts := play("first", ",seed=7")
	again, _ := play("again", ",seed=7")
	if counts["impair_seed"] != 7 || !bytes.Equal(first, again) {
		t.Errorf("seed %d: %d and %d octets", counts["impair_seed"], len(first), len(again))
	}
	if other, counts := play("other", ""); counts["impair_seed"] == 0 || bytes.Equal(first, other) {
		t.Errorf("seed %d: %d octets", counts["impair_seed"], len(other))
	}
}
