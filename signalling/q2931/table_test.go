package q2931

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/signalling/ie"
)

// signalNames are the events of the table as the tests call them.
func signalNames() map[signal]string {
	names := map[signal]string{}
	for kind, on := range messageSignals {
		names[on] = kind.String()
	}
	for kind, on := range requestSignals {
		names[on] = kind.String()
	}
	for on := t301; on <= t399; on++ {
		names[on] = timerName(on)
	}
	return names
}

// Each cell that has a handler has a test of its clause, and the other way
// round. What the tests of procedures prove instead is said here.
func TestEveryCell(t *testing.T) {
	names := signalNames()
	elsewhere := func(on signal, s State) bool {
		party := s == Active && (on >= inAddParty && on <= inDropPartyAck || on >= reqAddParty && on <= reqDropPartyAck)
		return party || on == t306 || on == t322
	}
	want := map[string]string{}
	for _, c := range callTests {
		for _, s := range strings.Fields(c.states) {
			want[s+" "+c.event] = c.clause
		}
	}
	found := map[string]bool{}
	for side := range states {
		for s := range states[side] {
			for on := range states[side][s] {
				cell := states[side][s][on]
				if cell.do == nil || elsewhere(signal(on), State(s)) {
					continue
				}
				name := fmt.Sprintf("%c%d %s", "UN"[side], s, names[signal(on)])
				found[name] = true
				if clause, ok := want[name]; !ok || clause != cell.clause {
					t.Errorf("%s is handled by %s, tested by %q", name, cell.clause, clause)
				}
			}
		}
	}
	for name := range want {
		if !found[name] {
			t.Errorf("%s is tested, and has no handler", name)
		}
	}
}

func TestEveryPartyCell(t *testing.T) {
	names := signalNames()
	want := map[string]string{}
	for _, c := range partyTests {
		for _, s := range strings.Fields(c.states) {
			want[s[1:]+" "+c.event] = c.clause
		}
	}
	for s := range partyStates {
		for on := range partyStates[s] {
			cell := partyStates[s][on]
			name := fmt.Sprintf("%d %s", s, names[signal(on)])
			if clause, ok := want[name]; cell.do != nil && (!ok || clause != cell.clause) || cell.do == nil && ok {
				t.Errorf("P%s is handled by %q, tested by %q", name, cell.clause, clause)
			}
		}
	}
}

// The table of messages names known elements, each once, and what is mandatory
// is allowed.
func TestMessageTable(t *testing.T) {
	for _, kind := range Types() {
		d := descriptions[kind]
		if kind.Clause() == "" || kind.String() == "" {
			t.Errorf("message 0x%02x has no name or clause", uint8(kind))
		}
		seen := map[ie.ID]bool{}
		for _, u := range d.uses {
			if ie.Make(u.id) == nil || seen[u.id] {
				t.Errorf("%v: %v", kind, u.id)
			}
			seen[u.id] = true
			if u.must&^u.in != 0 || u.mustTo&^u.to != 0 || u.most < 1 || u.in&^d.in != 0 {
				t.Errorf("%v: %v: %+v", kind, u.id, u)
			}
		}
		if _, belongs := messageSignals[kind]; !belongs && d.in != 0 {
			switch kind {
			case Restart, RestartAck, LeafSetupRequest, LeafSetupFailure: // of no call
			default:
				t.Errorf("%v comes to no state table", kind)
			}
		}
	}
	rows := Setup.Rows(UNI31, ToUser)
	mandatory := 0
	for _, r := range rows {
		if r.Mandatory {
			mandatory++
		}
	}
	if mandatory != 5 || Alerting.Rows(UNI31, ToUser) != nil {
		t.Errorf("SETUP of UNI 3.1 has %d mandatory elements: %v", mandatory, rows)
	}
}
