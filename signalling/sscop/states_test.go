package sscop

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// stimuli are what is done to a machine in each state. Those with "again" have
// the N(SQ) that the machine saw last, the others a new one. "MaxCC" is the
// expiry after the last repetition.
var stimuli = []struct {
	name string
	sig  signal
	do   func(b *bench) error
}{
	{"BGN", signal(BGN), pdu(PDU{Type: BGN, SQ: 2, MR: 20, Data: []byte("u")})},
	{"BGN again", signal(BGN), again(PDU{Type: BGN, MR: 20, Data: []byte("u")})},
	{"BGAK", signal(BGAK), pdu(PDU{Type: BGAK, MR: 20, Data: []byte("u")})},
	{"BGREJ", signal(BGREJ), pdu(PDU{Type: BGREJ, Data: []byte("u")})},
	{"END", signal(END), pdu(PDU{Type: END, Data: []byte("u")})},
	{"END by SSCOP", signal(END), pdu(PDU{Type: END, Source: SourceSSCOP})},
	{"ENDAK", signal(ENDAK), pdu(PDU{Type: ENDAK})},
	{"RS", signal(RS), pdu(PDU{Type: RS, SQ: 2, MR: 20, Data: []byte("u")})},
	{"RS again", signal(RS), again(PDU{Type: RS, MR: 20, Data: []byte("u")})},
	{"RSAK", signal(RSAK), pdu(PDU{Type: RSAK, MR: 20})},
	{"ER", signal(ER), pdu(PDU{Type: ER, SQ: 2, MR: 20})},
	{"ER again", signal(ER), again(PDU{Type: ER, MR: 20})},
	{"ERAK", signal(ERAK), pdu(PDU{Type: ERAK, MR: 20})},
	{"SD", signal(SD), pdu(PDU{Type: SD, S: 0, Data: []byte("d")})},
	{"POLL", signal(POLL), pdu(PDU{Type: POLL, PS: 7, S: 0})},
	{"STAT", signal(STAT), pdu(PDU{Type: STAT, PS: 1, R: 2, MR: 20})},
	{"USTAT", signal(USTAT), pdu(PDU{Type: USTAT, R: 0, MR: 20, List: List(nil).Add(0).Add(1)})},
	{"UD", signal(UD), pdu(PDU{Type: UD, Data: []byte("d")})},
	{"MD", signal(MD), pdu(PDU{Type: MD, Data: []byte("d")})},
	{"Timer_CC", sigTimerCC, expiry(timerCC)},
	{"Timer_CC MaxCC", sigTimerCC, lastCC},
	{"Timer_POLL", sigTimerPoll, expiry(timerPoll)},
	{"Timer_KEEP-ALIVE", sigTimerKeepAlive, expiry(timerKeepAlive)},
	{"Timer_NO-RESPONSE", sigTimerNoResponse, expiry(timerNoResponse)},
	{"Timer_IDLE", sigTimerIdle, expiry(timerIdle)},
	{"AA-ESTABLISH.request", sigEstablishRequest, func(b *bench) error { return b.Establish(b.at, []byte("u"), true) }},
	{"AA-ESTABLISH.response", sigEstablishResponse, func(b *bench) error { return b.EstablishResponse(b.at, []byte("u"), true) }},
	{"AA-RELEASE.request", sigReleaseRequest, func(b *bench) error { return b.Release(b.at, []byte("u")) }},
	{"AA-DATA.request", sigDataRequest, func(b *bench) error { return b.Data(b.at, []byte("d")) }},
	{"AA-RECOVER.response", sigRecoverResponse, func(b *bench) error { return b.RecoverResponse(b.at) }},
	{"AA-RESYNC.request", sigResyncRequest, func(b *bench) error { return b.Resync(b.at, []byte("u")) }},
	{"AA-RESYNC.response", sigResyncResponse, func(b *bench) error { return b.ResyncResponse(b.at) }},
	{"AA-RETRIEVE.request", sigRetrieveRequest, func(b *bench) error { return b.Retrieve(b.at, RetrieveTotal) }},
	{"AA-UNITDATA.request", sigUnitDataRequest, func(b *bench) error { return b.UnitData(b.at, []byte("d")) }},
	{"MAA-UNITDATA.request", sigManagementRequest, func(b *bench) error { return b.ManagementData(b.at, []byte("d")) }},
}

