package sscop

import (
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var oneSeed = flag.Uint64("seed", 0, "seed of a random test, or the one seed to simulate; 0 takes new ones")

// seeded gives the random numbers of a test and prints their seed.
func seeded(t testing.TB) *rand.Rand {
	t.Helper()
	s := *oneSeed
	if s == 0 {
		s = uint64(rand.Uint32()) + 1
	}
	t.Logf("replay with -seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}

// What a SunATM record begins with: signalling, VPI and VCI of the signalling
// channel (tcpdump.org/linktypes/LINKTYPE_SUNATM.html).
var sunATMSignalling = []byte{6, 0, 0, 5}

const linkSunATM = 123

// tshark decodes PDUs and gives the fields of each as fieldsOf does.
func tshark(t *testing.T, pdus [][]byte) []string {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	order := binary.BigEndian
	file := []byte{0xA1, 0xB2, 0xC3, 0xD4, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0}
	file = order.AppendUint32(order.AppendUint32(file, 1<<18), linkSunATM)
	for _, pdu := range pdus {
		n := uint32(len(sunATMSignalling) + len(pdu))
		file = append(file, 0, 0, 0, 1, 0, 0, 0, 0)
		file = order.AppendUint32(order.AppendUint32(file, n), n)
		file = append(append(file, sunATMSignalling...), pdu...)
	}
	name := filepath.Join(t.TempDir(), "sscop.pcap")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-n", "-r", name, "-o", "sscop.payload:Data (no further dissection)", "-T", "fields", "-E", "separator=|", "-e", "sscop.type"}
	for _, f := range []string{"sq", "mr", "s", "ps", "r", "stat.s", "pad_length", "source"} {
		args = append(args, "-e", "sscop."+f)
	}
	out, err := exec.Command(path, append(args, "-e", "data.len")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(pdus) {
		t.Fatalf("tshark shows %d records of %d", len(lines), len(pdus))
	}
	return lines
}

// Every PDU that we can send, as tshark reads it: each field of each type.
func TestAgainstTshark(t *testing.T) {
	rng := seeded(t)
	var pdus [][]byte
	var want []string
	for range 300 {
		for typ := BGN; typ <= ERAK; typ++ {
			p := randomPDU(rng, typ)
			pdus = append(pdus, encode(t, p))
			want = append(want, fieldsOf(p))
		}
	}
	for i, got := range tshark(t, pdus) {
		if got != want[i] {
			t.Fatalf("PDU %d, %x:\ntshark %s\nwant   %s", i, pdus[i], got, want[i])
		}
	}
	t.Logf("%d PDUs agree", len(pdus))
}

// The recordings, too.
func TestRecordingsAgainstTshark(t *testing.T) {
	for name, pdus := range recordings(t) {
		for i, got := range tshark(t, pdus) {
			p, err := Decode(pdus[i])
			if err != nil || got != fieldsOf(p) {
				t.Errorf("%s, PDU %d: tshark %s, decoded %s, %v", name, i, got, fieldsOf(p), err)
			}
		}
	}
}
