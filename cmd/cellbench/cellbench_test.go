package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary be the plain loop that the tests start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == plainLoopCommand {
		main()
		return
	}
	os.Exit(m.Run())
}

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
	} {
		if got := median(tt.values); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// rows makes the samples of a contender out of one value a round.
func rows(values ...float64) (all [][]sample) {
	for _, v := range values {
		all = append(all, slices.Repeat([]sample{{value: v, cpu: [2]float64{0.5, 0.25}, machine: 1}}, len(figures)))
	}
	return all
}

// The ratio is the median of the rounds' ratios, not the ratio of the medians.
func TestReport(t *testing.T) {
	r := report{load: [2]string{"0.1", "0.2"}, tunnels: []*contender{
		{peer: peer{name: baseline}, rounds: rows(1, 2, 10)},
		{peer: peer{name: "other"}, rounds: rows(3, 2, 20)},
	}}
	var out bytes.Buffer
	if err := r.writeJSON(&out); err != nil {
		t.Fatal(err)
	}
	var lines []line
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var l line
		if err := decoder.Decode(&l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	if len(lines) != 2*len(figures) {
		t.Fatalf("%d lines, want %d", len(lines), 2*len(figures))
	}
	got := lines[1]
	if got.Figure != "tcp" || got.Tunnel != "other" || got.Median != 3 || got.Min != 2 || got.Max != 20 || got.Ratio != 2 ||
		got.CPU != [2]float64{0.5, 0.25} || got.Machine != 1 || !slices.Equal(got.Values, []float64{3, 2, 20}) {
		t.Errorf("%+v", got)
	}
	if err := r.writeTable(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"load average 0.1 before and 0.2 after", "round trip, p99", "  other "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
}

func TestBadFlags(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"tunnel --rounds 0", "--rounds 0: at least 1"},
		{"tunnel --window 1us", "--window 1µs: at least 10ms"},
		{"tunnel more", `unexpected argument "more"`},
		{"tunnel --only nothing", "--only nothing: no such tunnel; there are plain-loop, "},
		{"tunnel --only atmtap-udp-n1 --atmtap /no/such", "(make build; or --atmtap PATH)"},
	} {
		err := run(t.Context(), strings.Fields(tt.args), &bytes.Buffer{}, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.args, err, tt.want)
		}
	}
	if err := run(t.Context(), nil, nil, nil); !errors.Is(err, errUsage) {
		t.Errorf("no sub-command: %v", err)
	}
}

// A whole turn with the baseline gives every figure, and nothing stays behind.
func TestTurn(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &contender{peer: peers(self, "")[0], path: self}
	var stderr bytes.Buffer
	err = c.turn(t.Context(), options{window: 50 * time.Millisecond, mtu: 1600}, &stderr)
	if errors.Is(err, os.ErrPermission) {
		t.Skip("needs root to make network namespaces")
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(c.rounds) != 1 || len(c.rounds[0]) != len(figures) {
		t.Fatalf("samples: %v", c.rounds)
	}
	for i, s := range c.rounds[0] {
		if s.value <= 0 {
			t.Errorf("%s: %v", figures[i].name, s.value)
		}
	}
}

// A peer that breaks is passed over when it is optional and an error when not,
// with what the program said.
func TestTurnBroken(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	broken := peers(self, "")[0]
	broken.name, broken.command = "broken", atmtapLine("udp", "n1")
	o := options{window: 50 * time.Millisecond, mtu: 1600}
	run := func(optional bool) (string, error) {
		c := &contender{peer: broken, path: "/bin/false"}
		c.optional = optional
		var stderr bytes.Buffer
		err := c.turn(context.Background(), o, &stderr)
		if optional != c.failed {
			t.Errorf("optional %v: failed %v", optional, c.failed)
		}
		return stderr.String(), err
	}
	_, err = run(false)
	if errors.Is(err, os.ErrPermission) {
		t.Skip("needs root to make network namespaces")
	}
	if err == nil || !strings.Contains(err.Error(), "broken: ended early: exit status 1") {
		t.Errorf("needed: %v", err)
	}
	if told, err := run(true); err != nil || !strings.Contains(told, "ended early: exit status 1; passed over") {
		t.Errorf("optional: %q, %v", told, err)
	}
}
