package layers_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/gopacket"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/aal/internal/oracle"
)

// These tests hold three things against one another, for each of 10,000 random
// inputs of a kind: the values that went into an encoder, what tshark 4.0 reads
// in its octets, and what the layers here read.
//
// What tshark does not take apart (packet-atm.c: the function-specific octets
// of OAM cells, RM cells, CPS-PDUs of AAL2, the CRC-3 of AAL1) is read by a
// second decoder below, written from the standards' field lists over strings of
// bits. It is no independent opinion: it comes from the authors of the first.

// same fails on the first record that differs.
func same(t *testing.T, who string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s shows %d records of %d", who, len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("record %d: %s shows\n%s, want\n%s", i, who, got[i], want[i])
		}
	}
}

// joined gives the rows of a table as lines.
func joined(rows [][]string) []string {
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = strings.Join(r, ";")
	}
	return lines
}

// labelled gives lines of labels that tshark shows.
func labelled(rows []map[string]string, labels ...string) []string {
	lines := make([]string, len(rows))
	for i, r := range rows {
		values := make([]string, len(labels))
		for j, l := range labels {
			values[j] = r[l]
		}
		lines[i] = strings.Join(values, ";")
	}
	return lines
}

// dissect decodes a record, all of it.
func dissect(t *testing.T, data []byte, first gopacket.Decoder) gopacket.Packet {
	t.Helper()
	p := gopacket.NewPacket(data, first, gopacket.Default)
	if e := p.ErrorLayer(); e != nil {
		t.Fatalf("%x: %v", data, e.Error())
	}
	return p
}

// find gives a layer of a packet.
func find[P gopacket.Layer](t *testing.T, p gopacket.Packet) P {
	t.Helper()
	for _, l := range p.Layers() {
		if l, ok := l.(P); ok {
			return l
		}
	}
	var none P
	t.Fatalf("no %T in %v", none, p)
	return none
}

// bitString gives octets as zeros and ones.
func bitString(b []byte) string {
	s := make([]byte, 0, 8*len(b))
	for _, o := range b {
		for i := 7; i >= 0; i-- {
			s = append(s, '0'+o>>i&1)
		}
	}
	return string(s)
}

// bitsToHex gives zeros and ones as hexadecimal digits.
func bitsToHex(bits string) string {
	var s strings.Builder
	for ; len(bits) >= 4; bits = bits[4:] {
		s.WriteString(strconv.FormatUint(value(bits[:4]), 16))
	}
	return s.String()
}

// value gives zeros and ones as a number.
func value(bits string) uint64 {
	v, err := strconv.ParseUint(bits, 2, 64)
	if err != nil {
		panic(err)
	}
	return v
}

// cut takes the next n bits as a number.
func cut(bits *string, n int) uint64 {
	v := value((*bits)[:n])
	*bits = (*bits)[n:]
	return v
}

// remainder divides a string of bits by a generator, long division on paper.
func remainder(bits, generator string) string {
	b := []byte(bits)
	for i := range len(b) - len(generator) + 1 {
		if b[i] == '0' {
			continue
		}
		for j := range len(generator) {
			b[i+j] = "01"[(b[i+j]^generator[j])&1]
		}
	}
	return string(b[len(b)-len(generator)+1:])
}

// The generators of I.610, I.363.3 and I.371 (x^10+x^9+x^5+x^4+x+1), of
// I.363.1 (x^3+x+1) and of I.363.2 (x^5+x^2+1).
const (
	generator10 = "11000110011"
	generator3  = "1011"
	generator5  = "100101"
)

// verdict is tshark's word for a CRC-10, found by division.
func verdict(cell string) string {
	if strings.Contains(remainder(cell, generator10), "1") {
		return "incorrect"
	}
	return "correct"
}

// said gives the word for a check that a layer found wrong, or not.
func said(wrong bool) string {
	if wrong {
		return "incorrect"
	}
	return "correct"
}

// words gives what tshark says of a checksum, the line of a label.
func words(rows []map[string]string, label string) []string {
	lines := labelled(rows, label)
	for i, l := range lines {
		_, l, _ = strings.Cut(l, "(")
		lines[i] = strings.Trim(l, " ()")
	}
	return lines
}

// withCRC10 replaces the last ten bits of a cell by the remainder.
func withCRC10(cell string) string {
	cell = cell[:len(cell)-10]
	return cell + remainder(cell+"0000000000", generator10)
}

// flip sets a random bit after the first octet wrong in one cell of eight.
func flip(rng *rand.Rand, cell []byte) {
	if rng.IntN(8) == 0 {
		cell[1+rng.IntN(len(cell)-1)] ^= 1 << rng.IntN(8)
	}
}

// unused is n octets of 6A, as bits.
func unused(n int) string { return strings.Repeat("01101010", n) }

func randomVC(rng *rand.Rand) aal.VC {
	return aal.VC{VPI: uint16(rng.IntN(aal.MaxUNIVPI + 1)), VCI: uint16(aal.FirstUserVCI + rng.IntN(60000))}
}

func randomID(rng *rand.Rand) aal.OAMID { return aal.OAMID(oracle.Octets(rng, aal.OAMIDSize)) }

// headerFields are tshark's values of a UNI header: VPI, VCI, payload type,
// CLP.
func headerFields(h aal.Header) string {
	clp := 0
	if h.CLP() {
		clp = 1
	}
	return fmt.Sprintf("%d;%d;%d;%d", h.VC().VPI, h.VC().VCI, h.PTI(), clp)
}

// erfRecord is a record as in a file, without the header of the file's.
func erfRecord(typ uint8, h aal.Header, rest []byte) []byte {
	b := append(oracle.ERFHeader(typ, aal.HeaderSize+len(rest)), 0, 0, 0, 0)
	h.Put(b[len(b)-aal.HeaderSize:])
	return append(b, rest...)
}
