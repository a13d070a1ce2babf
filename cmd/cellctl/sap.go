package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/dlpi"
)

// sapView is a SAP of an Ethernet driver, and whose it is.
type sapView struct {
	SAP    string `json:"sap"`
	Driver uint32 `json:"driver"`
	Stream string `json:"stream"`
	Top    uint32 `json:"process"`
}

func sapCommand(o *options) *cobra.Command {
	add := sapChange(o, "add", "have frames of a SAP come to a stream", control.ATMBindSAP)
	add.Long = `Has the frames of a service access point that an Ethernet driver receives come to
a stream, which also sends there. A SAP is an EtherType (0x88cc), a DSAP of 802.2
(0x42), or SNAP's organization and protocol (00000c:2000).`
	add.Example = "  cellctl stream open --name uplink ether eth1\n  cellctl stream open --name lldp tap lldp0\n  cellctl sap add uplink 0x88cc lldp"
	list := &cobra.Command{
		Use: "list", Short: "list SAPs and the streams that have them", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.admin(func(s *control.Session) error {
				all, err := s.List(control.ListSAPs)
				if err != nil {
					return err
				}
				views := []sapView{}
				t := &table{heads: []string{"SAP", ">DRIVER", "STREAM", ">PROCESS"}, none: "no SAPs: cellctl sap add DRIVER SAP STREAM"}
				for _, l := range all {
					n, err := strconv.ParseUint(l.Text, 10, 64)
					if err != nil {
						return fmt.Errorf("SAP %q: %w", l.Text, err)
					}
					v := sapView{dlpi.SAP(n).String(), l.B, l.Name, l.A}
					views = append(views, v)
					t.add(v.SAP, v.Driver, v.Stream, v.Top)
				}
				if o.json {
					return writeJSON(c.OutOrStdout(), views)
				}
				return t.write(c.OutOrStdout())
			})
		},
	}
	return group("sap", "have frames of an Ethernet interface come to streams", add,
		sapChange(o, "del", "end that; without a SAP the stream leaves the driver", control.ATMUnbindSAP), list)
}

func sapChange(o *options, name, short string, t control.Type) *cobra.Command {
	return &cobra.Command{
		Use: name + " DRIVER SAP STREAM", Short: short, Args: cobra.ExactArgs(3),
		RunE: func(_ *cobra.Command, args []string) error {
			sap, err := dlpi.ParseSAP(args[1])
			if err != nil {
				return usage("%w", err)
			}
			return o.onProcess(args[0], func(s *control.Session, driver uint32) error {
				receiver, err := findProcess(s, args[2])
				if err != nil {
					return err
				}
				var p control.Packet
				p.Type, p.Dst = t, driver
				p.SetATM(&control.ATM{Receiver: receiver, SAP: uint64(sap)})
				return s.Call(&p)
			})
		},
	}
}
