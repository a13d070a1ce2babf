package ilmi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxOID is how many numbers an object identifier may have (RFC 1157's, as
// later versions say it).
const MaxOID = 128

// OID is an object identifier.
type OID []uint32

// Compare orders identifiers as a MIB is ordered.
func (o OID) Compare(other OID) int { return slices.Compare(o, other) }

// String writes the numbers with dots between them.
func (o OID) String() string {
	var b strings.Builder
	for i, n := range o {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.FormatUint(uint64(n), 10))
	}
	return b.String()
}

// ParseOID reads what String writes.
func ParseOID(text string) (OID, error) {
	parts := strings.Split(text, ".")
	if len(parts) < 2 || len(parts) > MaxOID {
		return nil, fmt.Errorf("ilmi: object identifier of %d numbers, not 2 to %d", len(parts), MaxOID)
	}
	o := make(OID, len(parts))
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("ilmi: object identifier %.*q", MaxPDU, text)
		}
		o[i] = uint32(n)
	}
	if !o.valid() {
		return nil, fmt.Errorf("ilmi: object identifier %.*q begins with none that there is", MaxPDU, text)
	}
	return o, nil
}

// valid says whether o can be written: 0 to 2, then up to 39 behind 0 and 1.
func (o OID) valid() bool {
	return len(o) >= 2 && len(o) <= MaxOID && o[0] <= 2 && (o[0] == 2 && o[1] < 1<<32-80 || o[1] <= 39)
}

// with gives o with more numbers behind it, in memory of its own.
func (o OID) with(more ...uint32) OID {
	return append(slices.Clip(slices.Clone(o)), more...)
}

// suffix gives what stands behind base, if o begins with base.
func (o OID) suffix(base OID) (OID, bool) {
	if len(o) < len(base) || !slices.Equal(o[:len(base)], base) {
		return nil, false
	}
	return o[len(base):], true
}

// rowIndex is the index of a row of this interface (0) by a string of variable
// length: its length, then its octets (RFC 1212, 4.1.6).
func rowIndex(octets string) []uint32 {
	out := []uint32{0, uint32(len(octets))}
	for i := range len(octets) {
		out = append(out, uint32(octets[i]))
	}
	return out
}

// fromRowIndex reads what rowIndex writes.
func fromRowIndex(index OID) (string, bool) {
	if len(index) < 2 || index[0] != 0 || int(index[1]) != len(index)-2 {
		return "", false
	}
	octets := make([]byte, index[1])
	for i, n := range index[2:] {
		if n > 0xFF {
			return "", false
		}
		octets[i] = byte(n)
	}
	return string(octets), true
}
