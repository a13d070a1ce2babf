package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/control"
)

// xconnectView is one VC of a cross-connect: what it has counted came from there, or leaves
// there.
type xconnectView struct {
	Port     string    `json:"port"`
	VC       string    `json:"vc"`
	Way      string    `json:"way"` // "both", "to" or "from" the other
	OtherEnd string    `json:"other"`
	Leaf     *uint32   `json:"leaf,omitempty"`
	Service  string    `json:"service"`
	Options  string    `json:"options,omitempty"`
	Conn     string    `json:"conn"`
	Counters []counter `json:"counters"`
	Drops    []drop    `json:"drops"`
	atm      control.ATM
	other    control.SecondEnd
}

// pathText is a VC, or with VCI 0 a path.
func pathText(vpi, vci uint16) string {
	if vci == 0 {
		return fmt.Sprintf("%d/*", vpi)
	}
	return vcText(vpi, vci)
}

// crossOf reads a VC of a dump that is cross-connected; false: it is not.
func crossOf(in *control.Packet) (v xconnectView, ok bool) {
	value, ok := control.FindTLV(in.Trailer, control.TLVSecondEnd)
	if !ok {
		return v, false
	}
	b := in.ATM()
	v = xconnectView{VC: pathText(b.VPI, b.VCI), Service: strings.ToLower(b.Service.String()), Conn: in.Conn.String(), atm: b}
	v.other, _ = control.ParseSecondEnd(value)
	v.Way = map[control.Direction]string{control.DirectionBoth: "both", control.DirectionIn: "to", control.DirectionOut: "from"}[b.Direction]
	if leaf, ok := control.FindTLV(in.Trailer, control.TLVLeaf); ok {
		if l, err := control.ParseLeaf(leaf); err == nil {
			v.Leaf = &l.ID
		}
	}
	words, _ := control.FindTLV(in.Trailer, control.TLVText)
	v.Options = string(words)
	return v, true
}

// readCross asks the daemon for all cross-connects and what they have counted.
func readCross(s *control.Session) ([]xconnectView, error) {
	st, all := newState(), []xconnectView{}
	if err := st.readPorts(s); err != nil {
		return nil, remedy(err)
	}
	name := func(number uint16) string {
		if p := st.port(number); p != nil {
			return p.Name
		}
		return strconv.Itoa(int(number))
	}
	var p control.Packet
	p.Type = control.HubResync
	p.SetHub(&control.Hub{})
	err := s.Each(&p, func(in *control.Packet) error {
		if in.Class != control.ClassATM || in.Type != control.ATMQuery {
			return nil
		}
		if v, ok := crossOf(in); ok {
			v.Port, v.OtherEnd = name(v.atm.Port), name(v.other.Port)+" "+pathText(v.other.VPI, v.other.VCI)
			all = append(all, v)
		}
		return nil
	}, nil)
	for i := range all {
		if err == nil {
			all[i].Counters, err = vcStats(s, all[i].atm)
			all[i].Drops = drops(all[i].Counters)
		}
	}
	slices.SortFunc(all, func(a, b xconnectView) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.atm.VPI, b.atm.VPI), cmp.Compare(a.atm.VCI, b.atm.VCI))
	})
	return all, remedy(err)
}

func crossTable(all []xconnectView) *table {
	t := &table{heads: []string{"PORT", "VC", "WAY", "OTHER END", "LEAF", "SERVICE", ">CELLS IN", ">QUEUED", "OPTIONS"},
		none: "no cross-connects: cellctl xconnect add PORT VPI/VCI PORT VPI/VCI"}
	for i := range all {
		v := &all[i]
		leaf := ""
		if v.Leaf != nil && v.Way == "from" {
			leaf = strconv.Itoa(int(*v.Leaf))
		}
		r := t.add(v.Port, v.VC, v.Way, v.OtherEnd, leaf, v.Service, find(v.Counters, "rx_cells"), find(v.Counters, "tx_queued"), v.Options)
		for _, d := range v.Drops {
			r.note("lost %v", &d)
		}
	}
	return t
}

// crossFlags are those of a cross-connect that is made.
type crossFlags struct {
	oneWay   bool
	service  string
	pcr, scr []uint
	mbs      uint32
	options  string
	leaf     uint32
}

func (f *crossFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.service, "service", "ubr", "ubr, cbr, rt_vbr, vbr or ubr_mcr")
	c.Flags().UintSliceVar(&f.pcr, "pcr", nil, "peak rate, cells a second: both ways, or there,back")
	c.Flags().UintSliceVar(&f.scr, "scr", nil, "sustained rate of vbr, minimum of ubr_mcr, likewise")
	c.Flags().Uint32Var(&f.mbs, "mbs", 0, "cells of the longest burst at the peak rate")
	c.Flags().StringVar(&f.options, "options", "", "words: police, shape, frames, weight=N, cdvt=TIME, clp0, tag")
}

// thereAndBack gives one or two rates as both ways.
func thereAndBack(flag string, given []uint) (there, back uint32, err error) {
	switch len(given) {
	case 0:
		return 0, 0, nil
	case 1:
		return uint32(given[0]), uint32(given[0]), nil
	case 2:
		return uint32(given[0]), uint32(given[1]), nil
	}
	return 0, 0, usage("--%s: one rate, or two", flag)
}

