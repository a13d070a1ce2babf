package layers_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/gopacket"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/aal/internal/oracle"
	atm "github.com/cellhub/cellhub/aal/layers"
)

// tcpdump takes OAM cells apart that come in a SunATM record on VPI 0 and VCI
// 3, and prints what the layers print. It looks for the header one octet after
// the record's own, where the HEC would be first, and for the payload where it
// is then right (print-atm.c 4.99, oam_print).
func TestOAMAgainstTcpdump(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewPcap(oracle.LinkSunATM)
	var want []string
	for len(want) < oracle.Records {
		k, f, specific := oamKinds[rng.IntN(len(oamKinds))].make(rng)
		if k.Type() == aal.OAMTypeProtection || k == aal.OAMActFPM || k == 0x22 {
			continue // newer than tcpdump, or older than package aal
		}
		cell := makeOAM(t, k, f, specific)
		flip(rng, cell)
		flow := aal.OAMFlow(rng.IntN(4))
		h := flow.Header(randomVC(rng)).WithCLP(rng.IntN(2) == 1)
		octets := serialize(t, &atm.Cell{Header: h}, gopacket.Payload(cell))
		c.Add([]byte{0, 0, 0, 3, 0}, octets)
		want = append(want, strings.Join(likeTcpdump(t, dissect(t, octets, atm.LayerTypeCell), cell), "\n"))
	}
	var got []string
	for _, lines := range c.Tcpdump(t, "-vv") {
		got = append(got, strings.Join(lines, "\n"))
	}
	same(t, "tcpdump", got, want)
}

// likeTcpdump gives its lines on a cell from the layers' own. Of identifiers it
// prints octets one place late (the defect's location begins at the third octet
// of the function-specific ones), so those are cut from the cell.
func likeTcpdump(t *testing.T, p gopacket.Packet, cell []byte) []string {
	t.Helper()
	o := find[*atm.OAM](t, p)
	kind, _, _ := strings.Cut(o.String(), "), func-type")
	function := strings.TrimPrefix(o.String(), kind)
	function = function[:strings.Index(function[1:], ")")+2]
	lines := []string{find[*atm.Cell](t, p).String() + ", length 53", kind + function}
	words := func(b []byte) string { return strings.TrimSpace(spaced(fmt.Sprintf("%x", b))) }
	switch f := o.Function.(type) {
	case *aal.OAMFault:
		lines = append(lines, fmt.Sprintf("Failure-type 0x%02x", f.Defect), "Location-ID "+words(cell[3:19]))
	case *aal.OAMLoopback:
		indicator := "Reply"
		if f.Request {
			indicator = "Request"
		}
		lines = append(lines, fmt.Sprintf("Loopback-Indicator %s, Correlation-Tag 0x%08x", indicator, f.Tag),
			"Location-ID "+words(cell[7:19]), "Source-ID   "+words(cell[19:31]))
	}
	_, check, _ := strings.Cut(o.String(), ", cksum")
	return append(lines, "cksum"+check)
}

// spaced puts a space after every four digits.
func spaced(s string) string {
	var b strings.Builder
	for i, r := range s {
		b.WriteRune(r)
		if i%4 == 3 {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// ATMARP packets of all operations, as tcpdump prints them.
func TestATMARPAgainstTcpdump(t *testing.T) {
	t.Parallel()
	rng := oracle.Seeded(t)
	c := oracle.NewPcap(oracle.LinkSunATM)
	var want []string
	ops := []aal.ATMARPOp{aal.ATMARPRequest, aal.ATMARPReply, aal.InATMARPRequest, aal.InATMARPReply, aal.ATMARPNAK}
	for range oracle.Records {
		number := func() aal.ATMNumber {
			n, err := aal.MakeATMNumber(oracle.Octets(rng, 20), rng.IntN(4) == 0)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		address := func() netip.Addr { return netip.AddrFrom4([4]byte(oracle.Octets(rng, 4))) }
		a := &atm.ATMARP{Packet: aal.ATMARP{
			Op: ops[rng.IntN(len(ops))], SourceNumber: number(), SourceAddress: address(),
			TargetNumber: number(), TargetAddress: address(),
		}}
		if a.Packet.Op == aal.ATMARPRequest && rng.IntN(2) == 1 {
			a.Packet.TargetNumber = aal.ATMNumber{}
		}
		record := serialize(t, &atm.SunATM{Type: atm.SunATMLLC, VCI: 100},
			&atm.LLC{Kind: aal.Routed, EtherType: aal.EtherTypeARP}, a)
		c.Add(record)
		got := find[*atm.ATMARP](t, dissect(t, record, atm.LinkTypeSunATM))
		want = append(want, fmt.Sprintf("%v, length %d", got, len(got.Contents)))
	}
	var got []string
	for _, lines := range c.Tcpdump(t) {
		// It forgets a space.
		got = append(got, strings.Replace(strings.Join(lines, "\n"), "at ", " at ", strings.Count(lines[0], "Inverse Reply")))
	}
	same(t, "tcpdump", got, want)
}
