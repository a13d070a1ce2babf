package sscop

import (
	"testing"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// tshark decodes PDUs and gives the fields of each as fieldsOf does.
func tshark(t *testing.T, pdus [][]byte) []string {
	t.Helper()
	return proof.Fields(t, proof.ChannelSignalling, pdus, []string{"-o", "sscop.payload:Data (no further dissection)"}, "sscop.type", "sscop.sq", "sscop.mr",
		"sscop.s", "sscop.ps", "sscop.r", "sscop.stat.s", "sscop.pad_length", "sscop.source", "data.len")
}

// Every PDU that we can send, as tshark reads it: each field of each type.
func TestAgainstTshark(t *testing.T) {
	rng := proof.Seeded(t)
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
