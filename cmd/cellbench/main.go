// Command cellbench measures cellhub beside what else could do the job, in one
// interleaved run, so that the ratios hold whatever the machine does that day.
//
//	cellbench tunnel   tunnels between two hosts: TCP, small packets, round trips, CPU
//	cellbench aal      AAL5 and its CRC
//	cellbench ring     the ring between two threads
//	cellbench put      from one module to the next
//	cellbench calls    switched calls through a switch
//	cellbench sockets  application sockets beside SEQPACKET and others, and very many at once
//	cellbench report   all of them, into a document
//
// tunnel and report need root: they work in network namespaces of their own and
// leave nothing behind.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := newCommand(os.Stdout, os.Stderr).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "cellbench:", err)
		os.Exit(1)
	}
}

// newCommand is the whole command line.
func newCommand(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:           "cellbench",
		Short:         "Measure cellhub beside what else could do the job, in one interleaved run",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(tunnelCommand(),
		smallCommand("aal", "AAL5 and its CRC beside hash/crc32 and a copy", func(w time.Duration) ([]*contest, error) {
			return []*contest{crcContest(w), aal5Contest(w)}, nil
		}),
		smallCommand("ring", "the ring between two threads beside a buffered channel and, where dpdk-test is installed, rte_ring", func(w time.Duration) ([]*contest, error) {
			c, err := ringContest(w)
			return []*contest{c}, err
		}),
		smallCommand("put", "from one module to the next beside a goroutine a stage", func(w time.Duration) ([]*contest, error) {
			return []*contest{putContest(w)}, nil
		}),
		callsCommand(), socketsCommand(), reportCommand(), plainLoopCmd())
	return root
}

// settings are the flags that all sub-commands share.
type settings struct {
	rounds int
	window time.Duration
	json   bool
}

// minWindow is the least in which a figure means something.
const minWindow = time.Millisecond

func (s *settings) flags(c *cobra.Command, rounds int, window time.Duration) {
	f := c.Flags()
	f.SortFlags = false
	f.IntVar(&s.rounds, "rounds", rounds, "rounds; in each, everything has its turn, in another order")
	f.DurationVar(&s.window, "window", window, "duration of one figure in a round")
	f.BoolVar(&s.json, "json", false, "one JSON object on standard output, the tables on standard error")
}

func (s *settings) check() error {
	switch {
	case s.rounds < 1:
		return fmt.Errorf("--rounds %d: at least 1", s.rounds)
	case s.window < minWindow:
		return fmt.Errorf("--window %v: at least %v", s.window, minWindow)
	}
	return nil
}

// show writes a finished run as the flags say.
func (s *settings) show(c *cobra.Command, d document) error {
	if !s.json {
		return d.text(c.OutOrStdout())
	}
	if err := d.text(c.ErrOrStderr()); err != nil {
		return err
	}
	return d.json(c.OutOrStdout())
}

// smallCommand is a sub-command whose contests are functions of this process.
func smallCommand(name, short string, contests func(window time.Duration) ([]*contest, error)) *cobra.Command {
	var s settings
	c := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		if err := s.check(); err != nil {
			return err
		}
		list, err := contests(s.window)
		if err != nil {
			return err
		}
		r := &run{rounds: s.rounds, stderr: c.ErrOrStderr()}
		if err := r.all(c.Context(), list...); err != nil {
			return err
		}
		return s.show(c, newDocument(r, list...))
	}}
	s.flags(c, 15, 10*time.Millisecond)
	return c
}

// tunnelSettings are the flags of the tunnels.
type tunnelSettings struct {
	settings
	limit    time.Duration
	mtus     []int
	peers    []string
	atmtap   string
	programs string
	plot     string
	bare     bool
}

func (s *tunnelSettings) peerFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringSliceVar(&s.peers, "peers", nil, "only these tunnels, and "+baseline+": "+names(peers("", "", "")))
	f.StringVar(&s.atmtap, "atmtap", "bin/atmtap", "the atmtap to measure")
	f.StringVar(&s.programs, "programs", "bin/peers", "where make bench-peers has put wireguard and nebula")
	f.StringVar(&s.plot, "plot", "", "draw TCP and round trips into this SVG file")
}

// contests makes those of the tunnels, of the peers that can run.
func (s *tunnelSettings) contests(stderr io.Writer) ([]*contest, []peer, error) {
	for _, mtu := range s.mtus {
		if mtu != smallMTU && mtu != largeMTU {
			return nil, nil, fmt.Errorf("--mtu %d: %d or %d", mtu, smallMTU, largeMTU)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	found, err := choose(peers(self, s.atmtap, s.programs), s.peers, func(format string, args ...any) {
		fmt.Fprintf(stderr, format+"\n", args...)
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range found {
		found[i].bare = s.bare
	}
	var all []*contest
	for _, mtu := range s.mtus {
		all = append(all, tunnelContest(found, mtu, s.window))
	}
	return all, found, nil
}

func tunnelCommand() *cobra.Command {
	var s tunnelSettings
	c := &cobra.Command{Use: "tunnel", Short: "tunnels between two hosts: TCP, small packets, round trips, CPU", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := s.check(); err != nil {
				return err
			}
			list, _, err := s.contests(c.ErrOrStderr())
			if err != nil {
				return err
			}
			r := &run{rounds: s.rounds, limit: s.limit, stderr: c.ErrOrStderr()}
			if err := r.all(c.Context(), list...); err != nil {
				return err
			}
			if s.plot != "" {
				if err := plotTunnels(s.plot, list); err != nil {
					return err
				}
			}
			return s.show(c, newDocument(r, list...))
		}}
	s.flags(c, 5, tunnelWindow)
	c.Flags().DurationVar(&s.limit, "limit", tunnelLimit, "begin no round that would end later than this")
	c.Flags().BoolVar(&s.bare, "bare", false, "the cable takes no super-frames and no unfinished checksums, as a plain network card")
	c.Flags().IntSliceVar(&s.mtus, "mtu", []int{smallMTU, largeMTU}, "inner MTUs; small packets and round trips are measured at 1500")
	s.peerFlags(c)
	return c
}

// Defaults of the tunnels.
const (
	tunnelWindow = 600 * time.Millisecond
	tunnelLimit  = 18 * time.Minute
)
