package main

import (
	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/cmd/internal/nc"
)

func ncCommand(o *options) *cobra.Command {
	var config nc.Config
	c := &cobra.Command{
		Use: "nc ADDRESS", Short: "join the terminal to a VC, as netcat does",
		Args: cobra.ExactArgs(1),
		Long: `Attaches to a permanent VC, or calls an end system, sends each line, or whatever
a read of the input gives, as one SDU, and writes out what comes. With -l it
waits for a call instead; at a permanent VC that is the same.

A permanent VC must have no stream of its own. Calls want a signalling manager;
an end system is its address, or a name that --hosts gives it.
ATM has no half of a connection: when the input has ended, nc waits until
nothing has come for a while, and releases. A call within one host ends by
halves.`,
		Example: "  cellctl nc pvc://dslam/0/100\n" +
			"  cellctl nc -l 'svc://47000580ffe1000000f21a26d80000000000aa00?sap=7'\n" +
			"  cellctl nc svc://printer\n" +
			"  cellctl nc svc://lobby --leaf svc://hall --leaf svc://yard <announcement\n" +
			"  date | cellctl nc -w 100ms pvc://hq/0/33",
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if config.Address, err = o.resolve(args[0]); err != nil {
				return err
			}
			for i, leaf := range config.Leaves {
				if config.Leaves[i], err = o.resolve(leaf); err != nil {
					return err
				}
			}
			config.Control = o.control
			return nc.Run(c.Context(), config, c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.BoolVarP(&config.Listen, "listen", "l", false, "wait for a call to ADDRESS, and take one")
	f.StringArrayVar(&config.Leaves, "leaf", nil, "call this end system too, and any number of others: one to many")
	f.BoolVar(&config.Cells, "cells", false, "runs of 52-octet cells pass, and no SDUs")
	f.IntVar(&config.MaxSDU, "max-sdu", 0, "octets of the largest SDU; 0: 9180")
	f.DurationVarP(&config.Wait, "wait", "w", nc.DefaultWait, "how long to wait for more after the end of the input; below 0: for ever")
	f.BoolVarP(&config.Verbose, "verbose", "v", false, "tell of the connection")
	return c
}
