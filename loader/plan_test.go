package loader

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
)

var seed = flag.Uint64("seed", rand.Uint64(), "of random tests")

func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("x", []byte(text), testRules)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func namesOf(c *Config) (n Names) {
	n.Add(c)
	return n
}

const before = `
hubs: 2
ports:
  a: {spec: eth:e0, number: 1}
  b: eth:e1
streams:
  s: {top: tap t0, modules: [rfc2684 llc bridged, aal5]}
  u: {top: head}
pvcs:
  - {port: a, vc: 0/100, stream: s, pcr: 4000}
  - {port: b, vc: 0/32, stream: u}
  - {port: b, vc: 0/33, aal: 5}
`

// Each difference is these steps, and no others.
func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name, old, new string // of the text before
		want           []string
	}{
		{"nothing", "", "", nil},
		{"a PVC goes", "  - {port: b, vc: 0/33, aal: 5}\n", "", []string{"delete PVC b 0/33"}},
		{"a PVC comes", "aal: 5}", "aal: 5}\n  - {port: a, vc: 0/40}", []string{"add PVC a 0/40"}},
		{"another contract", "pcr: 4000", "pcr: 5000", []string{"modify PVC a 0/100"}},
		{"another AAL", "aal: 5", "aal: 0", []string{"delete PVC b 0/33", "add PVC b 0/33"}},
		{"another VC", "a, vc: 0/100", "a, vc: 0/101", []string{"delete PVC a 0/100", "replace aal5 by aal5 in stream s", "add PVC a 0/101"}},
		{"another stream", "0/33, aal: 5", "0/33, aal: 5, stream: v}\n  - {port: b, vc: 0/34", []string{"open stream v", "delete PVC b 0/33"}},
		{"a module more", "llc bridged, ", "llc bridged, capture /f, ", []string{"push capture on stream s"}},
		{"a module at the bottom", ", aal5]", ", aal5, capture /f]", []string{"push capture on stream s"}},
		{"a module less", "rfc2684 llc bridged, ", "", []string{"pop rfc2684 off stream s"}},
		{"another argument", "rfc2684 llc bridged", "capture /x", []string{"replace rfc2684 by capture in stream s"}},
		{"two for one", "rfc2684 llc bridged", "capture /x, capture /f", []string{"replace rfc2684 by capture in stream s", "push capture on stream s"}},
		{"another top", "tap t0", "tap t1", []string{"delete PVC a 0/100", "close stream s", "open stream s", "push rfc2684 on stream s", "push aal5 on stream s", "add PVC a 0/100"}},
		{"another spec", "eth:e0", "eth:e2", []string{"delete PVC a 0/100", "close port a", "open port a", "add PVC a 0/100"}},
		{"another number", "number: 1", "number: 7", []string{"delete PVC a 0/100", "close port a", "open port a", "add PVC a 0/100"}},
		{"a cross-connect comes", "aal: 5}\n", "aal: 5}\nxconnects: [{from: a 0/200, to: b 0/201}]\n", []string{"cross-connect a 0/200 to b 0/201"}},
		{"a PVC becomes one", "  - {port: b, vc: 0/33, aal: 5}\n", "xconnects: [{from: a 0/200, to: b 0/33}]\n", []string{"delete PVC b 0/33", "cross-connect a 0/200 to b 0/33"}},
		{"another hub", "u: {top: head}", "u: {top: head, hub: 1}", []string{"move head of stream u to hub 1"}},
		{"all to another hub", "{top: tap t0, ", "{hub: 1, top: tap t0, ", []string{"move tap of stream s to hub 1", "move rfc2684 of stream s to hub 1", "move aal5 of stream s to hub 1"}},
		{"another's number", "b: eth:e1", "b: {spec: eth:e1, number: 1}", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(before, c.old, c.new, 1)
			switch c.name { // where more than one place changes
			case "another stream":
				text = strings.Replace(text, "  u: {top: head}", "  u: {top: head}\n  v: {top: head}", 1)
				c.want = []string{"delete PVC b 0/33", "open stream v", "add PVC b 0/33", "add PVC b 0/34"}
			case "another's number": // a has 2 then, which was b's
				text = strings.Replace(text, "{spec: eth:e0, number: 1}", "{spec: eth:e0, number: 2}", 1)
				c.want = []string{"delete PVC a 0/100", "delete PVC b 0/32", "delete PVC b 0/33", "close port b", "close port a",
					"open port a", "open port b", "add PVC a 0/100", "add PVC b 0/32", "add PVC b 0/33"}
			}
			was, want := mustParse(t, before), mustParse(t, text)
			w := newWorld()
			if err := w.run(Plan(&w.Running, Names{}, was)); err != nil {
				t.Fatal(err)
			}
			steps := Plan(&w.Running, namesOf(was), want)
			var got []string
			for _, s := range steps {
				got = append(got, s.What)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if err := w.run(steps); err != nil {
				t.Fatal(err)
			}
			compare(t, w, want)
		})
	}
}

