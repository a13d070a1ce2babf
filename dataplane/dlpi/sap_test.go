package dlpi

import "testing"

// SAPs read and written by people: 802.2, 5.4.1; IEEE 802.3, 3.2.6; IEEE 802, clause 9.
func TestParseSAP(t *testing.T) {
	for text, want := range map[string]SAP{
		"0x0800": EtherType(0x800), "0x88cc": EtherType(0x88CC), "0xffff": EtherType(0xFFFF), "0x42": LLC(0x42), "0xfe": LLC(0xFE),
		"00000c:2000": SNAP(0xC, 0x2000), "0080c2:0007": SNAP(0x80C2, 7), "000000:0000": SNAP(0, 0),
	} {
		if s, err := ParseSAP(text); err != nil || s != want || s.String() != text {
			t.Errorf("%s: %v, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "0x", "88cc", "0x5dc", "0x05ff", "0x10000", "0x43", "0x00", "1000000:0", "0:10000", "x:1", "1:", ":1", "-1:2"} {
		if s, err := ParseSAP(text); err == nil {
			t.Errorf("%q is %v", text, s)
		}
	}
	for _, s := range []SAP{0, 1 << 40, 1<<40 | 0x43, 1<<40 | 0x100, 2 << 40, 2<<40 | 0x5FF, 2<<40 | 0x10000, 1 << 42, 3<<40 | 1<<50} {
		if s.Valid() {
			t.Errorf("%#x is taken", uint64(s))
		}
	}
}
