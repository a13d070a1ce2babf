package sscf

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/internal/proof"
	"github.com/cellhub/cellhub/signalling/sscop"
)

// want compares the actions since the last look.
func want(t *testing.T, m *Machine, text string) {
	t.Helper()
	if got := show(m.Actions()); got != text {
		t.Errorf("got  %s\nwant %s", got, text)
	}
}

// Q.2130: no more than 4,096 octets.
func TestMaxData(t *testing.T) {
	for _, change := range []func(*sscop.Config){
		func(c *sscop.Config) { c.K = MaxData + 1 },
		func(c *sscop.Config) { c.J = MaxData + 1 },
		func(c *sscop.Config) { c.Window = 0 },
	} {
		c := testConfig()
		change(&c)
		if _, err := New(c); !errors.Is(err, sscop.ErrConfig) {
			t.Errorf("New: %v", err)
		}
	}
	m := inState(t, Established)
	big := make([]byte, MaxData+1)
	for name, err := range map[string]error{
		"data": m.Data(0, big), "unit data": m.UnitData(0, big), "establish": m.Establish(0, big), "release": m.Release(0, big),
	} {
		if err != sscop.ErrLength {
			t.Errorf("%s: %v", name, err)
		}
	}
	want(t, m, "nothing")
	if err := m.Data(0, big[1:]); err != nil || len(m.Actions()[0].Data) != MaxData+4 {
		t.Errorf("4,096 octets: %v", err)
	}
	in(t, m, 0, sscop.PDU{Type: sscop.SD, Data: big[1:]})
	if a := m.Actions(); len(a) != 1 || !bytes.Equal(a[0].Data, big[1:]) {
		t.Error("4,096 octets do not come")
	}
	if err := m.Release(0, big[1:]); err != nil || m.State() != AwaitingRelease {
		t.Errorf("release with 4,096 octets: %v", err)
	}
}

// The reestablish cases of Q.2130, as Q.2931 sees them.
func TestReestablish(t *testing.T) {
	t.Run("the peer lost its connection and begins", func(t *testing.T) {
		m := inState(t, Established)
		in(t, m, 0, sscop.PDU{Type: sscop.BGN, SQ: 1, MR: 20})
		want(t, m, "RELEASE.ind; ESTABLISH.ind; [BGAK N(MR)=30]")
	})
	t.Run("the peer begins while we release", func(t *testing.T) {
		m := inState(t, AwaitingRelease)
		in(t, m, 0, sscop.PDU{Type: sscop.BGN, SQ: 1, MR: 20})
		want(t, m, "RELEASE.conf; ESTABLISH.ind; [BGAK N(MR)=30]")
	})
	t.Run("the peer begins while we begin", func(t *testing.T) {
		m := inState(t, AwaitingEstablish)
		in(t, m, 0, sscop.PDU{Type: sscop.BGN, SQ: 1, MR: 20, Data: []byte("u")})
		want(t, m, `[BGAK N(MR)=30]; ESTABLISH.conf "u"`)
	})
	t.Run("the peer begins while we resynchronize", func(t *testing.T) {
		m := inState(t, AwaitingResync)
		in(t, m, 0, sscop.PDU{Type: sscop.BGN, SQ: 1, MR: 20})
		want(t, m, "RELEASE.ind; ESTABLISH.ind; [BGAK N(MR)=30]")
	})
	t.Run("both resynchronize", func(t *testing.T) {
		m := inState(t, AwaitingResync)
		in(t, m, 0, sscop.PDU{Type: sscop.RS, SQ: 1, MR: 20})
		want(t, m, "[RSAK N(MR)=30]; ESTABLISH.conf")
	})
	t.Run("an error of the protocol", func(t *testing.T) {
		m := inState(t, Established)
		in(t, m, 0, sscop.PDU{Type: sscop.STAT, PS: 7, MR: 20})
		want(t, m, "error R; SQ 2; [ER N(SQ)=2 N(MR)=30]")
		if err := m.Data(0, []byte("lost")); err != nil || m.Counters().Discarded != 1 {
			t.Errorf("data meanwhile: %v", err)
		}
		in(t, m, 0, sscop.PDU{Type: sscop.ERAK, MR: 20})
		want(t, m, "ESTABLISH.ind")
		if err := m.Data(0, []byte("d")); err != nil {
			t.Error(err)
		}
		want(t, m, `[SD N(S)=0 "d"]`)
	})
	t.Run("we begin anew during such an error", func(t *testing.T) {
		m := inState(t, Established)
		in(t, m, 0, sscop.PDU{Type: sscop.STAT, PS: 7, MR: 20})
		m.Actions()
		if err := m.Establish(0, nil); err != nil {
			t.Fatal(err)
		}
		want(t, m, "SQ 3; [RS N(SQ)=3 N(MR)=30]")
		in(t, m, 0, sscop.PDU{Type: sscop.RSAK, MR: 20})
		want(t, m, "ESTABLISH.conf")
	})
	t.Run("nobody answers", func(t *testing.T) {
		m := inState(t, AwaitingEstablish)
		for m.State() == AwaitingEstablish {
			at, _ := m.Timeout()
			m.HandleTimeout(at)
		}
		want(t, m, "[BGN N(SQ)=1 N(MR)=30]; [BGN N(SQ)=1 N(MR)=30]; [BGN N(SQ)=1 N(MR)=30]; error O; [END source=SSCOP]; RELEASE.ind")
	})
}

