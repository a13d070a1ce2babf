package loader

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
)

// crossConnect obeys what concerns cross-connects, as a daemon tells of them afterwards.
func (w *world) crossConnect(p *control.Packet, b control.ATM) (done bool, err error) {
	from := RunningEnd{b.Port, b.VPI, b.VCI}
	at := slices.IndexFunc(w.XConnects, func(x RunningXConnect) bool { return x.From == from })
	if p.Type == control.ATMDel {
		if at >= 0 {
			w.XConnects, w.crossAt = slices.Delete(w.XConnects, at, at+1), map[RunningEnd]int{}
			for i := range w.XConnects {
				w.crossAt[w.XConnects[i].From] = i
			}
		}
		return at >= 0, nil
	}
	if p.Type != control.ATMXConnect && p.Type != control.ATMAddLeaf {
		return false, nil
	}
	value, _ := control.FindTLV(p.Trailer, control.TLVSecondEnd)
	end, err := control.ParseSecondEnd(value)
	if err != nil {
		return true, err
	}
	to := RunningEnd{end.Port, end.VPI, end.VCI}
	for _, e := range []RunningEnd{from, to} {
		switch {
		case !slices.ContainsFunc(w.Ports, func(r RunningPort) bool { return r.Number == e.Port }):
			return true, fmt.Errorf("no port %d", e.Port)
		case e == from && p.Type == control.ATMAddLeaf:
		case w.crossed(e):
			return true, fmt.Errorf("%v is in use", e)
		}
	}
	// what it says in a dump
	dump := func(here RunningEnd, other RunningEnd, tlvs ...func([]byte) ([]byte, error)) *control.Packet {
		q := new(control.Packet)
		q.Type = control.ATMQuery
		body := b
		body.Port, body.VPI, body.VCI = here.Port, here.VPI, here.VCI
		q.SetATM(&body)
		q.Trailer, _ = (&control.SecondEnd{Port: other.Port, VPI: other.VPI, VCI: other.VCI}).Append(nil)
		for _, add := range tlvs {
			q.Trailer, _ = add(q.Trailer)
		}
		return q
	}
	words, _ := control.FindTLV(p.Trailer, control.TLVText)
	var leaf control.Leaf
	if value, ok := control.FindTLV(p.Trailer, control.TLVLeaf); ok {
		leaf, _ = control.ParseLeaf(value)
	}
	if p.Type == control.ATMXConnect {
		w.addCross(dump(from, to, func(t []byte) ([]byte, error) { return control.AppendTLV(t, control.TLVText, words) }))
	} else if at < 0 {
		return true, fmt.Errorf("no root")
	}
	w.addCross(dump(to, from, leaf.Append))
	w.touched["xconnect "+fmt.Sprint(from)] = true
	return true, nil
}

func (w *world) crossed(e RunningEnd) bool {
	return slices.ContainsFunc(w.XConnects, func(x RunningXConnect) bool { return x.From == e || slices.Contains(x.To, e) })
}

const crossed = `ports: {a: {spec: eth:e0, number: 1}, b: eth:e1}
xconnects:
  - {from: a 0/100, to: b 3/200, service: cbr, pcr: {forward: 10, backward: 20}, options: police cdvt=1ms}
  - {from: a 2/*, to: b 9/*}
  - {from: b 0/50, leaves: [a 0/60, a 0/61, b 0/62]}
`

func TestParseXConnects(t *testing.T) {
	c := mustParse(t, crossed)
	if len(c.XConnects) != 3 {
		t.Fatalf("%+v", c.XConnects)
	}
	x := c.XConnects[0]
	if x.From != (End{"a", 0, 100}) || x.To[0] != (End{"b", 3, 200}) || x.Service != control.ServiceCBR || x.PCRForward != 10 || x.PCRBackward != 20 ||
		x.Options != "police cdvt=1ms" || x.OneWay || x.At.Line != 3 {
		t.Errorf("%+v", x)
	}
	if x := c.XConnects[1]; x.From != (End{"a", 2, 0}) || x.To[0] != (End{"b", 9, 0}) {
		t.Errorf("%+v", x)
	}
	if x := c.XConnects[2]; !x.OneWay || len(x.To) != 3 || x.Direction != control.DirectionIn {
		t.Errorf("%+v", x)
	}
	for name, test := range map[string]struct{ line, want string }{
		"no such port":      {"{from: a 0/101, to: x 0/33}", "no port \"x\""},
		"a reserved VCI":    {"{from: a 0/5, to: b 0/33}", "reserved"},
		"no end":            {"{from: a 0/101}", "without to"},
		"no beginning":      {"{to: a 0/101}", "without from"},
		"in use":            {"{from: a 0/100, to: b 0/33}", "line 3 already"},
		"in a path":         {"{from: a 2/101, to: b 0/33}", "line 4 already"},
		"a path over a VC":  {"{from: a 0/*, to: b 7/*}", "already"},
		"a path to a VC":    {"{from: a 7/*, to: b 0/33}", "a path goes to a path"},
		"to and leaves":     {"{from: a 0/101, to: b 0/33, leaves: [b 0/34]}", "one or the other"},
		"nonsense":          {"{from: a, to: b 0/33}", "PORT VPI/VCI"},
		"a stranger's word": {"{from: a 0/101, to: b 0/33, color: red}", "unknown key"},
	} {
		_, err := Parse("f", []byte(crossed+"  - "+test.line+"\n"), Rules{})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := Parse("f", []byte(crossed+"pvcs: [{port: a, vc: 0/100}]\n"), Rules{}); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a PVC that is cross-connected: %v", err)
	}
}

