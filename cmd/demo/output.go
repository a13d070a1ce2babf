package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// writePicture draws the hosts with their names and addresses.
func writePicture(w io.Writer, l *lab.Lab) error {
	const cable = "======= veth, MTU %d ======="
	wire := fmt.Sprintf(cable, carrierMTU)
	gap := strings.Repeat(" ", len(wire))
	box := func(left, right, between string) string {
		return fmt.Sprintf("  | %-22s |%s| %-22s |\n", left, between, right)
	}
	edge := "  +" + strings.Repeat("-", 24) + "+" + gap + "+" + strings.Repeat("-", 24) + "+\n"
	both := func(format string, a, b any) string { return box(fmt.Sprintf(format, a), fmt.Sprintf(format, b), gap) }
	_, err := io.WriteString(w, "Two hosts (network namespaces), one ATM virtual channel, atmtap at both ends\n\n"+
		fmt.Sprintf("   %-24s%s  %s\n", l.A.Name, gap, l.B.Name)+
		edge+
		both(dev+"  %v", inner4[0].Addr(), inner4[1].Addr())+
		both("      %v", inner6[0].Addr(), inner6[1].Addr())+
		box("  |", "  |", gap)+
		box("atmtap  VC "+vc, "atmtap  VC "+vc, center("<- - VC "+vc+" - ->", len(wire)))+
		box("  |", "  |", gap)+
		box(fmt.Sprintf("%s  %v", lab.Dev, l.A.Addr4.Addr()), fmt.Sprintf("%s  %v", lab.Dev, l.B.Addr4.Addr()), wire)+
		edge)
	return err
}

// center puts text in the middle of width columns.
func center(text string, width int) string {
	left := (width - len(text)) / 2
	return strings.Repeat(" ", left) + text + strings.Repeat(" ", width-len(text)-left)
}

// summary is the part of atmtap's last words that the table shows.
type summary struct {
	Drops    uint64                       `json:"drops"`
	Counters map[string]map[string]uint64 `json:"counters"`
}

// stages are the groups of counters at the two ends of a frame's path, the TAP
// and the cable. Of those between only drops are shown.
var stages = []string{"tap", "port"}

// writeCounters shows the counters of both ends that are not 0, side by side.
func writeCounters(w io.Writer, ends [2]summary) error {
	type row struct{ stage, name string }
	rows := map[row]bool{}
	for _, s := range ends {
		for stage, counters := range s.Counters {
			for name, n := range counters {
				if n > 0 && (slices.Contains(stages, stage) || strings.Contains(name, "drop_")) {
					rows[row{stage, name}] = true
				}
			}
		}
	}
	order := func(stage string) int {
		if i := slices.Index(stages, stage); i >= 0 {
			return i
		}
		return len(stages)
	}
	sorted := slices.SortedFunc(maps.Keys(rows), func(x, y row) int {
		return cmp.Or(cmp.Compare(order(x.stage), order(y.stage)), cmp.Compare(x.stage, y.stage), cmp.Compare(x.name, y.name))
	})
	text := fmt.Sprintf("  %-32s %12s %12s\n", "counters (rx read, tx written)", "host a", "host b")
	for _, r := range sorted {
		text += fmt.Sprintf("    %-8s %-21s %12d %12d\n", r.stage, r.name, ends[0].Counters[r.stage][r.name], ends[1].Counters[r.stage][r.name])
	}
	text += fmt.Sprintf("    %-30s %12d %12d\n", "all drops", ends[0].Drops, ends[1].Drops)
	_, err := io.WriteString(w, text)
	return err
}
