package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// Calls are made, counted and released, while others are up.
func TestCalls(t *testing.T) {
	lab.ForTest(t, lab.Config{}).Close()
	hubd, sigd := programs.Path(t, "cellhubd"), programs.Path(t, "cellsigd")
	var stdout, stderr bytes.Buffer
	c := newCommand(&stdout, &stderr)
	c.SetArgs([]string{"calls", "--window", "100ms", "--workers", "3", "--up", "20", "--cellhubd", hubd, "--cellsigd", sigd, "--json"})
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	var r callsResult
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 5 {
		t.Fatalf("%d phases: %s", len(r.Rows), stderr.String())
	}
	for i, row := range r.Rows {
		raised := strings.HasPrefix(row.Phase, "up to")
		switch {
		case row.Calls == 0 || row.Setup.P50 <= 0 || row.Setup.P99 < row.Setup.P50:
			t.Errorf("%s: %d calls, %v", row.Phase, row.Calls, row.Setup)
		case raised != (i == 2), raised && row.Calls != 21, raised != (row.Release.P50 == 0):
			t.Errorf("%s: %d calls, released in %v", row.Phase, row.Calls, row.Release)
		case len(row.CPU) != len(callProcesses) || len(row.Resident) != len(callProcesses) || row.Resident["hub a"] < 1:
			t.Errorf("%s: %v, %v", row.Phase, row.CPU, row.Resident)
		}
	}
	for _, want := range []string{"set-up p50", "CPU, µs a call", "Resident memory", "as fast as it goes, 20 up"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("no %q in %s", want, stderr.String())
		}
	}
}

// A daemon that cannot be started is named.
func TestCallsFails(t *testing.T) {
	lab.ForTest(t, lab.Config{}).Close()
	_, _, err := command(t.Context(), "calls --cellhubd /none")
	if err == nil || !strings.Contains(err.Error(), "/none") {
		t.Error(err)
	}
}

// What cannot be measured is refused before anything is started.
func TestCallsUsage(t *testing.T) {
	for _, c := range []callsSettings{{window: 0, workers: 1}, {window: time.Second}, {window: time.Second, workers: maxWorkers + 1},
		{window: time.Second, workers: 1, up: []int{-1}}, {window: time.Second, workers: 1, up: []int{maxUp + 1}}} {
		if c.check() == nil {
			t.Errorf("%+v", c)
		}
	}
}