// What changes is deleted and made again, what does not is not touched, and what belongs to
// nobody stays.
func TestPlanXConnects(t *testing.T) {
	was := mustParse(t, crossed)
	for _, test := range []struct {
		name, old, new string
		want           []string
	}{
		{"the same", "", "", nil},
		{"another end", "b 3/200", "b 3/201", []string{"delete cross-connect a 0/100", "cross-connect a 0/100 to b 3/201"}},
		{"other options", "police", "shape", []string{"delete cross-connect a 0/100", "cross-connect a 0/100 to b 3/200"}},
		{"another rate", "forward: 10", "forward: 11", []string{"delete cross-connect a 0/100", "cross-connect a 0/100 to b 3/200"}},
		{"a leaf less", "a 0/61, ", "", []string{"delete cross-connect b 0/50", "cross-connect b 0/50 to a 0/60", "add leaf b 0/62 to b 0/50"}},
		{"none of it", "  - {from: a 2/*, to: b 9/*}\n", "", []string{"delete cross-connect a 2/*"}},
		{"another port", "b: eth:e1", "b: eth:e2", []string{"delete cross-connect a 0/100", "delete cross-connect a 2/*", "delete cross-connect b 0/50",
			"close port b", "open port b", "cross-connect a 0/100 to b 3/200", "cross-connect a 2/* to b 9/*", "cross-connect b 0/50 to a 0/60",
			"add leaf a 0/61 to b 0/50", "add leaf b 0/62 to b 0/50"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld()
			if err := w.run(Plan(nil, Names{}, was)); err != nil {
				t.Fatal(err)
			}
			want := mustParse(t, strings.Replace(crossed, test.old, test.new, 1))
			steps := Plan(&w.Running, namesOf(was), want)
			var got []string
			for _, s := range steps {
				got = append(got, s.What)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if err := w.run(steps); err != nil {
				t.Fatal(err)
			}
			compare(t, w, want)
		})
	}
}

// From any cross-connects to any others.
func TestPlanXConnectsRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	random := func() *Config {
		c := randomConfig(rng)
		c.PVCs = nil
		if len(c.Ports) == 0 {
			return c
		}
		used := map[End]bool{}
		end := func() (End, bool) {
			e := End{c.Ports[rng.IntN(len(c.Ports))].Name, 0, uint16(32 + rng.IntN(6))}
			ok := !used[e]
			used[e] = true
			return e, ok
		}
		for range rng.IntN(6) {
			x := XConnect{}
			var ok bool
			if x.From, ok = end(); !ok {
				continue
			}
			x.Direction, x.PCRForward = control.DirectionBoth, uint32(rng.IntN(2))
			for range 1 + rng.IntN(3) {
				if e, ok := end(); ok {
					x.To = append(x.To, e)
				}
			}
			if len(x.To) == 0 {
				continue
			}
			if len(x.To) > 1 {
				x.OneWay, x.Direction = true, control.DirectionIn
			}
			c.XConnects = append(c.XConnects, x)
		}
		return c
	}
	for range 2000 {
		was, want := random(), random()
		w := newWorld()
		if err := w.run(Plan(nil, Names{}, was)); err != nil {
			t.Fatal(err)
		}
		if err := w.run(Plan(&w.Running, namesOf(was), want)); err != nil {
			t.Fatalf("%v\nfrom %+v\nto %+v", err, was, want)
		}
		compare(t, w, want)
		if steps := Plan(&w.Running, namesOf(want), want); len(steps) != 0 {
			t.Fatalf("again: %q", steps[0].What)
		}
		if t.Failed() {
			t.Fatalf("from %+v\nto %+v", was, want)
		}
	}
}
