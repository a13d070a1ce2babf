package sscf

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/sscop"
)

func testConfig() sscop.Config {
	c := sscop.DefaultConfig()
	c.Window = 30
	return c
}

func newMachine(t testing.TB, c sscop.Config) *Machine {
	t.Helper()
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// in receives a PDU that is good.
func in(t testing.TB, m *Machine, now time.Duration, p sscop.PDU) {
	t.Helper()
	pdu, err := sscop.Append(nil, &p)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Receive(now, pdu); err != nil {
		t.Fatal(err)
	}
}

// inState brings a machine to a state.
func inState(t testing.TB, s State) *Machine {
	t.Helper()
	m := newMachine(t, testConfig())
	var err error
	if s != Released {
		err = m.Establish(0, nil)
	}
	if s > AwaitingEstablish {
		in(t, m, 0, sscop.PDU{Type: sscop.BGAK, MR: 20})
	}
	switch s {
	case AwaitingResync:
		err = errors.Join(err, m.Establish(0, nil))
	case AwaitingRelease:
		err = errors.Join(err, m.Release(0, nil))
	}
	if err != nil || m.State() != s {
		t.Fatalf("set up for %v ended in %v: %v", s, m.State(), err)
	}
	m.Actions()
	return m
}

// show prints actions on one line.
func show(actions []Action) string {
	var out []string
	for _, a := range actions {
		name := strings.NewReplacer("indication", "ind", "confirm", "conf").Replace(strings.TrimPrefix(a.Kind.String(), "AAL-"))
		data := a.Data
		switch a.Kind {
		case Send:
			p, err := sscop.Decode(a.Data)
			if err != nil {
				return err.Error()
			}
			data, p.Data = p.Data, nil
			name = "[" + p.String() + "]"
		case SequenceUsed:
			name = fmt.Sprintf("SQ %d", a.SQ)
		case ErrorIndication:
			name = fmt.Sprintf("error %c", a.Code)
		}
		if len(data) > 0 {
			if rest, ok := strings.CutSuffix(name, "]"); ok {
				name = fmt.Sprintf("%s %q]", rest, data)
			} else {
				name = fmt.Sprintf("%s %q", name, data)
			}
		}
		out = append(out, name)
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, "; ")
}

//go:embed testdata/states.txt
var statesText string

type expectation struct {
	state                             string
	stimulus, cause, effects, results string
}

func readStates(t testing.TB) (list []expectation) {
	t.Helper()
	state := ""
	for line := range strings.Lines(statesText) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if name, ok := strings.CutPrefix(line, "state "); ok {
			state = name
			continue
		}
		part := strings.Split(line, "|")
		if len(part) != 4 {
			t.Fatalf("testdata/states.txt: %q", line)
		}
		for i := range part {
			part[i] = strings.TrimSpace(part[i])
		}
		list = append(list, expectation{state, part[0], part[1], part[2], part[3]})
	}
	return list
}

// requests are what a user can ask for.
var requests = map[string]func(m *Machine) error{
	"AAL-ESTABLISH.request": func(m *Machine) error { return m.Establish(0, []byte("u")) },
	"AAL-RELEASE.request":   func(m *Machine) error { return m.Release(0, []byte("u")) },
	"AAL-DATA.request":      func(m *Machine) error { return m.Data(0, []byte("d")) },
	"AAL-UNITDATA.request":  func(m *Machine) error { return m.UnitData(0, []byte("d")) },
}

// causes are PDUs that make SSCOP give a primitive.
var causes = map[string]sscop.PDU{
	"BGN":   {Type: sscop.BGN, SQ: 1, MR: 20, Data: []byte("u")},
	"BGAK":  {Type: sscop.BGAK, MR: 20, Data: []byte("u")},
	"BGREJ": {Type: sscop.BGREJ, Data: []byte("u")},
	"END":   {Type: sscop.END, Data: []byte("u")},
	"ENDAK": {Type: sscop.ENDAK},
	"SD":    {Type: sscop.SD, Data: []byte("d")},
	"ER":    {Type: sscop.ER, SQ: 1, MR: 20},
	"RS":    {Type: sscop.RS, SQ: 1, MR: 20, Data: []byte("u")},
	"RSAK":  {Type: sscop.RSAK, MR: 20},
	"UD":    {Type: sscop.UD, Data: []byte("d")},
	"MD":    {Type: sscop.MD, Data: []byte("d")},
}

// run does the stimulus in the state and gives effects and states.
func (e expectation) run(t testing.TB) (effects, results string) {
	var m *Machine
	for s := range numStates {
		if s.String() == e.state {
			m = inState(t, s)
		}
	}
	if m == nil {
		return "no such state", e.state
	}
	after := func(effects string) (string, string) {
		return effects, fmt.Sprintf("%v, %d", m.State(), m.SSCOP())
	}
	switch e.cause {
	case "user":
		if err := requests[e.stimulus](m); errors.Is(err, sscop.ErrState) && len(m.Actions()) == 0 {
			return after("refused")
		}
	case "never":
		for k := sscop.Send; ; k++ {
			if k > sscop.ErrorIndication {
				return "no such primitive", e.stimulus
			}
			if k.String() == e.stimulus {
				m.take(&sscop.Action{Kind: k})
				break
			}
		}
		if m.Counters().Unexpected == 1 && len(m.Actions()) == 0 {
			return after("unexpected")
		}
	case "short":
		_ = m.Receive(0, []byte{1})
	default:
		p, ok := causes[e.cause]
		if !ok {
			return "no such cause", e.cause
		}
		in(t, m, 0, p)
	}
	return after(show(m.Actions()))
}

// Q.2130: each signal in each state.
func TestStateTable(t *testing.T) {
	list := readStates(t)
	seen := map[string]int{}
	for _, e := range list {
		seen[e.stimulus]++
		if effects, results := e.run(t); effects != e.effects || results != e.results {
			t.Errorf("%s, %s:\ngot  %s -> %s\nwant %s -> %s", e.state, e.stimulus, effects, results, e.effects, e.results)
		}
	}
	if len(seen) != int(numSignals)+5 { // unit data twice, retrieval, MAA twice
		t.Errorf("%d signals in the table", len(seen))
	}
	for name, n := range seen {
		if n != int(numStates) {
			t.Errorf("%s is there %d times", name, n)
		}
	}
}
