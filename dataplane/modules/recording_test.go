package modules

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/nic"
)

// record writes frames to a file by a recorder.
func record(t *testing.T, f TrunkFormat, frames ...[]byte) (name string) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "x.pcap")
	dev, err := OpenRecorder(name, f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dev.Transmit(frames); err != nil {
		t.Fatal(err)
	}
	if n := dev.Counters(); int(n.TxFrames) != len(frames) {
		t.Fatalf("%d of %d frames are recorded", n.TxFrames, len(frames))
	}
	if err := dev.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

func readFile(t *testing.T, name string, rate uint32) (nic.Recording, error) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return ReadRecording(bytes.NewReader(text), rate)
}

// Cells that were recorded, of any header, are played octet for octet.
func TestRecordingOfCells(t *testing.T) {
	rnd := rand.New(rand.NewPCG(seed(t), 1))
	var frames [][]byte
	for range 200 {
		c := anyCell(rnd, aal.VC{VPI: uint16(rnd.IntN(256)), VCI: uint16(rnd.Uint32())})
		h := aal.ReadHeader(c)
		h.WithPTI(uint8(rnd.IntN(8))).WithCLP(rnd.IntN(2) > 0).Put(c)
		frames = append(frames, wireCell(c))
	}
	rec, err := readFile(t, record(t, TrunkCell, frames...), 0)
	if err != nil || !bytes.Equal(rec.Octets, bytes.Join(frames, nil)) || !slices.IsSorted(rec.At) || rec.At[0] != 0 {
		t.Fatalf("%v: %d cells", err, len(rec.At))
	}
}

// SDUs are recorded as CPCS-PDUs, and played as the cells that the segmenter makes of them; with
// a rate, one after the other.
func TestRecordingOfPDUs(t *testing.T) {
	rnd := rand.New(rand.NewPCG(seed(t), 2))
	var frames [][]byte
	var want []byte
	for _, n := range []int{1, 40, 41, 48, 1500, 65000} {
		f := make([]byte, nic.ATMTCPHeader+n)
		for i := range f {
			f[i] = byte(rnd.Uint32())
		}
		putATMTCP(f, 5, 600, n)
		frames = append(frames, f)
		var s aal.Segmenter
		if err := s.Start(aal.MakeHeader(aal.VC{VPI: 5, VCI: 600}, 0, false), f[nic.ATMTCPHeader:], 0, 0); err != nil {
			t.Fatal(err)
		}
		for !s.Done() {
			var cell [aal.WireCellSize]byte
			s.WireCells(cell[:])
			want = append(want, cell[:]...)
		}
	}
	rec, err := readFile(t, record(t, TrunkATMTCP, frames...), 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range rec.At {
		if at != time.Duration(i)*time.Millisecond {
			t.Fatalf("cell %d at %v", i, at)
		}
	}
	// the first header of a PDU has what each has: a record has one, whose AUU is set
	if !bytes.Equal(rec.Octets, want) {
		t.Errorf("%d octets of cells, want %d", len(rec.Octets), len(want))
	}
}

// What is no recording is refused, with the record and the reason.
func TestRecordingRefused(t *testing.T) {
	name := record(t, TrunkCell, wireCell(make([]byte, aal.CellSize)))
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const fileHeader, recordHeader = 24, 16
	change := func(at int, octets ...byte) []byte {
		c := bytes.Clone(text)
		copy(c[at:], octets)
		return c
	}
	for want, file := range map[string][]byte{
		"no cells in it":        text[:fileHeader],
		"is not whole":          text[:len(text)-1],
		"link type 1: ERF":      change(20, 1, 0),
		"an ERF record of type": change(fileHeader+recordHeader+8, 2),
		"no whole ERF record":   change(fileHeader+recordHeader+10, 0, 20),
		"record 1: ":            change(fileHeader+12, 69), // it was cut
		"no pcap file":          []byte("cells"),
	} {
		if _, err := ReadRecording(bytes.NewReader(file), 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := OpenReplay(os.DevNull, 0); err == nil {
		t.Error("a device is taken for a recording")
	}
}

// Nothing is allocated for a cell that is recorded.
func TestRecorderAllocates(t *testing.T) {
	dev, err := OpenRecorder(filepath.Join(t.TempDir(), "x.pcap"), TrunkCell)
	if err != nil {
		t.Fatal(err)
	}
	frames := [][]byte{wireCell(make([]byte, aal.CellSize))}
	if n := testing.AllocsPerRun(1000, func() { _, _ = dev.Transmit(frames) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if err := dev.Close(); err != nil {
		t.Fatal(err)
	}
}

// FuzzERF: of any record come whole cells with a right HEC, or an error.
func FuzzERF(f *testing.F) {
	r := make([]byte, erfHeader+aal.CellSize)
	putERF(r, len(r), 1, erfCell, 0, aal.MakeHeader(aal.VC{VCI: 33}, 0, false))
	f.Add(bytes.Clone(r))
	r[8] = erfAAL5
	f.Add(r)
	f.Add(r[:30])
	f.Fuzz(func(t *testing.T, record []byte) {
		cells, err := erfCells(nil, record)
		if (err == nil) != (len(cells) > 0) || len(cells)%aal.WireCellSize != 0 {
			t.Fatal(err, len(cells))
		}
		for ; len(cells) > 0; cells = cells[aal.WireCellSize:] {
			if aal.ReadHeader(cells).HEC() != cells[hecOctet] {
				t.Fatal("HEC")
			}
		}
	})
}
