package sscop

import (
	"bytes"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// Whatever comes in is decoded or refused; what is decoded encodes to what
// decodes the same.
func FuzzDecode(f *testing.F) {
	for _, pdus := range recordings(f) {
		for _, b := range pdus {
			f.Add(b)
		}
	}
	rng := proof.Seeded(f)
	for typ := BGN; typ <= ERAK; typ++ {
		f.Add(encode(f, randomPDU(rng, typ)))
	}
	f.Add([]byte{})
	f.Add([]byte{0xC8, 0, 0, 0})                            // padding without data
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFB, 0xFF, 0, 0}) // reserved bits
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Decode(b)
		if err != nil {
			if err != ErrPDUType && err != ErrPDULength {
				t.Fatal(err)
			}
			return
		}
		_ = p.String()
		canonical, err := Append(nil, &p)
		if err != nil {
			t.Fatalf("%v does not encode: %v", &p, err)
		}
		if len(canonical) != len(b) {
			t.Fatalf("%d octets became %d", len(b), len(canonical))
		}
		q, err := Decode(canonical)
		if err != nil || q.Type != p.Type || !bytes.Equal(q.Data, p.Data) || q.String() != p.String() {
			t.Fatalf("%v became %v, %v", &p, &q, err)
		}
	})
}

// fuzzInput does one thing to a machine, told by some octets of b, and gives
// the rest. PDUs have small numbers, so that many fit.
func fuzzInput(m *Machine, now *time.Duration, b []byte) []byte {
	arg := func(i int) byte {
		if i < len(b) {
			return b[i]
		}
		return 0
	}
	op, x, y, z := arg(0)%24, arg(1), arg(2), arg(3)
	number := func(v byte) uint32 { return uint32(int32(int8(v))) & seqMask }
	p := PDU{Type: PDUType(op), SQ: x & 3, MR: number(y), S: number(x), PS: number(z), R: number(x), Source: Source(x & 1)}
	switch {
	case op == 0:
		_ = m.Receive(*now, b[1:min(len(b), 17)])
	case op <= byte(ERAK):
		if p.Type == USTAT {
			p.List = list(number(y>>4), number(z))
			p.MR = 20
		}
		if p.Type == STAT {
			for i := range int(z & 7) {
				p.List = p.List.Add(number(arg(4 + i)))
			}
			p.PS = m.vtPS - uint32(z>>6)
			b = b[min(len(b), int(z&7)):]
		}
		pdu, _ := Append(nil, &p)
		_ = m.Receive(*now, pdu)
	case op == 16:
		*now += time.Duration(x) * 100 * time.Millisecond
		m.HandleTimeout(*now)
	case op == 17:
		_ = m.Establish(*now, b[:min(len(b), int(y&3))], x&1 == 0)
		_ = m.EstablishResponse(*now, nil, x&2 == 0)
	case op == 18:
		_ = m.Release(*now, b[:min(len(b), int(y&3))])
	case op == 19:
		for range x&3 + 1 {
			_ = m.Data(*now, b[:min(len(b), int(y&7))])
		}
	case op == 20:
		_ = m.Resync(*now, nil)
		_ = m.ResyncResponse(*now)
	case op == 21:
		_ = m.RecoverResponse(*now)
		m.Grant(int(x))
	case op == 22:
		_ = m.Retrieve(*now, uint32(x)<<17+uint32(y))
	default:
		m.SetBusy(*now, x&1 == 0)
		_ = m.UnitData(*now, nil)
		_ = m.ManagementData(*now, nil)
	}
	return b[min(len(b), 4):]
}

// Any sequence of inputs leaves a machine whole, what it sends can be decoded,
// and it comes to rest when nobody speaks any more.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{0, 17, 0, 0, 0, 2, 0, 20, 0, 19, 3, 7, 0, 11, 2, 20, 66, 0, 1, 16, 200, 0, 0})
	f.Add([]byte{1, 1, 1, 20, 0, 17, 0, 0, 0, 8, 3, 0, 0, 8, 3, 0, 0, 15, 0, 20, 0, 21, 0, 0, 0, 10, 9, 0, 1})
	f.Add([]byte{2, 17, 1, 0, 0, 2, 0, 20, 0, 19, 3, 7, 0, 9, 1, 20, 0, 22, 128, 1, 0, 21, 9, 0, 0, 23, 0, 0, 0, 19, 2, 2, 0})
	f.Add([]byte{3, 17, 0, 0, 0, 2, 0, 20, 0, 20, 0, 0, 0, 5, 1, 9, 9, 5, 2, 9, 9, 18, 0, 0, 0, 4, 0, 0, 0})
	f.Fuzz(liveThrough)
}

// The same from random octets: more sequences than the seeds hold.
func TestRandomSequences(t *testing.T) {
	rng := proof.Seeded(t)
	for range 3000 {
		b := make([]byte, 1+rng.IntN(600))
		for i := range b {
			b[i] = byte(rng.Uint32())
			if rng.IntN(2) == 0 { // most numbers are small
				b[i] &= 0x1F
			}
		}
		liveThrough(t, b)
	}
}

// liveThrough puts what b says into a machine.
func liveThrough(t *testing.T, b []byte) {
	if len(b) == 0 {
		return
	}
	c := testConfig()
	c.Window, c.Queue, c.MaxSTAT, c.MaxPD = 1+int(b[0]&15), 1+int(b[0]>>4), 3, 2
	c.HoldCredit, c.AcceptAnyBGN = b[0]&1 == 0, b[0]&2 == 0
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	look := func() {
		if err := m.check(); err != nil {
			t.Fatalf("%v, after % x", err, b)
		}
		for _, a := range m.Actions() {
			if a.Kind != Send {
				continue
			}
			if _, err := Decode(a.Data); err != nil {
				t.Fatalf("sent %x: %v", a.Data, err)
			}
		}
	}
	now := time.Duration(0)
	for rest := b[1:]; len(rest) > 0; look() {
		rest = fuzzInput(m, &now, rest)
	}
	for range 64 {
		at, running := m.Timeout()
		if !running {
			return
		}
		now = max(now, at)
		m.HandleTimeout(now)
		look()
	}
	t.Fatalf("no rest in %v, after % x", m.State(), b)
}
