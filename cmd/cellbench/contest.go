package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// A figure is one thing that is measured of every entrant of a contest.
type figure struct {
	table  string // heading of the table that it is a column of
	column string
	unit   string
	lower  bool   // less is better
	work   string // what CPU is counted by, such as "s a gigabit"; "": it is not
	cpu    bool   // the table of CPU shows it
}

// A sample is one figure of one entrant in one round.
type sample struct {
	value float64
	cpu   cpu
}

// cpu is processor time by unit of work.
type cpu struct {
	Ends    float64 `json:"ends"`    // the processes under test at both ends, their system calls included
	System  float64 `json:"system"`  // of the machine: the kernel on behalf of all processes
	SoftIRQ float64 `json:"softirq"` // of the machine
	Machine float64 `json:"machine"` // all that the machine did, the measuring included
}

// An entrant is one way to do the job. Its turn gives a sample for each figure
// of the contest, in their order.
type entrant struct {
	name     string
	optional bool // when it fails, it is passed over
	turn     func(ctx context.Context) ([]sample, error)

	rounds [][]sample
	failed error
}

// values are those of one figure, by round.
func (e *entrant) values(figure int) []float64 {
	var all []float64
	for _, round := range e.rounds {
		all = append(all, round[figure].value)
	}
	return all
}

// A contest is what the entrants do in turn. Ratios are taken to the first.
type contest struct {
	name     string
	mtu      int // inner, of tunnels
	figures  []figure
	entrants []*entrant
}

// idleWindow is how long a round waits to see what else the machine does.
const idleWindow = 200 * time.Millisecond

// A run is the one runner: rounds in which every entrant of every contest has
// its turn.
type run struct {
	rounds int           // wanted
	limit  time.Duration // no round begins that would end later than this; 0: none
	stderr io.Writer

	Done  int       `json:"rounds"`
	Load  [2]string `json:"load_average"` // before and after
	Other []float64 `json:"other_cores"`  // processors busy with other work, before each round
}

// all runs the contests. It ends early with the error of an entrant that is
// needed.
func (r *run) all(ctx context.Context, contests ...*contest) error {
	turns := 0
	for _, c := range contests {
		turns += len(c.entrants)
	}
	bar := newProgress(r.stderr, r.rounds*turns)
	defer bar.finish()
	began := time.Now()
	r.Load[0] = loadAverage()
	defer func() { r.Load[1] = loadAverage() }()
	for round := range r.rounds {
		spent := time.Since(began)
		if round > 0 && r.limit > 0 && spent+spent/time.Duration(round) > r.limit {
			bar.say("stopped after %d rounds: another would pass --limit %v", round, r.limit)
			return nil
		}
		r.Other = append(r.Other, coresBusy(idleWindow))
		for _, c := range contests {
			for _, i := range order(round, len(c.entrants)) {
				e := c.entrants[i]
				bar.step("round %d of %d: %s, %s", round+1, r.rounds, c.name, e.name)
				if err := e.take(ctx, len(c.figures)); err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				if e.failed != nil && len(e.rounds) == round {
					bar.say("%s: %v; passed over", c.name, e.failed)
				}
			}
		}
		r.Done++
	}
	return nil
}

// take gives the entrant its turn. One that is optional and fails is left out
// from then on, and keeps a missing sample for every round.
func (e *entrant) take(ctx context.Context, figures int) error {
	if e.failed != nil {
		return nil
	}
	samples, err := e.turn(ctx)
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case err == nil && len(samples) != figures:
		return fmt.Errorf("%s: %d samples for %d figures", e.name, len(samples), figures)
	case err == nil:
		e.rounds = append(e.rounds, samples)
		return nil
	}
	err = fmt.Errorf("%s: %w", e.name, err)
	if e.optional {
		e.failed = err
		return nil
	}
	var broken brokenTunnel
	if errors.As(err, &broken) && broken.wrote != "" {
		err = fmt.Errorf("%w; %s", err, broken.wrote)
	}
	return err
}

// coresBusy is how many processors were busy in the next moment, in which this
// process does nothing.
func coresBusy(window time.Duration) float64 {
	began, before := time.Now(), lab.MachineCPU()
	time.Sleep(window)
	return lab.MachineCPU().Sub(before).Busy().Seconds() / time.Since(began).Seconds()
}
