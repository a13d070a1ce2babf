package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// callsSettings are the flags of calls.
type callsSettings struct {
	window   time.Duration
	workers  int
	up       []int
	json     bool
	hubd     string
	sigd     string
	perCalls time.Duration // how long holding many may take
}

// Limits of calls.
const (
	maxWorkers = 1 << 10
	maxUp      = 200000 // a host's VCIs on callsVPIs VPIs
	aloneCalls = 500    // of one worker, for the latency of a call alone
)

func callsCommand() *cobra.Command {
	var s callsSettings
	c := &cobra.Command{Use: "calls", Short: "switched calls through a switch: set up and released a second, latency, CPU a call", Args: cobra.NoArgs,
		Long: `Two hosts and a switch between them, each with cellhubd and cellsigd, over veth
cables; applications at both ends. A call is set up when the caller's Dial
returns, and released when the application at the far side knows. Measured are
one call at a time, as many as the workers can make, and the same while many
others are up.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := s.check(); err != nil {
				return err
			}
			r, err := s.measure(c.Context(), c.ErrOrStderr())
			if err != nil {
				return err
			}
			if !s.json {
				return r.text(c.OutOrStdout())
			}
			if err := r.text(c.ErrOrStderr()); err != nil {
				return err
			}
			encoder := json.NewEncoder(c.OutOrStdout())
			encoder.SetIndent("", " ")
			return encoder.Encode(r)
		}}
	f := c.Flags()
	f.SortFlags = false
	f.DurationVar(&s.window, "window", 5*time.Second, "how long calls are set up and released as fast as it goes")
	f.IntVar(&s.workers, "workers", 32, "callers at a time")
	f.IntSliceVar(&s.up, "up", []int{10000}, "measure with so many calls up, too; 0: not at all")
	f.DurationVar(&s.perCalls, "limit", 10*time.Minute, "how long it may take until they are up")
	f.StringVar(&s.hubd, "cellhubd", "bin/cellhubd", "the cellhubd to measure")
	f.StringVar(&s.sigd, "cellsigd", "bin/cellsigd", "the cellsigd to measure")
	f.BoolVar(&s.json, "json", false, "one JSON object on standard output, the table on standard error")
	return c
}

func (s *callsSettings) check() error {
	switch {
	case s.window < minWindow:
		return fmt.Errorf("--window %v: at least %v", s.window, minWindow)
	case s.workers < 1 || s.workers > maxWorkers:
		return fmt.Errorf("--workers %d: 1 to %d", s.workers, maxWorkers)
	}
	s.up = slices.DeleteFunc(s.up, func(n int) bool { return n == 0 })
	for _, n := range s.up {
		if n < 0 || n > maxUp {
			return fmt.Errorf("--up %d: 0 to %d", n, maxUp)
		}
	}
	slices.Sort(s.up)
	return nil
}

// callsRow is what was measured in one phase.
type callsRow struct {
	Phase    string             `json:"phase"`
	Calls    int                `json:"calls"`    // set up and, but where Up grew, released
	Seconds  float64            `json:"seconds"`  // in which they were
	Setup    lab.Latency        `json:"setup"`    // nanoseconds
	Release  lab.Latency        `json:"release"`  // nanoseconds, until the far application knows
	CPU      map[string]float64 `json:"cpu_us"`   // µs a call, by process
	Resident map[string]float64 `json:"resident"` // MiB at the end, by process
}

// callsResult is a whole run.
type callsResult struct {
	Machine machine    `json:"machine"`
	Workers int        `json:"workers"`
	Load    [2]string  `json:"load"` // average, before and after
	Rows    []callsRow `json:"rows"`
}

// measure runs all phases.
func (s *callsSettings) measure(ctx context.Context, stderr io.Writer) (r callsResult, err error) {
	r = callsResult{Machine: thisMachine(), Workers: s.workers}
	r.Load[0] = loadAverage()
	n, err := newCallNet(ctx, s)
	if err != nil {
		return r, err
	}
	defer n.close()
	steps := newProgress(stderr, 2+3*len(s.up))
	defer steps.finish()
	phase := func(name string, run func() (callsRow, error)) error {
		steps.step("%s", name)
		row, err := n.phase(name, run)
		if err != nil {
			return fmt.Errorf("%s: %w", name, n.explain(err))
		}
		r.Rows = append(r.Rows, row)
		return nil
	}
	pairs := func(workers, most int) func() (callsRow, error) {
		return func() (callsRow, error) { return n.pairs(ctx, workers, most, s.window) }
	}
	if err := phase("one at a time", pairs(1, aloneCalls)); err != nil {
		return r, err
	}
	if err := phase("as fast as it goes", pairs(s.workers, 0)); err != nil {
		return r, err
	}
	for _, up := range s.up {
		err := phase(fmt.Sprintf("up to %d up", up), func() (callsRow, error) {
			ctx, cancel := context.WithTimeoutCause(ctx, s.perCalls, fmt.Errorf("not up within %v", s.perCalls))
			defer cancel()
			return n.raise(ctx, up)
		})
		if err == nil {
			err = phase(fmt.Sprintf("one at a time, %d up", up), pairs(1, aloneCalls))
		}
		if err == nil {
			err = phase(fmt.Sprintf("as fast as it goes, %d up", up), pairs(s.workers, 0))
		}
		if err != nil {
			return r, err
		}
	}
	r.Load[1] = loadAverage()
	return r, nil
}

// text writes the tables for a terminal.
func (r callsResult) text(w io.Writer) error {
	fmt.Fprintf(w, "%v\n%d callers at a time; load average %s before and %s after\n", r.Machine, r.Workers, r.Load[0], r.Load[1])
	us := func(d time.Duration) string { return digits(float64(d.Nanoseconds()) / 1000) }
	times := table{title: "Calls through one switch: latency in µs", rows: [][]string{{"", "calls", "a second", "set-up p50", "p99", "release p50", "p99"}}}
	cpu := table{title: "CPU, µs a call", rows: [][]string{append([]string{""}, callProcesses...)}}
	memory := table{title: "Resident memory, MiB", rows: [][]string{append([]string{""}, callProcesses...)}}
	for _, row := range r.Rows {
		times.rows = append(times.rows, []string{row.Phase, fmt.Sprint(row.Calls), digits(float64(row.Calls) / row.Seconds),
			us(row.Setup.P50), us(row.Setup.P99), us(row.Release.P50), us(row.Release.P99)})
		costs, sizes := []string{row.Phase}, []string{row.Phase}
		for _, p := range callProcesses {
			costs, sizes = append(costs, digits(row.CPU[p])), append(sizes, digits(row.Resident[p]))
		}
		cpu.rows, memory.rows = append(cpu.rows, costs), append(memory.rows, sizes)
	}
	for _, t := range []table{times, cpu, memory} {
		if err := t.text(w); err != nil {
			return err
		}
	}
	return nil
}
