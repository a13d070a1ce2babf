package dataplane

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// contestant is one way of doing something: run does it ops times.
type contestant struct {
	name string
	ops  int
	run  func()
}

// contest times the contestants in turn, round after round, so that other load on the
// machine weighs on all. It reports the median time of each and the medians of the
// rounds' ratios to the first, by the clock and by processor time, and notes them for
// the table.
func contest(b *testing.B, what, per string, first contestant, others ...contestant) {
	b.Helper()
	const rounds = 11
	var base []float64
	times, ratios, cpus := make([][]float64, len(others)), make([][]float64, len(others)), make([][]float64, len(others))
	for b.Loop() {
		for range rounds {
			t, cpu := first.time()
			base = append(base, t)
			for i, o := range others {
				u, v := o.time()
				times[i], ratios[i], cpus[i] = append(times[i], u), append(ratios[i], u/t), append(cpus[i], v/cpu)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(benchMedian(base), benchUnit(first.name)+"-ns/"+per)
	for i, o := range others {
		f := benchFigure{what: what, other: o.name, here: benchMedian(base), there: benchMedian(times[i]), ratio: benchMedian(ratios[i]), cpu: benchMedian(cpus[i])}
		b.ReportMetric(f.there, benchUnit(o.name)+"-ns/"+per)
		b.ReportMetric(f.ratio, "x-"+benchUnit(o.name))
		b.ReportMetric(f.cpu, "cpu-x-"+benchUnit(o.name))
		benchNote(f)
	}
}

// benchUnit makes a name fit for a metric's unit.
func benchUnit(s string) string { return strings.NewReplacer(",", "", ";", "", " ", "-").Replace(s) }

// time runs the contestant and gives nanoseconds an operation, by the clock and of all
// processors together.
func (c contestant) time() (clock, cpu float64) {
	var before, after unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &before)
	start := time.Now()
	c.run()
	took := time.Since(start)
	_ = unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &after)
	ops := float64(c.ops)
	return float64(took.Nanoseconds()) / ops, float64(after.Nano()-before.Nano()) / ops
}

func benchMedian(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// benchFigure is one run's line of the table: nanoseconds here and there, or one measure.
type benchFigure struct {
	what, other             string
	here, there, ratio, cpu float64
}

var benchFigures = map[string][]benchFigure{} // by what and other, one for each run
var benchFigureOrder []string

func benchNote(f benchFigure) {
	key := f.what + f.other
	if benchFigures[key] == nil {
		benchFigureOrder = append(benchFigureOrder, key)
	}
	benchFigures[key] = append(benchFigures[key], f)
}

// benchMeasure reports a value that is not a time, and notes it.
func benchMeasure(b *testing.B, what, unit string, value float64) {
	b.ReportMetric(value, unit)
	benchNote(benchFigure{what: what + ", " + unit, here: value})
}

// BenchmarkTable writes what the benchmarks before it have measured as a Markdown
// table, medians of all runs, to standard error. It must stay the last.
func BenchmarkTable(b *testing.B) {
	for b.Loop() {
	}
	if len(benchFigures) == 0 {
		return // written already, or nothing to write
	}
	var t strings.Builder
	t.WriteString("\n| what | here, ns | against | ns | ratio | of CPU |\n|---|---|---|---|---|---|\n")
	for _, key := range benchFigureOrder {
		runs := benchFigures[key]
		over := func(pick func(benchFigure) float64) float64 {
			var v []float64
			for _, f := range runs {
				v = append(v, pick(f))
			}
			return benchMedian(v)
		}
		here := over(func(f benchFigure) float64 { return f.here })
		if runs[0].other == "" {
			fmt.Fprintf(&t, "| %s | %.1f | | | | |\n", runs[0].what, here)
			continue
		}
		fmt.Fprintf(&t, "| %s | %.1f | %s | %.1f | %.2f | %.2f |\n", runs[0].what, here, runs[0].other,
			over(func(f benchFigure) float64 { return f.there }), over(func(f benchFigure) float64 { return f.ratio }),
			over(func(f benchFigure) float64 { return f.cpu }))
	}
	benchFigures, benchFigureOrder = map[string][]benchFigure{}, nil
	_, _ = fmt.Fprintln(os.Stderr, t.String())
}
