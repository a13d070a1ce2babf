package main

import (
	"bytes"
	"fmt"
	"image/color"
	"os"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Size of the picture, which has two panels side by side.
const (
	plotWidth  = 22 * vg.Centimeter
	plotHeight = 9 * vg.Centimeter
)

// plotFont is what gonum sets the text in.
const plotFont = "Liberation Sans"

// A series is the medians of one figure, a point for each tunnel.
type series struct {
	label   string
	contest *contest
	column  string
}

// plotTunnels draws, on logarithmic scales, TCP over one stream at each MTU, and
// both kinds of round trip.
func plotTunnels(file string, contests []*contest) error {
	var rates, trips []series
	for _, c := range contests {
		rates = append(rates, series{fmt.Sprintf("MTU %d", c.mtu), c, "1 stream a→b"})
		for _, column := range []string{"back to back p50", "every 10 ms p50"} {
			if c.column(column) >= 0 {
				trips = append(trips, series{strings.TrimSuffix(column, " p50"), c, column})
			}
		}
	}
	left, err := panel("TCP, one stream", "Gb/s", rates)
	if err != nil {
		return err
	}
	panels := []*plot.Plot{left}
	if len(trips) > 0 {
		right, err := panel("Round trip, median (less is better)", "µs", trips)
		if err != nil {
			return err
		}
		panels = append(panels, right)
	}
	canvas := vgsvg.New(plotWidth, plotHeight)
	tiles := draw.Tiles{Rows: 1, Cols: len(panels), PadX: vg.Centimeter}
	grid := [][]*plot.Plot{panels}
	for i, c := range plot.Align(grid, tiles, draw.New(canvas))[0] {
		panels[i].Draw(c)
	}
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return err
	}
	// Names of fonts of the same widths, for machines that lack the first.
	text := strings.ReplaceAll(svg.String(), "font-family:"+plotFont+";", "font-family:"+plotFont+",Arial,Helvetica,sans-serif;")
	return os.WriteFile(file, []byte(text), 0o644)
}

// column is the number of the figure of that name; -1: there is none.
func (c *contest) column(name string) int {
	for n, f := range c.figures {
		if f.column == name {
			return n
		}
	}
	return -1
}

// colours are distinct to those who do not see red and green apart, too.
var colours = []color.Color{color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}}

// panel draws each series as points, one row for each tunnel that has any, with a
// line from the least to the largest value.
func panel(title, unit string, all []series) (*plot.Plot, error) {
	p := plot.New()
	for _, style := range []*font.Font{&p.Title.TextStyle.Font, &p.Legend.TextStyle.Font,
		&p.X.Label.TextStyle.Font, &p.X.Tick.Label.Font, &p.Y.Tick.Label.Font} {
		style.Variant = "Sans"
	}
	p.Title.Text, p.X.Label.Text = title, unit+", logarithmic"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(decades)
	p.Add(plotter.NewGrid())
	var rows []string
	for _, e := range all[0].contest.entrants {
		rows = append([]string{e.name}, rows...) // the first at the top
	}
	for i, s := range all {
		points := rowPoints{}
		n := s.contest.column(s.column)
		for row, name := range rows {
			for _, e := range s.contest.entrants {
				if r, ok := s.contest.result(n, e); ok && e.name == name && r.Min > 0 {
					points.XYs = append(points.XYs, plotter.XY{X: r.Median, Y: float64(row)})
					points.XErrors = append(points.XErrors, struct{ Low, High float64 }{r.Median - r.Min, r.Max - r.Median})
				}
			}
		}
		if len(points.XYs) == 0 {
			continue
		}
		dots, err := plotter.NewScatter(points)
		if err != nil {
			return nil, err
		}
		bars, err := plotter.NewXErrorBars(points)
		if err != nil {
			return nil, err
		}
		dots.GlyphStyle = draw.GlyphStyle{Color: colours[i%len(colours)], Radius: vg.Points(3.5), Shape: draw.CircleGlyph{}}
		bars.Color = dots.Color
		p.Add(bars, dots)
		p.Legend.Add(s.label, dots)
	}
	p.NominalY(rows...)
	p.Y.Min, p.Y.Max = -0.5, float64(len(rows))+1.2 // room for the legend
	p.X.Min, p.X.Max = p.X.Min/1.2, p.X.Max*1.2
	p.Legend.Top, p.Legend.Left, p.Legend.XOffs = true, true, vg.Points(5)
	return p, nil
}

type rowPoints struct {
	plotter.XYs
	plotter.XErrors
}

// decades marks 1, 2 and 5 of each decade with their value, or 1 and 3 where
// there are many.
func decades(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	marks := []float64{1, 2, 5}
	if high > 100*low {
		marks = []float64{1, 3}
	}
	for exponent := -3; exponent < 7; exponent++ {
		for _, m := range marks {
			v, _ := strconv.ParseFloat(fmt.Sprintf("%ge%d", m, exponent), 64) // the nearest, to be written short
			if v >= low && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'f', -1, 64)})
			}
		}
	}
	return ticks
}
