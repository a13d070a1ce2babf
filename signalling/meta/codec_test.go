package meta

import (
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// samples has a message of each type, its octets before the fill, and text.
var samples = []struct {
	m    Message
	head string
	text string
}{
	{Message{Type: AssignRequest, Reference: 0x1234, Configuration: General, Rate: 0x010203, Profile: "ab"},
		"010101 1234 02 0000 0000 010203 00 02 6162", `ASSIGN REQUEST RI=4660 SCON=2 PCR=66051 SPID="ab"`},
	{Message{Type: Assigned, Reference: 1, ChannelA: 0x0140, ChannelB: 2, Rate: 353, Profile: "x"},
		"010102 0001 00 0140 0002 000161 00 01 78", `ASSIGNED RI=1 SVCIA=320 SVCIB=2 PCR=353 SPID="x"`},
	{Message{Type: Denied, Reference: 65535, Cause: NoChannel},
		"010103 ffff 00 0000 0000 000000 02 00", `DENIED RI=65535 CAU=no channel free SPID=""`},
	{Message{Type: CheckRequest, Reference: 7},
		"010104 0007 00 0000", `CHECK REQUEST RI=7 SVCIA=0`},
	{Message{Type: CheckResponse, Reference: 7, ChannelA: 33, ChannelB: 2, Profile: "12345678901234567890"},
		"010105 0007 00 0021 0002 000000 00 14 3132333435363738393031323334353637383930", `CHECK RESPONSE RI=7 SVCIA=33 SVCIB=2 SPID="12345678901234567890"`},
	{Message{Type: Removed, ChannelA: 33, Cause: Duplicate},
		"010106 0000 00 0021 0000 000000 07", `REMOVED RI=0 SVCIA=33 CAU=assigned twice`},
}

// Octets of each message, and back (7, 9.2).
func TestFormats(t *testing.T) {
	for _, s := range samples {
		t.Run(s.m.Type.String(), func(t *testing.T) {
			cell, err := Encode(s.m)
			must(t, err)
			head, err := hex.DecodeString(strings.ReplaceAll(s.head, " ", ""))
			must(t, err)
			want := make([]byte, crcAt)
			copy(want, head)
			if string(cell[:crcAt]) != string(want) {
				t.Errorf("%x\nwant %x", cell[:crcAt], want)
			}
			if m, err := Decode(cell[:]); err != nil || m != s.m {
				t.Errorf("%+v, %v", m, err)
			}
			if s.m.String() != s.text {
				t.Errorf("%s", s.m)
			}
		})
	}
}

// The CRC is that of AAL5 (8.11): the check value of CRC-32/BZIP2 (the
// catalogue of CRCs at reveng.sourceforge.io).
func TestCRC(t *testing.T) {
	if got := crc([]byte("123456789")); got != 0xFC891918 {
		t.Errorf("%X", got)
	}
	cell, err := Encode(samples[0].m)
	must(t, err)
	for bit := range 8 * CellPayload {
		bad := cell
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := Decode(bad[:]); !errors.Is(err, ErrCRC) {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
}

// sealed gives the payload of a message with octets replaced, and a CRC that
// fits.
func sealed(t *testing.T, m Message, at int, octets ...byte) []byte {
	t.Helper()
	cell, err := Encode(m)
	must(t, err)
	copy(cell[at:], octets)
	order.PutUint32(cell[crcAt:], crc(cell[:crcAt]))
	return cell[:]
}

// What is examined, in its order (10.3).
func TestExamination(t *testing.T) {
	request, assigned, removed := samples[0].m, samples[1].m, samples[5].m
	for _, tt := range []struct {
		name string
		cell []byte
		want error
	}{
		{"47 octets", make([]byte, 47), ErrLength},
		{"49 octets", make([]byte, 49), ErrLength},
		{"no octets", nil, ErrLength},
		{"zeros", make([]byte, 48), ErrCRC},
		{"discriminator", sealed(t, request, 0, 9), ErrDiscriminator},
		{"version", sealed(t, request, 1, 2), ErrVersion},
		{"type 0", sealed(t, request, 2, 0), ErrType},
		{"type 7", sealed(t, request, 2, 7), ErrType},
		{"no reference", sealed(t, request, 3, 0, 0), ErrParameter},
		{"REMOVED without reference", sealed(t, removed, 3, 0, 0), nil},
		{"no configuration", sealed(t, request, 5, 0), ErrParameter},
		{"configuration of none", sealed(t, assigned, 5, 1), ErrParameter},
		{"no channel", sealed(t, assigned, 6, 0, 0), ErrParameter},
		{"REMOVED of all", sealed(t, removed, 6, 0, 0), nil},
		{"no rate", sealed(t, request, 10, 0, 0, 0), ErrParameter},
		{"no cause", sealed(t, removed, 13, 0), ErrParameter},
		{"a cause nobody knows", sealed(t, removed, 13, 200), nil},
		{"a profile of 21 octets", sealed(t, request, 14, 21), ErrParameter},
		{"octets behind the profile", sealed(t, request, 20, 1), ErrParameter},
		{"fill", sealed(t, request, 40, 1), ErrParameter},
	} {
		if m, err := Decode(tt.cell); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || err != nil && m != (Message{}) {
			t.Errorf("%s: %v, %v, want %v", tt.name, m, err, tt.want)
		}
	}
	for _, m := range []Message{
		{}, {Type: numTypes}, {Type: Removed}, {Type: Removed, Cause: 1, Profile: "x"}, {Type: CheckRequest}, {Type: Assigned, Reference: 1, ChannelA: 1},
		{Type: AssignRequest, Reference: 1, Configuration: 1, Rate: 1 << 24}, {Type: Denied, Reference: 1, Cause: 1, Profile: "123456789012345678901"},
	} {
		if _, err := Encode(m); err == nil {
			t.Errorf("%+v written", m)
		}
	}
}

func randomMessage(rng *rand.Rand) Message {
	m := Message{Type: Type(1 + rng.IntN(int(numTypes)-1))}
	var octets [CellPayload]byte
	for i := range octets {
		octets[i] = byte(rng.Uint32())
	}
	for _, p := range params {
		if messages[m.Type].has&p.is != 0 {
			p.take(&m, octets[p.at:p.at+p.size])
		}
	}
	return m
}

// What is written reads back.
func TestRoundTrip(t *testing.T) {
	rng := seeded(t)
	written := 0
	for range 10000 {
		m := randomMessage(rng)
		cell, err := Encode(m)
		if err != nil {
			continue
		}
		written++
		if back, err := Decode(cell[:]); err != nil || back != m {
			t.Fatalf("%v: %v, %v", m, back, err)
		}
	}
	if written < 9000 {
		t.Errorf("%d written", written)
	}
}
