package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/dataplane/control"
)

// view is one thing to show: as a table, and as a value for JSON.
type view struct {
	name, title, short string
	needs              readings
	table              func(*state) *table
	value              func(*state) any
}

var views = []view{
	{"ports", "Ports", "ports and what they carry",
		readings{(*state).readPorts, (*state).resync}, portTable, func(s *state) any { return s.Ports }},
	{"streams", "Streams", "streams, from the top to the VC they stand on",
		readings{(*state).readPorts, (*state).resync, (*state).readProcesses, (*state).readStreams}, streamTable, func(s *state) any { return s.Streams }},
	{"pvcs", "PVCs", "permanent VCs, their counters, and why they lost what they lost",
		readings{(*state).readPorts, (*state).resync, (*state).readProcesses, (*state).readStreams, (*state).readStats}, pvcTable, func(s *state) any { return s.PVCs }},
	{"xconnects", "Cross-connects", "cross-connected VCs, a line each way, and why they lost what they lost",
		readings{(*state).readPorts, (*state).resync, (*state).readStats}, crossTable, func(s *state) any { return s.Crosses }},
	{"processes", "Processes", "every process of the hubs",
		readings{(*state).readProcesses}, processTable, func(s *state) any { return s.Processes }},
	{"modules", "Modules", "modules that streams can be made of",
		readings{(*state).readModules}, moduleTable, func(s *state) any { return s.Modules }},
	{"connections", "Connections", "connections of applications",
		readings{(*state).readPorts, (*state).resync}, connectionTable, func(s *state) any { return s.Connections }},
}

func showCommand(o *options) *cobra.Command {
	show := group("show", "show what the daemon has")
	for _, v := range views {
		show.AddCommand(&cobra.Command{
			Use: v.name, Short: v.short, Args: cobra.NoArgs, Aliases: []string{strings.TrimSuffix(v.name, "s")},
			RunE: func(c *cobra.Command, _ []string) error {
				return o.show(c.OutOrStdout(), v.needs, v.value, v)
			},
		})
	}
	show.AddCommand(&cobra.Command{
		Use: "all", Short: "all of that", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.show(c.OutOrStdout(), everything, func(s *state) any { return s }, views...)
		},
	})
	return show
}

func (o *options) show(w io.Writer, needs readings, value func(*state) any, views ...view) error {
	s, err := o.connect(control.RoleObserver)
	if err != nil {
		return err
	}
	defer s.Close()
	st, err := readState(s, needs)
	if err != nil {
		return err
	}
	if o.json {
		return writeJSON(w, value(st))
	}
	for i, v := range views {
		if len(views) > 1 {
			if i > 0 {
				fmt.Fprintln(w)
			}
			fmt.Fprintln(w, v.title)
		}
		if err := v.table(st).write(w); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON writes one value on one line; a list of nothing is a list.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func portTable(s *state) *table {
	t := &table{heads: []string{"PORT", ">NUMBER", "STATE", ">VCS", ">CELLS IN", ">CELLS OUT", ">SDUS IN", ">SDUS OUT", "SPECIFICATION"},
		none: "no ports: cellctl port add NAME SPEC"}
	for i := range s.Ports {
		p := &s.Ports[i]
		up := "up"
		if !p.Up {
			up = "down"
		}
		n := func(name string) uint64 { return find(p.Counters, name) }
		r := t.add(p.Name, p.Number, up, p.VCs, n("rx_cells"), n("tx_cells"), n("rx_sdus"), n("tx_sdus"), p.Spec)
		for _, d := range drops(p.Counters) {
			r.note("lost %v", &d)
		}
	}
	return t
}

func find(counters []counter, name string) uint64 {
	for _, c := range counters {
		if c.Name == name {
			return c.Value
		}
	}
	return 0
}

func streamTable(s *state) *table {
	t := &table{heads: []string{"STREAM", ">PROCESS", "VC", "MODULES, FROM THE TOP"}, none: "no streams: cellctl stream open MODULE ARGUMENT"}
	for _, st := range s.Streams {
		var parts []string
		for _, p := range st.Processes {
			parts = append(parts, fmt.Sprintf("%s (%d)", strings.TrimSpace(p.Module+" "+p.Arg), p.Number))
		}
		t.add(st.Name, st.Number, st.VC, strings.Join(parts, " > "))
	}
	return t
}

func pvcTable(s *state) *table {
	t := &table{heads: []string{"PORT", "VC", "STREAM", "AAL", "SERVICE", ">PCR OUT", ">PCR IN"},
		none: "no PVCs: cellctl pvc add PORT VPI/VCI"}
	for i := range s.PVCs {
		v := &s.PVCs[i]
		r := t.add(v.PortName, v.VC, v.Stream, v.AAL, v.Service, rate(v.PCRTx), rate(v.PCRRx))
		if v.Way == "in" || v.Way == "out" {
			r.note("one way: it only %s", map[string]string{"in": "receives", "out": "sends"}[v.Way])
		}
		v.tellDrops(r)
	}
	return t
}

// tellDrops says why a VC has lost what it lost.
func (v *pvcView) tellDrops(r *row) {
	for i := range v.Drops {
		r.note("lost %v", &v.Drops[i])
	}
	if v.LastLoss != nil {
		r.note("lost %v", v.LastLoss)
	}
	if len(v.Drops) == 0 {
		r.note("nothing lost")
	}
}

// rate shows a rate in cells a second; none was agreed on.
func rate(n uint32) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func processTable(s *state) *table {
	t := &table{heads: []string{">PROCESS", ">HUB", "MODULE", "NAME", ">UNDER", "ARGUMENT"}, none: "no processes"}
	for _, p := range s.Processes {
		above := ""
		if p.Above != 0 {
			above = fmt.Sprint(p.Above)
		}
		t.add(p.Number, p.Hub, p.Module, p.Name, above, p.Arg)
	}
	return t
}

func moduleTable(s *state) *table {
	t := &table{heads: []string{"MODULE"}, none: "no modules"}
	for _, m := range s.Modules {
		t.add(m)
	}
	return t
}

func connectionTable(s *state) *table {
	t := &table{heads: []string{"CONNECTION", "LOCAL", "REMOTE", "STATE"}, none: "no connections of applications"}
	for _, c := range s.Connections {
		t.add(c.ID, c.Local, c.Remote, c.State)
	}
	return t
}
