package aal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/aal/internal/oracle"
)

// Random CPCS-PDUs as tshark sees them: VC, Length, UU, CPI, and a CRC that
// it computes itself and calls correct; one in eight has a flipped bit, which
// it must see too.
func TestAAL5AgainstTshark(t *testing.T) {
	rng := seeded(t)
	c := oracle.NewERF()
	var want []string
	buf := make([]byte, AAL5PDUSize(400))
	for range oracle.Records {
		n := 1 + rng.IntN(400)
		for i := range buf[:n] {
			buf[i] = byte(rng.Uint32())
		}
		uu, cpi := uint8(rng.Uint32()), uint8(rng.Uint32())
		size, err := PutAAL5Trailer(buf, n, uu, cpi)
		if err != nil {
			t.Fatal(err)
		}
		crc := fmt.Sprintf("0x%08x (correct)", CRC32(buf[:size-4]))
		if rng.IntN(8) == 0 {
			at := rng.IntN(size - TrailerSize)
			buf[at] ^= 1 << rng.IntN(8)
			crc = fmt.Sprintf("0x%s (incorrect", crc[2:10])
		}
		vc := VC{uint16(rng.IntN(MaxUNIVPI + 1)), uint16(FirstUserVCI + rng.IntN(60000))}
		c.AddERF(oracle.ERFAAL5, uint32(MakeHeader(vc, PTIUserEnd, false)), buf[:size])
		want = append(want, fmt.Sprintf("%d/%d cells %d len %d UU 0x%02x CPI 0x%02x CRC %s",
			vc.VPI, vc.VCI, AAL5Cells(n), n, uu, cpi, crc))
	}
	rows := c.Details(t, "atm", "-o", "erf.aal5_type:raw")
	if len(rows) != len(want) {
		t.Fatalf("tshark shows %d records of %d", len(rows), len(want))
	}
	for i, r := range rows {
		got := fmt.Sprintf("%s/%s cells %s len %s UU %s CPI %s CRC %s",
			r["VPI"], r["VCI"], r["Cells"], r["AAL5 len"], r["AAL5 UU"], r["AAL5 CPI"], r["AAL5 CRC"])
		if !strings.HasPrefix(got, want[i]) {
			t.Fatalf("record %d: tshark shows %q, want %q", i, got, want[i])
		}
	}
}
