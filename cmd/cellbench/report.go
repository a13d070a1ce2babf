package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// How much report measures: whole in under 20 minutes, quick in about 5.
type effort struct {
	smallRounds, tunnelRounds int
	smallWindow, tunnelWindow time.Duration
	limit                     time.Duration // of the tunnels
}

var (
	whole = effort{smallRounds: 11, tunnelRounds: 5, smallWindow: 10 * time.Millisecond, tunnelWindow: tunnelWindow, limit: tunnelLimit}
	quick = effort{smallRounds: 5, tunnelRounds: 3, smallWindow: 5 * time.Millisecond, tunnelWindow: 250 * time.Millisecond, limit: 4 * time.Minute}
)

func reportCommand() *cobra.Command {
	s := tunnelSettings{mtus: []int{smallMTU, largeMTU}}
	var out string
	var isQuick bool
	c := &cobra.Command{Use: "report", Short: "all of them, into a document", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		much := whole
		if isQuick {
			much = quick
		}
		s.window = much.tunnelWindow
		return s.report(c, much, isQuick, out)
	}}
	c.Flags().StringVar(&out, "out", "BENCHMARKS.md", "the document; the picture lies beside it")
	c.Flags().BoolVar(&isQuick, "quick", false, "fewer and shorter rounds: about 5 minutes")
	s.peerFlags(c)
	_ = c.Flags().MarkHidden("plot")
	return c
}

// report measures everything and writes the document and its picture.
func (s *tunnelSettings) report(c *cobra.Command, much effort, isQuick bool, out string) error {
	tunnels, found, err := s.contests(c.ErrOrStderr())
	if err != nil {
		return err
	}
	rings, err := ringContest(much.smallWindow)
	if err != nil {
		return err
	}
	small := []*contest{crcContest(much.smallWindow), aal5Contest(much.smallWindow), rings, putContest(much.smallWindow)}
	first := &run{rounds: much.smallRounds, stderr: c.ErrOrStderr()}
	if err := first.all(c.Context(), small...); err != nil {
		return err
	}
	second := &run{rounds: much.tunnelRounds, limit: much.limit, stderr: c.ErrOrStderr()}
	if err := second.all(c.Context(), tunnels...); err != nil {
		return err
	}
	picture := strings.TrimSuffix(out, filepath.Ext(out)) + ".svg"
	var b bytes.Buffer
	p := pages{
		small: newDocument(first, small...), tunnels: newDocument(second, tunnels...),
		peers: found, effort: much, quick: isQuick, picture: filepath.Base(picture),
	}
	if err := p.markdown(&b); err != nil {
		return err
	}
	if err := plotTunnels(picture, tunnels); err != nil { // after the commit was read: it changes the tree
		return err
	}
	return os.WriteFile(out, b.Bytes(), 0o644)
}

// pages are what report writes.
type pages struct {
	small, tunnels document
	peers          []peer
	effort         effort
	quick          bool
	picture        string
}

const intro = `# Benchmarks

Written by ` + "`%s`" + ` as root, %s. Nothing here is edited by hand; run it again to see what
your machine does. Absolute figures wander from machine to machine and day to day: the ratios are what
counts, each taken within one round ([how](#how-it-was-measured)).

| | |
|---|---|
| machine | %s |
| functions | %s |
| tunnels | %s |
%s
Tables: %s.
`

const method = `
## How it was measured

- Two hosts are network namespaces of one machine, joined by a veth whose MTU is that of the tunnel and %d
  octets. The programs under test share the processors with those that send, receive and compare every octet, so
  nothing here is the rate of a tunnel that has a machine for itself; it is the same for all of them.
- Rounds are interleaved: in each, every tunnel is set up, measured (%v a figure) and taken down, in an order that
  changes from round to round. The functions take turns the same way.
- *No loss* is the highest rate at which fewer than one packet in %d is lost, by bisection to %.0f%%, and then held
  for that many packets, or for %v without any loss.
- *CPU*: ends are the processes under test at both ends, their system calls included; system, softirq and machine
  are those of the whole machine, the measuring and any other work included, by the kernel's tick. A tunnel of the
  kernel has no process.
- plain-loop is the tunnel that everybody writes first: a Go program with a TAP and a UDP socket, one frame a call.
- vtun and openvpn run without encryption. wireguard-go and nebula always encrypt: they do more, and are here because
  they are what is used. They are built from their released modules (cmd/cellbench/peers).
- rte_ring's times are DPDK's own (dpdk-test), for entries of 16 octets; a ring here has entries of 32. Between two
  cores dpdk-test adds up what a put and a get take, which happen at the same time: half of that is shown.

Again: ` + "`make bench-report`" + `, or one part of it: ` + "`bin/cellbench tunnel`, `aal`, `ring`, `put`" + `, each with ` + "`--json`" + ` for all values of
all rounds.
`

// markdown writes the document.
func (p pages) markdown(w io.Writer) error {
	command := "make bench-report"
	if p.quick {
		command += " QUICK=--quick"
	}
	var b strings.Builder
	fmt.Fprintf(&b, intro, command, time.Now().UTC().Format("2006-01-02"), p.small.Machine, p.small.Run.load(), p.tunnels.Run.load(), p.versions(), howToRead)
	fmt.Fprintf(&b, "\n## Tunnels\n\n![TCP and round trips of all tunnels](%s)\n", p.picture)
	if err := p.tunnels.markdown(&b); err != nil {
		return err
	}
	b.WriteString(p.passedOver())
	b.WriteString("\n## Functions\n")
	if err := p.small.markdown(&b); err != nil {
		return err
	}
	fmt.Fprintf(&b, method, underlayRoom, p.effort.tunnelWindow, lossLimit, 100*precision, holding*p.effort.tunnelWindow)
	_, err := io.WriteString(w, b.String())
	return err
}

// versions are rows of the first table: what was measured.
func (p pages) versions() string {
	var b strings.Builder
	if commit, err := exec.Command("git", "describe", "--always", "--dirty").Output(); err == nil {
		fmt.Fprintf(&b, "| cellhub | %s |\n", bytes.TrimSpace(commit))
	}
	if _, err := exec.LookPath(dpdkTest); err == nil {
		fmt.Fprintf(&b, "| %s | %s |\n", dpdkTest, debianVersion("dpdk-dev")(""))
	}
	for _, peer := range p.peers {
		if peer.version != nil {
			fmt.Fprintf(&b, "| %s | %s |\n", peer.name, peer.version(peer.program))
		}
	}
	return b.String()
}

// passedOver says who failed, and of what.
func (p pages) passedOver() string {
	var b strings.Builder
	for _, c := range p.tunnels.contests {
		for _, e := range c.entrants {
			if e.failed != nil {
				fmt.Fprintf(&b, "\nPassed over at %s: %v.\n", c.name, e.failed)
			}
		}
	}
	return b.String()
}

// markdown writes the tables of a finished run.
func (d document) markdown(w io.Writer) error {
	for _, c := range d.contests {
		for _, t := range c.tables() {
			if err := t.markdown(w); err != nil {
				return err
			}
		}
	}
	return nil
}