// compare checks that a world is as if the configuration had been the first.
func compare(t *testing.T, w *world, c *Config) {
	t.Helper()
	fresh := newWorld()
	if err := fresh.run(Plan(&fresh.Running, Names{}, c)); err != nil {
		t.Fatal(err)
	}
	if w.String() != fresh.String() {
		t.Errorf("got\n%v\nwant\n%v", w, fresh)
	}
	for _, p := range c.Ports {
		if p.Number != 0 && !slices.Contains(w.Ports, RunningPort{p.Name, p.Spec, p.Number}) {
			t.Errorf("port %s has not number %d", p.Name, p.Number)
		}
	}
}

// What somebody else has made stays, but what stands on a port or a stream that goes.
func TestPlanLeavesOthersAlone(t *testing.T) {
	was := mustParse(t, before)
	w := newWorld()
	if err := w.run(Plan(&w.Running, Names{}, was)); err != nil {
		t.Fatal(err)
	}
	other := mustParse(t, "ports: {x: eth:e9}\nstreams: {y: {top: head}}\npvcs: [{port: x, vc: 1/1, stream: y}]")
	if err := w.run(Plan(&w.Running, Names{}, other)); err != nil {
		t.Fatal(err)
	}
	w.PVCs = append(w.PVCs, RunningPVC{control.ATM{Port: 1, VPI: 9, VCI: 9}})
	want := mustParse(t, "ports: {a: {spec: eth:e0, number: 1}}")
	steps := Plan(&w.Running, namesOf(was), want)
	if err := w.run(steps); err != nil {
		t.Fatal(err)
	}
	if got := w.String(); got != "port a eth:e0\nport x eth:e9\npvc a nobody ATM type 0 vpi 9 vci 9\npvc x y ATM type 0 vpi 1 vci 1 direction BOTH\nstream y [head ]@1" {
		t.Errorf("left:\n%s", got)
	}
}

// A daemon that has some of it already gets the rest: whatever was there by the same
// names before, the end is the same, and PVCs that both have alike are never touched.
func TestPlanRandom(t *testing.T) {
	t.Logf("-seed %d", *seed)
	rng := rand.New(rand.NewPCG(*seed, 0))
	for range 500 {
		was, want := randomConfig(rng), randomConfig(rng)
		w := newWorld()
		if err := w.run(Plan(&w.Running, Names{}, was)); err != nil {
			t.Fatal(err)
		}
		w.touched = map[string]bool{}
		if err := w.run(Plan(&w.Running, namesOf(was), want)); err != nil {
			t.Fatalf("%v\nfrom %+v\nto %+v", err, was, want)
		}
		compare(t, w, want)
		checkUntouched(t, w, was, want)
		w.sent = 0
		if err := w.run(Plan(&w.Running, namesOf(want), want)); err != nil || w.sent != 0 {
			t.Fatalf("again: %d messages, %v", w.sent, err)
		}
		if t.Failed() {
			t.Fatalf("from %+v\nto %+v", was, want)
		}
	}
}

func checkUntouched(t *testing.T, w *world, was, want *Config) {
	t.Helper()
	// Ports without a number may have to give theirs up.
	displaced := slices.ContainsFunc(want.Ports, func(p Port) bool { return p.Number != 0 })
	for _, x := range was.Crosses {
		same := slices.Contains(want.Crosses, x)
		for _, name := range []string{x.From.Port, x.To.Port} {
			a, b := portOf(was, name), portOf(want, name)
			same = same && b != nil && *a == *b && (a.Number != 0 || !displaced)
		}
		if same && w.touched["cross "+x.From.String()] {
			t.Errorf("cross-connect %v was touched", &x)
		}
	}
	for i := range was.PVCs {
		p := &was.PVCs[i]
		j := slices.IndexFunc(want.PVCs, func(q PVC) bool { return *p == q })
		a, b := portOf(was, p.Port), portOf(want, p.Port)
		if j < 0 || *a != *b || a.Number == 0 && displaced {
			continue
		}
		if s := streamOf(was, p.Stream); s != nil && s.Top != streamOf(want, p.Stream).Top {
			continue
		}
		if w.touched[p.String()] {
			t.Errorf("PVC %s was touched", p)
		}
	}
}