// Names print, unknown values too.
func TestNames(t *testing.T) {
	if s := fmt.Sprint(Established, State(99), DataIndication, Kind(99)); s != "Established state 99 AAL-DATA.indication kind 99" {
		t.Error(s)
	}
}

// Credit that the user grants, and a layer below that is busy, are SSCOP's.
func TestPassedDown(t *testing.T) {
	c := testConfig()
	c.HoldCredit, c.Window = true, 2
	m := newMachine(t, c)
	in(t, m, 0, causes["BGN"])
	in(t, m, 0, causes["SD"])
	m.Actions()
	m.Grant(1)
	in(t, m, 0, sscop.PDU{Type: sscop.POLL, PS: 1, S: 1})
	want(t, m, "[STAT N(PS)=1 N(R)=1 N(MR)=3]")
	m.SetBusy(0, true)
	_ = m.Data(0, []byte("d"))
	want(t, m, "nothing")
	if m.Pending() != 1 {
		t.Error("the message is not held")
	}
	m.SetBusy(0, false)
	want(t, m, `[SD N(S)=0 "d"]`)
}

// A caller that takes no actions is not served for ever.
func TestMaxActions(t *testing.T) {
	m := newMachine(t, testConfig())
	_ = m.Establish(0, nil)
	for range sscop.MaxActions {
		_ = m.UnitData(0, nil)
	}
	for name, err := range map[string]error{"unit data": m.UnitData(0, nil), "release": m.Release(0, nil), "PDU": m.Receive(0, []byte{0, 0, 0, 0})} {
		if err != sscop.ErrFull {
			t.Errorf("%s: %v", name, err)
		}
	}
	m.HandleTimeout(time.Hour)
	if at, _ := m.Timeout(); at != time.Second {
		t.Error("the timer did not wait")
	}
}

// Two signalling AALs over a link that loses a fifth: each message comes once
// and in order, or the user was told of an interruption; in the end both agree.
func TestSimulation(t *testing.T) {
	first, last := uint64(1), uint64(150)
	if *proof.Seed != 0 {
		first, last = *proof.Seed, *proof.Seed
	}
	for seed := first; seed <= last; seed++ {
		if err := converse(seed); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	t.Logf("%d seeds", last-first+1)
}

// side is a machine and its user.
type side struct {
	m          *Machine
	sent, seen int
	told       bool
}

func (s *side) act(a Action) error {
	switch a.Kind {
	case EstablishIndication, EstablishConfirm, ReleaseIndication, ReleaseConfirm:
		s.told = true
	case DataIndication:
		n := 0
		if _, err := fmt.Sscanf(string(a.Data), "message %d", &n); err != nil {
			return err
		}
		if n <= s.seen || n != s.seen+1 && !s.told {
			return fmt.Errorf("message %d after message %d", n, s.seen)
		}
		s.seen, s.told = n, false
	}
	return nil
}

// converse lives five minutes on a link without delay: it loses for two, then
// the users only talk.
func converse(seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, 2130))
	var ends [2]*side
	for i := range ends {
		m, err := New(testConfig())
		if err != nil {
			return err
		}
		ends[i] = &side{m: m, told: true}
	}
	lossy := func(now time.Duration) bool { return now < 2*time.Minute && rng.IntN(5) == 0 }
	for now := time.Duration(0); now < 5*time.Minute; now += 250 * time.Millisecond {
		for _, s := range ends {
			s.m.HandleTimeout(now)
			if s.m.State() == Released || now < 2*time.Minute && rng.IntN(200) == 0 {
				_ = s.m.Establish(now, nil)
			} else if now < 2*time.Minute && rng.IntN(300) == 0 {
				_ = s.m.Release(now, nil)
			} else if now < 4*time.Minute && s.m.Data(now, fmt.Appendf(nil, "message %d", s.sent+1)) == nil {
				s.sent++
			}
		}
		for busy := true; busy; {
			busy = false
			for i, s := range ends {
				for _, a := range s.m.Actions() {
					busy = true
					if a.Kind == Send && !lossy(now) {
						_ = ends[1-i].m.Receive(now, a.Data)
					} else if err := s.act(a); err != nil {
						return fmt.Errorf("end %d at %v: %w", i, now, err)
					}
				}
			}
		}
	}
	for i, s := range ends {
		if peer := ends[1-i]; s.m.State() != Established || s.m.Pending() != 0 || peer.seen != s.sent || s.m.Counters().Unexpected > 0 {
			return fmt.Errorf("end %d: %v, %d pending, %d of %d messages seen, %d unexpected",
				i, s.m.State(), s.m.Pending(), peer.seen, s.sent, s.m.Counters().Unexpected)
		}
	}
	return nil
}

