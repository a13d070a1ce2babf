package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// options are the flags of the sub-command tunnel.
type options struct {
	rounds int
	window time.Duration
	limit  time.Duration
	mtu    int
	atmtap string
	only   []string
	json   bool
}

func parseOptions(args []string, stdout io.Writer) (options, error) {
	var o options
	flags := pflag.NewFlagSet("cellbench tunnel", pflag.ContinueOnError)
	flags.SetOutput(stdout)
	flags.SortFlags = false
	flags.IntVar(&o.rounds, "rounds", 5, "rounds; in each, every tunnel has its turn")
	flags.DurationVar(&o.window, "window", time.Second, "duration of one figure")
	flags.DurationVar(&o.limit, "limit", 8*time.Minute, "begin no round that would end later than this")
	flags.IntVar(&o.mtu, "underlay-mtu", 1600, "MTU of the veth that carries the tunnels; more lets cells of several frames share one")
	flags.StringVar(&o.atmtap, "atmtap", "bin/atmtap", "the atmtap to measure")
	flags.StringSliceVar(&o.only, "only", nil, "only these tunnels, and "+baseline)
	flags.BoolVar(&o.json, "json", false, "one JSON object a figure on standard output, the table on standard error")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("tunnel: unexpected argument %q", flags.Arg(0))
	case o.rounds < 1:
		return o, fmt.Errorf("--rounds %d: at least 1", o.rounds)
	case o.window < 10*time.Millisecond:
		return o, fmt.Errorf("--window %v: at least 10ms", o.window)
	}
	return o, nil
}

// A contender is a peer whose program was found, and its samples: one row a
// round, one column a figure.
type contender struct {
	peer
	path   string
	rounds [][]sample
	failed bool
}

// findContenders picks the peers that can run; those that cannot are told on
// stderr when they are optional.
func findContenders(o options, stderr io.Writer) ([]*contender, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	list := peers(self, o.atmtap)
	for _, name := range o.only {
		if !slices.ContainsFunc(list, func(p peer) bool { return p.name == name }) {
			return nil, fmt.Errorf("--only %s: no such tunnel; there are %s", name, names(list))
		}
	}
	var found []*contender
	for _, p := range list {
		if len(o.only) > 0 && p.name != baseline && !slices.Contains(o.only, p.name) {
			continue
		}
		path, err := exec.LookPath(p.program)
		switch {
		case err == nil:
			found = append(found, &contender{peer: p, path: path})
		case p.optional:
			fmt.Fprintf(stderr, "%s: passed over: %s is not installed\n", p.name, p.program)
		default:
			return nil, fmt.Errorf("%s: %w (make build; or --atmtap PATH)", p.name, err)
		}
	}
	return found, nil
}

func names(list []peer) string {
	var all []string
	for _, p := range list {
		all = append(all, p.name)
	}
	return strings.Join(all, ", ")
}

// runTunnel measures all tunnels in turn, round by round.
func runTunnel(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stdout)
	if err != nil {
		return err
	}
	contenders, err := findContenders(o, stderr)
	if err != nil {
		return err
	}
	began, before := time.Now(), loadAverage()
	for round := range o.rounds {
		if spent := time.Since(began); round > 0 && spent+spent/time.Duration(round) > o.limit {
			fmt.Fprintf(stderr, "stopped after %d rounds: another would pass --limit %v\n", round, o.limit)
			break
		}
		fmt.Fprintf(stderr, "round %d of %d, load %s\n", round+1, o.rounds, loadAverage())
		for _, c := range contenders {
			if err := c.turn(ctx, o, stderr); err != nil {
				return err
			}
		}
	}
	r := report{options: o, load: [2]string{before, loadAverage()}}
	for _, c := range contenders {
		if !c.failed {
			r.tunnels = append(r.tunnels, c)
		}
	}
	table := stdout
	if o.json {
		table = stderr
		if err := r.writeJSON(stdout); err != nil {
			return err
		}
	}
	return r.writeTable(table)
}

// turn measures a contender once. An optional one that fails is told of and left
// out from then on.
func (c *contender) turn(ctx context.Context, o options, stderr io.Writer) error {
	if c.failed {
		return nil
	}
	samples, err := c.once(ctx, o)
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err != nil {
		if err = fmt.Errorf("%s: %w", c.name, err); !c.optional {
			return err
		}
		fmt.Fprintf(stderr, "%v; passed over\n", err)
		c.failed = true
		return nil
	}
	c.rounds = append(c.rounds, samples)
	return nil
}

func (c *contender) once(ctx context.Context, o options) ([]sample, error) {
	t, err := start(ctx, c.peer, c.path, o.mtu)
	if err != nil {
		return nil, err
	}
	samples, err := t.measure(ctx, o.window)
	t.lab.Close()
	if err != nil {
		return nil, t.explain(err)
	}
	return samples, nil
}

// loadAverage is the first figure of /proc/loadavg.
func loadAverage() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(data), " ")
	return first
}
