package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/control"
)

// oamView is what is known of the OAM of a VC or path at a port.
type oamView struct {
	Port        string       `json:"port"`
	VC          string       `json:"vc"`
	Defects     string       `json:"defects"`
	Loopback    loopbackView `json:"loopback"`
	Performance *pmView      `json:"performance,omitempty"`
}

type loopbackView struct {
	Looped   uint64        `json:"answered"`
	Sent     uint64        `json:"sent"`
	Returned uint64        `json:"returned"`
	Lost     uint64        `json:"lost"`
	RTT      time.Duration `json:"rtt_ns"`
}

// pmView is performance monitoring; Received is of what came in, Sent of what the far end reports.
type pmView struct {
	Block      uint64   `json:"block"`
	Activation string   `json:"activation"`
	Received   pmTotals `json:"received"`
	Sent       pmTotals `json:"sent"`
}

type pmTotals struct {
	Blocks      uint64 `json:"blocks"`
	Cells       uint64 `json:"cells"`
	Lost        uint64 `json:"lost"`
	Misinserted uint64 `json:"misinserted"`
	Errored     uint64 `json:"errored"`
	Severe      uint64 `json:"severe"`
	Missed      uint64 `json:"missed"`
}

// of finds a counter of OAM, which a stream's has its module before.
func of(counters []counter, name string) (uint64, bool) {
	for _, c := range counters {
		if c.Name == name || strings.HasSuffix(c.Name, "."+name) {
			return c.Value, true
		}
	}
	return 0, false
}

func newOAMView(port, vc string, counters []counter) oamView {
	n := func(name string) uint64 { v, _ := of(counters, name); return v }
	v := oamView{
		Port: port, VC: vc, Defects: aal.OAMState(n("oam_defects")).String(),
		Loopback: loopbackView{n("oam_looped"), n("oam_sent"), n("oam_returned"), n("oam_lost"), time.Duration(n("oam_rtt_ns"))},
	}
	if _, on := of(counters, "pm_block"); on {
		totals := func(way string) pmTotals {
			return pmTotals{n(way + "blocks"), n(way + "cells"), n(way + "lost"), n(way + "misinserted"), n(way + "errored"), n(way + "severe"), n(way + "missed")}
		}
		v.Performance = &pmView{n("pm_block"), aal.OAMActivationState(n("pm_state")).String(), totals("pm_rx_"), totals("pm_tx_")}
	}
	return v
}

func (v *oamView) write(w io.Writer) error {
	l := &v.Loopback
	text := fmt.Sprintf("%s %s: %s; loopback answered %d, sent %d, returned %d, lost %d", v.Port, v.VC, v.Defects, l.Looped, l.Sent, l.Returned, l.Lost)
	if l.Returned > 0 {
		text += fmt.Sprintf(", the last after %v", l.RTT)
	}
	if _, err := fmt.Fprintln(w, text); err != nil || v.Performance == nil {
		return err
	}
	p := v.Performance
	block := "no blocks are sent"
	if p.Block > 0 {
		block = fmt.Sprintf("blocks of %d cells", p.Block)
	}
	if _, err := fmt.Fprintf(w, "performance: %s; activation %s\n", block, p.Activation); err != nil {
		return err
	}
	t := &table{heads: []string{"CELLS", ">BLOCKS", ">CELLS", ">LOST", ">MISINSERTED", ">ERRORED BITS", ">SEVERE", ">MONITORING LOST"}}
	for _, way := range []struct {
		name string
		t    *pmTotals
	}{{"received", &p.Received}, {"sent", &p.Sent}} {
		t.add(way.name, way.t.Blocks, way.t.Cells, way.t.Lost, way.t.Misinserted, way.t.Errored, way.t.Severe, way.t.Missed)
	}
	return t.write(w)
}

func oamShowCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "show PORT VPI/VCI", Short: "defects, loopback and performance of a connection", Args: cobra.ExactArgs(2),
		Long: `Shows what a port knows of a connection by OAM: defects, loopback, and, where
performance is monitored, what was lost, misinserted and errored, in what was
received and, as the far end reports it, in what was sent.`,
		RunE: func(c *cobra.Command, args []string) error {
			return o.onEnd(args, func(s *control.Session, b control.ATM) error {
				trailer, err := vcStats(s, b)
				if err != nil {
					return err
				}
				v := newOAMView(args[0], args[1], counters(trailer))
				if o.json {
					return writeJSON(c.OutOrStdout(), v)
				}
				return v.write(c.OutOrStdout())
			})
		},
	}
}

// hopView is a point that has answered.
type hopView struct {
	ID  string        `json:"id"` // empty: it has none
	RTT time.Duration `json:"rtt_ns"`
}

// hopPrefix is what the counters of answers begin with.
const hopPrefix = "oam_hop_"

func hops(counters []counter) (all []hopView) {
	none := strings.Repeat("0", 2*aal.OAMIDSize)
	for _, c := range counters {
		_, id, ok := strings.Cut(c.Name, hopPrefix)
		if !ok {
			continue
		}
		if id == none {
			id = ""
		}
		all = append(all, hopView{id, time.Duration(c.Value)})
	}
	return all
}

// idText shows an identifier: as text where it is one.
func idText(id string) string {
	if id == "" {
		return "a segment's end without identifier"
	}
	raw, err := hex.DecodeString(id)
	text := strings.TrimRight(string(raw), "\x00 j") // padding, and the octets 6A of what is unused
	if err != nil || text == "" || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return id
	}
	return fmt.Sprintf("%s (%s)", id, text)
}

func oamTraceCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "trace PORT VPI/VCI", Short: "which points a connection passes", Args: cobra.ExactArgs(2),
		Long: `Sends a loopback cell of the segment flow for all points (location zeros) out
of the port, and shows each that answers within a second, the nearest first:
connecting points that have an identifier by "cellctl oam set ... id=HEX", and
the end of the segment.`,
		Example: "  cellctl oam trace dslam 8/35",
		RunE: func(c *cobra.Command, args []string) error {
			return o.onEnd(args, func(s *control.Session, b control.ATM) error {
				if err := oamCall(s, control.ATMLoopback, b, "segment all"); err != nil {
					return err
				}
				time.Sleep(aal.OAMTraceWait)
				trailer, err := vcStats(s, b)
				if err != nil {
					return err
				}
				all := hops(counters(trailer))
				if o.json {
					return writeJSON(c.OutOrStdout(), all)
				}
				for i, h := range all {
					if _, err := fmt.Fprintf(c.OutOrStdout(), "%2d  %s  %v\n", i+1, idText(h.ID), h.RTT); err != nil {
						return err
					}
				}
				if len(all) == 0 {
					return fmt.Errorf("%s %s: no point has answered", args[0], args[1])
				}
				return nil
			})
		},
	}
}