func xconnectCommand(o *options) *cobra.Command {
	var f crossFlags
	show := &cobra.Command{
		Use: "show", Short: "cross-connects, and what they have counted", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := o.connect(control.RoleObserver)
			if err != nil {
				return err
			}
			defer s.Close()
			all, err := readCross(s)
			switch {
			case err != nil:
				return err
			case o.json:
				return writeJSON(c.OutOrStdout(), all)
			}
			return crossTable(all).write(c.OutOrStdout())
		},
	}
	add := &cobra.Command{
		Use: "add PORT VPI/VCI PORT VPI/VCI", Short: "join two VCs, or two paths", Args: cobra.ExactArgs(4),
		Long: `Makes cells of one VC cells of the other, both ways unless --one-way: then the
first VC is the root, and more leaves may follow. VPI/* is a whole path.`,
		Example: "  cellctl xconnect add dslam 0/100 hq 3/200\n  cellctl xconnect add dslam '2/*' hq '9/*' --service cbr --pcr 4000",
		RunE:    func(_ *cobra.Command, args []string) error { return o.crossConnect(control.ATMXConnect, args, &f) },
	}
	f.add(add)
	add.Flags().BoolVar(&f.oneWay, "one-way", false, "cells go from the first to the second alone")
	del := &cobra.Command{
		Use: "del PORT VPI/VCI", Short: "end a cross-connect; either VC names it", Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return o.crossConnect(control.ATMDel, args, new(crossFlags))
		},
	}
	var l crossFlags
	addLeaf := &cobra.Command{
		Use: "leaf PORT VPI/VCI NUMBER PORT VPI/VCI", Short: "add a leaf to a root", Args: cobra.ExactArgs(5),
		RunE: func(_ *cobra.Command, args []string) error {
			return o.leaf(control.ATMAddLeaf, args, &l)
		},
	}
	l.add(addLeaf)
	dropLeaf := &cobra.Command{
		Use: "drop PORT VPI/VCI NUMBER", Short: "take a leaf away", Args: cobra.ExactArgs(3),
		RunE: func(_ *cobra.Command, args []string) error {
			return o.leaf(control.ATMDelLeaf, args, new(crossFlags))
		},
	}
	return group("xconnect", "join VCs and paths of ports: the switch", show, add, del, addLeaf, dropLeaf)
}

// leaf takes the number out of the arguments.
func (o *options) leaf(t control.Type, args []string, f *crossFlags) error {
	n, err := strconv.ParseUint(args[2], 10, 32)
	if err != nil {
		return usage("leaf %q: a number", args[2])
	}
	f.leaf = uint32(n)
	return o.crossConnect(t, slices.Delete(slices.Clone(args), 2, 3), f)
}

// crossConnect sends a message about the VC of the first two arguments; the other two, if
// there are, are SECOND_END.
func (o *options) crossConnect(t control.Type, args []string, f *crossFlags) error {
	var p control.Packet
	p.Type = t
	ends := make([]aal.VC, 0, 2)
	for i := 1; i < len(args); i += 2 {
		vc, err := parseEnd(args[i])
		if err != nil {
			return err
		}
		ends = append(ends, vc)
	}
	b := control.ATM{VPI: ends[0].VPI, VCI: ends[0].VCI, Direction: control.DirectionBoth, MBS: f.mbs}
	if f.oneWay || t == control.ATMAddLeaf {
		b.Direction = control.DirectionIn
	}
	var err error
	if f.service != "" {
		if b.Service, err = choose("service", f.service, control.ServiceUBR, control.ServiceCBR, control.ServiceRealTimeVBR, control.ServiceVBR, control.ServiceUBRMCR); err != nil {
			return err
		}
	}
	if b.PCRForward, b.PCRBackward, err = thereAndBack("pcr", f.pcr); err != nil {
		return err
	}
	if b.SCRForward, b.SCRBackward, err = thereAndBack("scr", f.scr); err != nil {
		return err
	}
	return o.admin(func(s *control.Session) error {
		port, err := findPort(s, args[0])
		if err != nil {
			return err
		}
		b.Port = uint16(port.A)
		p.SetATM(&b)
		if len(ends) == 2 {
			far, err := findPort(s, args[2])
			if err != nil {
				return err
			}
			end := control.SecondEnd{Port: uint16(far.A), VPI: ends[1].VPI, VCI: ends[1].VCI}
			if p.Trailer, err = end.Append(p.Trailer); err != nil {
				return err
			}
		}
		if t == control.ATMAddLeaf || t == control.ATMDelLeaf {
			if p.Trailer, err = (&control.Leaf{ID: f.leaf}).Append(p.Trailer); err != nil {
				return err
			}
		}
		if f.options != "" {
			if p.Trailer, err = control.AppendTLV(p.Trailer, control.TLVText, []byte(f.options)); err != nil {
				return err
			}
		}
		return s.Call(&p)
	})
}

// parseEnd reads "VPI/VCI", or "VPI/*" of a path.
func parseEnd(text string) (aal.VC, error) {
	vpi, whole := strings.CutSuffix(text, "/*")
	if whole {
		text = vpi + "/0"
	}
	vc, err := aal.ParseVC(text)
	if err == nil && !whole && vc.VCI == 0 {
		err = fmt.Errorf("VC %q: a whole path is %d/*", text, vc.VPI)
	}
	if err != nil {
		return vc, usage("%w", err)
	}
	return vc, nil
}
