package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []float64
		want   float64
	}{
		{"none", nil, 0},
		{"one", []float64{3}, 3},
		{"odd", []float64{9, 1, 5}, 5},
		{"even", []float64{8, 1, 2, 4}, 3},
		{"some missing", []float64{missing, 8, missing, 2, 5}, 5},
		{"all missing", []float64{missing}, 0},
	} {
		if got := median(tt.values); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// The ratio is the median of the rounds' ratios, not the ratio of the medians,
// and more is better whichever way the figure counts.
func TestSpeedUp(t *testing.T) {
	for _, tt := range []struct {
		name             string
		values, baseline []float64
		lower            bool
		want             float64
	}{
		{"rates", []float64{3, 2, 20}, []float64{1, 2, 10}, false, 2},
		{"times", []float64{1, 2, 10}, []float64{3, 2, 20}, true, 2},
		{"a round is missing here", []float64{missing, 2, 20}, []float64{1, 2, 10}, false, 1.5},
		{"and there", []float64{3, 2, 20}, []float64{1, 2, missing}, true, (1./3 + 1) / 2},
		{"a baseline of 0", []float64{3, 2}, []float64{0, 1}, false, 2},
		{"nothing", nil, nil, false, 0},
	} {
		if got := speedUp(tt.values, tt.baseline, tt.lower); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestSpread(t *testing.T) {
	if got := spread([]float64{9, missing, 11, 10}); got != 0.2 {
		t.Errorf("%v, want 0.2", got)
	}
	if got := spread([]float64{0, 0}); got != 0 {
		t.Errorf("zeros: %v", got)
	}
}

// In a round each has one turn; over as many rounds as there are entrants each
// begins once, and nobody always follows the same one.
func TestOrder(t *testing.T) {
	for entrants := 3; entrants < 12; entrants++ {
		first, before := map[int]bool{}, map[string]int{}
		for round := range entrants {
			turns := order(round, entrants)
			if sorted := slices.Sorted(slices.Values(turns)); !slices.Equal(sorted, order(0, entrants)) {
				t.Fatalf("round %d of %d: %v", round, entrants, turns)
			}
			first[turns[0]] = true
			for i := 1; i < entrants; i++ {
				before[fmt.Sprint(turns[i-1], turns[i])]++
			}
		}
		if len(first) != entrants {
			t.Errorf("%d entrants: only %d of them begin a round", entrants, len(first))
		}
		for who, times := range before {
			if times > (entrants+1)/2 {
				t.Errorf("%d entrants: %s follow each other in %d rounds", entrants, who, times)
			}
		}
	}
	if got := order(4, 1); !slices.Equal(got, []int{0}) {
		t.Errorf("alone: %v", got)
	}
}

// scripted gives one value a round.
func scripted(name string, values ...float64) *entrant {
	round := 0
	return &entrant{name: name, turn: func(context.Context) ([]sample, error) {
		v := values[round]
		round++
		return []sample{{value: v, cpu: cpu{Ends: v / 2}}}, nil
	}}
}

var testFigure = figure{table: "Things", column: "all", unit: "Gb/s", work: "s a gigabit", cpu: true}

// A finished run gives JSON with every value, and tables that show medians,
// ratios, spread and CPU.
func TestRun(t *testing.T) {
	c := &contest{name: "things", figures: []figure{testFigure}, entrants: []*entrant{scripted("first", 1, 2, 10), scripted("other", 3, 2, 20)}}
	var told bytes.Buffer
	r := &run{rounds: 3, stderr: &told}
	if err := r.all(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if told.Len() > 0 {
		t.Errorf("not a terminal, and yet: %q", told.String())
	}
	var out bytes.Buffer
	d := newDocument(r, c)
	if err := d.json(&out); err != nil {
		t.Fatal(err)
	}
	var read struct {
		Machine struct{ Kernel string }
		Run     struct {
			Rounds      int
			LoadAverage []string  `json:"load_average"`
			OtherCores  []float64 `json:"other_cores"`
		}
		Results []result
	}
	if err := json.Unmarshal(out.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	if read.Machine.Kernel == "" || read.Run.Rounds != 3 || len(read.Run.OtherCores) != 3 || len(read.Run.LoadAverage) != 2 || len(read.Results) != 2 {
		t.Fatalf("%s", out.String())
	}
	got := read.Results[1]
	if got.Contest != "things" || got.Name != "other" || got.Median != 3 || got.Min != 2 || got.Max != 20 || got.Speed != 2 ||
		got.CPU.Ends != 1.5 || got.Work != "s a gigabit" || !slices.Equal(got.Values, []float64{3, 2, 20}) {
		t.Errorf("%+v", got)
	}
	out.Reset()
	if err := d.text(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"3 rounds; before each, ", "Things, Gb/s", "  other  3.00  2.00    600%", "Things: CPU, s a gigabit", "  other       1.50"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the tables lack %q:\n%s", want, out.String())
		}
	}
}

// Who fails is passed over once and for all when it is optional, with one line;
// who is needed ends the run.
func TestRunFailure(t *testing.T) {
	failing := func(optional bool) (*contest, *entrant) {
		turns := 0
		e := &entrant{name: "broken", optional: optional, turn: func(context.Context) ([]sample, error) {
			if turns++; turns == 2 {
				return nil, brokenTunnel{errors.New("out of luck"), "a wrote: a long story"}
			}
			return []sample{{value: 1}}, nil
		}}
		return &contest{name: "things", figures: []figure{testFigure}, entrants: []*entrant{scripted("first", 1, 2, 3, 4), e}}, e
	}
	var told bytes.Buffer
	c, e := failing(true)
	r := &run{rounds: 4, stderr: &told}
	if err := r.all(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if want := "things: broken: out of luck; passed over\n"; told.String() != want {
		t.Errorf("told %q, want %q", told.String(), want)
	}
	if len(e.rounds) != 1 || len(c.entrants[0].rounds) != 4 || len(c.results()) != 2 {
		t.Errorf("%d rounds of the broken one, %d of the other, %d results", len(e.rounds), len(c.entrants[0].rounds), len(c.results()))
	}
	c, _ = failing(false)
	err := (&run{rounds: 4, stderr: &told}).all(t.Context(), c)
	if err == nil || err.Error() != "things: broken: out of luck; a wrote: a long story" {
		t.Errorf("needed: %v", err)
	}
}

// A run stops before the round that would pass its limit.
func TestRunLimit(t *testing.T) {
	var told bytes.Buffer
	e := scripted("first", 1, 2, 3)
	r := &run{rounds: 3, limit: time.Nanosecond, stderr: &told}
	if err := r.all(t.Context(), &contest{figures: []figure{testFigure}, entrants: []*entrant{e}}); err != nil {
		t.Fatal(err)
	}
	if r.Done != 1 || len(e.rounds) != 1 || !strings.Contains(told.String(), "stopped after 1 rounds") {
		t.Errorf("%d rounds, told %q", r.Done, told.String())
	}
}

// Cells line up in text, and Markdown has a rule below the head.
func TestTable(t *testing.T) {
	tb := table{title: "Title", rows: [][]string{{"", "a→b", "×"}, {"name", "1.00", nothing}}}
	var text, markdown bytes.Buffer
	if err := errors.Join(tb.text(&text), tb.markdown(&markdown)); err != nil {
		t.Fatal(err)
	}
	if want := "\nTitle\n         a→b  ×\n  name  1.00  –\n"; text.String() != want {
		t.Errorf("%q, want %q", text.String(), want)
	}
	if want := "\n### Title\n\n|      |  a→b | × |\n|---|--:|--:|\n| name | 1.00 | – |\n"; markdown.String() != want {
		t.Errorf("%q, want %q", markdown.String(), want)
	}
}

func TestDigits(t *testing.T) {
	for v, want := range map[float64]string{0: "0.000", 0.12345: "0.123", 1.2345: "1.23", 0.9999: "1.00", 12.345: "12.3", 99.96: "100", 1234.5: "1234"} {
		if got := digits(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

// The document has the machine, the load, the versions, each table, and who was
// passed over, without what programs wrote.
func TestPages(t *testing.T) {
	broken := &entrant{name: "broken", optional: true, turn: func(context.Context) ([]sample, error) {
		return nil, brokenTunnel{errors.New("out of luck"), "a wrote: a long story"}
	}}
	tunnels := &contest{name: "tunnels", figures: []figure{testFigure}, entrants: []*entrant{scripted("first", 1), scripted("other", 3), broken}}
	functions := &contest{name: "functions", figures: sizeFigures("Octets", []int{48}), entrants: []*entrant{scripted("quick", 7)}}
	var told, out bytes.Buffer
	r := &run{rounds: 1, stderr: &told}
	if err := r.all(t.Context(), tunnels, functions); err != nil {
		t.Fatal(err)
	}
	p := pages{
		small: newDocument(r, functions), tunnels: newDocument(r, tunnels), effort: quick, quick: true, picture: "x.svg",
		peers: []peer{{name: "other", version: func(string) string { return "v1.2.3" }}},
	}
	if err := p.markdown(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"`make bench-report QUICK=--quick`", "| machine | " + thisMachine().String() + " |\n", "| tunnels | 1 rounds; before each, ",
		"| other | v1.2.3 |\n", "](x.svg)", "### Things, Gb/s\n", "| other | 3.00 | 3.00 |     0% |\n",
		"Passed over at tunnels: broken: out of luck.\n", "### Octets, GB/s by octets\n", "(250ms a figure)", "or for 2s without any loss",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the document lacks %q", want)
		}
	}
	if strings.Contains(out.String(), "long story") || strings.Contains(out.String(), "%!") || t.Failed() {
		t.Error(out.String())
	}
}
