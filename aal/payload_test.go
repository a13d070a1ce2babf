package aal

import (
	"errors"
	"fmt"
	"testing"
)

// A payload is 48 octets. Whoever hands over a cell, 52 or 53 octets of it
// where 48 are due, is told, and nothing is counted or written: its header
// would pass for the start of a payload.
func TestPayloadSize(t *testing.T) {
	var (
		a1, _ = MakeAAL1Sender(0)
		r1, _ = MakeAAL1Receiver(AAL1Config{Fast: true})
		r2, _ = MakeAAL2Receiver(AAL2Info45, AllAAL2CIDs())
		s3, _ = MakeAAL34Sender(7)
		r3, _ = MakeAAL34Receiver(make([]AAL34Slot, 1), false, 0)
		src   OAMSource
		sink  OAMSink
		fault = MakeOAMFault(OAMAIS)
		act   = OAMActivation{Kind: OAMActCC}
	)
	must(t, s3.Start(make([]byte, 100)))
	out := make([]byte, MaxAAL1Output)
	for name, f := range map[string]func(p []byte) error{
		"AAL0":             func(p []byte) error { return PutAAL0(make([]byte, AAL0Size), 0, p) },
		"AAL1 sent":        func(p []byte) error { return a1.Cell(p, make([]byte, a1.Need())) },
		"AAL1 received":    func(p []byte) error { return second(r1.Receive(out, p)) },
		"AAL2 received":    r2.Load,
		"AAL3/4 sent":      s3.Next,
		"AAL3/4 aborted":   func(p []byte) error { return second(s3.Abort(p)) },
		"AAL3/4 parsed":    func(p []byte) error { return second(ParseAAL34(p)) },
		"AAL3/4 received":  func(p []byte) error { return sized(&r3, p) },
		"OAM read":         func(p []byte) error { return second(ReadOAM(p)) },
		"OAM written":      func(p []byte) error { return PutOAM(p, OAMCC, nil) },
		"OAM looped":       LoopOAM,
		"AIS read":         new(OAMFault).Decode,
		"AIS written":      fault.Encode,
		"loopback read":    new(OAMLoopback).Decode,
		"loopback written": new(OAMLoopback).Encode,
		"continuity":       PutOAMContinuity,
		"forward read":     new(OAMForward).Decode,
		"forward written":  new(OAMForward).Encode,
		"backward read":    new(OAMBackward).Decode,
		"backward written": new(OAMBackward).Encode,
		"activation read":  new(OAMActivation).Decode,
		"activation":       act.Encode,
		"user cell sent":   func(p []byte) error { return src.User(p, false) },
		"user cell":        func(p []byte) error { return sink.User(p, false) },
		"RM read":          new(RMCell).Decode,
		"RM written":       new(RMCell).Encode,
		"CRC-10":           func(p []byte) error { return refused(CheckCRC10(p)) },
	} {
		for _, n := range []int{0, HeaderSize, PayloadSize - 1, PayloadSize + 1, CellSize, WireCellSize, 2 * PayloadSize} {
			p := make([]byte, n)
			if err := f(p); !errors.Is(err, ErrPayloadSize) {
				t.Errorf("%s, %d octets: %v", name, n, err)
			}
			if fmt.Sprintf("%x", p) != fmt.Sprintf("%x", make([]byte, n)) {
				t.Errorf("%s, %d octets: wrote %x", name, n, p)
			}
		}
	}
	if r1.Stats().Cells+r2.Stats().Cells != 0 || src.Block() != 0 {
		t.Errorf("counted: %+v, %+v, %d", r1.Stats(), r2.Stats(), src.Block())
	}
	must(t, s3.Next(make([]byte, PayloadSize)))
}

// sized gives the error of an event.
func sized(r *AAL34Receiver, p []byte) error {
	if _, ev := r.Receive(0, p); ev != AAL34Size {
		return fmt.Errorf("event %v", ev)
	}
	return ErrPayloadSize
}

// refused gives the error of a check: zeros are their own CRC-10.
func refused(ok bool) error {
	if ok {
		return errors.New("taken")
	}
	return ErrPayloadSize
}
