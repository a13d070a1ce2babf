package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// A result is what the rounds of one figure of one entrant come to.
type result struct {
	Contest string    `json:"contest"`
	Table   string    `json:"table"`
	Figure  string    `json:"figure"`
	Unit    string    `json:"unit"`
	Name    string    `json:"name"`
	Median  float64   `json:"median"`
	Min     float64   `json:"min"`
	Max     float64   `json:"max"`
	Speed   float64   `json:"speed"`  // times as good as the first entrant, median of the rounds' ratios; 0: there is none
	Values  []float64 `json:"values"` // by round
	Work    string    `json:"cpu_unit,omitempty"`
	CPU     *cpu      `json:"cpu,omitempty"` // medians, by unit of work
}

// result sums up one figure of one entrant; false: there is nothing to sum up.
func (c *contest) result(n int, e *entrant) (result, bool) {
	f, values := c.figures[n], e.values(n)
	r := result{Contest: c.name, Table: f.table, Figure: f.column, Unit: f.unit, Name: e.name, Values: known(values)}
	if len(r.Values) == 0 {
		return r, false
	}
	r.Median, r.Min, r.Max = median(values), slices.Min(r.Values), slices.Max(r.Values)
	r.Speed = speedUp(values, c.entrants[0].values(n), f.lower)
	if f.work != "" {
		over := func(pick func(cpu) float64) float64 {
			var all []float64
			for _, round := range e.rounds {
				all = append(all, pick(round[n].cpu))
			}
			return median(all)
		}
		r.Work, r.CPU = f.work, &cpu{
			Ends:    over(func(c cpu) float64 { return c.Ends }),
			System:  over(func(c cpu) float64 { return c.System }),
			SoftIRQ: over(func(c cpu) float64 { return c.SoftIRQ }),
			Machine: over(func(c cpu) float64 { return c.Machine }),
		}
	}
	return r, true
}

// results sums up all figures of all entrants.
func (c *contest) results() []result {
	var all []result
	for n := range c.figures {
		for _, e := range c.entrants {
			if r, ok := c.result(n, e); ok {
				all = append(all, r)
			}
		}
	}
	return all
}

// tables shows the results: one table for each heading, and one of CPU where
// that was counted.
func (c *contest) tables() []table {
	var all []table
	for start := 0; start < len(c.figures); {
		end := start + 1
		for end < len(c.figures) && c.figures[end].table == c.figures[start].table {
			end++
		}
		all = append(all, c.valueTable(start, end))
		if t := c.cpuTable(start, end); len(t.rows) > 0 {
			all = append(all, t)
		}
		start = end
	}
	return all
}

const nothing = "–"

// valueTable shows medians and ratios of the figures from start to end, and how
// far the widest of them spread.
func (c *contest) valueTable(start, end int) table {
	f := c.figures[start]
	t := table{title: f.table + ", " + f.unit, rows: [][]string{{""}}}
	if f.lower {
		t.title += " (less is better)"
	}
	for _, f := range c.figures[start:end] {
		t.rows[0] = append(t.rows[0], f.column, "×")
	}
	t.rows[0] = append(t.rows[0], "spread")
	for _, e := range c.entrants {
		row, widest, any := []string{e.name}, 0.0, false
		for n := start; n < end; n++ {
			r, ok := c.result(n, e)
			if !ok {
				row = append(row, nothing, nothing)
				continue
			}
			any, widest = true, max(widest, spread(r.Values))
			speed := nothing
			if r.Speed > 0 {
				speed = digits(r.Speed)
			}
			row = append(row, digits(r.Median), speed)
		}
		if any {
			t.rows = append(t.rows, append(row, fmt.Sprintf("%.0f%%", 100*widest)))
		}
	}
	return t
}

// cpuTable shows where the time went for the figures from start to end that ask
// for it. A tunnel of the kernel has no processes at its ends.
func (c *contest) cpuTable(start, end int) table {
	t := table{rows: [][]string{{""}}}
	for n := start; n < end; n++ {
		if f := c.figures[n]; f.cpu {
			t.title = f.table + ": CPU, " + f.work
			t.rows[0] = append(t.rows[0], f.column+": ends", "system", "softirq", "machine")
		}
	}
	if t.title == "" {
		return table{}
	}
	for _, e := range c.entrants {
		row, any := []string{e.name}, false
		for n := start; n < end; n++ {
			if !c.figures[n].cpu {
				continue
			}
			r, ok := c.result(n, e)
			if !ok {
				row = append(row, nothing, nothing, nothing, nothing)
				continue
			}
			any = true
			ends := nothing
			if r.CPU.Ends > 0 {
				ends = digits(r.CPU.Ends)
			}
			row = append(row, ends, digits(r.CPU.System), digits(r.CPU.SoftIRQ), digits(r.CPU.Machine))
		}
		if any {
			t.rows = append(t.rows, row)
		}
	}
	return t
}

// digits writes a figure with three digits that count.
func digits(v float64) string {
	switch {
	case v >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 0.9995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

// A document is a finished run.
type document struct {
	Machine  machine  `json:"machine"`
	Run      *run     `json:"run"`
	Results  []result `json:"results"`
	contests []*contest
}

func newDocument(r *run, contests ...*contest) document {
	d := document{Machine: thisMachine(), Run: r, contests: contests}
	for _, c := range contests {
		d.Results = append(d.Results, c.results()...)
	}
	return d
}

// json writes all of it as one object.
func (d document) json(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(d)
}

// howToRead explains the tables in one line.
const howToRead = "medians; ×: times as good as the first row, median of the rounds' ratios, more is better; spread: (max − min) ÷ median of the row's widest figure"

// text writes all of it for a terminal.
func (d document) text(w io.Writer) error {
	for _, line := range []string{d.Machine.String(), d.Run.load(), howToRead} {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	for _, c := range d.contests {
		for _, t := range c.tables() {
			if err := t.text(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// busy is how many processors may have other work before ratios become rough.
const busy = 0.2

// enough is how many rounds a median wants before anybody cites it.
const enough = 5

// load says what else the machine did.
func (r *run) load() string {
	text := fmt.Sprintf("%d rounds; before each, %.2f processors (median; most %.2f) were busy with other work; load average %s before and %s after",
		r.Done, median(r.Other), slices.Max(append(r.Other, 0)), r.Load[0], r.Load[1])
	if median(r.Other) > busy {
		text += "; THE MACHINE WAS BUSY: absolute figures are low and ratios rough"
	}
	if r.Done < enough {
		text += fmt.Sprintf("; FEWER THAN %d ROUNDS: a look, not a measurement", enough)
	}
	return text
}
