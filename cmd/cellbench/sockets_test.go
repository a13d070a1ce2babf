package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// TestSockets: what sockets are measured against, and a small crowd of them, which opens, rests, is
// told of, closes and dies.
func TestSockets(t *testing.T) {
	lab.ForTest(t, lab.Config{}).Close()
	const many = 300
	var stdout, stderr bytes.Buffer
	c := newCommand(&stdout, &stderr)
	c.SetArgs([]string{"sockets", "--rounds", "1", "--window", "5ms", "--many", "300", "--idle", "10ms", "--cellhubd", programs.Path(t, "cellhubd"), "--json"})
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	var d struct {
		Pairs struct{ Results []result }
		Crowd crowd
	}
	if err := json.Unmarshal(stdout.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Pairs.Results) != 9 { // five of them, and one in one figure alone
		t.Errorf("%d results: %s", len(d.Pairs.Results), stderr.String())
	}
	for _, r := range d.Pairs.Results {
		if r.Median <= 0 {
			t.Errorf("%s of %s: %v", r.Figure, r.Name, r.Median)
		}
	}
	x := d.Crowd
	if x.Sockets != many || x.Told < 2*many || x.ResyncTook <= 0 || x.Listed < 3*many || x.ListTook <= 0 || x.DeathTook <= 0 || x.Resident <= x.Shared || x.Shared <= 0 {
		t.Errorf("%+v", x)
	}
	for i, v := range []float64{x.Add, x.Open, x.Send, x.Close, x.Delete, x.Quiet[0].P50, x.Quiet[1].P50, x.Resync[0].Max, x.Resync[1].Max, x.Death[0].Max, x.Death[1].Max} {
		if v <= 0 {
			t.Errorf("figure %d is %v", i, v)
		}
	}
	for _, want := range []string{"SEQPACKET", "one goroutine at both ends", "300 sockets of one application", "during RESYNC"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("no %q in %s", want, stderr.String())
		}
	}
}
