package control

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
)

// What an MMI command moves, in both directions, inline and in the trailer: exactly
// what arglen says and only the way direction says.
func TestArgument(t *testing.T) {
	short, long := []byte("exactly twenty-four oct."), []byte("one octet more than that.")
	for _, c := range []struct {
		name   string
		reply  bool
		status int32
		d      Direction
		arg    []byte
		most   uint32 // ArgLen as the caller set it
		argLen uint32
		err    error
	}{
		{"nothing", false, 0, DirectionNone, nil, 9, 0, nil},
		{"nothing, with octets", false, 0, DirectionNone, short, 0, 0, ErrArgument},
		{"in, none", false, 0, DirectionIn, nil, 9, 0, nil},
		{"in, inline", false, 0, DirectionIn, short, 0, 24, nil},
		{"in, trailer", false, 0, DirectionIn, long, 0, 25, nil},
		{"in, longest", false, 0, DirectionIn, make([]byte, MaxTrailer), 0, MaxTrailer, nil},
		{"in, too long", false, 0, DirectionIn, make([]byte, MaxTrailer+1), 0, 0, ErrTrailerLong},
		{"out, room", false, 0, DirectionOut, nil, 500, 500, nil},
		{"out, with octets", false, 0, DirectionOut, short, 0, 0, ErrArgument},
		{"both", false, 0, DirectionBoth, long, 0, 25, nil},
		{"reply in", true, 0, DirectionIn, nil, 9, 0, nil},
		{"reply in, with octets", true, 0, DirectionIn, short, 0, 0, ErrArgument},
		{"reply out", true, 0, DirectionOut, short, 500, 24, nil},
		{"reply out, trailer", true, 3, DirectionOut, long, 500, 25, nil},
		{"refusal out", true, -22, DirectionOut, nil, 500, 0, nil},
		{"refusal, with octets", true, -22, DirectionBoth, short, 0, 0, ErrArgument},
	} {
		m := Message{Header: Header{Status: c.status}}
		if c.reply {
			m.Flags = FlagReply
		}
		trailer, err := m.SetCommand(&MMI{Command: 130, Direction: c.d, ArgLen: c.most}, c.arg)
		if err != c.err {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil {
			continue
		}
		got, err := m.Argument(trailer)
		if err != nil || !bytes.Equal(got, c.arg) || m.MMI().ArgLen != c.argLen || (len(trailer) > 0) != (len(c.arg) > 24) {
			t.Errorf("%s: %q, %d in the trailer, arglen %d, %v", c.name, got, len(trailer), m.MMI().ArgLen, err)
		}
		if _, err := m.Argument(append(trailer, 0)); err != ErrArgument {
			t.Errorf("%s, an octet more: %v", c.name, err)
		}
		if len(trailer) > 0 {
			if _, err := m.Argument(trailer[1:]); err != ErrArgument {
				t.Errorf("%s, an octet less: %v", c.name, err)
			}
		}
	}
}

// Octets where direction allows none are refused, whichever field they hide in.
func TestArgumentRefused(t *testing.T) {
	for name, b := range map[string]MMI{
		"none, arglen":   {ArgLen: 3},
		"none, octets":   {ArgLen: 3, Inline: [24]byte{1}},
		"out, octets":    {Direction: DirectionOut, ArgLen: 3, Inline: [24]byte{1}},
		"in, no trailer": {Direction: DirectionIn, ArgLen: 25},
	} {
		m := Message{Header: Header{Type: MMICmd}}
		m.SetMMI(&b)
		if arg, err := m.Argument(nil); err != ErrArgument {
			t.Errorf("%s: %q, %v", name, arg, err)
		}
	}
	m := golden()["mmi"]
	m.Type = MMIPath
	if _, err := m.Argument(nil); err != ErrArgument {
		t.Error("PATH has no argument", err)
	}
}

// A status below 0 is an errno that errors.Is finds, and goes back the same.
func TestErrno(t *testing.T) {
	h := Header{Class: ClassATM, Type: ATMAdd, Status: -int32(syscall.ENXIO), Cause: 3}
	err := fmt.Errorf("port 1: %w", h.Err())
	if !errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.EINVAL) || Status(err) != h.Status {
		t.Error(err)
	}
	if err.Error() != "port 1: ATM ADD: no such device or address (cause 3)" {
		t.Error(err)
	}
	h.Status = -int32(syscall.EPERM)
	if !errors.Is(h.Err(), fs.ErrPermission) {
		t.Error(h.Err())
	}
	for _, status := range []int32{0, 1, 1<<31 - 1} {
		h.Status = status
		if h.Err() != nil {
			t.Error(status, h.Err())
		}
	}
	h.Status = -1 << 31
	var e *Error
	if !errors.As(h.Err(), &e) || e.Errno != 1<<31 || Status(e) != -int32(syscall.EIO) {
		t.Error("the smallest status", e)
	}
	if Status(nil) != 0 || Status(errors.New("x")) != -int32(syscall.EIO) {
		t.Error("errors without an errno")
	}
}

// Each fault has a text of its own and an errno.
func TestFaultTexts(t *testing.T) {
	seen := map[string]Fault{}
	for f := Fault(1); f < NumFaults; f++ {
		if other, ok := seen[f.Error()]; ok || faultText[f] == "" {
			t.Errorf("%d and %d say %q", f, other, f.Error())
		}
		seen[f.Error()] = f
		if Status(f) >= 0 || Status(f) == -int32(syscall.EIO) {
			t.Errorf("%v has no errno", f)
		}
	}
	if Fault(200).Error() != "control: fault 200" || !errors.Is(ErrVersion, syscall.EPROTONOSUPPORT) || !errors.Is(ErrTLVUnknown, syscall.EOPNOTSUPP) {
		t.Error("texts")
	}
}
