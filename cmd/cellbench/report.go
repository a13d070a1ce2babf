package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// figures are the columns of a contender's rounds.
var figures = []struct{ name, title, unit string }{
	{"tcp", "TCP, inner MTU 1500", "Gb/s"},
	{"udp64", "UDP, 64-octet payload, received", "kpps"},
	{"rtt_p50", "round trip, p50", "us"},
	{"rtt_p99", "round trip, p99", "us"},
}

// report is a finished run; the first tunnel is the baseline.
type report struct {
	options options
	load    [2]string // before and after
	tunnels []*contender
}

// line is what the rounds of one figure of one tunnel come to.
type line struct {
	Figure  string     `json:"figure"`
	Tunnel  string     `json:"tunnel"`
	Unit    string     `json:"unit"`
	Median  float64    `json:"median"`
	Min     float64    `json:"min"`
	Max     float64    `json:"max"`
	Ratio   float64    `json:"ratio"` // median of the rounds' ratios to the baseline
	CPU     [2]float64 `json:"cpu"`   // cores used by the process in each host, medians
	Machine float64    `json:"machine_cpu"`
	Values  []float64  `json:"values"` // by round
	Load    [2]string  `json:"load"`   // before and after the run
}

// line sums up one figure of one tunnel.
func (r *report) line(figure int, c *contender) line {
	l := line{Figure: figures[figure].name, Tunnel: c.name, Unit: figures[figure].unit, Load: r.load}
	var ratios, cpuA, cpuB, machine []float64
	for i, round := range c.rounds {
		s := round[figure]
		l.Values = append(l.Values, s.value)
		if base := r.tunnels[0].rounds[i][figure].value; base > 0 {
			ratios = append(ratios, s.value/base)
		}
		cpuA, cpuB, machine = append(cpuA, s.cpu[0]), append(cpuB, s.cpu[1]), append(machine, s.machine)
	}
	l.Median, l.Min, l.Max = median(l.Values), slices.Min(l.Values), slices.Max(l.Values)
	l.Ratio, l.CPU, l.Machine = median(ratios), [2]float64{median(cpuA), median(cpuB)}, median(machine)
	return l
}

// median of values, of which there may be none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func (r *report) writeTable(w io.Writer) error {
	var name unix.Utsname
	_ = unix.Uname(&name)
	out := &errWriter{w: w}
	out.printf("Linux %s, %s, %d processors, %s\n", unix.ByteSliceToString(name.Release[:]), runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	out.printf("%d rounds, %v a figure, veth MTU %d, load average %s before and %s after\n",
		len(r.tunnels[0].rounds), r.options.window, r.options.mtu, r.load[0], r.load[1])
	if load, err := strconv.ParseFloat(r.load[0], 64); err == nil && load > float64(runtime.NumCPU())/4 {
		out.printf("the machine was busy before the run: absolute figures are low, ratios rough\n")
	}
	out.printf("ratio: median of the rounds' ratios to %s; cores: used by each end, and busy in the machine\n", baseline)
	for i, figure := range figures {
		out.printf("\n%-32s %8s  %17s  %6s  %11s  %7s\n", figure.title, figure.unit, "min .. max", "ratio", "cores a+b", "machine")
		for _, c := range r.tunnels {
			l := r.line(i, c)
			out.printf("  %-30s %8.2f  %17s  %6.2f  %5.2f+%5.2f  %7.2f\n", l.Tunnel, l.Median,
				fmt.Sprintf("%.2f .. %.2f", l.Min, l.Max), l.Ratio, l.CPU[0], l.CPU[1], l.Machine)
		}
	}
	return out.err
}

// writeJSON writes one object a line, for each figure of each tunnel.
func (r *report) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	for i := range figures {
		for _, c := range r.tunnels {
			if err := encoder.Encode(r.line(i, c)); err != nil {
				return err
			}
		}
	}
	return nil
}

// errWriter remembers the first error.
type errWriter struct {
	w   io.Writer
	err error
}

func (e *errWriter) printf(format string, args ...any) {
	if e.err == nil {
		_, e.err = fmt.Fprintf(e.w, format, args...)
	}
}
