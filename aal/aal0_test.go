package aal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestAAL0(t *testing.T) {
	vc := VC{VPI: 1, VCI: 100}
	payload := randomOctets(rand.New(rand.NewPCG(0, 0)), PayloadSize)
	sdu := make([]byte, AAL0Size)
	for pti := range uint8(8) {
		h := MakeHeader(vc, pti, pti&1 == 1)
		if err := PutAAL0(sdu, h, payload); err != nil {
			t.Fatal(err)
		}
		got, p, err := ParseAAL0(sdu)
		if err != nil || got != h || !bytes.Equal(p, payload) {
			t.Errorf("pti %d: %v %x %v, want %v %x", pti, got, p, err, h, payload)
		}
	}
	if want := unhex(t, "0010064f"); !bytes.Equal(sdu[:4], want) {
		t.Errorf("header %x, want %x", sdu[:4], want)
	}
	if !AAL0Owned(sdu, vc) || AAL0Owned(sdu, VC{VPI: 1, VCI: 101}) || AAL0Owned(sdu[:51], vc) {
		t.Error("AAL0Owned is wrong")
	}
}

func TestAAL0Lengths(t *testing.T) {
	for _, n := range []int{0, 4, 48, 51, 53} {
		if _, _, err := ParseAAL0(make([]byte, n)); !errors.Is(err, ErrAAL0Size) {
			t.Errorf("%d octets: %v, want ErrAAL0Size", n, err)
		}
	}
	if err := PutAAL0(make([]byte, 51), 0, make([]byte, 48)); !errors.Is(err, ErrAAL0Size) {
		t.Errorf("short dst: %v", err)
	}
	if err := PutAAL0(make([]byte, 52), 0, make([]byte, 47)); !errors.Is(err, ErrPayloadSize) {
		t.Errorf("short payload: %v", err)
	}
}

func FuzzAAL0(f *testing.F) {
	f.Add(make([]byte, AAL0Size))
	f.Add([]byte{0, 0x10, 6, 0x40})
	f.Fuzz(func(t *testing.T, sdu []byte) {
		h, p, err := ParseAAL0(sdu)
		if err != nil {
			if len(sdu) == AAL0Size {
				t.Fatal(err)
			}
			return
		}
		again := make([]byte, AAL0Size)
		if err := PutAAL0(again, h, p); err != nil || !bytes.Equal(again, sdu) {
			t.Fatalf("%x became %x (%v)", sdu, again, err)
		}
	})
}