// Assured transfer allocates nothing in steady state.
func TestTransferAllocatesNothing(t *testing.T) {
	a, z := newMachine(t, testConfig()), newMachine(t, testConfig())
	now := time.Duration(0)
	message, seen := make([]byte, 100), 0
	round := func() {
		for range 10 {
			_ = a.Data(now, message)
		}
		now += 750 * time.Millisecond
		a.HandleTimeout(now)
		z.HandleTimeout(now)
		for moved := true; moved; {
			moved = false
			for _, act := range a.Actions() {
				moved = true
				if act.Kind == Send {
					_ = z.Receive(now, act.Data)
				}
			}
			for _, act := range z.Actions() {
				switch moved = true; act.Kind {
				case Send:
					_ = a.Receive(now, act.Data)
				case DataIndication:
					seen++
				}
			}
		}
	}
	_ = a.Establish(now, nil)
	for range 50 {
		round()
	}
	if n := testing.AllocsPerRun(100, round); n != 0 || seen < 1000 {
		t.Errorf("%v allocations a round, %d messages", n, seen)
	}
}

// Any sequence of requests and PDUs keeps SSCF and SSCOP together.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{0, 0, 0x12, 0, 4, 9, 1, 0})
	f.Add([]byte{0x11, 1, 0x18, 0, 0x18, 0, 0x19, 7, 0x15, 8, 3, 1, 0x14, 0})
	f.Add([]byte{0, 0, 0x11, 3, 2, 0, 0x1B, 255, 0x1F, 2, 0, 0, 0x16, 1})
	together := map[State][]sscop.State{
		Released:          {sscop.Idle},
		AwaitingEstablish: {sscop.OutgoingConnection},
		AwaitingResync:    {sscop.OutgoingResync},
		AwaitingRelease:   {sscop.OutgoingDisconnection},
		Established:       {sscop.Ready, sscop.OutgoingRecovery},
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := newMachine(t, testConfig())
		now := time.Duration(0)
		for ; len(b) >= 2; b = b[2:] {
			op, x := b[0], uint32(b[1])
			switch {
			case op >= 0x10:
				p := sscop.PDU{Type: sscop.PDUType(op & 15), SQ: b[1] & 3, MR: x, S: x & 7, PS: x >> 5, R: x & 7}
				if p.Type == sscop.USTAT {
					p.List = sscop.List(nil).Add(x & 3).Add(x >> 3 & 7)
				}
				pdu, _ := sscop.Append(nil, &p)
				_ = m.Receive(now, pdu)
			case op == 0:
				_ = m.Establish(now, b[:1])
			case op == 1:
				_ = m.Release(now, nil)
			case op == 2:
				_ = m.UnitData(now, nil)
			case op == 3:
				_ = m.Receive(now, b)
			case op < 8:
				_ = m.Data(now, b[:2])
			default:
				now += time.Duration(x) * 50 * time.Millisecond
				m.HandleTimeout(now)
			}
			ok := false
			for _, s := range together[m.State()] {
				ok = ok || s == m.SSCOP()
			}
			if !ok || m.Counters().Unexpected > 0 {
				t.Fatalf("SSCF %v, SSCOP %v, %d unexpected", m.State(), m.SSCOP(), m.Counters().Unexpected)
			}
			m.Actions()
		}
	})
}