// randomConfig is a valid configuration out of a few names, so that two have much in
// common.
func randomConfig(rng *rand.Rand) *Config {
	c := new(Config)
	for _, name := range []string{"a", "b", "c"} {
		if rng.IntN(4) > 0 {
			p := Port{Name: name, Spec: fmt.Sprintf("eth:%s%d", name, rng.IntN(2))}
			if n := uint16(rng.IntN(9)); n > 0 && n < 4 && !slices.ContainsFunc(c.Ports, func(p Port) bool { return p.Number == n }) {
				p.Number = n
			}
			c.Ports = append(c.Ports, p)
		}
	}
	for _, name := range []string{"s", "u", "v"} {
		if rng.IntN(4) > 0 {
			s := Stream{Name: name, Hub: 1 + rng.IntN(2), Top: Part{Name: "tap", Arg: fmt.Sprint(name, rng.IntN(4)/3)}}
			for range rng.IntN(4) {
				s.Modules = append(s.Modules, Part{Name: []string{"x", "y", "z"}[rng.IntN(3)], Arg: fmt.Sprint(rng.IntN(2))})
			}
			c.Streams = append(c.Streams, s)
		}
	}
	free := slices.Clone(c.Streams)
	for _, port := range c.Ports {
		for vci := range uint16(3) {
			if rng.IntN(2) == 0 {
				continue
			}
			p := PVC{Port: port.Name, ATM: control.ATM{VCI: 32 + vci, PCRForward: uint32(rng.IntN(2)), AAL: control.AAL(rng.IntN(2))}}
			if n := len(free); n > 0 && rng.IntN(2) == 0 {
				p.Stream, free = free[n-1].Name, free[:n-1]
			}
			c.PVCs = append(c.PVCs, p)
		}
	}
	for vci := range uint16(4) {
		if len(c.Ports) < 2 || rng.IntN(2) == 0 {
			continue
		}
		x := Cross{From: End{c.Ports[0].Name, 1, 32 + vci}, To: End{c.Ports[1].Name, 1, 32 + vci}}
		x.Direction, x.PCRForward = control.DirectionBoth, uint32(rng.IntN(2))
		x.Text = []string{"", "police"}[rng.IntN(2)]
		c.Crosses = append(c.Crosses, x)
	}
	return c
}

// A step whose number has not come is not sent.
func TestStepNotReady(t *testing.T) {
	steps := Plan(nil, Names{}, mustParse(t, before))
	ready := 0
	for i := range steps {
		if _, ok := steps[i].Packet(); ok {
			ready++
		}
	}
	if ready != 4 { // two ports, two streams
		t.Errorf("%d of %d steps are ready before the first has been done", ready, len(steps))
	}
}

func portOf(c *Config, name string) *Port {
	if i := slices.IndexFunc(c.Ports, func(p Port) bool { return p.Name == name }); i >= 0 {
		return &c.Ports[i]
	}
	return nil
}

func streamOf(c *Config, name string) *Stream {
	if i := slices.IndexFunc(c.Streams, func(s Stream) bool { return s.Name == name }); i >= 0 {
		return &c.Streams[i]
	}
	return nil
}

// As many as a daemon may have are compared as they are listed, not each with each: this
// ends.
func TestPlanOfMany(t *testing.T) {
	const n = 20000
	c := new(Config)
	for i := range n {
		name := fmt.Sprint(i)
		c.Ports = append(c.Ports, Port{Name: "p" + name, Spec: "eth:e" + name, Number: uint16(i + 1)})
		c.Streams = append(c.Streams, Stream{Name: "s" + name, Top: Part{Name: "head"}})
		c.PVCs = append(c.PVCs, PVC{Port: "p" + name, Stream: "s" + name, ATM: control.ATM{VCI: 32}})
	}
	r := new(Running)
	for i := range n {
		r.Ports = append(r.Ports, RunningPort{c.Ports[i].Name, c.Ports[i].Spec, c.Ports[i].Number})
		r.Streams = append(r.Streams, RunningStream{c.Streams[i].Name, []RunningPart{{uint32(i + 1), "head", "", 1}}})
		r.PVCs = append(r.PVCs, RunningPVC{control.ATM{Port: c.Ports[i].Number, VCI: 32, Receiver: uint32(i + 1)}})
	}
	if steps := Plan(r, Names{}, c); len(steps) != 0 {
		t.Errorf("%d steps, the first %s", len(steps), steps[0].What)
	}
	if steps := Plan(nil, Names{}, c); len(steps) != 3*n {
		t.Errorf("%d steps, want %d", len(steps), 3*n)
	}
}
