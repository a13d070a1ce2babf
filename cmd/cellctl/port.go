package main

import (
	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/dataplane/control"
)

func portCommand(o *options) *cobra.Command {
	var number uint16
	add := &cobra.Command{
		Use: "add NAME SPEC", Short: "open a port", Args: cobra.ExactArgs(2),
		Long: `Opens a port under a name of up to 31 octets. SPEC is as atmtap has it:

    eth:IFNAME,label=OUT[/IN][,…]
    udp:LOCAL:PORT,remote=HOST:PORT[,label=OUT[/IN]][,…]

Ports on one interface, or one local address, share a device and differ by
their labels.`,
		Example: "  cellctl port add dslam eth:eth1,label=100",
		RunE: func(c *cobra.Command, args []string) error {
			return o.admin(func(s *control.Session) error {
				b, err := named(control.Hub{B: uint32(number)}, "port")
				if err == nil {
					b, err = hub(s, control.HubOpen, b, tlv{control.TLVText, args[0] + " " + args[1]})
				}
				if err != nil {
					return err
				}
				return o.made(c, "port", b.B)
			})
		},
	}
	add.Flags().Uint16Var(&number, "number", 0, "by which VCs name it; 0: the lowest that is free")
	del := &cobra.Command{
		Use: "del PORT", Short: "close a port and all its VCs", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return o.admin(func(s *control.Session) error {
				p, err := findPort(s, args[0])
				if err != nil {
					return err
				}
				b, err := named(control.Hub{B: p.A}, "port")
				if err == nil {
					_, err = hub(s, control.HubClose, b)
				}
				return err
			})
		},
	}
	set := func(use, short string, t control.Type) *cobra.Command {
		return &cobra.Command{Use: use + " PORT", Short: short, Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error {
			return o.admin(func(s *control.Session) error {
				port, err := findPort(s, args[0])
				if err != nil {
					return err
				}
				var p control.Packet
				p.Type = t
				p.SetATM(&control.ATM{Port: uint16(port.A)})
				return s.Call(&p)
			})
		}}
	}
	return group("port", "open and close ports", add, del,
		set("up", "let a port carry", control.ATMPortUp), set("down", "let a port carry no more; what waits still leaves, and is lost when said again", control.ATMPortDown))
}
