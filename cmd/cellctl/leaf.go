package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/dataplane/control"
)

func leafCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "leaf PORT VPI/VCI NUMBER PORT VPI/VCI", Short: "copy cells of a one-way cross-connect to one more VC", Args: cobra.ExactArgs(5),
		Long: `Adds a leaf to a cross-connect that was made --one-way, while its cells flow.
NUMBER names it; that of the VC which xconnect add has joined is 0.`,
		Example: "  cellctl xconnect leaf hq 2/200 7 dslam 8/60",
		RunE: func(_ *cobra.Command, args []string) error {
			return o.leaf(control.ATMAddLeaf, args)
		},
	}
}

func dropLeafCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "drop PORT VPI/VCI NUMBER", Short: "take a leaf away again", Args: cobra.ExactArgs(3),
		RunE: func(_ *cobra.Command, args []string) error {
			return o.leaf(control.ATMDelLeaf, args)
		},
	}
}

// leaf sends ADDLEAF or DELLEAF.
func (o *options) leaf(t control.Type, args []string) error {
	number, err := strconv.ParseUint(args[2], 10, 32)
	if err != nil {
		return usage("leaf %q: a number", args[2])
	}
	return o.onEnd(args, func(s *control.Session, b control.ATM) error {
		var p control.Packet
		p.Type = t
		p.SetATM(&b)
		if p.Trailer, err = (&control.Leaf{ID: uint32(number)}).Append(nil); err != nil {
			return err
		}
		if t == control.ATMAddLeaf {
			to, err := parseEnd(args[4])
			if err != nil {
				return err
			}
			port, err := findPort(s, args[3])
			if err != nil {
				return err
			}
			end := control.SecondEnd{Port: uint16(port.A), VPI: to.VPI, VCI: to.VCI}
			if p.Trailer, err = end.Append(p.Trailer); err != nil {
				return err
			}
		}
		return s.Call(&p)
	})
}
