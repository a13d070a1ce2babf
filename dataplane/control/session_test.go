package control

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"
)

// hubSide answers what comes to it by what do says, until the connection ends.
func hubSide(t *testing.T, c *Conn, do func(in *Packet, answer func(more bool, out Packet))) {
	t.Helper()
	done := make(chan struct{})
	t.Cleanup(func() { c.Close(); <-done })
	go func() {
		defer close(done)
		for {
			var in Packet
			if c.Recv(&in) != nil {
				return
			}
			do(&in, func(more bool, out Packet) {
				request := in.Header
				request.Class, request.Type = out.Class, out.Type
				out.Flags &^= FlagMore
				if more {
					out.Flags |= FlagMore
				}
				_ = c.Reply(&request, &out)
			})
		}
	}()
}

// session says HELLO to a hub that gives epoch 77 and number 5, and then does do.
func session(t *testing.T, do func(hub *Conn, in *Packet, answer func(more bool, out Packet))) *Session {
	t.Helper()
	a, b := pair(t)
	hubSide(t, b, func(in *Packet, answer func(bool, Packet)) {
		if in.Class == ClassHub && in.Type == HubHello {
			out := *in
			out.Epoch = 77
			out.SetHub(&Hub{A: 5, B: DefinitionHash})
			answer(false, out)
			return
		}
		do(b, in, answer)
	})
	s, err := Hello(a, RoleObserver, "tester")
	if err != nil {
		t.Fatal(err)
	}
	s.Timeout = 20 * time.Second
	return s
}

func TestSession(t *testing.T) {
	s := session(t, func(_ *Conn, in *Packet, answer func(bool, Packet)) {
		out := *in
		out.SetHub(&Hub{A: in.Epoch})
		answer(false, out)
	})
	if s.Epoch != 77 || s.Number != 5 {
		t.Errorf("epoch %d, number %d", s.Epoch, s.Number)
	}
	p := ping()
	if err := s.Call(&p); err != nil || p.Hub().A != 77 {
		t.Errorf("%v: the hub saw epoch %d", err, p.Hub().A)
	}
}

// A refusal brings what the hub says of it, without its errno's meaning once more.
func TestRefusalInWords(t *testing.T) {
	for _, c := range []struct{ text, want, whole string }{
		{"no VC 1 0/32: no such file or directory", "no VC 1 0/32", "HUB PING: no VC 1 0/32"},
		{"the far end sleeps", "the far end sleeps", "HUB PING: the far end sleeps"},
		{"", "no such file or directory", "HUB PING: no such file or directory"},
		{": no such file or directory", "no such file or directory", "HUB PING: no such file or directory"},
	} {
		s := session(t, func(_ *Conn, in *Packet, answer func(bool, Packet)) {
			out := *in
			out.Status = -int32(syscall.ENOENT)
			if c.text != "" {
				out.Trailer, _ = AppendTLV(nil, TLVText, []byte(c.text))
			}
			answer(false, out)
		})
		p := ping()
		err := s.Call(&p)
		var refused *Error
		if !errors.As(err, &refused) || !errors.Is(err, syscall.ENOENT) {
			t.Fatalf("%v", err)
		}
		if refused.Reason() != c.want || err.Error() != c.whole {
			t.Errorf("%q: %q and %q", c.text, refused.Reason(), err)
		}
	}
}

func TestSessionList(t *testing.T) {
	s := session(t, func(hub *Conn, in *Packet, answer func(bool, Packet)) {
		if in.Hub().B != uint32(ListPorts) {
			out := *in
			out.Status = -int32(syscall.EINVAL)
			answer(false, out)
			return
		}
		event := Packet{}
		event.Type, event.Flags = EvtLost, FlagNoReply
		event.SetEvt(&Evt{Lost: 3})
		for i := range uint32(3) {
			out := Packet{}
			out.Type = HubList
			name, _ := MakeName("port" + string(rune('a'+i)))
			out.SetHub(&Hub{A: i + 1, B: 9, Name: name})
			if i == 1 {
				out.Trailer, _ = AppendTLV(nil, TLVText, []byte("spec"))
				out.Trailer, _ = AppendTLV(out.Trailer, TLVName, []byte("own"))
				_ = hub.Send(&event) // what the hub begins comes between
			}
			answer(true, out)
		}
		out := Packet{}
		out.Type = HubDone
		out.SetHub(&Hub{})
		answer(false, out)
	})
	want := []Listed{{A: 1, B: 9, Name: "porta"}, {A: 2, B: 9, Name: "portb", Own: "own", Text: "spec"}, {A: 3, B: 9, Name: "portc"}}
	if got, err := s.List(ListPorts); err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := s.List(ListEvents); !errors.Is(err, syscall.EINVAL) || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	list := func() *Packet {
		p := new(Packet)
		p.Type = HubList
		p.SetHub(&Hub{B: uint32(ListPorts)})
		return p
	}
	failed, lost, calls := errors.New("mine"), uint64(0), 0
	err := s.Each(list(), func(*Packet) error { calls++; return failed }, func(p *Packet) { lost += p.Evt().Lost })
	if err != failed || calls != 1 || lost != 3 {
		t.Errorf("%v after %d calls; %d lost", err, calls, lost)
	}
	if got, err := s.List(ListPorts); err != nil || len(got) != 3 { // nothing of that is left over
		t.Errorf("%+v, %v", got, err)
	}
}

// A hub that does not answer is not waited for.
func TestSessionTimeout(t *testing.T) {
	s := session(t, func(*Conn, *Packet, func(bool, Packet)) {})
	s.Timeout = time.Millisecond
	p := ping()
	if err := s.Call(&p); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if _, err := s.List(ListPorts); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestHelloRefused(t *testing.T) {
	a, b := pair(t)
	hubSide(t, b, func(in *Packet, answer func(bool, Packet)) {
		out := *in
		out.Status = -int32(syscall.EPERM)
		answer(false, out)
	})
	if s, err := Hello(a, RoleAdmin, "x"); s != nil || !errors.Is(err, syscall.EPERM) {
		t.Errorf("%v, %v", s, err)
	}
	if _, err := Hello(a, RoleAdmin, "a name of more octets than a name has"); err != ErrName {
		t.Errorf("%v", err)
	}
}
