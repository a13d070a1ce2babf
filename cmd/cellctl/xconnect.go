package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/control"
)

// crossView is one way of a cross-connect.
type crossView struct {
	pvcView
	To string `json:"to"` // "PORT VPI/VCI"

	Relayed string `json:"relayed"`               // "kernel" or "hub"
	Why     string `json:"relayed_why,omitempty"` // the hub does it
}

func xconnectCommand(o *options) *cobra.Command {
	var f pvcFlags
	var oneWay, police, shape, merge bool
	var options []string
	var relay string
	add := &cobra.Command{
		Use: "add PORT VPI/VCI PORT VPI/VCI", Short: "make cells of one VC those of another, and the other way", Args: cobra.ExactArgs(4),
		Long: `Joins two VCs that nobody has. VPI/* at both ends joins whole paths. Rates are
those of the contract, the same both ways.`,
		Example: "  cellctl xconnect add dslam 0/101 hq 0/201 --pcr 4000 --police\n  cellctl xconnect add dslam '5/*' hq '6/*'",
		RunE: func(c *cobra.Command, args []string) error {
			from, err := parseEnd(args[1])
			if err != nil {
				return err
			}
			to, err := parseEnd(args[3])
			if err != nil {
				return err
			}
			return o.admin(func(s *control.Session) error {
				b := control.ATM{VPI: from.VPI, VCI: from.VCI}
				if err := f.fill(s, &b); err != nil {
					return err
				}
				if oneWay || merge {
					b.Direction = control.DirectionIn
				}
				words := options
				if relay != "auto" {
					words = append(words, "relay="+relay)
				}
				if police {
					words = append(words, "police")
				}
				if shape {
					words = append(words, "shape")
				}
				if merge {
					words = append(words, "merge")
				}
				return xconnect(s, args[0], b, args[2], to, strings.Join(words, " "))
			})
		},
	}
	f.aal, f.receive, f.direction = "0", "aal", "both"
	add.Flags().StringVar(&f.service, "service", "ubr", "ubr, cbr, rt_vbr, vbr or ubr_mcr")
	add.Flags().Uint32Var(&f.pcr, "pcr", 0, "peak rate, cells a second both ways; 0: none agreed")
	add.Flags().Uint16Var(&f.maxSDU, "maxsdu", 0, "octets of the longest SDU, which a port of SDUs must send; 0: any")
	add.Flags().BoolVar(&oneWay, "one-way", false, "only what comes from the first")
	add.Flags().BoolVar(&police, "police", false, "judge cells by the contract where they come in")
	add.Flags().BoolVar(&shape, "shape", false, "hold cells back to the contract where they leave")
	add.Flags().StringVar(&relay, "relay", "auto", "who relays it: auto, the kernel where it keeps the order of cells; on, the kernel; off, the hub")
	add.Flags().BoolVar(&merge, "merge", false, "whole AAL5 PDUs of the first to a VC that others merge into as well, one way")
	add.Flags().StringSliceVar(&options, "option", nil, "frames, weight=N, cdvt=TIME, clp0 or tag; may be given again")
	del := &cobra.Command{
		Use: "del PORT VPI/VCI", Short: "part what a cross-connect has joined, by either end", Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return o.onEnd(args, func(s *control.Session, b control.ATM) error {
				var p control.Packet
				p.Type = control.ATMDel
				p.SetATM(&b)
				return s.Call(&p)
			})
		},
	}
	return group("xconnect", "join VCs of ports, and part them", add, del, leafCommand(o), dropLeafCommand(o))
}

// parseEnd reads VPI/VCI, or VPI/* for a whole path, whose VCI is 0.
func parseEnd(text string) (aal.VC, error) {
	path, whole := strings.CutSuffix(text, "/*")
	if whole {
		text = path + "/0"
	}
	vc, err := aal.ParseVC(text)
	switch {
	case err != nil:
		return vc, usage("%w", err)
	case !whole && vc.VCI == 0:
		return vc, usage("VC %s: for a whole path write %d/*", vc, vc.VPI)
	}
	return vc, nil
}

// xconnect sends XCONNECT.
func xconnect(s *control.Session, from string, b control.ATM, to string, far aal.VC, text string) error {
	first, err := findPort(s, from)
	if err != nil {
		return err
	}
	second, err := findPort(s, to)
	if err != nil {
		return err
	}
	b.Port = uint16(first.A)
	end := control.SecondEnd{Port: uint16(second.A), VPI: far.VPI, VCI: far.VCI}
	var p control.Packet
	p.Type = control.ATMXConnect
	p.SetATM(&b)
	if p.Trailer, err = end.Append(nil); err != nil {
		return err
	}
	if text != "" {
		if p.Trailer, err = control.AppendTLV(p.Trailer, control.TLVText, []byte(text)); err != nil {
			return err
		}
	}
	return s.Call(&p)
}

// endText names an end of a cross-connect.
func endText(vpi, vci uint16) string {
	if vci == 0 {
		return strings.TrimSuffix(vcText(vpi, 0), "0") + "*"
	}
	return vcText(vpi, vci)
}

// addCross takes one way of a cross-connect out of a dump; an end that only receives is
// none.
func (st *state) addCross(v pvcView, far control.SecondEnd) {
	if v.atm.Direction == control.DirectionOut {
		return
	}
	v.VC = endText(v.atm.VPI, v.atm.VCI)
	to := endText(far.VPI, far.VCI)
	if p := st.port(far.Port); p != nil {
		to = p.Name + " " + to
	}
	st.Crosses = append(st.Crosses, crossView{pvcView: v, To: to})
}

func crossTable(s *state) *table {
	t := &table{heads: []string{"FROM", "VC", "TO", "SERVICE", ">PCR", "RELAY", ">CELLS"}, none: "no cross-connects: cellctl xconnect add PORT VPI/VCI PORT VPI/VCI"}
	for i := range s.Crosses {
		v := &s.Crosses[i]
		r := t.add(v.PortName, v.VC, v.To, v.Service, rate(v.PCRTx), v.Relayed, find(v.Counters, "rx_cells"))
		if v.tellDrops(r); v.Why != "" {
			r.note("the hub relays it: %s", v.Why)
		}
	}
	return t
}