func pdu(p PDU) func(*bench) error {
	return func(b *bench) error { return b.Receive(b.at, encode(b.t, p)) }
}

func again(p PDU) func(*bench) error {
	return func(b *bench) error {
		p.SQ = b.vrSQ
		return b.Receive(b.at, encode(b.t, p))
	}
}

// expiry signals that a timer has expired, also one that does not run.
func expiry(i int) func(*bench) error {
	return func(b *bench) error {
		b.stop(i)
		return b.signal(sigTimerCC + signal(i))
	}
}

func lastCC(b *bench) error {
	for range b.cfg.MaxCC - 1 {
		if err := expiry(timerCC)(b); err != nil {
			return err
		}
	}
	b.drain()
	return expiry(timerCC)(b)
}

// statesText is the state table of Q.2110 as this project reads it. "-" in place of effects is a request that is refused or a timer that
// cannot run.
//
//go:embed testdata/states.txt
var statesText string

// expectation is a line of it.
type expectation struct {
	state           State
	stimulus        string
	page            int
	effects, result string
}

func readStates(t testing.TB) []expectation {
	t.Helper()
	var list []expectation
	var state State
	for line := range strings.Lines(statesText) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if name, ok := strings.CutPrefix(line, "state "); ok {
			n, _, _ := strings.Cut(name, " ")
			v, err := strconv.Atoi(n)
			if err != nil || name != fmt.Sprintf("%d %v", v, State(v)) {
				t.Fatalf("testdata/states.txt: %q names no state", line)
			}
			state = State(v)
			continue
		}
		part := strings.Split(line, "|")
		if len(part) != 4 {
			t.Fatalf("testdata/states.txt: %q", line)
		}
		for i := range part {
			part[i] = strings.TrimSpace(part[i])
		}
		page, _ := strconv.Atoi(part[1])
		list = append(list, expectation{state, part[0], page, part[2], part[3]})
	}
	return list
}

// run does the stimulus in the state and gives effects, state and timers.
func (e expectation) run(t testing.TB) (got string) {
	for _, s := range stimuli {
		if s.name != e.stimulus {
			continue
		}
		b := inState(t, testConfig(), e.state)
		before := b.timersRunning()
		err := s.do(b)
		if isRefused(err) {
			if s.sig < sigEstablishRequest {
				before = b.timersRunning()
			}
			if len(b.Actions()) > 0 || b.state != e.state || b.timersRunning() != before {
				return "refused, but not without effect"
			}
			return "-"
		}
		if err != nil {
			return err.Error()
		}
		return b.look()
	}
	return "no such stimulus"
}

func (e expectation) want() string {
	if e.effects == "-" {
		return "-"
	}
	return e.effects + " -> " + e.result
}

// Q.2110, 8.2: each signal in each state.
func TestStateTable(t *testing.T) {
	list := readStates(t)
	i := 0
	for s := Idle; s <= Ready; s++ {
		for _, stim := range stimuli {
			if i >= len(list) || list[i].state != s || list[i].stimulus != stim.name {
				t.Fatalf("line %d of the table is not state %d, %s", i, s, stim.name)
			}
			e := list[i]
			if got := e.run(t); got != e.want() {
				t.Errorf("state %d, %s:\ngot  %s\nwant %s", s, stim.name, got, e.want())
			}
			if page := int(table[s][stim.sig].page); page != e.page {
				t.Errorf("state %d, %s: handler cites p. %d, table p. %d", s, stim.name, page, e.page)
			}
			i++
		}
	}
	if i != len(list) {
		t.Errorf("%d lines more than cells", len(list)-i)
	}
}

// A cell that did nothing would be noticed in each place of the table: what
// the table expects can tell every handler from its absence.
func TestStateTableTells(t *testing.T) {
	for _, e := range readStates(t) {
		if e.effects == "-" || strings.HasPrefix(e.effects, "nothing") {
			continue
		}
		for _, s := range stimuli {
			if s.name != e.stimulus {
				continue
			}
			whole := inState(t, testConfig(), e.state).look()
			if whole == e.want() {
				t.Errorf("state %d, %s: nothing done is as good", e.state, e.stimulus)
			}
		}
	}
}
