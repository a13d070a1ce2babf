package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/dataplane/control"
)

// minInterval is the shortest time between two looks.
const minInterval = 100 * time.Millisecond

func watchCommand(o *options) *cobra.Command {
	interval, count := time.Second, 0
	c := &cobra.Command{
		Use: "watch [PORT…]", Short: "rates of ports and VCs, until interrupted",
		Long: `Shows every interval what ports carry, in cells or SDUs a second, and what ports
and VCs lose, with the cause. Without PORT, of all.`,
		RunE: func(c *cobra.Command, args []string) error {
			if interval < minInterval {
				return usage("--interval %v: at least %v", interval, minInterval)
			}
			return o.watch(c, args, interval, count)
		},
	}
	c.Flags().DurationVar(&interval, "interval", interval, "between two looks")
	c.Flags().IntVar(&count, "count", 0, "how many times; 0: until interrupted")
	return c
}

// watch looks again and again.
func (o *options) watch(c *cobra.Command, ports []string, interval time.Duration, count int) error {
	s, err := o.connect(control.RoleObserver)
	if err != nil {
		return err
	}
	defer s.Close()
	w := c.OutOrStdout()
	f, ok := w.(*os.File)
	clear := ok && !o.json && isTerminal(f)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	before, last, err := watchState(s, ports)
	for n := 0; err == nil && (count == 0 || n < count); n++ {
		select {
		case <-c.Context().Done():
			return nil
		case <-tick.C:
		}
		now, at, failed := watchState(s, ports)
		if failed != nil {
			return failed
		}
		if clear {
			fmt.Fprint(w, "\x1b[H\x1b[2J")
		} else if n > 0 && !o.json {
			fmt.Fprintln(w)
		}
		err = o.tellRates(w, rates(before, now, at.Sub(last)))
		before, last = now, at
	}
	return err
}

// watchState reads ports and VCs, of some ports or all.
func watchState(s *control.Session, ports []string) (*state, time.Time, error) {
	st, err := readState(s, readings{(*state).readPorts, (*state).resync, (*state).readStats})
	if err != nil {
		return nil, time.Time{}, err
	}
	var names []string
	for _, p := range st.Ports {
		names = append(names, p.Name)
	}
	for _, name := range ports {
		if !slices.Contains(names, name) {
			return nil, time.Time{}, noSuch("port", name, names)
		}
	}
	if len(ports) > 0 {
		st.Ports = slices.DeleteFunc(st.Ports, func(p portView) bool { return !slices.Contains(ports, p.Name) })
		st.Crosses = slices.DeleteFunc(st.Crosses, func(v crossView) bool { return !slices.Contains(ports, v.PortName) })
		st.PVCs = slices.DeleteFunc(st.PVCs, func(v pvcView) bool { return !slices.Contains(ports, v.PortName) })
	}
	return st, time.Now(), nil
}

// rateView is what went by a port or a VC in a second.
type rateView struct {
	Port     string             `json:"port"`
	VC       string             `json:"vc,omitempty"`
	Seconds  float64            `json:"seconds"`  // that were looked at
	Counters map[string]float64 `json:"counters"` // a second
	Drops    []drop             `json:"drops"`    // in that time
	cross    bool               // it is one way of a cross-connect
}

// rates compares two looks. What has come between them is left out: it has no rate yet.
func rates(before, now *state, d time.Duration) (all []rateView) {
	for _, p := range now.Ports {
		if i := slices.IndexFunc(before.Ports, func(q portView) bool { return q.Name == p.Name && q.Number == p.Number }); i >= 0 {
			all = append(all, rate1(p.Name, "", before.Ports[i].Counters, p.Counters, d))
		}
	}
	for _, v := range now.PVCs {
		if i := slices.IndexFunc(before.PVCs, func(q pvcView) bool { return q.Conn == v.Conn }); i >= 0 {
			all = append(all, rate1(v.PortName, v.VC, before.PVCs[i].Counters, v.Counters, d))
		}
	}
	for _, v := range now.Crosses {
		if i := slices.IndexFunc(before.Crosses, func(q crossView) bool { return q.Conn == v.Conn }); i >= 0 {
			r := rate1(v.PortName, v.VC, before.Crosses[i].Counters, v.Counters, d)
			r.cross = true
			all = append(all, r)
		}
	}
	return all
}

func rate1(port, vc string, before, now []counter, d time.Duration) rateView {
	r := rateView{Port: port, VC: vc, Seconds: d.Seconds(), Counters: map[string]float64{}}
	var more []counter
	for _, c := range now {
		if was := find(before, c.Name); c.Value > was { // a module that was replaced counts from 0
			more = append(more, counter{c.Name, c.Value - was})
			r.Counters[c.Name] = float64(c.Value-was) / d.Seconds()
		}
	}
	r.Drops = drops(more)
	return r
}

func (o *options) tellRates(w io.Writer, all []rateView) error {
	if o.json {
		var errs []error
		for _, r := range all {
			errs = append(errs, writeJSON(w, r))
		}
		return errors.Join(errs...)
	}
	t := &table{heads: []string{"PORT", "VC", ">CELLS/S IN", ">CELLS/S OUT", ">SDUS/S IN", ">SDUS/S OUT", ">LOST/S"},
		none: "no ports: cellctl port add NAME SPEC"}
	for i := range all {
		r := &all[i]
		var lost uint64
		for _, d := range r.Drops {
			lost += d.Count
		}
		n := func(port, vc string) string {
			if r.VC == "" {
				return perSecond(r.Counters[port])
			}
			switch {
			case r.cross && port == "rx_cells":
				return perSecond(r.Counters[port])
			case r.cross, vc == "": // modules of a VC count what they make of cells
				return ""
			}
			return perSecond(r.Counters[vc])
		}
		row := t.add(r.Port, r.VC, n("rx_cells", ""), n("tx_cells", ""), n("rx_sdus", "aal5.rx_pdus"), n("tx_sdus", "aal5.tx_pdus"),
			perSecond(float64(lost)/r.Seconds))
		for j := range r.Drops {
			row.note("lost %v", &r.Drops[j])
		}
	}
	return t.write(w)
}

// perSecond shows a rate: whole numbers, but for less than one.
func perSecond(rate float64) string {
	if rate > 0 && rate < 1 {
		return fmt.Sprintf("%.1f", rate)
	}
	return fmt.Sprintf("%.0f", rate)
}
