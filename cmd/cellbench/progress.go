package main

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far a run is, on a terminal; elsewhere it shows nothing.
type progress struct {
	out io.Writer
	bar *progressbar.ProgressBar
}

func newProgress(out io.Writer, steps int) *progress {
	file, ok := out.(*os.File)
	visible := ok && term.IsTerminal(int(file.Fd()))
	return &progress{out: out, bar: progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetVisibility(visible),
		progressbar.OptionSetWidth(20),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(),
	)}
}

// step says what begins now; the one before it is done.
func (p *progress) step(format string, args ...any) {
	p.bar.Describe(fmt.Sprintf(format, args...))
	_ = p.bar.Add(1)
}

// say writes a line that stays, on a terminal or not.
func (p *progress) say(format string, args ...any) {
	_ = p.bar.Clear()
	fmt.Fprintf(p.out, format+"\n", args...)
}

func (p *progress) finish() { _ = p.bar.Finish() }
