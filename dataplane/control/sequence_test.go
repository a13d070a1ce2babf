package control

import "testing"

// The rule of the kernel connector: a reply keeps seq and has ack and 1; anything else
// is a new message.
func TestSequence(t *testing.T) {
	var s Sequence
	var first, second Header
	if s.Stamp(&first) != nil || s.Stamp(&second) != nil || first.Seq != 1 || second.Seq != 2 || first.Ack != 0 {
		t.Fatal(first, second)
	}
	reply := func(seq, ack uint32, f Flags) Arrival { return s.Take(&Header{Seq: seq, Ack: ack, Flags: f}) }
	for _, c := range []struct {
		name     string
		seq, ack uint32
		f        Flags
		want     Arrival
	}{
		{"the peer's own, same seq", 1, 0, 0, Fresh},
		{"the peer's own, same seq and ack", 1, 1, 0, Fresh},
		{"ack not one more", 1, 0, FlagReply, Stray},
		{"ack two more", 1, 2, FlagReply, Stray},
		{"ack as if it were seq and 1", 2, 3, FlagReply, Stray},
		{"nothing awaited", 3, 1, FlagReply, Stray},
		{"one of several", 1, 1, FlagReply | FlagMore, Answer},
		{"another", 1, 1, FlagReply | FlagMore, Answer},
		{"the last", 1, 1, FlagReply, Answer},
		{"one more", 1, 1, FlagReply, Stray},
		{"out of order", 2, 1, FlagReply, Answer},
	} {
		if got := reply(c.seq, c.ack, c.f); got != c.want {
			t.Errorf("%s: %d", c.name, got)
		}
	}
	if s.Outstanding() != 0 {
		t.Error(s.Outstanding())
	}
}

// Every relation of seq and ack to the one awaited, by enumeration.
func TestSequenceExhaustive(t *testing.T) {
	for request := range uint32(3) {
		for seq := range uint32(5) {
			for ack := range uint32(5) {
				for _, f := range []Flags{0, FlagReply} {
					h := Header{Seq: seq, Ack: ack, Flags: f}
					want := f == FlagReply && seq == 2 && ack == request+1
					if got := h.IsAnswer(&Header{Seq: 2, Ack: request}); got != want {
						t.Errorf("%+v answers ack %d: %t", h, request, got)
					}
				}
			}
		}
	}
}

func TestSequenceLimits(t *testing.T) {
	var s Sequence
	for range MaxOutstanding {
		if err := s.Stamp(&Header{}); err != nil {
			t.Fatal(err)
		}
	}
	h := Header{Seq: 77}
	if err := s.Stamp(&h); err != ErrOutstanding || h.Seq != 77 {
		t.Error(err, h.Seq)
	}
	if err := s.Stamp(&Header{Flags: FlagNoReply}); err != nil || s.Outstanding() != MaxOutstanding {
		t.Error("a message without reply needs no place", err)
	}
	s.Forget(5)
	if s.Take(&Header{Seq: 5, Ack: 1, Flags: FlagReply}) != Stray {
		t.Error("a reply that came too late")
	}
	if err := s.Stamp(&h); err != nil || h.Seq != MaxOutstanding+2 {
		t.Error(err, h.Seq)
	}
	s.Withdraw(&h)
	again := Header{}
	if s.Stamp(&again) != nil || again.Seq != h.Seq {
		t.Error("the number of what was not sent is given again", again.Seq)
	}
	s = Sequence{last: 1<<32 - 1}
	if s.Stamp(&h) != nil || h.Seq != 0 || s.Take(&Header{Seq: 0, Ack: 1, Flags: FlagReply}) != Answer {
		t.Error("the number after the largest is 0", h.Seq)
	}
}

// A reply is the request's block with its numbers, and answers it.
func TestAnswers(t *testing.T) {
	request := Header{Class: ClassATM, Type: ATMAdd, Flags: FlagSync | FlagHiPri | FlagTrailer, Seq: 9, Ack: 3, Len: 4}
	reply := request
	reply.Answers(&request)
	if !reply.IsAnswer(&request) || reply.Seq != 9 || reply.Ack != 4 || reply.Flags != FlagReply|FlagHiPri || reply.Len != 0 || reply.Type != ATMAdd {
		t.Error(reply)
	}
}

// Who may say what, by the table of roles of the page.
func TestRoles(t *testing.T) {
	all := func(c Class) (types []Type) {
		for n := range classTable[c].types[1:] {
			types = append(types, Type(n+1))
		}
		return types
	}
	type may map[Class][]Type
	base := []Type{HubHello, HubBye, HubPing}
	for role, want := range map[Role]may{
		RoleManager: {ClassHub: append(base[:3:3], HubResync, HubDone), ClassATM: all(ClassATM), ClassSig: {SigTX},
			ClassSock: {SockOkay, SockFail, SockIncoming, SockClosed, SockReleased, SockAlerting}},
		RoleAdmin: {ClassATM: all(ClassATM), ClassMMI: all(ClassMMI), ClassHub: all(ClassHub), ClassEvt: {EvtSubscribe, EvtUnsubscribe, EvtEvent}},
		RoleApplication: {ClassHub: append(base[:3:3], HubOpen, HubClose), ClassPrim: all(ClassPrim),
			ClassSock: {SockBind, SockListen, SockConnect, SockAccept, SockReject, SockClose, SockModify, SockAddParty, SockDropParty}},
		RoleModulePath: {ClassHub: base, ClassMMI: all(ClassMMI)},
		RoleObserver: {ClassHub: append(base[:3:3], HubResync, HubList), ClassATM: {ATMQuery, ATMStats, ATMPortStat},
			ClassEvt: {EvtSubscribe, EvtUnsubscribe}},
		0: {}, 6: {}, 255: {},
	} {
		allowed := map[Class]map[Type]bool{}
		for c, types := range want {
			allowed[c] = map[Type]bool{}
			for _, n := range types {
				allowed[c][n] = !(c == ClassHub && (n == HubError || n == HubRegion)) // the hub's own
			}
		}
		for c := range Class(9) {
			for n := range Type(25) {
				if got := role.May(c, n); got != allowed[c][n] {
					t.Errorf("%v, %s: %t", role, TypeName(c, n), got)
				}
			}
		}
	}
}

// Descriptors come with HELLO's reply, with REGION, and with nothing else.
func TestDescriptors(t *testing.T) {
	for c := range Class(9) {
		for n := range Type(25) {
			for _, f := range []Flags{0, FlagReply} {
				want := 0
				if c == ClassHub && (n == HubHello && f == FlagReply || n == HubRegion && f == 0) {
					want = 3
				}
				if got := (&Header{Class: c, Type: n, Flags: f}).Descriptors(); got != want {
					t.Errorf("%s %v: %d", TypeName(c, n), f, got)
				}
			}
		}
	}
	if (&Header{Type: HubHello, Flags: FlagReply, Status: -1}).Descriptors() != 0 {
		t.Error("a refusal brings none")
	}
}
